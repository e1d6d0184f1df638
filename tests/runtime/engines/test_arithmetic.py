"""The output layer of a model in bfloat16 is computed in float32, and at one position of each row only."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from transformers import AutoModelForCausalLM  # noqa: E402

from runtime.engines.arithmetic import only_at  # noqa: E402


def test_logits_of_a_coarse_model_lie_on_no_grid(tiny_model: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.bfloat16).eval()
    ids = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12]])
    ends = torch.tensor([1, 3])
    with torch.inference_mode():
        coarse = model(ids).logits
        with only_at(model, ends):
            found = model(ids).logits
        hidden = model.base_model(ids).last_hidden_state
    assert found.shape == (2, 1, coarse.shape[-1])
    assert found.dtype is torch.float32
    exact = hidden[torch.arange(2), ends].float() @ model.get_output_embeddings().weight.float().T
    assert torch.equal(found[:, 0], exact)
    assert not torch.equal(found[:, 0], coarse[torch.arange(2), ends].float())  # else there was nothing to mend
