"""Every row of a run's ledger, held against what the rows before it give.

Each is derived from the rows before it as they stand, so one that does not fit does not make all after it seem wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from constitution_lang.ir.codec import verify
from constitution_lang.ir.model import Stage
from runtime.ledger.runs import Step
from runtime.progress import Task
from runtime.provenance.history import History
from runtime.provenance.kept import KeptWorker, MissingAnswerError, UnknownAnswerError
from runtime.provenance.misfits import Misfit, difference, shown
from runtime.provenance.replay import Replay
from runtime.provenance.rows import row_misfits
from runtime.records import (
    Comparison,
    Draw,
    Label,
    LabelSource,
    PromptRecord,
    Record,
    Response,
    Revision,
    SftSource,
    identify,
)
from runtime.stages.draws import draw_principles
from runtime.stages.evidence import label_of
from runtime.stages.label import Question, compare
from runtime.stages.rows import preference_rows, sft_rows

__all__ = ["Rederivation"]

R = TypeVar("R", bound=Record)


class Rederivation:
    """The rows of one run, derived once more. `task` advances by one for every row."""

    def __init__(self, history: History, replay: Replay, task: Task) -> None:
        self._history = history
        self._replay = replay
        self._task = task
        self._file = str(history.ledger.path)

    @staticmethod
    def total(history: History) -> int:
        """How many rows there are to check."""
        return (
            len(history.prompts) + len(history.cases) + len(history.answers) + len(history.labels) + len(history.pairs)
            + sum(map(len, history.revisions.values()))
        )  # fmt: skip

    def misfits(self) -> Iterator[Misfit]:
        """All that does not fit, in the order in which the rows were made."""
        yield from self._bundle()
        yield from self._prompts()
        yield from self._cases()
        yield from self._answers()
        yield from self._revisions()
        yield from self._sft()
        yield from self._pairs()
        yield from self._labels()
        yield from self._preferences()
        yield from self._measured()

    # --- what everything stands on --------------------------------------------------------------

    def _bundle(self) -> Iterator[Misfit]:
        manifest, bundle = self._history.manifest, self._history.bundle
        for wrong in verify(bundle):
            yield self._of("run", manifest.id, "bundle", wrong, "a bundle whose hashes are those of its content")
        for field in ("meaning_hash", "metadata_hash", "version"):
            says, should = getattr(manifest, field), getattr(bundle, field)
            if says != should:
                yield self._of("run", manifest.id, field, says, should)

    def _prompts(self) -> Iterator[Misfit]:
        for prompt in self._history.prompts.values():
            self._task.advance(1)
            should = identify("prompt", prompt.turns)
            if prompt.id != should:
                yield self._at(prompt, Step.DATA, "id", prompt.id, should)

    def _cases(self) -> Iterator[Misfit]:
        for case in self._history.cases.values():
            self._task.advance(1)
            prompt = self._history.prompts.get(case.prompt)
            if prompt is None:
                yield self._at(case, Step.TAG, "prompt", case.prompt, "a prompt of this run")
                continue
            worker = self._replay.workers.feedback
            yield from self._same(case, Step.TAG, worker, partial(self._replay.case, prompt, case))

        answered = self._history.ledger.read(self._history.run, Response, Step.EVALUATE)
        for id in dict.fromkeys((*self._history.answers, *(r.prompt for r in answered))):
            if id in self._history.prompts and id not in self._history.cases:
                yield self._of("CaseRecord", id, "row", "missing", "a case of this prompt")

    def _answers(self) -> Iterator[Misfit]:
        for answer in self._history.answers.values():
            self._task.advance(1)
            prompt = self._history.prompts.get(answer.prompt)
            if prompt is None:
                yield self._at(answer, Step.RESPOND, "prompt", answer.prompt, "a prompt of this run")
                continue
            worker = self._replay.workers.policy
            yield from self._same(answer, Step.RESPOND, worker, partial(self._replay.answer, prompt, answer))

    # --- critique and revision ------------------------------------------------------------------

    def _revisions(self) -> Iterator[Misfit]:
        history = self._history
        train = [p for p in history.train if p.id in history.cases]
        if not history.revisions and not history.revision_draws:
            return
        rounds = history.bundle.revision.rounds
        cases = [history.cases[p.id] for p in train]
        draws = draw_principles(history.bundle, history.seed, Stage.REVISION, cases, rounds)
        known = {p.id for p in train}
        done = {r for _, r in history.revisions}
        for prompt in train:
            text: Response | Revision = history.answers[prompt.id]
            for r in range(rounds):
                if r not in done:
                    continue  # the run was stopped before this round
                yield from self._drawn(prompt, history.revision_draws.get((prompt.id, r), []), draws[prompt.id, r], r)
                yield from self._round(prompt, r, text)
                revised = history.revisions.get((prompt.id, r))
                text = revised[-1] if revised else text
        for (id, r), rows in history.revisions.items():
            if id not in known or r >= rounds:
                yield self._at(rows[0], Step.REVISE, "prompt", id, "a prompt with a first answer, and a round that is")

    def _drawn(self, prompt: PromptRecord, says: Sequence[Draw], should: Sequence[Draw], r: int) -> Iterator[Misfit]:
        for one, other in zip(says, should, strict=False):
            found = difference(one, other)
            if found is not None:
                step = Step.REVISE if one.stage is Stage.REVISION else Step.LABEL
                yield self._at(one, step, found.field, found.says, found.should)
        if len(says) > len(should):
            step = Step.REVISE if says[-1].stage is Stage.REVISION else Step.LABEL
            yield self._at(says[len(should)], step, "row", "a draw", "no draw here")
        elif len(says) < len(should):
            missing = should[len(says)]
            yield self._of("Draw", prompt.id, f"round {r}", "missing", f"{missing.principle} ({missing.stage.value})")

    def _round(self, prompt: PromptRecord, r: int, text: Response | Revision) -> Iterator[Misfit]:
        """One round of one prompt. The principle is the recorded draw's, whether it should have been drawn or not."""
        history, replay, critic = self._history, self._replay, self._replay.workers.critic
        draws = history.revision_draws.get((prompt.id, r), [])
        revisions = history.revisions.get((prompt.id, r), [])
        critiques = history.critiques.get((prompt.id, r), [])
        for position, draw in enumerate(draws):
            self._task.advance(1)
            if position >= len(revisions):
                yield self._of("Revision", prompt.id, f"round {r}", "missing", f"a revision under {draw.principle}")
                return
            revision, criticism = revisions[position], None
            if history.config.revision.critique:
                if position >= len(critiques):
                    yield self._of("Critique", prompt.id, f"round {r}", "missing", f"one under {draw.principle}")
                    return
                criticism = critiques[position]
                derive_critique = partial(replay.critique, prompt, text, draw, criticism)
                yield from self._same(criticism, Step.REVISE, critic, derive_critique)
            derive_revision = partial(replay.revise, prompt, text, draw, criticism, revision)
            yield from self._same(revision, Step.REVISE, critic, derive_revision)
            text = revision
        for rows in (critiques, revisions):
            if len(rows) > len(draws):
                yield self._at(rows[len(draws)], Step.REVISE, "row", "one more", "one for every draw")

    # --- training rows --------------------------------------------------------------------------

    def _sft(self) -> Iterator[Misfit]:
        history = self._history
        if not history.sft:
            return
        shown_by = [
            msgspec.structs.replace(history.prompts[row.prompt], demonstration=row.completion)
            if history.prompts[row.prompt].demonstration is None
            else history.prompts[row.prompt]
            for row in history.sft
            if row.source is SftSource.DEMONSTRATION and row.prompt in history.prompts
        ]
        rows, _, _ = sft_rows(
            history.train,
            history.answers,
            {p.id: history.chain(p.id) for p in history.train},
            shown_by,
            target=history.config.sft.target,
            constitution=history.bundle.meaning_hash,
        )
        yield from row_misfits(self._file, history.sft, rows)

    def _preferences(self) -> Iterator[Misfit]:
        history = self._history
        if not history.preferences:
            return
        pairs = [x for x in (*history.pairs, *history.peoples_pairs) if x.id in history.labels]
        rows = preference_rows(
            history.prompts, pairs, history.labels, constitution=history.bundle.meaning_hash
        )  # fmt: skip
        yield from row_misfits(self._file, history.preferences, rows)

    # --- pairs and labels -----------------------------------------------------------------------

    def _pairs(self) -> Iterator[Misfit]:
        history = self._history
        if not history.pairs and not history.pair_answers:
            return
        said: dict[str, list[Comparison]] = {}
        for comparison in history.pairs:
            said.setdefault(comparison.prompt, []).append(comparison)
        for prompt in history.train:
            self._task.advance(1)
            answers = history.pair_answers.get(prompt.id, [])
            if len(answers) != 2 * history.config.pair.pairs:
                should = f"{2 * history.config.pair.pairs} answers"
                yield self._of("Response", prompt.id, "answers to pair", str(len(answers)), should)
                continue
            yield from self._paired(prompt, answers)
            yield from self._compared(prompt, said.get(prompt.id, []), self._replay.pairs(answers))
        known = {p.id for p in history.train}
        for comparison in history.pairs:
            if comparison.prompt not in known:
                yield self._at(comparison, Step.PAIR, "prompt", comparison.prompt, "a prompt that is trained on")
        yield from self._peoples_pairs()

    def _peoples_pairs(self) -> Iterator[Misfit]:
        history = self._history
        for comparison in history.peoples_pairs:
            sides = [history.peoples_sides.get(id) for id in (comparison.a, comparison.b)]
            if sides[0] is None or sides[1] is None:
                yield self._at(comparison, Step.LABEL, "a", comparison.a, "a reply that is kept")
                continue
            found = difference(comparison, compare(sides[0], sides[1], comparison.purpose))
            if found is not None:
                yield self._at(comparison, Step.LABEL, found.field, found.says, found.should)

    def _paired(self, prompt: PromptRecord, answers: Sequence[Response]) -> Iterator[Misfit]:
        try:
            meant = self._replay.pair_answers(prompt, answers)
        except MissingAnswerError as error:
            yield self._unkept(next((a for a in answers if a.key == error.key), answers[0]), Step.PAIR, error)
            return
        yield from self._keys(answers[0], Step.PAIR, self._replay.workers.pair_policy)
        for one, other in zip(answers, meant, strict=True):
            found = difference(one, other)
            if found is not None:
                yield self._at(one, Step.PAIR, found.field, found.says, found.should)

    def _compared(
        self, prompt: PromptRecord, says: Sequence[Comparison], should: Sequence[Comparison]
    ) -> Iterator[Misfit]:
        for one, other in zip(says, should, strict=False):
            found = difference(one, other)
            if found is not None:
                yield self._at(one, Step.PAIR, found.field, found.says, found.should)
        if len(says) < len(should):
            yield self._of("Comparison", should[len(says)].id, "row", "missing", f"a pair for prompt {prompt.id}")
        elif len(says) > len(should):
            yield self._at(says[len(should)], Step.PAIR, "row", "one more", f"{len(should)} pairs for its prompt")

    def _labels(self) -> Iterator[Misfit]:
        history = self._history
        if not history.labels:
            return
        cases = [history.cases[p.id] for p in history.train if p.id in history.cases]
        pairs = max(history.config.pair.pairs, 1)
        draws = draw_principles(history.bundle, history.seed, Stage.PREFERENCE, cases, pairs)
        nth: Counter[str] = Counter()
        for comparison in history.pairs:
            r = nth[comparison.prompt]
            nth[comparison.prompt] += 1
            prompt = history.prompts.get(comparison.prompt)
            if prompt is None or (prompt.id, r) not in draws:
                continue  # named with the pairs
            self._task.advance(1)
            should = draws[prompt.id, r]
            says = [d for d in history.preference_draws.get(prompt.id, []) if d.round == r]
            yield from self._drawn(prompt, says, should, r)
            label = history.labels.get(comparison.id)
            if label is None:
                yield self._of("Label", comparison.id, "row", "missing", "a label for this pair")
                continue
            yield from self._label(label, comparison, prompt, tuple(should), Step.LABEL)
        known = {c.id for c in (*history.pairs, *history.peoples_pairs)}
        for label in history.labels.values():
            if label.comparison not in known:
                yield self._at(label, Step.LABEL, "comparison", label.comparison, "a pair of this run")

    def _label(
        self, label: Label, comparison: Comparison, prompt: PromptRecord, draws: tuple[Draw, ...], step: Step
    ) -> Iterator[Misfit]:
        """The votes against the kept choices, then the label against its votes as they stand."""
        case = self._history.cases[prompt.id].mapping
        question = Question(comparison, prompt, case, draws)
        voted = [v.principle for v in label.votes]
        asked = [d.principle for d in draws] if comparison.text_a != comparison.text_b else []
        if voted != asked:
            yield self._at(label, step, "votes", shown(voted), shown(asked))
            return
        try:
            meant = self._replay.label(question, label.votes)
        except MissingAnswerError as error:
            yield self._unkept(label, step, error)
            return
        yield from self._keys(label, step, self._replay.workers.feedback)
        fit = True
        for n, (one, other) in enumerate(zip(label.votes, meant.votes, strict=False)):
            found = difference(one, other)
            if found is not None:
                fit = False
                yield self._at(label, step, f"votes[{n}].{found.field} ({one.principle})", found.says, found.should)
        if not fit:
            try:
                meant = label_of(self._history.bundle, case, comparison.id, label.votes)
            except ValueError:
                return
        found = difference(label, meant)
        if found is not None:
            yield self._at(label, step, found.field, found.says, found.should)

    def _measured(self) -> Iterator[Misfit]:
        """Labels that nothing is trained on: the evaluation's and the audit's. Who votes is taken as it stands."""
        history, ledger = self._history, self._history.ledger
        for step in (Step.EVALUATE, Step.AUDIT):
            pairs = {c.id: c for c in ledger.read(history.run, Comparison, step)}
            for label in ledger.read(history.run, Label, step):
                comparison = pairs.get(label.comparison)
                prompt = None if comparison is None else history.prompts.get(comparison.prompt)
                if comparison is None or prompt is None or prompt.id not in history.cases:
                    yield self._at(label, step, "comparison", label.comparison, "a pair of this step")
                    continue
                if label.source is LabelSource.AI:
                    yield from self._label(label, comparison, prompt, _as_voted(label, prompt), step)

    # --- one row --------------------------------------------------------------------------------

    def _same(self, row: R, step: Step, worker: KeptWorker, derive: Callable[[], R]) -> Iterator[Misfit]:
        try:
            meant = derive()
        except (MissingAnswerError, UnknownAnswerError) as error:
            yield self._unkept(row, step, error)
            return
        except KeyError as error:
            yield self._at(row, step, "compiled", "made", f"no prompt {error} in the constitution")
            return
        yield from self._keys(row, step, worker)
        found = difference(row, meant)
        if found is not None:
            yield self._at(row, step, found.field, found.says, found.should)

    def _keys(self, row: Record, step: Step, worker: KeptWorker) -> Iterator[Misfit]:
        for says, should in worker.wrong:
            yield self._at(row, step, "key", says, should)
        worker.wrong.clear()

    def _unkept(self, row: Record, step: Step, error: Exception) -> Misfit:
        key = getattr(error, "key", "")
        should = "the key of an answer that the ledger keeps" if key else "a key for every question that was asked"
        return self._at(row, step, "key", key or "nothing", should)

    def _at(self, row: Record, step: Step, field: str, says: str, should: str) -> Misfit:
        id = getattr(row, "id", None) or getattr(row, "comparison", None) or str(getattr(row, "prompt", ""))
        place = self._place(row, step)
        return Misfit(
            file=self._file, row=place, kind=type(row).__name__, id=id, field=field, says=shown(says),
            should=shown(should),
        )  # fmt: skip

    def _of(self, kind: str, id: str, field: str, says: str, should: str) -> Misfit:
        return Misfit(
            file=self._file, row=0, kind=kind, id=id, field=field, says=shown(says), should=shown(should)
        )  # fmt: skip

    def _place(self, row: Record, step: Step) -> int:
        """Looked up only where something does not fit."""
        rows: Iterable[Record] = self._history.ledger.read(self._history.run, type(row), step)
        return next((n for n, kept in enumerate(rows, 1) if kept == row), 0)


def _as_voted(label: Label, prompt: PromptRecord) -> tuple[Draw, ...]:
    return tuple(
        Draw(prompt=prompt.id, stage=Stage.PREFERENCE, round=0, position=n, principle=v.principle, share=0.0)
        for n, v in enumerate(label.votes)
    )
