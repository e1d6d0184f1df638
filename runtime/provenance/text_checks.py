"""From the constitution and the prompts to the rows of the fine-tuning: each against the rows before it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain

import msgspec

from constitution_lang.ir.codec import verify
from constitution_lang.ir.model import Stage
from runtime.ledger.runs import Step
from runtime.provenance.checks import Checks
from runtime.provenance.misfits import Misfit
from runtime.provenance.prompt_checks import PromptChecks
from runtime.provenance.rows import row_misfits
from runtime.provenance.shelved import shelve
from runtime.records import (
    PromptRecord,
    Response,
    Revision,
    SftRow,
    SftSource,
)
from runtime.stages.draws import draw_principles
from runtime.stages.rows import demonstration_rows, revised_rows

__all__ = ["TextChecks"]


class TextChecks(Checks):
    """Cases, draws, answers, critiques, revisions, SFT rows."""

    def misfits(self) -> Iterator[Misfit]:
        """All that does not fit, in the order in which the rows were made."""
        yield from self._bundle()
        yield from PromptChecks(self.history, self.replay, self.cuts, self.task).misfits()
        yield from self._cases()
        yield from self._answers()
        yield from self._revisions()
        yield from self._sft()

    def _bundle(self) -> Iterator[Misfit]:
        manifest, bundle = self.history.manifest, self.history.bundle
        for wrong in verify(bundle):
            yield self.of("run", manifest.id, "bundle", wrong, "a bundle whose hashes are those of its content")
        for field, of in (("meaning_hash", "meaning_hash"), ("metadata_hash", "metadata_hash"),
                          ("constitution", "name"), ("version", "version")):  # fmt: skip
            says, should = getattr(manifest, field), getattr(bundle, of)
            if says != should:
                yield self.of("run", manifest.id, field, says, should)

    def _cases(self) -> Iterator[Misfit]:
        for case in self.history.cases.values():
            self.task.advance(1)
            prompt = self.history.prompts.get(case.prompt)
            if prompt is None:
                yield self.at(case, Step.TAG, "prompt", case.prompt, "a prompt of this run")
                continue
            worker = self.replay.workers.feedback
            yield from self.same(case, Step.TAG, worker, partial(self.replay.case, prompt, case))

        answered = self.history.ledger.each(self.history.run, Response, Step.EVALUATE)
        for id in dict.fromkeys((*self.history.answers, *(r.prompt for r in answered))):
            if id in self.history.prompts and id not in self.history.cases:
                yield self.of("CaseRecord", id, "row", "missing", "a case of this prompt")

    def _answers(self) -> Iterator[Misfit]:
        for answer in self.history.answers.values():
            self.task.advance(1)
            prompt = self.history.prompts.get(answer.prompt)
            if prompt is None:
                yield self.at(answer, Step.RESPOND, "prompt", answer.prompt, "a prompt of this run")
                continue
            worker = self.replay.workers.policy
            yield from self.same(answer, Step.RESPOND, worker, partial(self.replay.answer, prompt, answer))

    def _revisions(self) -> Iterator[Misfit]:
        history = self.history
        train = history.prompts.pick(id for id in history.answers if id in history.cases)
        if not history.revisions and not history.revision_draws:
            return
        rounds = history.bundle.revision.rounds
        cases = history.cases.pick(p.id for p in train)
        draws = draw_principles(history.bundle, history.seed, Stage.REVISION, cases, rounds)
        known = {p.id for p in train}
        done = {r for _, r in history.revisions}
        for prompt in train:
            text: Response | Revision = history.answers[prompt.id]
            for r in range(rounds):
                if r not in done:
                    continue  # the run was stopped before this round
                yield from self.drawn(prompt, history.revision_draws.get((prompt.id, r), []), draws[prompt.id, r], r)
                yield from self._round(prompt, r, text)
                revised = history.revisions.get((prompt.id, r))
                text = revised[-1] if revised else text
        for (id, r), rows in history.revisions.items():
            if id not in known or r >= rounds:
                yield self.at(rows[0], Step.REVISE, "prompt", id, "a prompt with a first answer, and a round that is")

    def _round(self, prompt: PromptRecord, r: int, text: Response | Revision) -> Iterator[Misfit]:
        """One round of one prompt. The principle is the recorded draw's, whether it should have been drawn or not."""
        history, replay, critic = self.history, self.replay, self.replay.workers.critic
        draws = history.revision_draws.get((prompt.id, r), [])
        revisions = history.revisions.get((prompt.id, r), [])
        critiques = history.critiques.get((prompt.id, r), [])
        for position, draw in enumerate(draws):
            self.task.advance(1)
            if position >= len(revisions):
                yield self.of("Revision", prompt.id, f"round {r}", "missing", f"a revision under {draw.principle}")
                return
            revision, criticism = revisions[position], None
            if history.config.revision.critique:
                if position >= len(critiques):
                    yield self.of("Critique", prompt.id, f"round {r}", "missing", f"one under {draw.principle}")
                    return
                criticism = critiques[position]
                derive_critique = partial(replay.critique, prompt, text, draw, criticism)
                yield from self.same(criticism, Step.REVISE, critic, derive_critique, part=r)
            derive_revision = partial(replay.revise, prompt, text, draw, criticism, revision)
            yield from self.same(revision, Step.REVISE, critic, derive_revision, part=r)
            text = revision
        for rows in (critiques, revisions):
            if len(rows) > len(draws):
                yield self.at(rows[len(draws)], Step.REVISE, "row", "one more", "one for every draw")

    def _sft(self) -> Iterator[Misfit]:
        history = self.history
        if not history.sft:
            return
        shown_by = (
            msgspec.structs.replace(history.prompts[row.prompt], demonstration=row.completion)
            if history.prompts[row.prompt].demonstration is None
            else history.prompts[row.prompt]
            for row in history.sft
            if row.source is SftSource.DEMONSTRATION and row.prompt in history.prompts
        )
        target, constitution = history.config.sft.target, history.bundle.meaning_hash
        revised = (
            row
            for p in history.train
            for row in revised_rows(
                p, history.answers[p.id], history.chain(p.id), target=target, constitution=constitution
            )
        )
        rows = shelve(SftRow, chain(revised, demonstration_rows(shown_by, constitution=constitution)))
        yield from row_misfits(self.file, history.sft, rows)
