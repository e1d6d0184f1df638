"""What came of it: every policy against the base, and the labeler against people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial

from constitution_lang.ir.model import PromptKind, Stage
from runtime.engines.base import Decoding
from runtime.evaluation.audit import audit_measures
from runtime.evaluation.head_to_head import questions as head_to_head
from runtime.evaluation.head_to_head import refusals, win_measures, word_measures
from runtime.evaluation.intervals import mean
from runtime.ledger.runs import Step, StepId
from runtime.records import (
    Checkpoint,
    Record,
    Response,
)
from runtime.session import Session
from runtime.stages.draws import draw_principles
from runtime.stages.respond import respond
from runtime.steps.inputs import Inputs
from runtime.steps.preference import ask_labels, label_inputs, questions

__all__ = ["audit", "evaluate"]


def evaluate(session: Session, inputs: Inputs, trained: Mapping[str, Checkpoint], preference_model: Checkpoint) -> None:
    """Base first, since the others are compared with its answers."""
    config, seed = session.config.evaluation, session.config.seed
    if not inputs.evaluation:
        session.say("no [prompts] evaluation is given, so nothing is evaluated")
        return
    decoding = Decoding(tokens_max=config.tokens_max, temperature=config.temperature)
    policies = {"base": (inputs.policy, session.identity(inputs.policy))}
    policies |= {name: (session.model_of(c), session.identity_of(c.weights)) for name, c in trained.items()}
    answers: dict[str, dict[str, Response]] = {}
    for n, (name, (model, identity)) in enumerate(policies.items()):
        step = StepId(Step.EVALUATE, 2 * n)
        ask = partial(
            respond, prompts=inputs.evaluation, policy=name, seed=seed, decoding=decoding, title=f"{name} answers"
        )
        made_from = [name, [p.id for p in inputs.evaluation], decoding, seed, identity]
        session.step(step, made_from, partial(session.ask, step, model, ask))
        answers[name] = {r.prompt: r for r in session.read(Response, step)}
    for n, name in enumerate(policies):
        _judge(
            session, inputs, StepId(Step.EVALUATE, 2 * n + 1), name, answers=answers, preference_model=preference_model
        )


def _judge(
    session: Session,
    inputs: Inputs,
    step: StepId,
    name: str,
    *,
    answers: Mapping[str, Mapping[str, Response]],
    preference_model: Checkpoint,
) -> None:
    """Everything that is measured of one policy's answers."""
    bundle, config, seed = session.bundle, session.config.evaluation, session.config.seed
    cases, prompts = session.cases(), {p.id: p for p in inputs.evaluation}
    categories = config.categories or tuple(c.id for c in bundle.categories)
    asked = head_to_head(
        bundle,
        prompts,
        [cases[p.id] for p in inputs.evaluation],
        answers["base"],
        answers[name],
        categories=categories,
        principles=config.principles,
        seed=seed,
    )
    mine = [answers[name][p.id] for p in inputs.evaluation]

    def make() -> list[Record]:
        rows: list[Record] = []
        if name != "base":
            pairs = [question for _, question in asked]
            labels = list(ask_labels(session, step, inputs.feedback, pairs, f"{name} against base"))
            rows += [*(q.comparison for q in pairs), *labels, *win_measures(name, asked, labels, seed)]
        mass_min = session.config.label.mass_min
        rows += session.ask(
            step, inputs.feedback, lambda w: refusals(w, bundle, prompts, mine, policy=name, mass_min=mass_min)
        )
        scores = session.trainers.score(
            session.checkpoint_folder(preference_model), [(prompts[r.prompt].turns, r.text) for r in mine]
        )
        rows.append(mean(name, "reward", scores, seed=seed))
        return [*rows, *word_measures(name, prompts, mine, seed)]

    made_from: list[object] = [
        name, [(r.id, prompts[r.prompt].kind) for r in mine], bundle.prompt(PromptKind.REFUSAL).hash,
        preference_model.weights, session.identity(inputs.feedback), session.config.label.mass_min, seed,
    ]  # fmt: skip
    if name != "base":
        made_from += [[c for c, _ in asked], *label_inputs(session, inputs, [q for _, q in asked])]
    session.step(step, made_from, make)


def audit(session: Session, inputs: Inputs) -> None:
    """How far the labeler agrees with people."""
    if not inputs.audit:
        return
    step, bundle, seed = StepId(Step.AUDIT), session.bundle, session.config.seed
    cases, prompts = session.cases(), inputs.prompts
    distinct = list(dict.fromkeys(x.comparison.prompt for x in inputs.audit))
    most = max(Counter(x.comparison.prompt for x in inputs.audit).values())
    draws = draw_principles(bundle, seed, Stage.PREFERENCE, [cases[id] for id in distinct], most)
    asked = list(questions([x.comparison for x in inputs.audit], cases, prompts, draws))

    def make() -> list[Record]:
        labels = list(ask_labels(session, step, inputs.feedback, asked, "label people's pairs"))
        chosen_is_a = [(x.label.probability or 0.0) > 0.5 for x in inputs.audit]
        sides = [side for x in inputs.audit for side in x.sides]
        measures = audit_measures("labeler", labels, chosen_is_a, seed)
        return [*sides, *(q.comparison for q in asked), *labels, *measures]

    session.step(step, [*label_inputs(session, inputs, asked), [x.label.probability for x in inputs.audit]], make)
