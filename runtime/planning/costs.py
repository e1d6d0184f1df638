"""The cost model: from what was measured to what is expected. Rehearsals and plans share it.

A model's speed is one number for writing (tokens a second, the reading before it included) and one for choosing
(tokens read a second). A policy is as fast as the model that it was trained from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from runtime.ledger.runs import Operation, Speed, Step, Usage, Written
from runtime.ledger.store import Ledger
from runtime.planning.model import Cost, Rate

__all__ = ["Measured"]

# Tokens a second of a 135 M model on two CPU cores, for where nothing has been measured.
_GUESSED = {Operation.GENERATE: 110.0, Operation.CHOOSE: 700.0}
_GUESSED_TRAINING = 200.0
_GUESS = "guessed: as of a 135 M model on two CPU cores, since no run has measured it here"
_OTHER = "measured on another model here"


@dataclass
class Measured:
    """Speeds and lengths that a ledger has measured.

    `used` are the speeds that were asked for; in them `names` stand for the identities of models.
    """

    speeds: Mapping[tuple[str, Operation], float] = field(default_factory=dict)
    training: Mapping[tuple[Step, str], float] = field(default_factory=dict)
    lengths: Mapping[tuple[Step, str], float] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    used: dict[tuple[str, str], Rate] = field(default_factory=dict)

    @staticmethod
    def of(ledger: Ledger | None) -> Measured:
        """All that the runs of a ledger have measured."""
        if ledger is None:
            return Measured()
        return Measured(
            {(s.model, s.operation): _rate(s) for s in ledger.speeds()},
            {(s.step, s.model): s.token_rate for s in ledger.training_speeds()},
            _means(ledger.written()),
        )

    def length(self, step: Step, model: str, kin: str) -> float | None:
        """Tokens of a mean answer of a model, else of its kin, else of any model in this step."""
        for name in (model, kin, ""):
            if (step, name) in self.lengths:
                return self.lengths[step, name]
        return None

    def cost(self, kin: str, generate: Usage, choose: Usage) -> Cost:
        """What some requests to a model cost that is as fast as `kin`."""
        seconds = 0.0
        if generate.calls:
            seconds += generate.new_tokens / self._rate(kin, Operation.GENERATE)
        if choose.calls:
            seconds += choose.prompt_tokens / self._rate(kin, Operation.CHOOSE)
        return Cost(
            calls=generate.calls + choose.calls,
            prompt_tokens=generate.prompt_tokens + choose.prompt_tokens,
            new_tokens=generate.new_tokens,
            seconds=seconds,
        )

    def training_seconds(self, step: Step, model: str, tokens: int) -> float:
        """How long a training takes that sees so many tokens."""
        rate, source = self.training.get((step, model)), "measured here"
        if rate is None:
            others = [r for (s, _), r in self.training.items() if s is step]
            rate, source = (others[0], _OTHER) if others else (_GUESSED_TRAINING, _GUESS)
        measured = source != _GUESS
        name = self.names.get(model, model)
        self.used[model, step.value] = Rate(
            model=name, of=step.value, token_rate=rate, measured=measured, source=source
        )
        return tokens / rate

    def _rate(self, model: str, operation: Operation) -> float:
        rate, source = self.speeds.get((model, operation)), "measured here"
        if rate is None:
            rate, source = _GUESSED[operation], _GUESS
        of = "written" if operation is Operation.GENERATE else "chosen"
        self.used[model, of] = Rate(
            model=self.names.get(model, model), of=of, token_rate=rate, measured=source != _GUESS, source=source
        )
        return rate


def _rate(speed: Speed) -> float:
    rate = speed.new_token_rate if speed.operation is Operation.GENERATE else speed.prompt_token_rate
    return max(rate, 1e-6)


def _means(written: Iterable[Written]) -> dict[tuple[Step, str], float]:
    """Tokens of a mean answer by step and model; under no model, those of all together."""
    totals: dict[tuple[Step, str], tuple[int, int]] = {}
    for row in written:
        for name in (row.model, ""):
            calls, tokens = totals.get((row.step, name), (0, 0))
            totals[row.step, name] = calls + row.calls, tokens + row.new_tokens
    return {key: tokens / calls for key, (calls, tokens) in totals.items()}
