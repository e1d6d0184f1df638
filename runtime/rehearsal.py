"""What the real run would cost, from the calls that its rehearsal made and the cost model of plans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from runtime.config import RunConfig
from runtime.ledger.runs import RunManifest, Step, StepTally, TrainingTally, Usage
from runtime.ledger.store import Ledger
from runtime.planning.costs import Measured
from runtime.planning.model import Cost
from runtime.steps.inputs import Inputs

__all__ = ["Expected", "expected"]

BYTES_A_TOKEN = 4.0
"""A rehearsal counts bytes; English text has about four to a token."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What each step asks, and each training sees, by step; tokens written are a bound: every answer at full length."""

    asked: Mapping[Step, Cost]
    trained: Mapping[Step, Cost]
    measured: bool


def expected(
    config: RunConfig,
    inputs: Inputs,
    tallies: Iterable[StepTally],
    trainings: Iterable[TrainingTally],
    real: Ledger | None,
) -> Expected:
    """What the run of `config` would cost.

    Args:
        config: the run file's own, with its real engine.
        inputs: those of the rehearsal, with models as they are named.
        tallies: what the rehearsal asked.
        trainings: what it trained, in bytes.
        real: the ledger of real runs, where there is one: their speeds are gone by, model for model.
    """
    measured = Measured.of(real)
    models = _models(inputs, real.runs() if real is not None else [])
    limits = {
        Step.RESPOND: config.respond.tokens_max,
        Step.REVISE: _mean_limit(config),
        Step.PAIR: config.pair.tokens_max,
        Step.LABEL: config.label.reasoning_tokens_max,
        Step.AUDIT: config.label.reasoning_tokens_max,
        Step.EVALUATE: config.evaluation.tokens_max,
    }
    asked: dict[Step, Cost] = {}
    for entry in tallies:
        step, tally = entry.step.step, entry.tally
        weights = models.get(tally.model.rpartition("/")[2], models["policy"])
        kin = next((name for name, _ in measured.speeds if weights and name.startswith(weights)), weights)
        most = round(tally.generate.calls * limits.get(step, 0))
        cost = measured.cost(kin, replace(_in_tokens(tally.generate), new_tokens=most), _in_tokens(tally.choose))
        asked[step] = asked.get(step, Cost()) + cost
    trained = {}
    for training in trainings:
        step, tokens = training.step.step, round(training.tokens / BYTES_A_TOKEN)
        weights = models["preference_base" if step is Step.PREFERENCE_MODEL else "policy"]
        trained[step] = Cost(prompt_tokens=tokens, seconds=measured.training_seconds(step, weights, tokens))
    return Expected(asked, trained, all(rate.measured for rate in measured.used.values()))


def _models(inputs: Inputs, runs: list[RunManifest]) -> dict[str, str]:
    """Identities of weights by the name that the scripted engine knows a model by; those of the real run begun last."""
    known = dict(runs[-1].models) if runs else {}
    found = {"policy": known.get("policy", ""), "preference_base": known.get("preference model's base", "")}
    for role in ("policy", "critic", "feedback"):
        found[Path(getattr(inputs, role)).name] = known.get(role, "")
    return found


def _in_tokens(usage: Usage) -> Usage:
    return replace(usage, prompt_tokens=round(usage.prompt_tokens / BYTES_A_TOKEN))


def _mean_limit(config: RunConfig) -> float:
    limits = [config.revision.revision_tokens_max]
    if config.revision.critique:
        limits.append(config.revision.critique_tokens_max)
    return sum(limits) / len(limits)
