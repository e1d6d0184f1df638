"""Every prompt that a run can need, written ahead of time: templates evaluated down to literals and slots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from constitution_lang.check.turns import turns
from constitution_lang.diagnostics.model import Diagnostic
from constitution_lang.ir.codec import prompt_hash
from constitution_lang.ir.model import Attribute, Bundle, Principle, Prompt, PromptKind, Stage
from constitution_lang.lower.variants import Variants

if TYPE_CHECKING:
    from constitution_lang.check.templating import Template

__all__ = ["lower_prompts"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_REVISION = (PromptKind.CRITIQUE, PromptKind.REVISE, PromptKind.REVISE_DIRECT)
_REASONED = (PromptKind.REASON, PromptKind.PREFER_REASONED)
_PAIR_VALUES = ("response_a", "response_b")


def lower_prompts(
    draft: Bundle, every: Variants, templates: Mapping[PromptKind, Template]
) -> tuple[tuple[Prompt, ...], list[Diagnostic]]:
    """The prompts of the kinds that `templates` has, for a bundle that has none yet."""
    writer = _Writer(draft, templates)
    if templates:
        for attribute in draft.attributes:
            writer.tag(attribute)
        for principle in draft.principles:
            writer.principle(principle, every.get(principle.id, ()))
        writer.refusal()
    return tuple(writer.prompts), writer.found


def _choices(letters: str, values: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"letter": letter, "value": value} for letter, value in zip(letters, values, strict=True)]


class _Writer:
    def __init__(self, draft: Bundle, templates: Mapping[PromptKind, Template]) -> None:
        self.draft = draft
        self.templates = templates
        self.prompts: list[Prompt] = []
        self.found: list[Diagnostic] = []
        self.statements = {c.id: c.statement for c in draft.categories} | {p.id: p.statement for p in draft.principles}

    def tag(self, attribute: Attribute) -> None:
        letters = _LETTERS[: len(attribute.values)]
        context = {"question": attribute.question, "choices": _choices(letters, attribute.values)}
        self.write(PromptKind.TAG, attribute.id, context, options=letters, values=attribute.values)

    def principle(self, principle: Principle, overs: tuple[tuple[str, ...], ...]) -> None:
        revision = list(self.examples(principle, Stage.REVISION))
        for over in overs:
            context = {
                "statement": principle.statement,
                "critique_request": principle.critique,
                "revision_request": principle.revise,
                "over": [self.statements[side] for side in over],
                "examples": revision,
            }
            for kind in _REVISION:
                self.write(kind, principle.id, context, over=over)
        pair: dict[str, object] = {
            "statement": principle.statement,
            "question": principle.prefer,
            "examples": list(self.examples(principle, Stage.PREFERENCE)),
        }
        if self.draft.preference.reasoning:
            self.write(PromptKind.REASON, principle.id, pair)
            self.write(PromptKind.PREFER_REASONED, principle.id, pair, options="AB", values=_PAIR_VALUES)
        self.write(PromptKind.PREFER, principle.id, pair, options="AB", values=_PAIR_VALUES)

    def refusal(self) -> None:
        context = {"choices": _choices("YN", ("yes", "no"))}
        self.write(PromptKind.REFUSAL, None, context, options="YN", values=("yes", "no"))

    def examples(self, principle: Principle, stage: Stage) -> Iterator[dict[str, object]]:
        """Those of the stage first, the principle's own next to the question."""
        for own, target in ((False, stage.value), (True, principle.id)):
            for exemplar in self.draft.exemplars:
                if exemplar.target == target and exemplar.stage is stage:
                    yield {**dict(exemplar.fields), "own": own}

    def write(
        self,
        kind: PromptKind,
        subject: str | None,
        context: Mapping[str, object],
        *,
        options: str = "",
        values: tuple[str, ...] = (),
        over: tuple[str, ...] = (),
    ) -> None:
        template = self.templates.get(kind)
        if template is None:
            return
        written = turns(template, context)
        if isinstance(written, list):
            self.found += [one for one in written if one not in self.found]
            return
        messages, opening = written
        name = f"{kind}/{subject}" if subject else kind.value
        self.prompts.append(
            Prompt(
                id=f"{name}+over:{','.join(over)}" if over else name,
                kind=kind,
                principle=subject if kind is not PromptKind.TAG else None,
                attribute=subject if kind is PromptKind.TAG else None,
                over=over,
                messages=messages,
                opening=opening,
                options=tuple(options),
                values=values,
                hash=prompt_hash(messages, opening, tuple(options)),
            )
        )
