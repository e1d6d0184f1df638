"""The marks of a run's steps: each says from what the step was done, and all of that is in the ledger.

The run's own steps are gone through once more, over its rows as they stand. Nothing is asked, made or written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import chain
from pathlib import Path

from msgspec.structs import replace

from runtime.engines.base import ChatTokenizer, Engine, EngineError
from runtime.ledger.runs import Step, StepId
from runtime.progress import SilentProgress
from runtime.provenance.checks import Checks
from runtime.provenance.history import History
from runtime.provenance.misfits import Misfit
from runtime.provenance.prompt_checks import PromptChecks
from runtime.provenance.replay import PAIR_POLICY
from runtime.provenance.shelved import shelve
from runtime.records import (
    Checkpoint,
    Label,
    PromptCut,
    PromptRecord,
    Record,
    Response,
    Revision,
    SftSource,
    identify,
)
from runtime.run import execute
from runtime.session import Engines, NothingToDoError, Session
from runtime.steps import revision
from runtime.steps.inputs import Inputs, PeoplesPair
from runtime.trainers import Job, RehearsedTrainers

__all__ = ["StepChecks", "marked_by_another"]

_PACKAGE = "constitution-compiler"
_UNCHECKED = frozenset({Step.DATA, Step.AUDIT})
"""The data's mark is held against the prompts; the audit's is of people's choices, which the ledger does not keep."""


def marked_by_another(history: History) -> str:
    """The version of this package that marked the steps, where that is another one than this; else empty.

    What a step is made from may be another thing in another version, and so may its mark.
    """
    marked = dict(history.manifest.versions).get(_PACKAGE, "")
    return "" if marked == version(_PACKAGE) else marked or "an unknown version"


class StepChecks(Checks):
    """Whether each step was done from the rows that stand before it. Only for a run whose rows fit."""

    def misfits(self) -> Iterator[Misfit]:
        """The steps whose mark is another one, in their order."""
        history = self.history
        yield from PromptChecks(history, self.replay, self.cuts, self.task).marked()
        moved = next(chain(self._moved_revision(), self._moved_label()), None)
        if moved is not None:
            yield moved
            return  # a run reads its rows in the order in which it wrote them
        inputs, session = _inputs(history), _session(history)
        try:
            if history.ledger.count(history.run, Response, Step.RESPOND):
                execute(session, inputs)
            else:
                revision.tag_prompts(session, inputs)
        except (_EndedError, NothingToDoError):
            pass  # the run was stopped here
        for step, (says, should) in session.wrong.items():
            yield self.of("step", str(step), "fingerprint", says, f"{should}, which is of the rows before it")

    def _moved_revision(self) -> Iterator[Misfit]:
        """Revisions that do not stand in the order of the answers."""
        history = self.history
        for r in range(history.bundle.revision.rounds):
            prompts = iter(history.answers)
            at = None
            for row in history.ledger.each(history.run, Revision, StepId(Step.REVISE, r)):
                while at != row.prompt:
                    at = next(prompts, None)
                    if at is None:
                        says = f"a row of round {r} after those of later prompts"
                        yield self.at(row, Step.REVISE, "order", says, "the order of the prompts' answers")
                        return

    def _moved_label(self) -> Iterator[Misfit]:
        """Labels that do not stand in the order of the pairs."""
        history = self.history
        labels = history.ledger.each(history.run, Label, StepId(Step.LABEL))
        for label, pair in zip(labels, history.pairs, strict=False):
            if label.comparison != pair.id:
                yield self.at(label, Step.LABEL, "order", "the label of another pair", f"that of {pair.id}")
                return


class _EndedError(Exception):
    """The run has done no more."""


@dataclass(frozen=True)
class _KeptInputs(Inputs):
    """What a run began with, as far as its ledger has it. Models are called by their roles."""

    kept: Mapping[str, PromptRecord] = field(default_factory=dict)
    asked_for: Sequence[PromptRecord] = ()

    @property
    def prompts(self) -> Mapping[str, PromptRecord]:
        """Those of the data step."""
        return self.kept

    @property
    def tagged(self) -> Sequence[PromptRecord]:
        """Those that have a case."""
        return self.asked_for


@dataclass
class _Retraced(Session):
    """A run that is gone through once more. `wrong` are the marks that do not fit: what they say and should say."""

    marks: Mapping[tuple[str, int], str] = field(default_factory=dict)
    checkpoints: Mapping[Step, Checkpoint] = field(default_factory=dict)
    wrong: dict[StepId, tuple[str, str]] = field(default_factory=dict)

    def step(self, step: StepId, inputs: Sequence[object], make: Callable[[], Iterable[Record]]) -> str:
        """Compare the step's mark; its rows are there."""
        del make
        fingerprint = identify("step", str(step), *inputs)
        self._compare(step, fingerprint)
        return fingerprint

    def train(
        self,
        step: StepId,
        inputs: Sequence[object],
        total: int,
        train: Callable[[Job], Checkpoint],
        *,
        tokens: Callable[[ChatTokenizer], int],
        base: Path,
        kin: str,
        name: str,
        rows: Sequence[str],
    ) -> Checkpoint:
        """Compare the training's mark; its checkpoint is recorded."""
        del total, train, tokens, base, kin, name, rows
        self._compare(step, identify("step", str(step), *inputs))
        if step.step not in self.checkpoints:
            raise _EndedError
        return self.checkpoints[step.step]

    def _compare(self, step: StepId, fingerprint: str) -> None:
        if step.step in _UNCHECKED:
            return
        says = self.marks.get((step.step.value, step.round))
        if says is None:
            raise _EndedError
        cut = next(iter(self.each(PromptCut, step)), None) is not None
        should = self._with_cuts(fingerprint) if cut else fingerprint
        if says != should:
            self.wrong[step] = says, should


def _inputs(history: History) -> _KeptInputs:
    ledger, run = history.ledger, history.run
    evaluated = ledger.each(run, Response, StepId(Step.EVALUATE, 0))
    return _KeptInputs(
        train=history.train,
        evaluation=history.prompts.pick(row.prompt for row in evaluated),
        demonstrations=shelve(PromptRecord, _demonstrations(history)),
        human=list(_peoples(history)),
        audit=(),
        policy="policy",
        critic="critic",
        feedback="feedback",
        preference_base="preference model's base",
        pair_policy=None if history.config.pair.policy is None else PAIR_POLICY,
        kept=history.prompts,
        asked_for=history.prompts.pick(history.cases),
    )


def _demonstrations(history: History) -> Iterator[PromptRecord]:
    """Those that a run trained on: of a conversation that stands elsewhere too, the prompt's own row may be another."""
    for row in history.sft:
        if row.source is SftSource.DEMONSTRATION:
            yield replace(history.prompts[row.prompt], demonstration=row.completion)


def _peoples(history: History) -> Iterator[PeoplesPair]:
    for comparison in history.peoples_pairs:
        sides = history.peoples_sides[comparison.a], history.peoples_sides[comparison.b]
        label = history.labels[comparison.id]
        yield PeoplesPair(history.prompts[comparison.prompt], sides, comparison, label)


def _session(history: History) -> _Retraced:
    def nobody(_: object, model: str) -> Engine:
        raise EngineError(f"{model} is asked while a run is verified", "this is a fault of ours")

    identities = history.identities()
    return _Retraced(
        history.config, history.bundle, history.ledger, history.run, history.ledger.path.parent,
        Engines(history.config.engine, nobody, lambda role: identities.get(role, role)), RehearsedTrainers(),
        SilentProgress(), lambda _: None, publishes=False, marks=history.ledger.fingerprints(history.run),
        checkpoints=history.checkpoints,
    )  # fmt: skip
