"""From a run file and the ledger at hand to a plan: the run's own steps, over the ledger, with nobody to answer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from constitution_lang.diagnostics.numbers import number_of
from constitution_lang.diff.compare import diff
from constitution_lang.diff.model import Difference
from constitution_lang.ir.model import Bundle
from runtime.engines.choose import open_engine
from runtime.ledger.store import Ledger
from runtime.opening import Prepared
from runtime.planning.before import Before
from runtime.planning.bound import FOLLOWS_FROM_CASES, bound_of
from runtime.planning.costs import Measured
from runtime.planning.model import Bound, Plan, StageWork, TrainingWork
from runtime.planning.overlay import Overlay
from runtime.planning.session import Faces, PlanningSession, PlanningTrainers
from runtime.planning.since import Since, latest
from runtime.planning.work import stage_works, training_works
from runtime.progress import SilentProgress
from runtime.records import CaseRecord, PromptCut
from runtime.run import execute
from runtime.session import Engines

__all__ = ["make_plan"]


def make_plan(file: Path, prepared: Prepared, against: tuple[str, Bundle] | None = None) -> Plan:
    """What the run would do. The ledger's file is only read.

    Args:
        file: the run file, for the plan to name.
        prepared: the run.
        against: a version of the constitution, with what to call it: the plan begins where a run of it has ended.

    Raises:
        EngineError, DataError, NothingToDoError, LedgerError: as the run itself would.
    """
    kept = Ledger.open(prepared.ledger, read_only=True) if prepared.ledger.is_file() else None
    try:
        return _plan(file, prepared, kept, against)
    finally:
        if kept is not None:
            kept.close()


def _plan(file: Path, prepared: Prepared, kept: Ledger | None, against: tuple[str, Bundle] | None) -> Plan:
    notes = list[str]()
    before = None if kept is None else latest(kept, prepared, notes)
    cases = {} if kept is None or before is None else {c.prompt: c for c in kept.read(before.run, CaseRecord)}
    walk = _Walk(prepared, kept, Measured.of(kept), cases)
    if against is not None:
        name, bundle = against
        first = prepared.under(bundle)
        walk.go(first)
        walk.settle()
        done = frozenset(walk.overlay.steps(first.manifest.id))
        before = Since(
            f"{bundle.name} {bundle.version} at {name}, as if it had been run", bundle, first.manifest.id, done
        )
    session = walk.go(prepared)
    difference = None if before is None else diff(before.bundle, prepared.bundle)
    store = walk.overlay if against is not None else kept
    earlier = None if before is None or store is None else Before.of(store, before)
    stages, trainings = walk.works(session, earlier, difference)
    at_most = None
    if session.guessed_cases:
        at_most = _bound(prepared, kept, None if against is None else against[1], cases, session.guessed_cases)
        notes.append(
            f"the cases of {number_of(len(session.guessed_cases), 'prompts')} are not known before they are asked for: "
            "those of the run before, or else the defaults, stand in. Where one comes out otherwise, so do its draws "
            f"and all that follows, up to {at_most.calls} calls and all trainings"
        )
    notes += _cuts(session, walk.overlay)
    if walk.overlay.made_in:
        notes.append("an answer that comes out as it was before makes all that follows from it cheaper than this")
    return Plan(
        file=str(file),
        constitution=prepared.bundle.name,
        version=prepared.bundle.version,
        since=None if before is None else before.says,
        difference=difference,
        stages=stages,
        trainings=trainings,
        rates=tuple(walk.measured.used[key] for key in sorted(walk.measured.used)),
        notes=tuple(notes),
        at_most=at_most,
    )


def _bound(
    prepared: Prepared,
    kept: Ledger | None,
    first: Bundle | None,
    cases: Mapping[str, CaseRecord],
    guessed: Collection[str],
) -> Bound:
    """The most that the run asks: what follows from cases is gone through as if nothing of it were known."""
    walk = _Walk(prepared, kept, Measured.of(kept), cases)
    if first is not None:
        walk.go(prepared.under(first))
        walk.settle()
    walk.overlay.forget(FOLLOWS_FROM_CASES)
    session = walk.go(prepared)
    return bound_of(session, walk.works(session, None, None)[0], guessed)


class _Walk:
    """A way through the run's steps over a ledger. `settle` ends one run, which the next then finds done."""

    def __init__(
        self, prepared: Prepared, kept: Ledger | None, measured: Measured, cases: Mapping[str, CaseRecord]
    ) -> None:
        self.overlay = Overlay(kept)
        self.measured = measured
        self._prepared = prepared
        self._cases = cases
        engine, policy = prepared.config.engine, prepared.inputs.policy
        self._faces = Faces(engine, open_engine, policy, prepared.folder / "checkpoints")

    def go(self, run: Prepared) -> PlanningSession:
        """Through all steps."""
        engines = Engines(run.config.engine, self._faces.open, run.identity)
        session = PlanningSession(
            run.config, run.bundle, self.overlay, run.manifest.id, run.folder, engines, PlanningTrainers(self._faces),
            SilentProgress(), lambda _: None, publishes=False, overlay=self.overlay, cases_before=self._cases,
            tokens_expected=lambda step, engine: self.measured.length(step, engine.model, engine.kin),
        )  # fmt: skip
        execute(session, run.inputs)
        called = _called(self._prepared)
        named = {model: called.get(path, Path(path).name) for model, path in self._faces.models().items()}
        self.measured.names |= named | {self._prepared.identity(path): name for path, name in called.items()}
        return session

    def settle(self) -> None:
        """What was planned counts as done from now on."""
        self.overlay.tallies.clear()
        self.overlay.trainings.clear()
        self.overlay.made_in.clear()

    def works(
        self, session: PlanningSession, earlier: Before | None, difference: Difference | None
    ) -> tuple[tuple[StageWork, ...], tuple[TrainingWork, ...]]:
        """What the steps of a walk amount to."""
        stages = stage_works(
            session, self.overlay, measured=self.measured, kin=self._faces.kin(), before=earlier, difference=difference
        )
        return stages, training_works(session, self.overlay, self.measured, earlier, difference)


def _cuts(session: PlanningSession, overlay: Overlay) -> Iterator[str]:
    for step in overlay.steps(session.run):
        cuts = session.read(PromptCut, step)
        if cuts:
            prompts = len({cut.prompt for cut in cuts})
            cut = f"{number_of(prompts, 'prompts')} {'is' if prompts == 1 else 'are'} cut"
            yield f"{step}: {cut}: the oldest turns are left out of {number_of(len(cuts), 'questions')}"


def _called(prepared: Prepared) -> dict[str, str]:
    """What the run file calls the models that it names, by what engines open for them."""
    named, inputs = prepared.config.models, prepared.inputs
    critic = named.critic or named.policy
    return {
        inputs.preference_base: named.preference or named.policy,
        inputs.feedback: named.feedback or critic,
        inputs.critic: critic,
        inputs.policy: named.policy,
    }
