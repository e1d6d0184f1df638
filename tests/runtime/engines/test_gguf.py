"""From a GGUF file to a folder: weights that train, a pad that is no end of turn, one embedding and not two."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("gguf")

from constitution_lang.ir.model import Role  # noqa: E402
from runtime.engines.gguf import convert  # noqa: E402
from runtime.engines.models import resolve  # noqa: E402
from runtime.prompting import ModelTokenizer  # noqa: E402
from runtime.records import Turn  # noqa: E402
from tests.runtime.engines.small_gguf import write_gguf  # noqa: E402


def check_converted(folder: Path) -> None:
    """What holds of every conversion, whatever the file said."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder)
    # Quantised weights can neither be trained nor saved.
    assert {(p.dtype, p.requires_grad) for p in model.parameters()} == {(torch.float32, True)}
    # A pad that is the end of a turn blanks the turns' ends in masks that are made by comparing ids.
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert (tokenizer.pad_token, tokenizer.pad_token_id) == ("<|endoftext|>", 0)
    assert model.config.pad_token_id == model.generation_config.pad_token_id == 0
    chat = ModelTokenizer(folder)
    assert (tokenizer.eos_token_id, chat.end_of_turn, chat.pad) == (2, 2, 0)
    _, answer = chat.encode_answer((Turn(Role.USER, "Hi?"),), "Hello.")
    assert [id for id in answer if id in {chat.pad, chat.end_of_turn}] == [chat.end_of_turn]
    # Two copies of what is one would be trained apart, and take twice the memory.
    first, last = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    assert first.data_ptr() == last.data_ptr()
    assert model.config.tie_word_embeddings
    loss = model(input_ids=torch.tensor([[5, 6, 7]]), labels=torch.tensor([[5, 6, 7]])).loss
    loss.backward()
    assert first.grad is not None


@pytest.mark.parametrize(("architecture", "output"), [("llama", False), ("qwen2", True)])
def test_small_file_is_converted_whole(tmp_path: Path, architecture: str, *, output: bool) -> None:
    file = write_gguf(tmp_path, architecture=architecture, output=output)
    (tmp_path / "out").mkdir()
    convert(file, tmp_path / "out")
    check_converted(tmp_path / "out")


@pytest.mark.model
def test_real_file_is_converted_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into a cache of its own: another test's would hold what another version of this converted."""
    monkeypatch.setenv("CAI_HOME", str(tmp_path))
    said: list[str] = []
    folder = resolve("smollm2-135m-instruct", progress=said.append)
    assert any("converting smollm2-135m-instruct" in line for line in said)
    check_converted(folder)
