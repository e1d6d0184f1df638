"""What the real run would cost, from the calls that its rehearsal made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.config import RunConfig, TrainConfig
from runtime.ledger.runs import Operation, Speed, Step, StepTally
from runtime.ledger.store import Ledger
from runtime.records import TrainingStep

__all__ = ["Cost", "costs", "measured_speeds"]

# Tokens per second of a 135 M model on two CPU cores, for where nothing has been measured. Rough: see the run's own.
NEW_RATE = 110.0
PROMPT_RATE = 700.0
TRAINED_RATE = 200.0

BYTES_A_TOKEN = 4.0
"""A rehearsal counts bytes; English text has about four to a token."""


@dataclass(frozen=True, slots=True)
class Cost:
    """A step's cost. `new_tokens` is a bound: every completion at its full length."""

    step: str
    calls: int
    prompt_tokens: int
    new_tokens: int
    seconds: float


def costs(
    config: RunConfig,
    tallies: Iterable[StepTally],
    steps: Sequence[TrainingStep],
    speeds: Sequence[Speed],
) -> list[Cost]:
    """One row per step that asks a model or trains one, in their order."""
    new_rate, prompt_rate = _rate(speeds, Operation.GENERATE), _rate(speeds, Operation.CHOOSE)
    limits = {
        Step.RESPOND: config.respond.tokens_max,
        Step.REVISE: _mean_limit(config),
        Step.PAIR: config.pair.tokens_max,
        Step.LABEL: config.label.reasoning_tokens_max,
        Step.AUDIT: config.label.reasoning_tokens_max,
        Step.EVALUATE: config.evaluation.tokens_max,
    }
    found: dict[str, Cost] = {}
    for entry in tallies:
        step = entry.step.step
        writes, chooses = entry.tally.generate, entry.tally.choose
        new = round(writes.calls * limits.get(step, 0))
        read = round((writes.prompt_tokens + chooses.prompt_tokens) / BYTES_A_TOKEN)
        before = found.get(step.value, Cost(step.value, 0, 0, 0, 0.0))
        found[step.value] = Cost(
            step.value,
            before.calls + writes.calls + chooses.calls,
            before.prompt_tokens + read,
            before.new_tokens + new,
            before.seconds + new / new_rate + read / prompt_rate,
        )
    rows = list(found.values())
    trained = {
        "sl-cai": config.sft, "preference-model": config.preference_model, "dpo": config.dpo,
    }  # fmt: skip
    counted: dict[str, int] = {}
    for row in steps:
        counted[row.trainer.value] = counted.get(row.trainer.value, 0) + 1
    for name, count in counted.items():
        tokens = count * _tokens_a_step(config, trained.get(name))
        rows.append(Cost(f"train {name}", 0, tokens, 0, tokens / TRAINED_RATE))
    return rows


def measured_speeds(folder: Path) -> list[Speed]:
    """Speeds that earlier real runs in `folder` measured; none where there was none."""
    path = folder / "ledger.sqlite"
    if not path.is_file():
        return []
    with Ledger.open(path, read_only=True) as ledger:
        return ledger.speeds()


def _rate(speeds: Sequence[Speed], operation: Operation) -> float:
    found = [s for s in speeds if s.operation is operation]
    seconds = sum(s.seconds for s in found)
    if seconds <= 0:
        return NEW_RATE if operation is Operation.GENERATE else PROMPT_RATE
    rate = sum(
        (s.new_token_rate if operation is Operation.GENERATE else s.prompt_token_rate) * s.seconds for s in found
    )
    return max(rate / seconds, 1e-6)


def _mean_limit(config: RunConfig) -> float:
    limits = [config.revision.revision_tokens_max]
    if config.revision.critique:
        limits.append(config.revision.critique_tokens_max)
    return sum(limits) / len(limits)


def _tokens_a_step(config: RunConfig, trained: TrainConfig | None) -> int:
    """Tokens that one optimiser step reads: a prompt of about sixty tokens and an answer at its full length."""
    if trained is None:
        policy = config.policy
        return policy.rollout_rows * (60 + policy.completion_tokens_max) * (1 + policy.update_epochs)
    pairs = 1 if trained is config.sft else 2
    reads = 2 if trained is config.dpo else 1  # the policy and its reference
    length = min(trained.tokens_max, 60 + config.revision.revision_tokens_max)
    return trained.batch_rows * trained.accumulate * pairs * reads * length
