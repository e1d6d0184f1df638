from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from runtime import identity
from runtime.identity import model_identity, weights_sha256


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    (made / "model.safetensors").write_bytes(b"weights")
    (made / "config.json").write_text('{"hidden_size": 8, "_name_or_path": "here", "transformers_version": "5"}')
    (made / "tokenizer.json").write_text("{}")
    (made / "tokenizer_config.json").write_text('{"eos_token": "x", "is_local": true}')
    (made / "chat_template.jinja").write_text("{{ messages }}")
    return made


@pytest.mark.parametrize(
    "file", ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"]
)
def test_what_decides_answers_decides_the_identity(folder: Path, file: str) -> None:
    before = model_identity(folder)
    (folder / file).write_bytes((folder / file).read_bytes().replace(b"e", b"ee", 1) + b" {}")
    assert model_identity(folder) != before


def test_what_decides_no_answer_does_not_count(folder: Path, tmp_path: Path) -> None:
    before = model_identity(folder)
    (folder / "README.md").write_text("about")
    (folder / "config.json").write_text(
        json.dumps({"transformers_version": "6", "_name_or_path": "there", "hidden_size": 8}, indent=4)
    )
    (folder / "tokenizer_config.json").write_text('{"is_local": false, "eos_token": "x"}')
    assert model_identity(folder) == before
    assert model_identity(Path(shutil.copytree(folder, tmp_path / "elsewhere"))) == before


def test_a_file_that_is_torn_still_counts(folder: Path) -> None:
    before = model_identity(folder)
    (folder / "config.json").write_text('{"hidden')
    assert model_identity(folder) != before


def test_file_is_hashed_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    sha256 = identity._sha256
    monkeypatch.setattr(identity, "_sha256", lambda file: (hashed.append(file.name), sha256(file))[1])
    first = model_identity(folder)
    assert len(hashed) == 5
    assert model_identity(folder) == first
    assert len(hashed) == 5
    os.utime(folder / "model.safetensors", ns=(1, 1))
    assert model_identity(folder) == first
    assert hashed[5:] == ["model.safetensors"]


def test_what_was_remembered_is_no_part_of_the_model(folder: Path, tmp_path: Path) -> None:
    first = model_identity(folder)
    copied = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copied / ".identity.json").write_text("torn {")
    assert model_identity(copied) == first


def test_files_of_weights(folder: Path) -> None:
    assert weights_sha256(folder) == {
        "model.safetensors": "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"
    }


def test_folder_without_weights(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no \.safetensors file"):
        model_identity(tmp_path)
