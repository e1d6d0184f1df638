"""Which case a prompt is: from the data set, else from the feedback model, else the default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from constitution_lang.ir.model import Attribute, Bundle, PromptKind
from runtime.engines.base import ChooseRequest
from runtime.records import CaseRecord, CaseValue, PromptRecord, ValueOrigin
from runtime.stages.fitting import encode_for, look_over
from runtime.work import OnDemand, Worker, blocks

__all__ = ["UnknownValueError", "tag"]

_TITLE = "tag prompts"


class UnknownValueError(Exception):
    """A data set gives an attribute a value that the constitution does not declare."""

    def __init__(self, prompt: PromptRecord, attribute: Attribute, value: str) -> None:
        self.prompt, self.attribute, self.value = prompt, attribute, value
        self.says = f"column {attribute.id!r} says {value!r}, which is none of its values"
        super().__init__(f"{prompt.file}:{prompt.row}: {self.says}")
        self.remedy = f"write one of {', '.join(attribute.values)} ({attribute.origin}), or leave the column empty"


def tag(
    worker: Worker | None, bundle: Bundle, prompts: Sequence[PromptRecord], *, mass_min: float
) -> Iterator[CaseRecord]:
    """One case per prompt, in their order. Without a worker nobody is asked.

    An answer whose options hold less than `mass_min` of the probability is no answer: the default stands. All prompts
    are looked at before the first question is asked.
    """
    asked = 0
    for prompt in prompts:
        for attribute in bundle.attributes:
            if _given(prompt, attribute) is None and worker is not None:
                look_over(worker, prompt, bundle.prompt(PromptKind.TAG, attribute.id), 1)
                asked += 1
    if worker is None or not asked:
        for prompt in prompts:
            yield _case(bundle, prompt, {})
        return
    with worker.showing({_TITLE: asked}):
        for block in blocks(prompts, worker.block_rows(len(bundle.attributes))):
            told = _ask(worker, bundle, block, mass_min)
            for prompt in block:
                yield _case(bundle, prompt, told)


def _given(prompt: PromptRecord, attribute: Attribute) -> CaseValue | None:
    """What the data set says; None where it says nothing."""
    given = dict(prompt.columns).get(attribute.id, "").strip()
    if given and given not in attribute.values:
        raise UnknownValueError(prompt, attribute, given)
    return CaseValue(attribute=attribute.id, value=given, origin=ValueOrigin.DATA) if given else None


_Told = Mapping[tuple[str, str], CaseValue]
"""What the feedback model said, by prompt and attribute."""


def _ask(worker: Worker, bundle: Bundle, block: Sequence[PromptRecord], mass_min: float) -> _Told:
    asked = [(p, a) for p in block for a in bundle.attributes if _given(p, a) is None]
    answers = worker.choose(OnDemand(len(asked), lambda n: _question(worker, bundle, *asked[n])), _TITLE)
    told: dict[tuple[str, str], CaseValue] = {}
    for (prompt, attribute), answer in zip(asked, answers, strict=True):
        if answer.value.mass < mass_min:
            continue
        probabilities = answer.value.normalised
        best = max(range(len(probabilities)), key=lambda i: (probabilities[i], -i))
        told[prompt.id, attribute.id] = CaseValue(
            attribute=attribute.id,
            value=attribute.values[best],
            origin=ValueOrigin.FEEDBACK,
            probabilities=probabilities,
            key=answer.key,
        )
    return told


def _case(bundle: Bundle, prompt: PromptRecord, told: _Told) -> CaseRecord:
    return CaseRecord(
        prompt=prompt.id,
        values=tuple(
            _given(prompt, a)
            or told.get((prompt.id, a.id))
            or CaseValue(attribute=a.id, value=a.default, origin=ValueOrigin.DEFAULT)
            for a in bundle.attributes
        ),
    )


def _question(worker: Worker, bundle: Bundle, prompt: PromptRecord, attribute: Attribute) -> ChooseRequest:
    compiled = bundle.prompt(PromptKind.TAG, attribute.id)
    tokenizer = worker.engine.tokenizer
    # The compiled options stand for the attribute's values in the order of `values`.
    by_value = dict(zip(compiled.values, compiled.options, strict=True))
    options = tuple(tokenizer.option(compiled.opening, by_value[value]) for value in attribute.values)
    return ChooseRequest(encode_for(worker, prompt, compiled, 1), options)
