"""A checkpoint is whole or not there, and loads without anything beside it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from runtime.identity import data_hash, model_identity, weights_sha256
from runtime.records import TrainedKind
from runtime.training import checkpoints
from runtime.training.cards import read_card
from runtime.training.checkpoints import CardDraft, save_checkpoint
from runtime.training.encoding import Truncation
from tests.runtime.training.made_under import UNDER


def draft(base: Path) -> CardDraft:
    return CardDraft(
        kind=TrainedKind.DPO, provenance=UNDER, data=("d",), rows=3, steps=2, seed=9, settings={"beta": 0.1},
        base=base, truncation=Truncation(rows=3, prompts=["r1"], answers=["r2", "r3"]), final={"loss": 0.5},
    )  # fmt: skip


def save(base: Path, out: Path, dtype: torch.dtype = torch.float32) -> Any:
    model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype)
    return save_checkpoint(model, AutoTokenizer.from_pretrained(base), draft(base), out)


def test_the_card_says_what_it_is(tiny_model: Path, tmp_path: Path) -> None:
    done = save(tiny_model, tmp_path / "run" / "dpo")
    folder = tmp_path / "run" / "dpo"
    card = read_card(folder)
    assert (card.kind, card.provenance, card.data, card.rows, card.steps, card.seed) == (
        TrainedKind.DPO, UNDER, ("d",), 3, 2, 9,
    )  # fmt: skip
    assert card.base == model_identity(tiny_model)
    assert card.weights == done.weights == model_identity(folder)
    assert card.files == weights_sha256(folder)
    assert set(card.libraries) >= {"torch", "transformers", "trl", "peft"}
    assert card.truncation is not None
    assert (card.truncation.prompts, card.truncation.answers) == (("r1",), ("r2", "r3"))
    readme = (folder / "README.md").read_text()
    assert "`abc`" in readme
    assert "Cut to fit: 1 prompt, 2 answers; " in readme
    assert {p.suffix for p in folder.iterdir()} <= {".safetensors", ".json", ".jinja", ".md"}


def test_weights_keep_the_dtype_of_the_base(tiny_model: Path, tmp_path: Path) -> None:
    base = tmp_path / "half"
    AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.bfloat16).save_pretrained(base)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(base)
    save(base, tmp_path / "out", torch.float32)
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype="auto").dtype == torch.bfloat16


@pytest.mark.parametrize("before", [False, True])
def test_a_failure_leaves_what_was_there(
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before: bool,  # noqa: FBT001
) -> None:
    out = tmp_path / "dpo"
    if before:
        save(tiny_model, out)
    kept = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*"))

    def fail(*_: object) -> str:
        raise OSError("No space left on device")

    monkeypatch.setattr(checkpoints, "_readme", fail)
    with pytest.raises(OSError, match="No space"):
        save(tiny_model, out)
    assert sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*")) == kept


def test_an_older_one_is_replaced_whole(tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "dpo"
    out.mkdir()
    (out / "stale").write_text("x")
    save(tiny_model, out)
    assert not (out / "stale").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["dpo"]


def test_the_data_hash_is_of_the_rows_in_order() -> None:
    assert data_hash(["a", "b"]) == data_hash(("a", "b"))
    assert len({data_hash(["a", "b"]), data_hash(["b", "a"]), data_hash(["ab"]), data_hash([])}) == 4
