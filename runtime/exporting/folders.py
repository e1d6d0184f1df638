"""A run's data and reward model in a folder that another trainer reads, with the line to start it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

import msgspec

from runtime.exporting.forms import openrlhf_pair, openrlhf_prompt, openrlhf_sft, verl_prompt, verl_sft
from runtime.ledger.runs import RunManifest, Step, StepId
from runtime.ledger.store import Ledger, LedgerError
from runtime.records import Checkpoint, PreferenceRow, PromptRecord, Response, SftRow

__all__ = ["Target", "export_run"]

_READ = {
    "openrlhf": """\
# For OpenRLHF

Written for OpenRLHF 0.11, from the run `{run}` under `{constitution}` {version} (meaning `{meaning}`).

    deepspeed --module openrlhf.cli.train_sft \\
      --data.dataset sft.jsonl --data.input_key messages --data.apply_chat_template …
    deepspeed --module openrlhf.cli.train_rm \\
      --data.dataset preference.jsonl --data.chosen_key chosen --data.rejected_key rejected \\
      --data.apply_chat_template …
    python3 -m openrlhf.cli.train_ppo_ray \\
      --data.prompt_dataset prompts.jsonl --data.input_key input --data.apply_chat_template \\
      --reward.model_name_or_path {reward} …

`train_dpo` takes what `train_rm` takes. OpenRLHF has no soft labels: it trains on the order of `chosen` and
`rejected`, and does not read `probability`. {about}
""",
    "verl": """\
# For verl

Written for verl 0.9, from the run `{run}` under `{constitution}` {version} (meaning `{meaning}`).

    python3 -m verl.trainer.sft_trainer data.train_files=sft.parquet data.messages_key=messages …
    python3 -m verl.trainer.main_ppo data.train_files=prompts.parquet data.prompt_key=prompt \\
      reward.reward_model.enable=True reward.reward_model.model_path={reward} \\
      reward.reward_model.rollout.name=vllm …

verl trains no preference model and nothing on pairs, so there is no file of pairs. It serves the reward model with
vLLM or SGLang, as a sequence classifier with one label, and takes the value before any activation. Early
versions say `reward_model.enable` and `reward_model.model.path`, and load the same folder as a token classifier.
{about}
""",
}

_HEAD = "The reward model's head is called `score`, as in transformers."
_NO_MODEL = (
    "**There is no reward model here:** this run has trained none whose weights are kept. Put one of your own for "
    "`YOUR-REWARD-MODEL`, or let the run train its preference model and export it again."
)


class Target(StrEnum):
    """Whose files are written."""

    OPENRLHF = "openrlhf"
    VERL = "verl"


def export_run(ledger: Ledger, run: RunManifest, folder: Path, target: Target, out: Path) -> list[str]:
    """Write a run's rows, prompts and reward model to `out`, whole or not at all; returns what was written.

    Args:
        ledger: The run's.
        run: Which of its runs.
        folder: The run's folder, where its checkpoints lie.
        target: Who will read it.
        out: The folder to make; it must not exist, or be empty.

    Raises:
        LedgerError: The run has no rows yet, or `out` is a file or holds something.
    """
    if out.exists() and not out.is_dir():
        raise LedgerError(f"{out} is a file, and a folder is to be made.", "Name a folder that does not exist yet.")
    if out.exists() and any(out.iterdir()):
        raise LedgerError(f"{out} is not empty.", "Name a folder that does not exist yet.")
    sft = ledger.read(run.id, SftRow, StepId(Step.SFT, 0))
    pairs = ledger.read(run.id, PreferenceRow, StepId(Step.LABEL, 0))
    if not sft and not pairs:
        raise LedgerError("The run has made no training rows yet.", "Let it run: `cai-run run` with its run file.")
    answered = {row.prompt for row in ledger.read(run.id, Response, StepId(Step.RESPOND))}
    prompts = [p for p in ledger.read(run.id, PromptRecord, StepId(Step.DATA)) if p.id in answered]
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    try:
        if target is Target.OPENRLHF:
            _jsonl(work / "sft.jsonl", map(openrlhf_sft, sft))
            _jsonl(work / "preference.jsonl", map(openrlhf_pair, pairs))
            _jsonl(work / "prompts.jsonl", map(openrlhf_prompt, prompts))
        else:
            _parquet(work / "sft.parquet", [verl_sft(row) for row in sft])
            source = f"{run.constitution}-{run.version}"
            _parquet(work / "prompts.parquet", [verl_prompt(p, n, source=source) for n, p in enumerate(prompts)])
        model = ledger.read(run.id, Checkpoint, StepId(Step.PREFERENCE_MODEL))
        weights = folder / "checkpoints" / model[0].path if model else None
        kept = weights is not None and any(weights.glob("*.safetensors"))
        if weights is not None and kept:
            shutil.copytree(weights, work / "reward-model")
        readme = _READ[target].format(
            run=run.id, constitution=run.constitution, version=run.version, meaning=run.meaning_hash,
            reward="reward-model" if kept else "YOUR-REWARD-MODEL", about=_HEAD if kept else _NO_MODEL,
        )  # fmt: skip
        (work / "README.md").write_text(readme, encoding="utf-8")
        work.chmod(0o755)
        if out.exists():
            out.rmdir()
        work.rename(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return sorted(path.name for path in out.iterdir())


def _jsonl(path: Path, rows: Iterable[msgspec.Struct]) -> None:
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))


def _parquet(path: Path, rows: Sequence[msgspec.Struct]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.Table.from_pylist([msgspec.to_builtins(row) for row in rows]), path, compression="zstd")
