"""What vLLM 0.32 does that one would not expect. Where a test of the library fails, a new version does otherwise."""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from runtime.config import EngineKind
from runtime.engines.base import ChooseRequest
from runtime.engines.vllm import VllmEngine, _Answers
from runtime.engines.vllm_process import hold, platform
from runtime.extras import need_extras
from runtime.run_file import load_run_file
from tests.runtime.small_run import RUN_FILE, write_run
from tests.runtime.vllm.test_vllm import plainly, prompt, questions, without_cache, words

pytestmark = pytest.mark.vllm


def answer(engine: VllmEngine, tokens: tuple[int, ...], **how: Any) -> Any:
    from vllm import SamplingParams

    params = SamplingParams(max_tokens=1, detokenize=False, **how)
    ((_, output),) = list(_Answers(engine._load("float32"), [(tokens, params)]))
    return output


def test_what_a_mask_allows_is_not_what_is_listed(small: VllmEngine, small_model: Path) -> None:
    """The log-probabilities are taken before the mask, so the two likeliest of all are listed."""
    tokens = prompt(small, "which", "(")
    (scores,) = plainly(small_model, [tokens])
    options = scores.argsort()[:2].tolist()
    listed = answer(small, tokens, allowed_token_ids=options, logprobs=2).outputs[0].logprobs[0]
    assert not set(options) <= listed.keys()
    by_name = answer(small, tokens, logprob_token_ids=options).outputs[0].logprobs[0]
    assert set(options) <= by_name.keys()


def test_guided_choice_is_no_name() -> None:
    from vllm import SamplingParams

    with pytest.raises(TypeError, match="guided_choice"):
        SamplingParams(guided_choice=["A", "B"])
    assert hasattr(SamplingParams(), "structured_outputs")


def test_log_probabilities_of_a_prompt_make_no_use_of_the_cache(small: VllmEngine) -> None:
    tokens = prompt(small, words(120, 1))
    without_cache(small)
    assert [(answer(small, tokens).num_cached_tokens or 0) > 0 for _ in range(2)] == [False, True]
    assert not answer(small, tokens, prompt_logprobs=1).num_cached_tokens


def test_choices_come_through_the_cache(small: VllmEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """With blocks of 128 tokens, as vLLM has them by itself on a CPU, hardly anything of these prompts would."""
    asked = questions(small, pairs=2, principles=8, length=60)
    without_cache(small)
    llm = hold(small._load("float32"))
    step, cached = llm.step, dict[str, int]()

    def noting() -> Any:
        outputs = step()
        cached.update({output.request_id: output.num_cached_tokens or 0 for output in outputs})
        return outputs

    monkeypatch.setattr(llm, "step", noting)
    assert len(list(small.choose(asked))) == len(asked) == len(cached)
    assert sum(cached.values()) > 0.6 * sum(len(request.tokens) for request in asked)


def test_a_masked_option_is_never_asked_for(small: VllmEngine, small_model: Path) -> None:
    """A mask gives -inf where log-probabilities are taken after it; ours are before, and finite at any rank."""
    tokens = prompt(small, "which", "(")
    (scores,) = plainly(small_model, [tokens])
    unlikely = int(scores.argmin())
    ((_, choice),) = list(small.choose([ChooseRequest(tokens, (unlikely, int(scores.argmax())))]))
    assert choice.log_probabilities[0] == pytest.approx(scores[unlikely].item(), abs=1e-4)


def test_how_vllm_is_opened_on_a_cpu(small: VllmEngine) -> None:
    before = os.sched_getaffinity(0)
    config = hold(small._load("float32")).vllm_config
    assert os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0"
    assert config.model_config.enforce_eager
    assert config.model_config.logprobs_mode == "raw_logprobs"
    assert config.cache_config.block_size == 32
    assert config.cache_config.enable_prefix_caching
    assert not config.scheduler_config.enable_chunked_prefill
    # A training in this process wants all cores, which vLLM may bind to its own threads.
    assert os.sched_getaffinity(0) == before


def test_vllm_is_found_without_a_distribution_of_its_name(tmp_path: Path) -> None:
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.version("vllm")
    assert platform() == "cpu"
    text = RUN_FILE.replace('kind = "scripted"', 'kind = "vllm"')
    _, config = load_run_file(write_run(tmp_path, run_file=text))
    assert config.engine.kind is EngineKind.VLLM
    need_extras(config, trains=True)


@pytest.mark.parametrize("name", ["torchvision", "torchaudio", "torchcodec", "triton", "kernels"])
def test_what_breaks_imports_beside_a_torch_for_cpus_is_not_there(name: str) -> None:
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.version(name)
