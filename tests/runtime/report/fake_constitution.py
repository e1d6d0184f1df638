"""A small constitution, compiled by hand: what a made-up run was made from."""

from __future__ import annotations

from constitution_lang.ir.model import (
    ALWAYS,
    FORMAT,
    Abstain,
    Attribute,
    AttributeKind,
    Bundle,
    Category,
    Compare,
    Orders,
    Origin,
    Prefer,
    PreferenceSampling,
    Principle,
    Prompt,
    PromptKind,
    RevisionSampling,
    Rule,
    SourceFile,
    Tension,
    Weigh,
)
from runtime.records import identify

FILE = "house.const"
ROUNDS = 3


def at(line: int) -> Origin:
    return Origin(FILE, line, 1)


def _principle(id: str, title: str, weight: float, line: int, *, medical: bool = False) -> Principle:
    return Principle(
        id=id, category=id.partition(".")[0], title=title,
        applies=Compare("topic", ("medical",)) if medical else ALWAYS,
        weight=weight, statement=f"{title}.", critique="Say what is wrong.", revise="Rewrite it.",
        prefer="Which is better?", shares=(), formerly=("harm.arms",) if id == "harm.weapons" else (), source="",
        owner="policy", key=id, origin=at(line),
    )  # fmt: skip


def bundle() -> Bundle:
    """Five principles in three categories, two tensions of five rules."""
    principles = (
        _principle("autonomy.choice", "Respect people's own choices", 1, 60),
        _principle("harm.injury", "No injuries", 1, 30),
        _principle("harm.weapons", "No uplift for weapons", 2, 20),
        _principle("honesty.doubt", "Say what is uncertain", 1, 40),
        _principle("honesty.medical", "No made-up medicine", 1, 50, medical=True),
    )
    prompts = tuple(
        Prompt(
            id=f"{kind.value}/{p.id}", kind=kind, principle=p.id, attribute=None, over=(), messages=(),
            opening="", options=(), values=(), hash=identify("prompt hash", kind, p.id),
        )
        for kind in (PromptKind.CRITIQUE, PromptKind.PREFER, PromptKind.REVISE)
        for p in principles
    )  # fmt: skip
    return Bundle(
        format=FORMAT, edition=2026, name="house", version="1.2.0", title="How our assistant behaves",
        owner="policy", attributes=(
            Attribute(
                "severity", "How bad could it get?", AttributeKind.LEVELS, ("none", "minor", "grave"), "none", at(5)
            ),
            Attribute("topic", "What is it about?", AttributeKind.ONE_OF, ("general", "medical"), "general", at(10)),
        ),
        categories=tuple(
            Category(id, title, "", weight, (), (), "", at(line))
            for id, title, weight, line in (
                ("autonomy", "Respecting decisions", 1.0, 15), ("harm", "Avoiding harm", 3.0, 16),
                ("honesty", "Honesty", 2.0, 17),
            )
        ),
        principles=principles,
        tensions=(
            Tension("plain-speech", ("autonomy", "honesty"), (
                Rule(Compare("topic", ("medical",)), Abstain(), at(81)),
                Rule(ALWAYS, Weigh(1.0, 2.0), at(82)),
            ), "", "", at(80)),
            Tension("safety-over-autonomy", ("harm", "autonomy"), (
                Rule(Compare("severity", ("grave",)), Prefer("harm"), at(71)),
                Rule(Compare("topic", ("medical",)), Prefer("autonomy"), at(72)),
                Rule(ALWAYS, Weigh(2.0, 1.0), at(73)),
            ), "Uplift cannot be taken back.", "", at(70)),
        ),
        revision=RevisionSampling(ROUNDS, 1, at(90)),
        preference=PreferenceSampling(
            draw=4, orders=Orders.BOTH, decided=0.6, reasoning=False, clamp_low=0.4, clamp_high=0.6, origin=at(92)
        ),
        exemplars=(), retired=(), prompts=prompts, sources=(SourceFile(FILE, "5e" * 32),),
        meaning_hash="ab" * 32, metadata_hash="cd" * 32,
    )  # fmt: skip
