"""What transformers does that one would not expect, and the precision of labels."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from runtime.config import EngineConfig  # noqa: E402
from runtime.engines.transformers import TransformersEngine  # noqa: E402
from runtime.engines.vllm import VllmEngine  # noqa: E402
from tests.runtime.engines.test_transformers import engine_of, questions  # noqa: E402

ROOT = Path(__file__).parents[3]


def test_continuous_batching_in_inference_mode_writes_nothing(tiny_model: Path) -> None:
    """And says nothing: whoever times it has to count the tokens. Where this fails, a new version may be used so."""
    from transformers import AutoModelForCausalLM, ContinuousBatchingConfig, GenerationConfig

    model = AutoModelForCausalLM.from_pretrained(tiny_model).eval()
    small = ContinuousBatchingConfig(num_blocks=8, max_batch_tokens=64)  # else it fills the memory, for a minute
    how = GenerationConfig(max_new_tokens=4, do_sample=False, eos_token_id=-1, pad_token_id=0)

    def written() -> int:
        out = model.generate_batch(
            [[5, 6, 7], [8, 9]], generation_config=how, continuous_batching_config=small, progress_bar=False
        )
        return sum(len(result.generated_tokens) for result in out.values())

    assert written() == 8
    with torch.inference_mode():
        assert written() == 0


def test_labels_are_in_float32_unless_the_run_file_says_otherwise() -> None:
    """In bfloat16 log-probabilities lie on a coarse grid, and a shared prefix moves them by up to a third."""
    assert EngineConfig().label_dtype == "float32"
    for engine in (TransformersEngine, VllmEngine):
        assert inspect.signature(engine).parameters["label_dtype"].default == "float32"


def test_labels_in_bfloat16_are_others_and_have_another_name(tiny_model: Path) -> None:
    exact, coarse = engine_of(tiny_model), engine_of(tiny_model, label_dtype="bfloat16")
    asked = questions(exact, pairs=1, principles=4, length=40)
    one, other = dict(exact.choose(asked)), dict(coarse.choose(asked))
    apart = max(
        abs(a - b) for n in one for a, b in zip(one[n].log_probabilities, other[n].log_probabilities, strict=True)
    )
    assert apart > 1e-3
    assert exact.model != coarse.model  # so that the ledger never mixes the two


@pytest.mark.parametrize(
    "call", ["generate_batch(", "import pipeline", "pipeline(", "HttpRequestProcessor", "vLLMEngineProcessor"]
)
def test_what_is_known_to_go_wrong_is_not_called(call: str) -> None:
    """Nothing is written in inference mode; all memory is taken; slow; waits where cores run out."""
    sources = [file.read_text("utf-8") for file in (ROOT / "runtime").rglob("*.py")]
    assert len(sources) > 100
    assert not [text for text in sources if call in text]
