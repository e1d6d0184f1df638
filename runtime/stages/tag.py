"""Which case a prompt is: from the data set, else from the feedback model, else the default."""

from __future__ import annotations

from collections.abc import Sequence

from constitution_lang.ir.model import Attribute, Bundle, PromptKind
from runtime.engines.base import ChooseRequest
from runtime.records import CaseRecord, CaseValue, PromptRecord, ValueOrigin
from runtime.stages.fitting import encode_for, look_over
from runtime.work import OnDemand, Worker

__all__ = ["UnknownValueError", "tag"]


class UnknownValueError(Exception):
    """A data set gives an attribute a value that the constitution does not declare."""

    def __init__(self, prompt: PromptRecord, attribute: Attribute, value: str) -> None:
        super().__init__(
            f"{prompt.file}:{prompt.row}: column {attribute.id!r} says {value!r}, which is none of its values"
        )
        self.remedy = f"write one of {', '.join(attribute.values)} ({attribute.origin}), or leave the column empty"


def tag(worker: Worker | None, bundle: Bundle, prompts: Sequence[PromptRecord], *, mass_min: float) -> list[CaseRecord]:
    """One case per prompt, in their order. Without a worker nobody is asked.

    An answer whose options hold less than `mass_min` of the probability is no answer: the default stands.
    """
    known: dict[tuple[str, str], CaseValue] = {}
    open_questions: list[tuple[PromptRecord, Attribute]] = []
    for prompt in prompts:
        columns = dict(prompt.columns)
        for attribute in bundle.attributes:
            given = columns.get(attribute.id, "").strip()
            if given and given not in attribute.values:
                raise UnknownValueError(prompt, attribute, given)
            if given:
                known[prompt.id, attribute.id] = CaseValue(attribute=attribute.id, value=given, origin=ValueOrigin.DATA)
            elif worker is not None:
                open_questions.append((prompt, attribute))
    if worker is not None and open_questions:
        for prompt, attribute in open_questions:
            look_over(worker, prompt, bundle.prompt(PromptKind.TAG, attribute.id), 1)
        asked = OnDemand(len(open_questions), lambda n: _question(worker, bundle, *open_questions[n]))
        answers = worker.choose(asked, "tag prompts")
        for (prompt, attribute), answer in zip(open_questions, answers, strict=True):
            if answer.value.mass < mass_min:
                continue
            probabilities = answer.value.normalised
            best = max(range(len(probabilities)), key=lambda i: (probabilities[i], -i))
            known[prompt.id, attribute.id] = CaseValue(
                attribute=attribute.id,
                value=attribute.values[best],
                origin=ValueOrigin.FEEDBACK,
                probabilities=probabilities,
                key=answer.key,
            )
    return [
        CaseRecord(
            prompt=prompt.id,
            values=tuple(
                known.get((prompt.id, a.id)) or CaseValue(attribute=a.id, value=a.default, origin=ValueOrigin.DEFAULT)
                for a in bundle.attributes
            ),
        )
        for prompt in prompts
    ]


def _question(worker: Worker, bundle: Bundle, prompt: PromptRecord, attribute: Attribute) -> ChooseRequest:
    compiled = bundle.prompt(PromptKind.TAG, attribute.id)
    tokenizer = worker.engine.tokenizer
    # The compiled options stand for the attribute's values in the order of `values`.
    by_value = dict(zip(compiled.values, compiled.options, strict=True))
    options = tuple(tokenizer.option(compiled.opening, by_value[value]) for value in attribute.values)
    return ChooseRequest(encode_for(worker, prompt, compiled, 1), options)
