"""From the SL-CAI policy to labelled pairs, and what is trained on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from constitution_lang.ir.model import Stage
from runtime.engines.base import Decoding
from runtime.ledger.runs import Step, StepId
from runtime.records import (
    CaseRecord,
    Checkpoint,
    Comparison,
    Draw,
    Label,
    LabelOutcome,
    LabelSource,
    PreferenceRow,
    PromptRecord,
    Record,
)
from runtime.session import Session
from runtime.stages.draws import draw_principles
from runtime.stages.label import Question, label, pair
from runtime.stages.respond import respond
from runtime.stages.rows import preference_rows
from runtime.steps.inputs import Inputs
from runtime.steps.publish import publish_preferences, publish_review
from runtime.training.progress import steps_total

__all__ = ["ask_labels", "dpo", "label_pairs", "policy", "preference_model", "questions", "sample_pairs"]


def sample_pairs(session: Session, inputs: Inputs, sl_cai: Checkpoint) -> str:
    """Answers of the SL-CAI policy, in twos."""
    step, config = StepId(Step.PAIR), session.config.pair
    decoding = Decoding(tokens_max=config.tokens_max, temperature=config.temperature, top_p=config.top_p)

    def make() -> list[Record]:
        answers = session.ask(
            step,
            session.model_of(sl_cai),
            lambda w: respond(
                w,
                inputs.train,
                policy="sl-cai",
                seed=session.config.seed,
                decoding=decoding,
                samples=2 * config.pairs,
                title="sample pairs",
            ),
        )
        return [*answers, *pair(answers)]

    return session.step(
        step, [[p.id for p in inputs.train], decoding, config.pairs, session.config.seed, sl_cai.weights], make
    )


def label_pairs(session: Session, inputs: Inputs, pairs: str) -> str:
    """Votes, labels and preference rows. The fingerprint is of the rows alone: training needs to know no more."""
    step, bundle, config = StepId(Step.LABEL), session.bundle, session.config.label
    cases, prompts = session.cases(), inputs.prompts
    comparisons = session.read(Comparison, StepId(Step.PAIR))
    draws = draw_principles(
        bundle, session.config.seed, Stage.PREFERENCE, [cases[p.id] for p in inputs.train], session.config.pair.pairs
    )
    asked = questions(comparisons, cases, prompts, draws)

    def make() -> list[Record]:
        labels = ask_labels(session, step, inputs.feedback, asked, "label pairs")
        people = [row for x in inputs.human for row in (*x.sides, x.comparison)]
        return [
            *(d for q in asked for d in q.draws),
            *labels,
            *people,
            *(x.label for x in inputs.human),
        ]

    carried = session.prompt_hashes({(d.principle, ()) for q in asked for d in q.draws})
    session.step(
        step,
        [
            pairs, [(q.draws, q.case) for q in asked], carried, bundle.preference, bundle.tensions, bundle.categories,
            config.model_dump(mode="json"), [(x.comparison.id, x.label.probability) for x in inputs.human],
            session.identity(inputs.feedback),
        ],
        make,
    )  # fmt: skip
    labels = {x.comparison: x for x in session.read(Label, step)}
    outcomes = Counter(str(x.outcome) for x in labels.values() if x.source is LabelSource.AI)
    rows = preference_rows(
        prompts, [*comparisons, *session.read(Comparison, step)], labels, constitution=session.constitution
    )
    session.say(f"pairs: {', '.join(f'{n} {o}' for o, n in sorted(outcomes.items()))}; preference rows: {len(rows)}")
    session.need(
        rows,
        "no pair got a label, so there is nothing to learn",
        "raise [pair] tokens_max or temperature, or name a better [models] feedback",
    )
    publish_preferences(session, rows)
    review = [(c, labels[c.id]) for c in comparisons if labels[c.id].outcome is LabelOutcome.REVIEW]
    publish_review(session, review)
    return session.step(StepId(Step.LABEL, 0), [[r.id for r in rows]], lambda: rows)


def questions(
    comparisons: Sequence[Comparison],
    cases: Mapping[str, CaseRecord],
    prompts: Mapping[str, PromptRecord],
    draws: Mapping[tuple[str, int], tuple[Draw, ...]],
) -> list[Question]:
    """The pairs with their draws: the n-th pair of a prompt has the draws of round n."""
    seen: Counter[str] = Counter()
    asked = []
    for c in comparisons:
        asked.append(Question(c, prompts[c.prompt], cases[c.prompt].mapping, draws[c.prompt, seen[c.prompt]]))
        seen[c.prompt] += 1
    return asked


def ask_labels(session: Session, step: StepId, model: str, asked: Sequence[Question], title: str) -> list[Label]:
    """Labels of the pairs, as the run file says to ask."""
    config = session.config.label
    return session.ask(
        step,
        model,
        lambda w: label(
            w,
            session.bundle,
            asked,
            seed=session.config.seed,
            mass_min=config.mass_min,
            reasoning=Decoding(tokens_max=config.reasoning_tokens_max),
            title=title,
        ),
    )


def preference_model(session: Session, inputs: Inputs, labelled: str) -> Checkpoint:
    """The preference model, on soft labels."""
    config = session.config.preference_model
    rows = session.read(PreferenceRow, StepId(Step.LABEL, 0))
    return session.train(
        StepId(Step.PREFERENCE_MODEL),
        [config.model_dump(mode="json"), labelled, session.weights(inputs.preference_base), session.config.seed],
        steps_total(config, len(rows)),
        lambda job: session.trainers.preference_model(config, rows, job),
        base=Path(inputs.preference_base),
        name="preference-model",
    )


def dpo(session: Session, labelled: str, sl_cai: Checkpoint) -> Checkpoint:
    """The SL-CAI policy, trained on the pairs directly."""
    config = session.config.dpo
    rows = session.read(PreferenceRow, StepId(Step.LABEL, 0))
    return session.train(
        StepId(Step.DPO),
        [config.model_dump(mode="json"), labelled, sl_cai.weights, session.config.seed],
        steps_total(config, len(rows)),
        lambda job: session.trainers.dpo(config, rows, job),
        base=session.checkpoint_folder(sl_cai),
        name="dpo",
    )


def policy(session: Session, inputs: Inputs, sl_cai: Checkpoint, preference_model: Checkpoint) -> Checkpoint:
    """The SL-CAI policy, trained against the preference model."""
    config = session.config.policy
    return session.train(
        StepId(Step.POLICY),
        [
            config.model_dump(mode="json"), [p.id for p in inputs.train], sl_cai.weights, preference_model.weights,
            session.config.seed,
        ],
        steps_total(config, len(inputs.train)),
        lambda job: session.trainers.policy(config, inputs.train, session.checkpoint_folder(preference_model), job),
        base=session.checkpoint_folder(sl_cai),
        name=config.method.value,
    )  # fmt: skip
