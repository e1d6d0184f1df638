"""What every TRL trainer is told alike: no bars, no reports, no checkpoints of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from runtime.records import TrainedKind
from runtime.training.gathering import shares_out_weights
from runtime.training.models import computes_bfloat16, has_gpu
from runtime.training.progress import OnStep, checked_step

if TYPE_CHECKING:
    from transformers import Trainer

__all__ = ["StepLog", "processes", "run_trainer", "trainer_arguments"]

_NOT_METRICS = frozenset({"epoch"})


def processes() -> int:
    """How many processes `accelerate launch` or `torchrun` started; 1 without them."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def trainer_arguments(
    *, work: str, steps: int, seed: int, learning_rate: float, batch_rows: int, accumulate: int = 1
) -> dict[str, Any]:
    """Arguments common to all TRL configurations.

    bf16 and gradient checkpointing are set because TRL would switch both on by itself. `max_steps` is the number
    that `steps_total` announced. The learning rate falls linearly to 0.
    """
    return {
        "output_dir": work,
        "max_steps": steps,
        "per_device_train_batch_size": batch_rows,
        "gradient_accumulation_steps": accumulate,
        "learning_rate": learning_rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": 0,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "bf16": computes_bfloat16() and (has_gpu() or not shares_out_weights()),
        "gradient_checkpointing": False,
        "seed": seed,
        "data_seed": seed,
        # Told to use the CPU, accelerate shares out no weights, whatever its launcher was told.
        "use_cpu": not has_gpu() and not shares_out_weights(),
        "ddp_backend": "gloo" if processes() > 1 and not has_gpu() else None,
        "dataloader_pin_memory": has_gpu(),
        "save_strategy": "no",
        "eval_strategy": "no",
        "report_to": "none",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "push_to_hub": False,
    }


class StepLog:
    """Passes what a trainer logs at each step to `on_step`, and keeps the last.

    `names` are ours for metrics that TRL calls otherwise.
    """

    def __init__(self, kind: TrainedKind, on_step: OnStep, *, names: Mapping[str, str] | None = None) -> None:
        self._kind = kind
        self._names = names or {}
        self._on_step = on_step
        self.final: dict[str, float] = {}

    def callback(self) -> Any:  # noqa: ANN401  # transformers is imported late
        """A TrainerCallback."""
        from transformers import TrainerCallback

        take = self._take

        class _Callback(TrainerCallback):  # type: ignore[misc]  # the library is untyped here
            def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ANN401, ARG002
                # The summary at the end of training has no loss of a step.
                if state.is_world_process_zero and logs and "loss" in logs:
                    take(state.global_step, logs)

        return _Callback()

    def _take(self, step: int, logs: dict[str, Any]) -> None:
        metrics = {
            self._names.get(name, name): float(value)
            for name, value in logs.items()
            if isinstance(value, int | float) and name not in _NOT_METRICS
        }
        record = checked_step(self._kind, step, metrics)
        self.final = dict(record.metrics)
        self._on_step(record)


def run_trainer(make: Callable[[list[Any]], Trainer], log: StepLog) -> Trainer:
    """Make the trainer with the callbacks it gets, take its own printing away, and train."""
    from transformers import PrinterCallback

    trainer = make([log.callback()])
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return trainer
