"""From the checked program to a Bundle without prompts: defaults filled in, ids sorted, places kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from constitution_lang.check.exemplars import SHOWN, stage_of
from constitution_lang.check.fields import Fields
from constitution_lang.check.program import CheckedPrinciple, CheckedProgram, CheckedTension
from constitution_lang.check.values import CLAMP_DEFAULT, DECIDED_DEFAULT
from constitution_lang.ir import model as ir
from constitution_lang.lower.prose import text_of
from constitution_lang.source import Source, Span
from constitution_lang.syntax import nodes
from constitution_lang.syntax.spelling import spell_expect

__all__ = ["lower_declarations"]

_T = TypeVar("_T", ir.Attribute, ir.Category, ir.Principle, ir.Tension)

ROUNDS_DEFAULT = 4
DRAW_DEFAULT = {ir.Stage.REVISION: 1, ir.Stage.PREFERENCE: 16}
"""Where fewer principles are declared, all of them are drawn."""


def lower_declarations(
    program: CheckedProgram, templates: Mapping[ir.PromptKind, Source], *, texts: bool = True
) -> ir.Bundle:
    """All that the constitution declares; `templates` are its own, by the kind of prompt.

    Without `texts`, what is left is what questions about cases need: the texts of principles are empty, and no source
    is listed.
    """
    lower = _Lower({tree.source.name: tree.source for tree in program.files}, texts=texts)
    root = program.constitution
    sources = {tree.source.name: tree.source for tree in program.files} | {t.name: t for t in templates.values()}
    return ir.Bundle(
        format=ir.FORMAT,
        edition=program.edition,
        name=root.name.text,
        version=root.version.text,
        title=root.title.value if root.title else root.name.text,
        owner=text_of(Fields(root.fields).prose("owner")),
        attributes=_by_id(
            ir.Attribute(
                id,
                a.block.question.value if a.block.question else f"What is the {_words(id)}?",
                a.kind,
                a.values,
                a.default,
                lower.origin(a.block.name.span),
            )
            for id, a in program.attributes.items()
        ),
        categories=_by_id(lower.category(block) for block in program.categories.values()),
        principles=_by_id(lower.principle(p) for p in program.principles.values()),
        tensions=_by_id(lower.tension(t) for t in program.tensions.values()),
        revision=lower.revision(program),
        preference=lower.preference(program),
        exemplars=tuple(
            sorted((lower.exemplar(e) for e in program.examples), key=lambda e: (e.target, e.stage, e.fields))
        ),
        retired=tuple(sorted((lower.retired(line) for line in program.retired), key=lambda r: (r.kind, r.id))),
        prompts=(),
        sources=tuple(_source(name, sources[name]) for name in sorted(sources)) if texts else (),
        meaning_hash="",
        metadata_hash="",
        model_tests=tuple(sorted(lower.model_tests(program.tests), key=lambda t: (t.title, t.principle, t.prompt))),
        case_tests=tuple(sorted(lower.case_tests(program.tests), key=lambda t: (t.title, t.case, t.expects))),
        origin=lower.origin(root.name.span),
        templates=tuple(ir.TemplateFile(kind, templates[kind].name) for kind in sorted(templates)),
    )


def _source(name: str, source: Source) -> ir.SourceFile:
    from hashlib import sha256

    return ir.SourceFile(name, sha256(source.text.encode()).hexdigest())


def _by_id(found: Iterable[_T]) -> tuple[_T, ...]:
    return tuple(sorted(found, key=lambda node: node.id))


def _words(id: str) -> str:
    return id.replace("-", " ").replace("_", " ")


class _Lower:
    def __init__(self, sources: Mapping[str, Source], *, texts: bool) -> None:
        self.sources = sources
        self.texts = texts

    def origin(self, span: Span) -> ir.Origin:
        at = self.sources[span.file].position(span.start)
        return ir.Origin(span.file, at.line, at.column)

    def shares(self, fields: Fields) -> tuple[ir.ShareBound, ...]:
        return tuple(
            ir.ShareBound(
                float(share.low.value) if share.low else 0.0,
                float(share.high.value) if share.high else 1.0,
                (ir.Stage(share.stage.text),) if share.stage else tuple(ir.Stage),
                self.origin(share.span),
            )
            for share in fields.shares()
        )

    def category(self, block: nodes.CategoryBlock) -> ir.Category:
        fields = Fields(block.fields)
        weight = fields.number("weight")
        title = block.title.value if block.title else _words(block.name.text)
        return ir.Category(
            id=block.name.text,
            title=title,
            statement=text_of(fields.prose("statement")) or title,
            weight=float(weight.value) if weight else 1.0,
            shares=self.shares(fields),
            formerly=tuple(name.text for name in fields.words("formerly")),
            owner=text_of(fields.prose("owner")),
            origin=self.origin(block.name.span),
        )

    def principle(self, principle: CheckedPrinciple) -> ir.Principle:
        block = principle.block
        fields = Fields(block.fields)
        weight = fields.number("weight")
        statement, critique, revise, prefer = self.requests(fields)
        formerly = tuple(name.text for name in fields.words("formerly"))
        return ir.Principle(
            id=block.name.text,
            category=principle.category,
            title=block.title.value if block.title else _words(block.name.text.partition(".")[2]),
            applies=principle.applies,
            weight=float(weight.value) if weight else 1.0,
            statement=statement,
            critique=critique,
            revise=revise,
            prefer=prefer,
            shares=self.shares(fields),
            formerly=formerly,
            source=text_of(fields.prose("source")) if self.texts else "",
            owner=text_of(fields.prose("owner")) if self.texts else "",
            key=formerly[0] if formerly else block.name.text,
            origin=self.origin(block.name.span),
        )

    def requests(self, fields: Fields) -> tuple[str, str, str, str]:
        """The statement of a principle, and what is made of it where it says nothing else."""
        if not self.texts:
            return "", "", "", ""
        statement = text_of(fields.prose("statement"))
        return (
            statement,
            text_of(fields.prose("critique"))
            or f"Consider this principle: {statement}\n\nSay where the response goes against it.",
            text_of(fields.prose("revise")) or f"Rewrite the response so that it follows this principle: {statement}",
            text_of(fields.prose("prefer"))
            or f"Consider this principle: {statement}\n\nWhich response follows it better?",
        )

    def tension(self, tension: CheckedTension) -> ir.Tension:
        fields = Fields(tension.block.fields)
        return ir.Tension(
            id=tension.block.name.text,
            sides=tension.sides,
            rules=tuple(
                ir.Rule(rule.condition, _outcome(rule.rule.outcome, tension.sides), self.origin(rule.rule.span))
                for rule in tension.rules
            ),
            because=text_of(fields.prose("because")),
            owner=text_of(fields.prose("owner")),
            origin=self.origin(tension.block.name.span),
        )

    def revision(self, program: CheckedProgram) -> ir.RevisionSampling:
        block = program.sampling.get(ir.Stage.REVISION)
        fields = Fields(block.fields if block else ())
        rounds = fields.number("rounds")
        return ir.RevisionSampling(
            rounds=int(rounds.value) if rounds else ROUNDS_DEFAULT,
            draw=_draw(program, ir.Stage.REVISION, fields),
            origin=self.origin(block.stage.span) if block else None,
        )

    def preference(self, program: CheckedProgram) -> ir.PreferenceSampling:
        block = program.sampling.get(ir.Stage.PREFERENCE)
        fields = Fields(block.fields if block else ())
        orders, reasoning = fields.word("orders"), fields.word("reasoning")
        decided, clamp = fields.percent("decided"), fields.range("clamp")
        return ir.PreferenceSampling(
            draw=_draw(program, ir.Stage.PREFERENCE, fields),
            orders=ir.Orders(orders.text) if orders else ir.Orders.BOTH,
            decided=float(decided.value) if decided else DECIDED_DEFAULT,
            reasoning=reasoning is not None and reasoning.text == "yes",
            clamp_low=float(clamp.low.value) if clamp else CLAMP_DEFAULT[0],
            clamp_high=float(clamp.high.value) if clamp else CLAMP_DEFAULT[1],
            origin=self.origin(block.stage.span) if block else None,
        )

    def exemplar(self, example: nodes.ExampleBlock) -> ir.Exemplar:
        stage = stage_of(example)
        fields = Fields(example.fields)
        shown = SHOWN[stage] if fields.prose("reasoning") is None else (*SHOWN[stage], "reasoning")
        texts = []
        for key in shown:
            word = fields.word(key)
            texts.append((key, word.text if word else text_of(fields.prose(key))))
        return ir.Exemplar(example.target.text, stage, tuple(texts), self.origin(example.target.span))

    def model_tests(self, tests: Iterable[nodes.TestBlock]) -> Iterator[ir.ModelTest]:
        for test in tests:
            for model in test.models:
                fields = Fields(model.fields)
                yield ir.ModelTest(
                    title=test.title.value,
                    principle=model.principle.text,
                    at_least=model.at_least.value if model.at_least else None,
                    prompt=text_of(fields.prose("prompt")),
                    better=text_of(fields.prose("better")),
                    worse=text_of(fields.prose("worse")),
                    origin=self.origin(model.span),
                )

    def case_tests(self, tests: Iterable[nodes.TestBlock]) -> Iterator[ir.CaseTest]:
        for test in tests:
            for line, expectations in test.all_cases():
                case = tuple(sorted((attribute.text, value.text) for attribute, value in line.values))
                for expect in expectations:
                    yield ir.CaseTest(test.title.value, case, spell_expect(expect), self.origin(expect.span))

    def retired(self, line: nodes.RetiredLine) -> ir.Retired:
        return ir.Retired(
            kind=line.kind.text,
            id=line.name.text,
            since=line.since.text,
            replaced_by=line.replaced_by.text if line.replaced_by else None,
            origin=self.origin(line.name.span),
        )


def _draw(program: CheckedProgram, stage: ir.Stage, fields: Fields) -> int:
    draw = fields.number("draw")
    return int(draw.value) if draw else max(1, min(DRAW_DEFAULT[stage], len(program.principles)))


def _outcome(outcome: nodes.Outcome, sides: tuple[str, str]) -> ir.Outcome:
    match outcome:
        case nodes.Prefer(side):
            return ir.Prefer(side.text)
        case nodes.Weigh(weights):
            by_side = {side.text: float(weight.value) for side, weight in weights}
            return ir.Weigh(by_side[sides[0]], by_side[sides[1]])
        case nodes.Abstain():
            return ir.Abstain()
