"""What a plan is compared with: the last run that has ended, or one that has not where none has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from constitution_lang.ir.codec import BundleError, loads
from constitution_lang.ir.model import Bundle
from runtime.config import TooLong
from runtime.ledger.runs import RunManifest, Step, StepId
from runtime.ledger.store import Ledger
from runtime.opening import Prepared
from runtime.records import Response

__all__ = ["Since", "latest", "others_of"]

_POLICIES = 4
"""The base and the three that are trained: each has a step of answers and one of their judgement."""

_PLACES = {"constitution", "data", "url", "names", "address", "store"}
"""What a run file says of where something is: the same thing may lie elsewhere."""
_COMPUTES = ("kind", "device", "generate_dtype", "label_dtype")
"""What of the engine may change an answer. Batches do not, nor over how many machines they are spread."""


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
    if not _same(_settings(prepared.manifest), _settings(run)):
        yield "settings"


def _has_ended(run: RunManifest, done: Iterable[StepId]) -> bool:
    """Whether it came to its last step."""
    settings, wanted = _settings(run), {StepId(Step.POLICY)}
    if settings.get("prompts", {}).get("evaluation"):
        wanted.add(StepId(Step.EVALUATE, 2 * _POLICIES - 1))
    if settings.get("audit", {}).get("human"):
        wanted.add(StepId(Step.AUDIT))
    return wanted <= set(done)


def _settings(run: RunManifest) -> Any:  # noqa: ANN401 - JSON
    """What the run file said, but for the models, which have identities, and for where things lie and are computed."""
    settings = _without_places(json.loads(run.config))
    settings.pop("models", None)
    settings.get("pair", {}).pop("policy", None)
    settings["prompts"] = {"too_long": TooLong.ERROR} | settings.get("prompts", {})  # as left out of the id
    engine = settings.get("engine", {})
    settings["engine"] = {name: engine[name] for name in _COMPUTES if name in engine}
    return settings


def _without_places(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {name: _without_places(x) for name, x in value.items() if name not in _PLACES}
    return [_without_places(x) for x in value] if isinstance(value, list) else value


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether two runs say the same where both say something: a setting may be younger than a run."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(_same(one[name], other[name]) for name in one.keys() & other.keys())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
