"""What a launcher starts, in each of its processes: one training, as its job says.

accelerate launch --num_processes 2 -m runtime.training.launched FOLDER
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from runtime.config import DpoConfig, PreferenceModelConfig, SftConfig, read_policy_config
from runtime.records import Checkpoint, PreferenceRow, PromptRecord, SftRow, TrainingStep
from runtime.training.errors import TrainingError
from runtime.training.jobs import Fault, JobFiles, LaunchedJob, Trained
from runtime.training.progress import OnStep

__all__ = ["main"]


def main(folder: Path) -> int:
    """Do the job in `folder`; the first process reports. Returns the exit code."""
    files = JobFiles(folder)
    first = os.environ.get("RANK", "0") == "0"

    def on_step(step: TrainingStep) -> None:
        if first:
            files.report(step)

    try:
        checkpoint = _train(files.read(), on_step)
    except TrainingError as error:
        if first:
            files.fail(Fault(str(error), error.remedy))
        return 1
    if first:
        files.finish(checkpoint)
    return 0


def _train(job: LaunchedJob, on_step: OnStep) -> Checkpoint:
    base, out, decode = Path(job.base), Path(job.out), msgspec.msgpack.decode
    if job.trained is Trained.SFT:
        from runtime.training.sft import train_sft

        return train_sft(
            SftConfig.model_validate_json(job.config), decode(job.rows, type=list[SftRow]), base, out,
            seed=job.seed, provenance=job.provenance, on_step=on_step,
        )  # fmt: skip
    if job.trained is Trained.PREFERENCE_MODEL:
        from runtime.training.preference_model import train_preference_model

        return train_preference_model(
            PreferenceModelConfig.model_validate_json(job.config), decode(job.rows, type=list[PreferenceRow]),
            base, out, seed=job.seed, provenance=job.provenance, on_step=on_step,
        )  # fmt: skip
    if job.trained is Trained.DPO:
        from runtime.training.dpo import train_dpo

        return train_dpo(
            DpoConfig.model_validate_json(job.config), decode(job.rows, type=list[PreferenceRow]), base, out,
            seed=job.seed, provenance=job.provenance, on_step=on_step,
        )  # fmt: skip
    from runtime.training.policy import train_policy

    return train_policy(
        read_policy_config(job.config), decode(job.rows, type=list[PromptRecord]), base,
        Path(job.preference_model or ""), out, seed=job.seed, provenance=job.provenance, on_step=on_step,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
