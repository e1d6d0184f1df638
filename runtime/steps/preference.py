"""From the SL-CAI policy to labelled pairs, and what is trained on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from constitution_lang.ir.model import PromptKind, Stage
from runtime.engines.base import Decoding
from runtime.ledger.runs import Step, StepId
from runtime.records import (
    CaseRecord,
    Checkpoint,
    Comparison,
    Conversation,
    Draw,
    Each,
    Label,
    LabelOutcome,
    LabelSource,
    PreferenceRow,
    PromptRecord,
    Record,
    identify,
)
from runtime.session import Session
from runtime.stages.draws import draw_principles
from runtime.stages.label import Question, pair
from runtime.stages.label import label as label_questions
from runtime.stages.places import meaning
from runtime.stages.respond import respond
from runtime.stages.rows import preference_row
from runtime.steps.inputs import Inputs
from runtime.steps.publish import publish_preferences, publish_review
from runtime.steps.streams import Again, KeptRows
from runtime.training.progress import steps_total
from runtime.training.seen import seen_pairs, seen_prompts
from runtime.training.volume import tokens_total

__all__ = [
    "ask_labels",
    "dpo",
    "label_inputs",
    "label_pairs",
    "policy",
    "preference_model",
    "questions",
    "sample_pairs",
]


def sample_pairs(session: Session, inputs: Inputs, sl_cai: Checkpoint) -> None:
    """Answers in twos: of the SL-CAI policy, or of the policy that the run file names for this."""
    step, config = StepId(Step.PAIR), session.config.pair
    decoding = Decoding(tokens_max=config.tokens_max, temperature=config.temperature, top_p=config.top_p)
    if inputs.pair_policy is None:
        name, model, weights = "sl-cai", session.model_of(sl_cai), sl_cai.weights
    else:
        name, model, weights = config.policy or "", inputs.pair_policy, session.weights(inputs.pair_policy)

    def make() -> Iterator[Record]:
        answers = session.ask(
            step,
            model,
            lambda w: respond(
                w,
                inputs.train,
                policy=name,
                seed=session.config.seed,
                decoding=decoding,
                samples=2 * config.pairs,
                title="sample pairs",
            ),
        )
        for two in zip(answers, answers, strict=True):
            yield from two
            yield from pair(two)

    ids = Each(p.id for p in inputs.train)
    identity = session.identity_of(weights)
    session.step(step, [ids, decoding, config.pairs, session.config.seed, name, identity], make)


def label_pairs(session: Session, inputs: Inputs) -> None:
    """Votes, labels and preference rows."""
    step = StepId(Step.LABEL)
    cases, prompts = session.cases(), inputs.prompts
    draws = draw_principles(
        session.bundle,
        session.config.seed,
        Stage.PREFERENCE,
        [cases[p.id] for p in inputs.train],
        session.config.pair.pairs,
    )
    comparisons = Again(lambda: session.each(Comparison, StepId(Step.PAIR)))
    asked = Again(lambda: questions(comparisons, cases, prompts, draws))

    def make() -> Iterator[Record]:
        yield from (d for q in asked for d in q.draws)
        yield from ask_labels(session, step, inputs.feedback, asked, "label pairs")
        yield from (row for x in inputs.human for row in (*x.sides, x.comparison))
        yield from (x.label for x in inputs.human)

    people = [(x.comparison.id, x.label.probability) for x in inputs.human]
    session.step(step, [*label_inputs(session, inputs, asked), people], make)
    _preference_rows(session, prompts, comparisons)


def _preference_rows(session: Session, prompts: Mapping[str, PromptRecord], comparisons: Iterable[Comparison]) -> None:
    step, outcomes, count = StepId(Step.LABEL, 0), Counter[LabelOutcome](), 0

    def rows() -> Iterator[PreferenceRow]:
        for comparison, label in _labelled(session, comparisons):
            if label.source is LabelSource.AI:
                outcomes[label.outcome] += 1
            row = preference_row(prompts[comparison.prompt], comparison, label, constitution=session.constitution)
            if row is not None:
                yield row

    def known() -> Iterator[tuple[object, ...]]:
        nonlocal count
        for row in rows():
            count += 1
            yield row.id, row.principles

    made_from = identify("rows", Each(known()))
    listed = ", ".join(f"{n} {o}" for o, n in sorted(outcomes.items()))
    session.say(f"pairs: {listed}; preference rows: {count}")
    session.need(
        count,
        "no pair got a label, so there is nothing to learn",
        "raise [pair] tokens_max or temperature, or name a better [models] feedback",
    )
    disputed = outcomes[LabelOutcome.REVIEW] > 0
    session.step(step, [made_from], rows)
    if session.publishes:
        publish_preferences(session, step)
        pairs = _labelled(session, comparisons) if disputed else ()
        publish_review(session, ((c, label) for c, label in pairs if label.outcome is LabelOutcome.REVIEW))


def _labelled(session: Session, comparisons: Iterable[Comparison]) -> Iterator[tuple[Comparison, Label]]:
    """Every pair with its label: the sampled pairs, whose labels were written in their order, then people's."""
    step = StepId(Step.LABEL)
    labels = session.each(Label, step)
    for comparison in comparisons:
        label = next(labels)
        assert label.comparison == comparison.id
        yield comparison, label
    people = {x.comparison: x for x in labels}
    for comparison in session.read(Comparison, step):
        yield comparison, people[comparison.id]


def label_inputs(session: Session, inputs: Inputs, asked: Iterable[Question]) -> list[object]:
    """All that labels are made from."""
    bundle, config = session.bundle, session.config.label
    sampling = bundle.preference
    kinds = (PromptKind.REASON, PromptKind.PREFER_REASONED) if sampling.reasoning else (PromptKind.PREFER,)
    reasoning = (config.reasoning_tokens_max, sampling.clamp_low, sampling.clamp_high) if sampling.reasoning else None
    drawn: set[tuple[str, tuple[str, ...]]] = set()

    def known() -> Iterator[tuple[object, ...]]:
        for q in asked:
            drawn.update((d.principle, ()) for d in q.draws)
            yield q.comparison.id, q.draws, q.case

    return [
        identify("questions", Each(known())),
        session.prompt_hashes(kinds, drawn),
        [sampling.orders, sampling.decided, reasoning, config.mass_min],
        [meaning(t) for t in bundle.tensions],
        [(p.id, p.category) for p in bundle.principles],
        [(c.id, c.weight) for c in bundle.categories],
        session.identity(inputs.feedback),
        session.config.seed,
    ]


def questions(
    comparisons: Iterable[Comparison],
    cases: Mapping[str, CaseRecord],
    prompts: Mapping[str, PromptRecord],
    draws: Mapping[tuple[str, int], tuple[Draw, ...]],
) -> Iterator[Question]:
    """The pairs with their draws: the n-th pair of a prompt has the draws of round n."""
    seen: Counter[str] = Counter()
    for c in comparisons:
        yield Question(c, prompts[c.prompt], cases[c.prompt].mapping, draws[c.prompt, seen[c.prompt]])
        seen[c.prompt] += 1


def ask_labels(session: Session, step: StepId, model: str, asked: Iterable[Question], title: str) -> Iterator[Label]:
    """Labels of the pairs, as the run file says to ask."""
    config = session.config.label
    return session.ask(
        step,
        model,
        lambda w: label_questions(
            w,
            session.bundle,
            asked,
            seed=session.config.seed,
            mass_min=config.mass_min,
            reasoning=Decoding(tokens_max=config.reasoning_tokens_max),
            title=title,
        ),
    )


def preference_model(session: Session, inputs: Inputs) -> Checkpoint:
    """The preference model, on soft labels."""
    config, base = session.config.preference_model, inputs.preference_base
    rows = KeptRows(session, PreferenceRow, StepId(Step.LABEL, 0))
    steps = steps_total(config, len(rows))
    return session.train(
        StepId(Step.PREFERENCE_MODEL),
        [config.model_dump(mode="json"), seen_pairs(rows), session.weights(base), session.config.seed],
        steps,
        lambda job: session.trainers.preference_model(config, rows, job),
        tokens=lambda t: tokens_total(config, _both(rows), steps, t),
        base=Path(base),
        kin=base,
        name="preference-model",
        rows=[r.id for r in rows],
    )


def _both(rows: Iterable[PreferenceRow]) -> Iterator[tuple[Conversation, tuple[str, ...]]]:
    return ((r.turns, (r.chosen, r.rejected)) for r in rows)


def dpo(session: Session, inputs: Inputs, sl_cai: Checkpoint) -> Checkpoint:
    """The SL-CAI policy, trained on the pairs directly."""
    config = session.config.dpo
    rows = KeptRows(session, PreferenceRow, StepId(Step.LABEL, 0))
    steps = steps_total(config, len(rows))
    return session.train(
        StepId(Step.DPO),
        [config.model_dump(mode="json"), seen_pairs(rows), sl_cai.weights, session.config.seed],
        steps,
        lambda job: session.trainers.dpo(config, rows, job),
        tokens=lambda t: tokens_total(config, _both(rows), steps, t),
        base=session.checkpoint_folder(sl_cai),
        kin=inputs.policy,
        name="dpo",
        rows=[r.id for r in rows],
    )


def policy(session: Session, inputs: Inputs, sl_cai: Checkpoint, preference_model: Checkpoint) -> Checkpoint:
    """The SL-CAI policy, trained against the preference model."""
    config = session.config.policy
    steps = steps_total(config, len(inputs.train))
    return session.train(
        StepId(Step.POLICY),
        [
            config.model_dump(mode="json"), seen_prompts(inputs.train), sl_cai.weights, preference_model.weights,
            session.config.seed,
        ],
        steps,
        lambda job: session.trainers.policy(config, inputs.train, session.checkpoint_folder(preference_model), job),
        tokens=lambda t: tokens_total(config, ((p.turns, ()) for p in inputs.train), steps, t),
        base=session.checkpoint_folder(sl_cai),
        kin=inputs.policy,
        name=config.method.value,
        rows=[p.id for p in inputs.train],
    )  # fmt: skip
