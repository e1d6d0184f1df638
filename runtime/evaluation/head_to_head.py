"""Each policy against the base: judged under every category, in the orders that the constitution declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from constitution_lang import sampling
from constitution_lang.ir.model import Bundle, PromptKind, Stage
from runtime.engines.base import ChooseRequest
from runtime.evaluation.intervals import mean, share
from runtime.records import (
    CaseRecord,
    ComparisonPurpose,
    Draw,
    Label,
    LabelOutcome,
    Measure,
    PromptRecord,
    PromptUse,
    Response,
)
from runtime.stages.fitting import encode_for, look_over
from runtime.stages.label import Question, compare
from runtime.work import OnDemand, Worker

__all__ = ["questions", "refusals", "win_measures", "word_measures"]


def questions(
    bundle: Bundle,
    prompts: Mapping[str, PromptRecord],
    cases: Sequence[CaseRecord],
    base: Mapping[str, Response],
    policy: Mapping[str, Response],
    *,
    categories: Sequence[str],
    principles: int,
    seed: int,
) -> list[tuple[str, Question]]:
    """For every prompt and category: the policy's answer as A against the base's as B, by category.

    The principles of a category are those that a preference draw would take first, so that every principle
    judges in proportion to its weight. A category of which none applies asks nothing.
    """
    everything = len(bundle.principles)
    mappings = [case.mapping for case in cases]
    plan = sampling.plan(bundle, seed, Stage.PREFERENCE, [c.prompt for c in cases], mappings, rounds=1, draw=everything)
    asked = []
    for n, case in enumerate(cases):
        shares = sampling.shares(bundle, Stage.PREFERENCE, mappings[n])
        for category in categories:
            chosen = [p for p in plan.of(n)[0] if p.category == category][:principles]
            if not chosen:
                continue
            comparison = compare(policy[case.prompt], base[case.prompt], ComparisonPurpose.EVALUATION, under=category)
            draws = tuple(
                Draw(
                    prompt=case.prompt,
                    stage=Stage.PREFERENCE,
                    round=0,
                    position=position,
                    principle=p.id,
                    share=shares[p.id],
                )
                for position, p in enumerate(chosen)
            )
            asked.append((category, Question(comparison, prompts[case.prompt], mappings[n], draws)))
    return asked


def win_measures(
    policy: str, asked: Sequence[tuple[str, Question]], labels: Sequence[Label], seed: int
) -> list[Measure]:
    """How probably the policy's answer is better than the base's, per category and kind of prompt.

    Equal texts count as a half. A pair without a readable answer is left out, and shows in the count.
    """
    values: dict[tuple[str, PromptUse], list[float]] = {}
    for (category, question), label in zip(asked, labels, strict=True):
        if label.outcome is LabelOutcome.EQUAL:
            value = 0.5
        elif label.probability is None:
            continue
        else:
            value = label.probability
        values.setdefault((category, question.prompt.kind), []).append(value)
    return [
        mean(policy, f"better than base: {category}, {kind}", found, seed=seed)
        for (category, kind), found in sorted(values.items())
    ]


def refusals(
    worker: Worker,
    bundle: Bundle,
    prompts: Mapping[str, PromptRecord],
    responses: Sequence[Response],
    *,
    policy: str,
    mass_min: float,
) -> list[Measure]:
    """The share of answers that refuse, as the feedback model reads them, per kind of prompt."""
    compiled = bundle.prompt(PromptKind.REFUSAL)
    tokenizer = worker.engine.tokenizer
    for response in responses:
        look_over(worker, prompts[response.prompt], compiled, 1, response=response.text)

    def request(n: int) -> ChooseRequest:
        response = responses[n]
        options = tuple(tokenizer.option(compiled.opening, option) for option in compiled.options)
        tokens = encode_for(worker, prompts[response.prompt], compiled, 1, response=response.text)
        return ChooseRequest(tokens, options)

    answers = worker.choose(OnDemand(len(responses), request), f"refusals of {policy}")
    counts: dict[PromptUse, list[int]] = {}
    yes = compiled.values.index("yes")
    for response, answer in zip(responses, answers, strict=True):
        if answer.value.mass < mass_min:
            continue
        found = counts.setdefault(prompts[response.prompt].kind, [0, 0])
        found[0] += answer.value.normalised[yes] > 0.5
        found[1] += 1
    return [share(policy, f"refuses: {kind}", hits, count) for kind, (hits, count) in sorted(counts.items())]


def word_measures(
    policy: str, prompts: Mapping[str, PromptRecord], responses: Sequence[Response], seed: int
) -> list[Measure]:
    """Mean length in words, per kind of prompt: a judge that likes long answers shows here."""
    lengths: dict[PromptUse, list[float]] = {}
    for response in responses:
        lengths.setdefault(prompts[response.prompt].kind, []).append(len(response.text.split()))
    return [mean(policy, f"words: {kind}", found, seed=seed) for kind, found in sorted(lengths.items())]
