"""What other trainers read of a run, checked with the libraries that they read it with."""

import json
from pathlib import Path

import pytest

from runtime.exporting.folders import Target, export_run
from runtime.ledger.runs import Step, StepId
from runtime.ledger.store import Ledger, LedgerError
from runtime.records import Checkpoint, PreferenceRow, SftRow
from tests.runtime.small_run import cai_run, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    ran = cai_run("run", write_run(folder), "--quiet", cwd=folder)
    assert ran.returncode == 0, ran.stderr
    return folder / "out"


def exported(run: Path, target: Target, out: Path) -> list[str]:
    with Ledger.open(run / "ledger.sqlite", read_only=True) as ledger:
        return export_run(ledger, ledger.latest_run(), run, target, out)


def rows(run: Path) -> tuple[list[SftRow], list[PreferenceRow]]:
    with Ledger.open(run / "ledger.sqlite", read_only=True) as ledger:
        id = ledger.latest_run().id
        return ledger.read(id, SftRow, StepId(Step.SFT, 0)), ledger.read(id, PreferenceRow, StepId(Step.LABEL, 0))


def test_openrlhf_reads_conversations_that_end_in_the_answers(run: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    out = tmp_path / "out"
    assert exported(run, Target.OPENRLHF, out) == ["README.md", "preference.jsonl", "prompts.jsonl", "sft.jsonl"]
    sft, pairs = rows(run)
    read = load_dataset("json", data_files=str(out / "preference.jsonl"), split="train", cache_dir=str(tmp_path / "c"))
    by_id = {row["id"]: row for row in read}
    assert len(by_id) == len(pairs) > 0
    for pair in pairs:
        row = by_id[pair.id]
        asked = [{"role": t.role.value, "content": t.text} for t in pair.turns]
        assert row["chosen"] == [*asked, {"role": "assistant", "content": pair.chosen}]
        assert row["rejected"] == [*asked, {"role": "assistant", "content": pair.rejected}]
        assert row["probability"] == pair.probability >= 0.5
    lines = [json.loads(line) for line in (out / "sft.jsonl").read_text().splitlines()]
    assert [line["messages"][-1]["content"] for line in lines] == [row.completion for row in sft]
    assert len((out / "prompts.jsonl").read_text().splitlines()) == 12  # those of the training, not of the evaluation


def test_verl_reads_prompts_with_a_model_as_their_reward(run: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    out = tmp_path / "out"
    assert exported(run, Target.VERL, out) == ["README.md", "prompts.parquet", "sft.parquet"]
    read = load_dataset(
        "parquet", data_files=str(out / "prompts.parquet"), split="train", cache_dir=str(tmp_path / "c")
    )
    assert len(read) == 12
    assert read[0]["prompt"][0]["role"] == "user"
    assert {(row["data_source"], row["reward_model"]["style"]) for row in read} == {("small-1.0.0", "model")}
    assert [row["extra_info"]["index"] for row in read] == list(range(12))


@pytest.mark.parametrize("target", list(Target))
def test_a_run_without_a_reward_model_says_that_there_is_none(run: Path, tmp_path: Path, target: Target) -> None:
    assert "reward-model" not in exported(run, target, tmp_path / "out")
    said = (tmp_path / "out" / "README.md").read_text()
    assert "There is no reward model here" in said
    assert "=reward-model" not in said
    assert "path reward-model" not in said


def test_a_file_in_the_way_is_named(run: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    ran = cai_run("export", "--to", "verl", "--run", run, "--out", tmp_path / "out", cwd=tmp_path)
    assert ran.returncode == 2
    assert f"{tmp_path / 'out'} is a file, and a folder is to be made" in " ".join(ran.stderr.split())
    assert "Name a folder that does not exist yet" in " ".join(ran.stderr.split())
    assert (tmp_path / "out").read_text() == "mine"


def test_a_folder_with_something_in_it_is_left_alone(run: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(LedgerError, match="not empty"):
        exported(run, Target.VERL, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_the_command_says_what_it_wrote(run: Path, tmp_path: Path) -> None:
    ran = cai_run("export", "--to", "openrlhf", "--run", run, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "export-openrlhf/preference.jsonl" in ran.stdout.splitlines()
    again = cai_run("export", "--to", "openrlhf", "--run", run, cwd=tmp_path)
    assert again.returncode == 2
    assert "not empty" in again.stderr


def test_the_reward_model_scores_alike_however_it_is_loaded(run: Path, tmp_path: Path) -> None:
    import torch
    from transformers import (
        AutoModelForSequenceClassification,
        AutoModelForTokenClassification,
        LlamaConfig,
        LlamaForSequenceClassification,
    )

    with Ledger.open(run / "ledger.sqlite", read_only=True) as ledger:
        [checkpoint] = ledger.read(ledger.latest_run().id, Checkpoint, StepId(Step.PREFERENCE_MODEL))
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    scorer = LlamaForSequenceClassification(LlamaConfig(vocab_size=64, num_labels=1, pad_token_id=0, **shape)).eval()
    torch.nn.init.normal_(scorer.score.weight)
    scorer.save_pretrained(run / "checkpoints" / checkpoint.path)
    out = tmp_path / "out"
    assert "reward-model" in exported(run, Target.VERL, out)
    # What serves it for verl goes by the architecture; early versions loaded a token classifier instead.
    config = json.loads((out / "reward-model" / "config.json").read_bytes())
    assert config["architectures"] == ["LlamaForSequenceClassification"]
    said = (out / "README.md").read_text()
    assert "reward.reward_model.model_path=reward-model" in said
    assert "no reward model" not in said
    tokens = torch.tensor([[5, 6, 7, 8]])
    whole = AutoModelForSequenceClassification.from_pretrained(out / "reward-model").eval()
    each = AutoModelForTokenClassification.from_pretrained(out / "reward-model").eval()
    with torch.no_grad():
        expected = scorer(tokens).logits[0]
        assert torch.allclose(whole(tokens).logits[0], expected, atol=1e-6)
        assert torch.allclose(each(tokens).logits[0, -1], expected, atol=1e-6)
    assert "reward-model" in exported(run, Target.OPENRLHF, tmp_path / "other")
