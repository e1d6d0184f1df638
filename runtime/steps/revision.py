"""From prompts to the SL-CAI policy: tag, respond, critique and revise, fine-tune."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

from constitution_lang.diagnostics.numbers import number_of
from constitution_lang.ir.model import PromptKind, Stage
from runtime.engines.base import Decoding
from runtime.ledger.runs import Step, StepId
from runtime.records import (
    CaseRecord,
    Checkpoint,
    Draw,
    Each,
    PromptRecord,
    Record,
    Response,
    Revision,
    SftRow,
    identify,
)
from runtime.session import Session
from runtime.stages.draws import Draws, draw_principles
from runtime.stages.respond import respond
from runtime.stages.revise import Subject, critique, look_over_subject, revise
from runtime.stages.rows import demonstration_rows, revised_rows
from runtime.stages.tag import tag
from runtime.steps.inputs import Inputs
from runtime.steps.publish import publish_sft
from runtime.steps.streams import Again, KeptRows, chains
from runtime.training.progress import steps_total
from runtime.training.seen import seen_texts
from runtime.training.volume import tokens_total
from runtime.work import Worker, blocks

__all__ = ["answer", "data", "revise_rounds", "sft", "tag_prompts"]


def data(session: Session, inputs: Inputs) -> None:
    """Keep the prompts."""
    prompts = inputs.prompts
    rows = Again(lambda: (prompts[id] for id in sorted(prompts)))
    session.step(StepId(Step.DATA), [Each(rows)], lambda: rows)


def tag_prompts(session: Session, inputs: Inputs) -> None:
    """Find out which case every prompt is."""
    prompts = inputs.tagged
    step, ask = StepId(Step.TAG), session.config.tag.ask
    asked = any(not dict(p.columns).get(a.id) for p in prompts for a in session.bundle.attributes)

    def make() -> Iterable[CaseRecord]:
        mass_min = session.config.label.mass_min
        if not ask or not asked:
            return tag(None, session.bundle, prompts, mass_min=mass_min)
        return session.ask(step, inputs.feedback, lambda w: tag(w, session.bundle, prompts, mass_min=mass_min))

    attributes = [(a.id, a.values, a.default) for a in session.bundle.attributes]
    made_from: list[object] = [Each((p.id, p.columns) for p in prompts), attributes]
    if ask and asked:
        questions = [p.hash for p in session.bundle.prompts if p.kind is PromptKind.TAG]
        made_from += [questions, session.config.label.mass_min, session.identity(inputs.feedback)]
    session.step(step, made_from, make)


def answer(session: Session, inputs: Inputs) -> None:
    """The base policy's first answers."""
    step, config = StepId(Step.RESPOND), session.config.respond
    decoding = Decoding(tokens_max=config.tokens_max, temperature=config.temperature, top_p=config.top_p)

    def make() -> Iterable[Response]:
        return session.ask(
            step,
            inputs.policy,
            lambda w: respond(
                w, inputs.train, policy="base", seed=session.config.seed, decoding=decoding, title="answer prompts"
            ),
        )

    ids = Each(p.id for p in inputs.train)
    session.step(step, [ids, decoding, session.config.seed, session.identity(inputs.policy)], make)


def revise_rounds(session: Session, inputs: Inputs) -> None:
    """Critique and revision, round by round; each round starts from the texts of the one before."""
    config, bundle, seed = session.config.revision, session.bundle, session.config.seed
    kinds = (PromptKind.CRITIQUE, PromptKind.REVISE) if config.critique else (PromptKind.REVISE_DIRECT,)
    cases = session.cases()
    draws = draw_principles(bundle, seed, Stage.REVISION, [cases[p.id] for p in inputs.train], bundle.revision.rounds)
    for r in range(bundle.revision.rounds):
        step = StepId(Step.REVISE, r)
        before = Again(partial(_before, session, inputs.train, draws, r))
        used: set[tuple[str, tuple[str, ...]]] = set()
        texts = identify("texts before a round", Each(_noting(before, used)))
        carried = session.prompt_hashes(kinds, used)
        session.step(
            step,
            [texts, carried, config.model_dump(mode="json"), session.identity(inputs.critic), seed],
            partial(_round, session, inputs, step, before),
        )


@dataclass(frozen=True, slots=True)
class _Before:
    """A prompt's text as it stands before a round, and what is drawn for it there."""

    prompt: PromptRecord
    of: Response | Revision
    draws: tuple[Draw, ...]


def _before(session: Session, prompts: Sequence[PromptRecord], draws: Draws, r: int) -> Iterator[_Before]:
    for prompt, response, revisions in chains(session, prompts, r):
        yield _Before(prompt, revisions[-1] if revisions else response, draws[prompt.id, r])


def _noting(before: Iterable[_Before], used: set[tuple[str, tuple[str, ...]]]) -> Iterator[tuple[object, ...]]:
    """What identifies the texts; the principles drawn go into `used`, in the variants that the cases ask for."""
    for text in before:
        used.update((draw.principle, draw.over) for draw in text.draws)
        yield text.of.id, text.draws


def _round(session: Session, inputs: Inputs, step: StepId, before: Iterable[_Before]) -> Iterator[Record]:
    """One round. Where a round draws several principles, each revises what the one before left."""
    config, bundle, seed = session.config.revision, session.bundle, session.config.seed
    critiquing = Decoding(tokens_max=config.critique_tokens_max, temperature=config.temperature, top_p=config.top_p)
    revising = Decoding(tokens_max=config.revision_tokens_max, temperature=config.temperature, top_p=config.top_p)
    part = f"round {step.round + 1} of {bundle.revision.rounds}"
    asking, redoing = f"critique, {part}", f"revise, {part}"

    def of_block(worker: Worker, block: Sequence[_Before]) -> Iterator[Record]:
        texts = [text.of for text in block]
        made: list[list[Record]] = [[] for _ in block]
        for position in range(bundle.revision.draw):
            places = [n for n, text in enumerate(block) if position < len(text.draws)]
            subjects = [Subject(block[n].prompt, texts[n], block[n].draws[position]) for n in places]
            critiques = None
            if config.critique:
                critiques = critique(worker, bundle, subjects, seed=seed, decoding=critiquing, title=asking)
            revisions = revise(worker, bundle, subjects, critiques, seed=seed, decoding=revising, title=redoing)
            for at, (n, revision) in enumerate(zip(places, revisions, strict=True)):
                made[n] += [subjects[at].draw, *(critiques[at : at + 1] if critiques else ()), revision]
                texts[n] = revision
        return chain.from_iterable(made)

    def work(worker: Worker) -> Iterator[Record]:
        total = 0
        for text in before:
            total += len(text.draws)
            if text.draws:  # those of further draws begin from texts that nobody knows yet
                subject = Subject(text.prompt, text.of, text.draws[0])
                look_over_subject(worker, bundle, subject, critiquing if config.critique else None, revising)
        with worker.showing({asking: total, redoing: total}):
            for block in blocks(before, worker.block_rows(bundle.revision.draw)):
                yield from of_block(worker, block)

    return session.ask(step, inputs.critic, work)


@dataclass
class _Account:
    """What becomes of the texts on their way to rows. `empty` and `untouched` are ids of prompts that have none."""

    rows: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    empty: list[str] = field(default_factory=list)
    untouched: list[str] = field(default_factory=list)


def _sft_rows(session: Session, inputs: Inputs, account: _Account) -> Iterator[SftRow]:
    target, constitution = session.config.sft.target, session.constitution
    for prompt, response, revisions in chains(session, inputs.train, session.bundle.revision.rounds):
        account.statuses.update(str(revision.status) for revision in revisions)
        rows = revised_rows(prompt, response, revisions, target=target, constitution=constitution)
        if not rows:
            (account.empty if revisions else account.untouched).append(prompt.id)
        account.rows += len(rows)
        yield from rows
    for row in demonstration_rows(inputs.demonstrations, constitution=constitution):
        account.rows += 1
        yield row


def sft(session: Session, inputs: Inputs) -> Checkpoint:
    """The SL-CAI policy: the base, fine-tuned on revisions and demonstrations."""
    config, step, seen = session.config.sft, StepId(Step.SFT, 0), _Account()
    made_from = identify(
        "rows", Each((row.id, row.principles, row.made_from) for row in _sft_rows(session, inputs, seen))
    )
    statuses = ", ".join(f"{n} {s}" for s, n in sorted(seen.statuses.items()))
    session.say(f"SFT rows: {seen.rows}; revisions: {statuses}")
    if seen.empty:
        listed = ", ".join(x[:12] for x in seen.empty)
        session.say(f"no SFT row for {number_of(len(seen.empty), 'prompts')} whose text is empty: {listed}")
    if seen.untouched:
        listed = ", ".join(x[:12] for x in seen.untouched)
        session.say(
            f"no SFT row for {number_of(len(seen.untouched), 'prompts')} to which no principle applies: {listed}"
        )
    session.need(
        seen.rows,
        "there is nothing to learn: no prompt has a revision with any text",
        "let some principle apply to the prompts' cases (cai-run explain PROMPT), and see [revision] tokens_max",
    )
    session.step(step, [made_from], lambda: _sft_rows(session, inputs, _Account()))
    if session.publishes:
        publish_sft(session, step)
    rows = KeptRows(session, SftRow, step)
    steps = steps_total(config, seen.rows)
    return session.train(
        StepId(Step.SFT),
        [config.model_dump(mode="json"), seen_texts(rows), session.weights(inputs.policy), session.config.seed],
        steps,
        lambda job: session.trainers.sft(config, rows, job),
        tokens=lambda t: tokens_total(config, ((r.turns, (r.completion,)) for r in rows), steps, t),
        base=Path(inputs.policy),
        kin=inputs.policy,
        name="sl-cai",
        rows=[r.id for r in rows],
    )
