"""Pairs, and what the feedback model says about them: votes in both orders, then evidence, then a label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

from constitution_lang.ir.model import Bundle, Orders, Prompt, PromptKind
from runtime.engines.base import Choice, ChooseRequest, Completion, Decoding, GenerateRequest
from runtime.records import (
    Comparison,
    ComparisonPurpose,
    Draw,
    Label,
    LabelOutcome,
    LabelSource,
    PromptRecord,
    Response,
    Vote,
    identify,
)
from runtime.stages.evidence import label_of
from runtime.stages.fitting import encode_for, look_over
from runtime.stages.respond import request_seed
from runtime.work import Answer, OnDemand, Worker, blocks

__all__ = ["Question", "compare", "label", "pair"]


@dataclass(frozen=True, slots=True)
class Question:
    """A pair, the prompt that it answers, its case, and the principles drawn for it."""

    comparison: Comparison
    prompt: PromptRecord
    case: Mapping[str, str]
    draws: tuple[Draw, ...]


@dataclass(frozen=True, slots=True)
class _Ask:
    """One principle asked about one pair in one order."""

    question: int
    principle: str
    swapped: bool


_Heard = tuple[_Ask, Answer[Choice], Answer[Completion] | None]


def compare(a: Response, b: Response, purpose: ComparisonPurpose, under: str = "") -> Comparison:
    """The pair of two answers to the same prompt; `under` tells apart what it is judged by."""
    return Comparison(
        id=identify("comparison", purpose, a.prompt, a.id, b.id, under),
        prompt=a.prompt,
        purpose=purpose,
        a=a.id,
        b=b.id,
        text_a=a.text,
        text_b=b.text,
    )


def pair(responses: Iterable[Response]) -> Iterator[Comparison]:
    """Answers in twos, as they stand: samples 0 and 1 of a prompt, then 2 and 3."""
    rest = iter(responses)
    return (compare(a, b, ComparisonPurpose.TRAINING) for a, b in zip(rest, rest, strict=True))


def label(
    worker: Worker,
    bundle: Bundle,
    questions: Iterable[Question],
    *,
    seed: int,
    mass_min: float,
    reasoning: Decoding,
    title: str,
) -> Iterator[Label]:
    """One label per question, in their order. Equal texts are not asked about.

    The questions are gone through twice: first to see that they all fit, then to ask them, some at a time.
    """
    orders = (False, True) if bundle.preference.orders is Orders.BOTH else (False,)
    kind = PromptKind.REASON if bundle.preference.reasoning else PromptKind.PREFER
    more = reasoning.tokens_max if bundle.preference.reasoning else 1
    total = 0
    for question in questions:
        if question.comparison.text_a == question.comparison.text_b:
            continue
        total += len(question.draws) * len(orders)
        first, second = _sides(question.comparison, swapped=False)
        for draw in question.draws:
            compiled = bundle.prompt(kind, draw.principle)
            # Swapped, the bytes are as many: only where they are too many may the tokens be more.
            if look_over(worker, question.prompt, compiled, more, response_a=first, response_b=second) and any(orders):
                look_over(worker, question.prompt, compiled, more, response_a=second, response_b=first)
    with worker.showing({f"{title}: reasoning": total, title: total}):
        for block in blocks(questions, worker.block_rows(bundle.preference.draw * len(orders))):
            heard = _hear(worker, bundle, block, orders, seed=seed, reasoning=reasoning, title=title)
            yield from _labels(bundle, block, heard, mass_min)


def _hear(
    worker: Worker,
    bundle: Bundle,
    questions: Sequence[Question],
    orders: tuple[bool, ...],
    *,
    seed: int,
    reasoning: Decoding,
    title: str,
) -> Iterator[_Heard]:
    asks = [
        _Ask(n, draw.principle, swapped)
        for n, question in enumerate(questions)
        if question.comparison.text_a != question.comparison.text_b
        for draw in question.draws
        for swapped in orders
    ]
    thoughts: list[Answer[Completion]] | list[None] = [None] * len(asks)
    if bundle.preference.reasoning and asks:
        wanted = OnDemand(
            len(asks),
            lambda n: _reason(worker, bundle, questions[asks[n].question], asks[n], seed=seed, decoding=reasoning),
        )
        thoughts = worker.generate(wanted, f"{title}: reasoning")

    def choice(n: int) -> ChooseRequest:
        thought = thoughts[n]
        text = None if thought is None else thought.value.text.strip()
        return _choose(worker, bundle, questions[asks[n].question], asks[n], text)

    answers = worker.choose(OnDemand(len(asks), choice), title) if asks else []
    return zip(asks, answers, thoughts, strict=True)


def _labels(bundle: Bundle, questions: Sequence[Question], heard: Iterator[_Heard], mass_min: float) -> Iterator[Label]:
    """What was heard comes in the order of the questions and of their draws."""
    votes_of = groupby(heard, key=lambda h: (h[0].question, h[0].principle))
    for question in questions:
        comparison = question.comparison
        if comparison.text_a == comparison.text_b:
            yield Label(comparison=comparison.id, source=LabelSource.AI, outcome=LabelOutcome.EQUAL, probability=None)
            continue
        votes = []
        for (_, principle), answers in islice(votes_of, len(question.draws)):
            votes.append(_vote(comparison, principle, list(answers), mass_min))
        yield label_of(bundle, question.case, comparison.id, votes)


def _sides(comparison: Comparison, *, swapped: bool) -> tuple[str, str]:
    shown = comparison.swap() if swapped else comparison
    return shown.text_a, shown.text_b


def _reason(
    worker: Worker, bundle: Bundle, question: Question, ask: _Ask, *, seed: int, decoding: Decoding
) -> GenerateRequest:
    first, second = _sides(question.comparison, swapped=ask.swapped)
    compiled = bundle.prompt(PromptKind.REASON, ask.principle)
    tokens = encode_for(worker, question.prompt, compiled, decoding.tokens_max, response_a=first, response_b=second)
    part = request_seed(seed, "reason", question.prompt.id, bundle.principle(ask.principle).key, ask.swapped)
    return GenerateRequest(tokens, decoding, part)


def _choose(worker: Worker, bundle: Bundle, question: Question, ask: _Ask, reasoning: str | None) -> ChooseRequest:
    first, second = _sides(question.comparison, swapped=ask.swapped)
    kind = PromptKind.PREFER if reasoning is None else PromptKind.PREFER_REASONED
    compiled = bundle.prompt(kind, ask.principle)
    tokens = encode_for(worker, question.prompt, compiled, 1, response_a=first, response_b=second, reasoning=reasoning)
    return ChooseRequest(tokens, _options(worker, compiled))


def _options(worker: Worker, compiled: Prompt) -> tuple[int, ...]:
    return tuple(worker.engine.tokenizer.option(compiled.opening, option) for option in compiled.options)


def _vote(
    comparison: Comparison,
    principle: str,
    heard: Sequence[_Heard],
    mass_min: float,
) -> Vote:
    """The vote of one principle. Log-odds are always for A of the comparison, whichever place it stood in."""
    mass = min(answer.value.mass for _, answer, _ in heard)
    keys = tuple(a.key for _, answer, thought in heard for a in (thought, answer) if a is not None)
    reasoning = tuple(thought.value.text.strip() for _, _, thought in heard if thought is not None)
    if mass < mass_min:
        return Vote(
            comparison=comparison.id,
            principle=principle,
            log_odds=None,
            mass=mass,
            reasoning=reasoning,
            keys=keys,
            abstained=f"the options held {mass:.2g} of the probability, less than {mass_min:g}",
        )
    odds: dict[bool, float] = {}
    for ask, answer, _ in heard:
        first, second = answer.value.log_probabilities
        odds[ask.swapped] = second - first if ask.swapped else first - second
    return Vote(
        comparison=comparison.id,
        principle=principle,
        log_odds=odds[False],
        log_odds_swapped=odds.get(True),
        mass=mass,
        reasoning=reasoning,
        keys=keys,
    )
