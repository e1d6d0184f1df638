"""How far training is: steps to come, steps done, and no other library's bars. Imports no torch until asked."""

from __future__ import annotations

import contextlib
import logging
import math
import warnings
from collections.abc import Callable, Iterator

from runtime.config import PolicyConfig, TrainConfig
from runtime.records import TrainedKind, TrainingStep
from runtime.training.errors import TrainingError

__all__ = ["OnStep", "checked_step", "quiet", "steps_total"]

OnStep = Callable[[TrainingStep], None]
_VITAL = ("loss", "grad_norm", "kl", "reward")


def steps_total(config: TrainConfig | PolicyConfig, rows: int, processes: int = 1) -> int:
    """How many steps training on `rows` rows will report.

    For PPO, RLOO and GRPO a step is a batch of rollouts with all updates made on it.
    """
    if isinstance(config, PolicyConfig):
        return config.steps
    batches = math.ceil(rows / (config.batch_rows * processes))
    per_epoch = max(1, math.ceil(batches / config.accumulate))
    total = math.ceil(config.epochs * per_epoch)
    return total if config.steps_max is None else min(total, config.steps_max)


def checked_step(trainer: TrainedKind, step: int, metrics: dict[str, float]) -> TrainingStep:
    """The step as a record, its metrics by name. A side metric that has no value (0/0, say) is left out.

    Raises:
        TrainingError: A loss, gradient, KL or reward is not a finite number, so the weights are lost.
    """
    for name, value in metrics.items():
        if not math.isfinite(value) and name.startswith(_VITAL):
            raise TrainingError(
                f"{trainer.value}: {name} is {value} at step {step}",
                "lower the learning rate; what was trained before this stage is kept",
            )
    finite = sorted((name, value) for name, value in metrics.items() if math.isfinite(value))
    return TrainingStep(trainer=trainer, step=step, metrics=tuple(finite))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no notes of the training libraries in here; their warnings still come through."""
    import datasets
    import transformers

    bars = (datasets.are_progress_bars_disabled(), transformers.utils.logging.is_progress_bar_enabled())
    levels = {name: logging.getLogger(name).level for name in ("transformers", "trl", "accelerate", "datasets", "peft")}
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    for name in levels:
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # Said once for every process without a GPU.
        warnings.filterwarnings("ignore", message=".*pin_memory.*")
        # TRL sets the old name by itself, so setting the new one alone would leave it on.
        warnings.filterwarnings("ignore", message=".*gradient_checkpointing. is deprecated", category=FutureWarning)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
            if not bars[0]:
                datasets.enable_progress_bars()
            if bars[1]:
                transformers.utils.logging.enable_progress_bar()
