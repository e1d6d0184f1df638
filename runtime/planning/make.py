"""From a run file and the ledger at hand to a plan: the run's own steps, over the ledger, with nobody to answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from constitution_lang.diff.compare import diff
from constitution_lang.ir.codec import BundleError, loads
from constitution_lang.ir.model import Bundle
from runtime.engines.choose import open_engine
from runtime.ledger.runs import Step
from runtime.ledger.store import Ledger
from runtime.opening import Prepared
from runtime.planning.costs import Measured
from runtime.planning.model import Plan
from runtime.planning.overlay import Overlay
from runtime.planning.session import Faces, PlanningSession, PlanningTrainers
from runtime.planning.work import Before, stage_works, training_works
from runtime.progress import SilentProgress
from runtime.records import CaseRecord, PromptCut, Response
from runtime.run import execute
from runtime.session import Engines

__all__ = ["make_plan"]


@dataclass(frozen=True)
class _Since:
    """The version that a plan is compared with, and the run that has what it made."""

    says: str
    bundle: Bundle
    run: str


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
    measured, overlay, notes = Measured.of(kept), Overlay(kept), list[str]()
    checkpoints = prepared.folder / "checkpoints"
    faces = Faces(prepared.config.engine, open_engine, prepared.inputs.policy, checkpoints)
    before = None if kept is None else _latest(kept, notes)
    cases = {} if kept is None or before is None else {c.prompt: c for c in kept.read(before.run, CaseRecord)}

    def go(run: Prepared) -> PlanningSession:
        engines = Engines(run.config.engine, faces.open, run.identity)
        session = PlanningSession(
            run.config, run.bundle, overlay, run.manifest.id, run.folder, engines, PlanningTrainers(faces),
            SilentProgress(), lambda _: None, publishes=False, overlay=overlay, cases_before=cases,
            tokens_expected=lambda step, engine: measured.length(step, engine.model, engine.kin),
        )  # fmt: skip
        execute(session, run.inputs)
        return session

    if against is not None:
        name, bundle = against
        first = prepared.under(bundle)
        go(first)
        overlay.tallies.clear()
        overlay.trainings.clear()
        overlay.made_in.clear()
        before = _Since(f"{bundle.name} {bundle.version} at {name}, as if it had been run", bundle, first.manifest.id)
    session = go(prepared)
    called = _called(prepared)
    measured.names |= {model: called.get(path, Path(path).name) for model, path in faces.models().items()}
    measured.names |= {prepared.identity(path): name for path, name in called.items()}
    difference = None if before is None else diff(before.bundle, prepared.bundle)
    store = overlay if against is not None else kept
    earlier = None if before is None or store is None else Before.of(store, before.bundle, before.run)
    if session.guessed_cases:
        notes.append(
            f"the cases of {len(session.guessed_cases)} prompts are not known before they are asked for: those of the "
            "run before, or else the defaults, stand in"
        )
    notes += _cuts(session, overlay)
    if overlay.made_in:
        notes.append("an answer that comes out as it was before makes all that follows from it cheaper than this")
    return Plan(
        file=str(file),
        constitution=prepared.bundle.name,
        version=prepared.bundle.version,
        since=None if before is None else before.says,
        difference=difference,
        stages=stage_works(session, overlay, measured=measured, kin=faces.kin(), before=earlier, difference=difference),
        trainings=training_works(session, overlay, measured, earlier),
        rates=tuple(measured.used[key] for key in sorted(measured.used)),
        notes=tuple(notes),
    )


def _cuts(session: PlanningSession, overlay: Overlay) -> Iterator[str]:
    for step in overlay.steps(session.run):
        cuts = session.read(PromptCut, step)
        if cuts:
            prompts = len({cut.prompt for cut in cuts})
            yield f"{step}: {prompts} prompts are cut: the oldest turns are left out of {len(cuts)} questions"


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


def _latest(kept: Ledger, notes: list[str]) -> _Since | None:
    """The run begun last that is more than an audit; None where there is none that can be compared with."""
    runs = kept.runs()
    whole = [run for run in runs if kept.count(run.id, Response, Step.RESPOND)]
    for run in reversed(whole or runs):
        try:
            bundle = loads(run.bundle)
        except BundleError as error:
            notes.append(f"the constitution of the run before cannot be compared with: {error}")
            return None
        return _Since(f"{run.constitution} {run.version}, the latest run", bundle, run.id)
    return None
