"""From prompts to the SL-CAI policy: tag, respond, critique and revise, fine-tune."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from constitution_lang.ir.model import PromptKind, Stage
from runtime.engines.base import Decoding
from runtime.ledger.runs import Step, StepId
from runtime.records import (
    CaseRecord,
    Checkpoint,
    Draw,
    Record,
    Response,
    Revision,
)
from runtime.session import Session
from runtime.stages.draws import draw_principles
from runtime.stages.respond import respond
from runtime.stages.revise import Subject, critique, revise
from runtime.stages.rows import sft_rows
from runtime.stages.tag import tag
from runtime.steps.inputs import Inputs
from runtime.steps.publish import publish_sft
from runtime.training.progress import steps_total
from runtime.training.seen import seen_texts
from runtime.training.volume import tokens_total
from runtime.work import Worker

__all__ = ["answer", "data", "revise_rounds", "sft", "tag_prompts"]


def data(session: Session, inputs: Inputs) -> None:
    """Keep the prompts."""
    prompts = inputs.prompts
    session.step(
        StepId(Step.DATA), [[prompts[id] for id in sorted(prompts)]], lambda: [prompts[id] for id in sorted(prompts)]
    )


def tag_prompts(session: Session, inputs: Inputs) -> None:
    """Find out which case every prompt is."""
    prompts = inputs.tagged
    step, ask = StepId(Step.TAG), session.config.tag.ask
    asked = [p for p in prompts if any(not dict(p.columns).get(a.id) for a in session.bundle.attributes)]

    def make() -> list[CaseRecord]:
        mass_min = session.config.label.mass_min
        if not ask or not asked:
            return tag(None, session.bundle, prompts, mass_min=mass_min)
        return session.ask(step, inputs.feedback, lambda w: tag(w, session.bundle, prompts, mass_min=mass_min))

    attributes = [(a.id, a.values, a.default) for a in session.bundle.attributes]
    made_from: list[object] = [[(p.id, p.columns) for p in prompts], attributes]
    if ask and asked:
        questions = [p.hash for p in session.bundle.prompts if p.kind is PromptKind.TAG]
        made_from += [questions, session.config.label.mass_min, session.identity(inputs.feedback)]
    session.step(step, made_from, make)


def answer(session: Session, inputs: Inputs) -> None:
    """The base policy's first answers."""
    step, config = StepId(Step.RESPOND), session.config.respond
    decoding = Decoding(tokens_max=config.tokens_max, temperature=config.temperature, top_p=config.top_p)

    def make() -> list[Response]:
        return session.ask(
            step,
            inputs.policy,
            lambda w: respond(
                w, inputs.train, policy="base", seed=session.config.seed, decoding=decoding, title="answer prompts"
            ),
        )

    ids = [p.id for p in inputs.train]
    session.step(step, [ids, decoding, session.config.seed, session.identity(inputs.policy)], make)


def revise_rounds(session: Session, inputs: Inputs) -> None:
    """Critique and revision, round by round; each round starts from the texts of the one before."""
    config, bundle, seed = session.config.revision, session.bundle, session.config.seed
    kinds = (PromptKind.CRITIQUE, PromptKind.REVISE) if config.critique else (PromptKind.REVISE_DIRECT,)
    cases = session.cases()
    draws = draw_principles(bundle, seed, Stage.REVISION, [cases[p.id] for p in inputs.train], bundle.revision.rounds)
    texts: dict[str, Response | Revision] = {r.prompt: r for r in session.read(Response, StepId(Step.RESPOND))}
    for r in range(bundle.revision.rounds):
        step = StepId(Step.REVISE, r)
        drawn = {p.id: draws[p.id, r] for p in inputs.train}
        carried = session.prompt_hashes(kinds, ((d.principle, d.over) for ds in drawn.values() for d in ds))
        before = [texts[p.id].id for p in inputs.train]
        session.step(
            step,
            [before, drawn, carried, config.model_dump(mode="json"), session.identity(inputs.critic), seed],
            partial(_round, session, inputs, step, drawn, dict(texts)),
        )
        texts.update({x.prompt: x for x in session.read(Revision, step)})


def _round(
    session: Session,
    inputs: Inputs,
    step: StepId,
    drawn: Mapping[str, tuple[Draw, ...]],
    texts: dict[str, Response | Revision],
) -> list[Record]:
    """One round. Where a round draws several principles, each revises what the one before left."""
    config, bundle, seed = session.config.revision, session.bundle, session.config.seed
    critiquing = Decoding(tokens_max=config.critique_tokens_max, temperature=config.temperature, top_p=config.top_p)
    revising = Decoding(tokens_max=config.revision_tokens_max, temperature=config.temperature, top_p=config.top_p)
    part = f"round {step.round + 1} of {bundle.revision.rounds}"
    rows: list[Record] = []

    def work(worker: Worker) -> None:
        for position in range(bundle.revision.draw):
            subjects = [
                Subject(p, texts[p.id], drawn[p.id][position]) for p in inputs.train if position < len(drawn[p.id])
            ]
            critiques = None
            if config.critique:
                critiques = critique(
                    worker, bundle, subjects, seed=seed, decoding=critiquing, title=f"critique, {part}"
                )
            revisions = revise(
                worker, bundle, subjects, critiques, seed=seed, decoding=revising, title=f"revise, {part}"
            )
            rows.extend([*(s.draw for s in subjects), *(critiques or ()), *revisions])
            texts.update({x.prompt: x for x in revisions})

    session.ask(step, inputs.critic, work)
    return rows


def sft(session: Session, inputs: Inputs) -> Checkpoint:
    """The SL-CAI policy: the base, fine-tuned on revisions and demonstrations."""
    config = session.config.sft
    chains: dict[str, list[Revision]] = {p.id: [] for p in inputs.train}
    for row in session.read_all(Revision, Step.REVISE):
        chains[row.prompt].append(row)
    responses = {r.prompt: r for r in session.read(Response, StepId(Step.RESPOND))}
    rows, empty, untouched = sft_rows(
        inputs.train,
        responses,
        chains,
        inputs.demonstrations,
        target=config.target,
        constitution=session.constitution,
    )
    statuses = Counter(str(r.status) for chain in chains.values() for r in chain)
    session.say(f"SFT rows: {len(rows)}; revisions: {', '.join(f'{n} {s}' for s, n in sorted(statuses.items()))}")
    if empty:
        session.say(f"no SFT row for {len(empty)} prompts whose text is empty: {', '.join(x[:12] for x in empty)}")
    if untouched:
        session.say(
            f"no SFT row for {len(untouched)} prompts to which no principle applies: "
            f"{', '.join(x[:12] for x in untouched)}"
        )
    session.need(
        rows,
        "there is nothing to learn: no prompt has a revision with any text",
        "let some principle apply to the prompts' cases (cai-run explain PROMPT), and see [revision] tokens_max",
    )
    session.step(StepId(Step.SFT, 0), [[(r.id, r.principles, r.made_from) for r in rows]], lambda: rows)
    if session.publishes:
        publish_sft(session, rows)
    steps = steps_total(config, len(rows))
    return session.train(
        StepId(Step.SFT),
        [config.model_dump(mode="json"), seen_texts(rows), session.weights(inputs.policy), session.config.seed],
        steps,
        lambda job: session.trainers.sft(config, rows, job),
        tokens=lambda t: tokens_total(config, [(r.turns, (r.completion,)) for r in rows], steps, t),
        base=Path(inputs.policy),
        kin=inputs.policy,
        name="sl-cai",
        rows=[r.id for r in rows],
    )
