"""What a plan is compared with: the last run that has ended, or one that has not where none has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from constitution_lang.ir.codec import BundleError, loads
from constitution_lang.ir.model import Bundle
from runtime.ledger.runs import RunManifest, Step, StepId
from runtime.ledger.store import Ledger
from runtime.opening import Prepared
from runtime.records import Response

__all__ = ["Since", "latest", "others_of"]

_POLICIES = 4
"""The base and the three that are trained: each has a step of answers and one of their judgement."""


@dataclass(frozen=True)
class Since:
    """The version that a plan is compared with, and the run that has what it made.

    `done` are the steps that it came to the end of. `others` names what, beside the constitution, is not that of the
    plan; it is asked for only where it is wanted, as it goes through all prompts.
    """

    says: str
    bundle: Bundle
    run: str
    done: frozenset[StepId]
    ended: bool = True
    others: Callable[[], tuple[str, ...]] = tuple

    @cached_property
    def other_inputs(self) -> tuple[str, ...]:
        """Which of data, models and settings are not those of the plan."""
        return self.others()


def latest(kept: Ledger, prepared: Prepared, notes: list[str]) -> Since | None:
    """The run begun last of those that have ended, or of all where none has; an audit alone counts least.

    None where there is none that can be compared with; why is then in `notes`.
    """
    runs = kept.runs()
    done = {run.id: frozenset(kept.steps(run.id)) for run in runs}
    ended = [run for run in runs if _has_ended(run, done[run.id])]
    whole = [run for run in runs if kept.count(run.id, Response, Step.RESPOND)]
    if not runs:
        return None
    run = (ended or whole or runs)[-1]
    try:
        bundle = loads(run.bundle)
    except BundleError as error:
        notes.append(f"the constitution of the run before cannot be compared with: {error}")
        return None
    since = runs[runs.index(run) + 1 :]
    stopped = any(StepId(Step.AUDIT) not in done[other.id] for other in since)  # and no audit alone
    which = "the latest run" if ended else "a run that has not ended"
    if ended and stopped:
        which = "the latest run that has ended"
        notes.append("a run that was begun since then has not ended; what it was answered is known")
    return Since(
        f"{run.constitution} {run.version}, {which}",
        bundle,
        run.id,
        done[run.id],
        bool(ended),
        lambda: tuple(others_of(prepared, run)),
    )


def others_of(prepared: Prepared, run: RunManifest) -> Iterator[str]:
    """Which of data, models and settings of a run are not those of the one that is prepared."""
    if not prepared.is_on_the_data_of(run):
        yield "data"
    if prepared.manifest.models != run.models:
        yield "models"
    if _settings(prepared.manifest) != _settings(run):
        yield "settings"


def _has_ended(run: RunManifest, done: Iterable[StepId]) -> bool:
    """Whether it came to its last step."""
    settings, wanted = _settings(run), {StepId(Step.POLICY)}
    if settings.get("prompts", {}).get("evaluation"):
        wanted.add(StepId(Step.EVALUATE, 2 * _POLICIES - 1))
    if settings.get("audit", {}).get("human"):
        wanted.add(StepId(Step.AUDIT))
    return wanted <= set(done)


def _settings(run: RunManifest) -> dict[str, dict[str, object]]:
    """What the run file said, but for where the constitution lies."""
    settings: dict[str, dict[str, object]] = json.loads(run.config)
    settings.pop("constitution", None)
    return settings
