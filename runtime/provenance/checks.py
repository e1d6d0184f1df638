"""What every check of a ledger's rows needs: a row against what it should be, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from constitution_lang.ir.model import Stage
from runtime.datasets.errors import DataError
from runtime.datasets.pairs import given_reply
from runtime.ledger.runs import Step, StepId
from runtime.progress import Task
from runtime.provenance.cut_checks import DerivedCuts
from runtime.provenance.history import History
from runtime.provenance.kept import KeptWorker, MissingAnswerError, SpoiledAnswerError, UnknownAnswerError
from runtime.provenance.misfits import Misfit, difference, shown
from runtime.provenance.replay import Replay
from runtime.records import (
    Comparison,
    Draw,
    Label,
    PromptRecord,
    Record,
    Response,
)
from runtime.stages.evidence import label_of
from runtime.stages.label import Question, compare
from runtime.stages.places import placed
from runtime.stages.tag import UnknownValueError

__all__ = ["Checks"]

R = TypeVar("R", bound=Record)


class Checks:
    """Checks of the rows of one run. `task` advances by one for every row; `cuts` collects what was cut on the way."""

    def __init__(self, history: History, replay: Replay, cuts: DerivedCuts, task: Task) -> None:
        self.history = history
        self.replay = replay
        self.cuts = cuts
        self.task = task
        self.file = str(history.ledger.path)

    def same(
        self, row: R, step: Step, worker: KeptWorker, derive: Callable[[], R], *, part: int = -1
    ) -> Iterator[Misfit]:
        """A row against what is derived in its place. `part` is the step's round."""
        try:
            meant = derive()
        except (MissingAnswerError, UnknownAnswerError) as error:
            yield self.unkept(row, step, error)
            return
        except KeyError as error:
            yield self.at(row, step, "compiled", "made", f"no prompt {error} in the constitution")
            return
        except DataError as error:
            yield self.at(row, step, "question", str(error), "a question that fits into the model's context")
            return
        except UnknownValueError as error:
            should = f"one of {', '.join(error.attribute.values)}, as the constitution has them"
            yield self.at(error.prompt, Step.DATA, f"columns ({error.attribute.id})", error.value, should)
            return
        finally:
            self.cuts.take(worker, StepId(step, part))
        yield from self.keys(row, step, worker)
        found = difference(row, meant)
        if found is not None:
            yield self.at(row, step, found.field, found.says, found.should)

    def drawn(self, prompt: PromptRecord, says: Sequence[Draw], should: Sequence[Draw], r: int) -> Iterator[Misfit]:
        """A prompt's draws in a round against the plan."""
        for one, other in zip(says, should, strict=False):
            found = difference(one, other)
            if found is not None:
                step = Step.REVISE if one.stage is Stage.REVISION else Step.LABEL
                yield self.at(one, step, found.field, found.says, found.should)
        if len(says) > len(should):
            step = Step.REVISE if says[-1].stage is Stage.REVISION else Step.LABEL
            yield self.at(says[len(should)], step, "row", "a draw", "no draw here")
        elif len(says) < len(should):
            missing = should[len(says)]
            yield self.of("Draw", prompt.id, f"round {r}", "missing", f"{missing.principle} ({missing.stage.value})")

    def label(self, label: Label, question: Question, step: StepId) -> Iterator[Misfit]:
        """The votes against the draws and the kept choices, then the label against its votes as they stand."""
        comparison, case, where = question.comparison, question.case, step.step
        voted = [v.principle for v in label.votes]
        asked = [d.principle for d in question.draws] if comparison.text_a != comparison.text_b else []
        if voted != asked:
            yield self.at(label, where, "votes", shown(voted), f"{shown(asked)}, which are drawn")
            return
        worker = self.replay.workers.feedback
        try:
            meant = self.replay.label(question, label.votes)
        except MissingAnswerError as error:
            yield self.unkept(label, where, error)
            return
        except DataError as error:
            yield self.at(label, where, "question", str(error), "a question that fits into the model's context")
            return
        finally:
            self.cuts.take(worker, step)
        yield from self.keys(label, where, worker)
        fit = True
        for n, (one, other) in enumerate(zip(label.votes, meant.votes, strict=False)):
            found = difference(one, other)
            if found is not None:
                fit = False
                yield self.at(label, where, f"votes[{n}].{found.field} ({one.principle})", found.says, found.should)
        if not fit:
            try:
                meant = label_of(self.history.bundle, case, comparison.id, label.votes)
            except ValueError:
                return
        found = difference(label, self._placed_as(label, meant))
        if found is not None:
            yield self.at(label, where, found.field, found.says, found.should)

    def _placed_as(self, label: Label, meant: Label) -> Label:
        """Its rules may stand where they stood when the run was begun before: it moves them as it goes on."""
        once = (placed(bundle, meant) for bundle in self.history.under.bundles.values())
        return next((other for other in once if other.fired == label.fired), meant)

    def sides(self, comparison: Comparison, kept: Mapping[str, Response], step: Step) -> Iterator[Misfit]:
        """A pair of a data set against its two replies."""
        a, b = kept.get(comparison.a), kept.get(comparison.b)
        if a is None or b is None:
            field = "a" if a is None else "b"
            yield self.at(comparison, step, field, getattr(comparison, field), "a reply that is kept")
            return
        found = difference(comparison, compare(a, b, comparison.purpose))
        if found is not None:
            yield self.at(comparison, step, found.field, found.says, found.should)

    def replies(self, rows: Iterable[Response], pairs: Iterable[Comparison], step: Step) -> Iterator[Misfit]:
        """Replies of a data set: all of one follows from its prompt and its text, and some pair has it."""
        paired = {id for pair in pairs for id in (pair.a, pair.b)}
        for row in rows:
            found = difference(row, given_reply(row.prompt, row.text))
            if found is not None:
                yield self.at(row, step, found.field, found.says, found.should)
            elif row.id not in paired:
                yield self.at(row, step, "row", "a reply", "no reply: no pair of the step has it")

    def keys(self, row: Record, step: Step, worker: KeptWorker) -> Iterator[Misfit]:
        """The keys that the worker found wrong since it was last asked."""
        for says, should in worker.wrong:
            yield self.at(row, step, "key", says, should)
        worker.wrong.clear()
        for error in worker.spoiled:
            yield self.spoiled(error)
        worker.spoiled.clear()

    def unkept(self, row: Record, step: Step, error: Exception) -> Misfit:
        """A row whose answer is not kept."""
        if isinstance(error, SpoiledAnswerError):
            return self.spoiled(error)
        key = getattr(error, "key", "")
        should = "the key of an answer that the ledger keeps" if key else "a key for every question that was asked"
        return self.at(row, step, "key", key or "nothing", should)

    def spoiled(self, error: SpoiledAnswerError) -> Misfit:
        """An answer that is kept and is none, by the key under which it is kept."""
        return self.of("answer", error.key, error.field, error.says, error.should)

    def at(self, row: Record, step: Step, field: str, says: str, should: str) -> Misfit:
        """A misfit of a row that stands in the ledger."""
        id = getattr(row, "id", None) or getattr(row, "comparison", None) or str(getattr(row, "prompt", ""))
        place = self._place(row, step)
        return Misfit(
            file=self.file, row=place, kind=type(row).__name__, id=id, field=field, says=shown(says),
            should=shown(should),
        )  # fmt: skip

    def of(self, kind: str, id: str, field: str, says: str, should: str) -> Misfit:
        """A misfit that no row stands for."""
        return Misfit(
            file=self.file, row=0, kind=kind, id=id, field=field, says=shown(says), should=shown(should)
        )  # fmt: skip

    def _place(self, row: Record, step: Step) -> int:
        """Looked up only where something does not fit."""
        rows: Iterable[Record] = self.history.ledger.read(self.history.run, type(row), step)
        return next((n for n, kept in enumerate(rows, 1) if kept == row), 0)
