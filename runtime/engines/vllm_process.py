"""The one model that vLLM holds in this process: opened, replaced by another, and given back whole.

vLLM plans with a fixed share of the memory and keeps its groups of processes in globals, so two models at once would
stand in each other's way, and in the way of a training. vLLM is imported here and nowhere else, since some settings
count only before that.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from runtime.config import VllmConfig
from runtime.engines.base import EngineError

if TYPE_CHECKING:
    from vllm import LLMEngine

__all__ = ["CPU_BLOCK_TOKENS", "Load", "hold", "holds", "platform", "release"]

CPU_BLOCK_TOKENS = 32
"""Tokens of a block of the prefix cache on a CPU. vLLM's own 128 leaves most of a shared prefix out: what fills no
whole block is computed again."""

_QUIET = {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
}
"""The run has progress bars of its own, and nobody is told what it runs. What the user has set is left as it is."""


@dataclass(frozen=True, slots=True)
class Load:
    """A model and the way in which it is held."""

    folder: Path
    dtype: Literal["float32", "bfloat16"]
    context_max: int
    settings: VllmConfig


@dataclass(slots=True)
class _Held:
    load: Load
    llm: LLMEngine
    set_num_threads: Callable[[int], None]


_held: _Held | None = None


def platform() -> Literal["cpu", "cuda"]:
    """What this build of vLLM runs on here.

    Raises:
        ImportError: vLLM cannot be imported. Its CPU build is a distribution of another name, so only this tells.
        EngineError: It finds no device.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    with _quiet():
        from vllm.platforms import current_platform

    if current_platform.is_cpu():
        return "cpu"
    if current_platform.is_cuda_alike():
        return "cuda"
    raise EngineError(
        "vLLM finds no device that it can run on",
        'its build for GPUs needs one; without one use the CPU build, or kind = "transformers" under [engine]',
    )


def holds(llm: LLMEngine) -> bool:
    """Whether this is the model that is held."""
    return _held is not None and _held.llm is llm


def hold(load: Load) -> LLMEngine:
    """The model, opened where it is not; another one that is open is given back first.

    Raises:
        EngineError: It cannot be opened; the message is vLLM's.
    """
    global _held  # noqa: PLW0603  # one for the process, as vLLM's own state is
    if _held is not None and _held.load == load:
        return _held.llm
    release()
    import torch

    set_num_threads = torch.set_num_threads
    try:
        with _quiet():
            llm = _open(load)
    except (ValueError, RuntimeError, OSError, MemoryError, KeyError) as e:
        _clean(set_num_threads)
        raise EngineError(
            f"vLLM cannot open the model in {load.folder}: {_first_line(e)}",
            "where memory is short, write a smaller context_max under [engine.vllm], or give the cache more "
            "(cache_gib on a CPU, memory_fraction on a GPU)",
        ) from e
    except BaseException:
        _clean(set_num_threads)
        raise
    _held = _Held(load, llm, set_num_threads)
    return llm


def release(folder: Path | None = None) -> None:
    """Give back what is held: memory, process groups and what vLLM changed in torch.

    Args:
        folder: Only where it is the model in this folder.
    """
    global _held
    if _held is None or folder not in (None, _held.load.folder):
        return
    held, _held = _held, None
    with _quiet():
        held.llm.engine_core.shutdown()
        held.llm.renderer.shutdown()
    set_num_threads = held.set_num_threads
    del held
    _clean(set_num_threads)


def _open(load: Load) -> LLMEngine:
    from vllm import EngineArgs, LLMEngine

    settings = load.settings
    options: dict[str, Any] = {
        "model": str(load.folder),
        "dtype": load.dtype,
        "max_model_len": load.context_max,
        "tensor_parallel_size": settings.tensor_parallel,
        "enable_prefix_caching": True,
        # Token ids go in and come out: what encodes and decodes is ours, the same for every engine.
        "skip_tokenizer_init": True,
        # A request says itself how it is drawn and where it ends.
        "generation_config": "vllm",
        # Of the full distribution, before temperature and masks.
        "logprobs_mode": "raw_logprobs",
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
    }
    eager, block_size = settings.eager, settings.block_size
    if platform() == "cpu":
        # In this process. On a GPU the model runs in a process of its own, whose end gives back all of its memory.
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        options["kv_cache_memory_bytes"] = settings.cache_gib << 30
        # A prompt in two parts moves the dice of its seed back, which those of a CPU cannot do: vLLM would stop.
        options["enable_chunked_prefill"] = False
        eager = True if eager is None else eager
        block_size = block_size or CPU_BLOCK_TOKENS
    else:
        _make_room()
    if settings.memory_fraction is not None:
        options["gpu_memory_utilization"] = settings.memory_fraction
    if eager is not None:
        options["enforce_eager"] = eager
    if block_size is not None:
        options["block_size"] = block_size
    return LLMEngine.from_engine_args(EngineArgs(**options))


def _make_room() -> None:
    """On a GPU: what a training in this process left with torch is not free for the process that vLLM starts."""
    import torch

    # A fork of a process that has used CUDA cannot use it.
    os.environ.setdefault("VLLM_WORKER_MULTIPROCESSING_METHOD", "spawn")
    gc.collect()
    torch.cuda.empty_cache()  # does nothing where CUDA was not used


def _clean(set_num_threads: Callable[[int], None]) -> None:
    """Undo what an opened or half-opened model leaves behind."""
    import torch
    from vllm.distributed.parallel_state import cleanup_dist_env_and_memory

    # On a CPU vLLM puts a function in its place that does nothing; a training after it may want other threads.
    torch.set_num_threads = set_num_threads  # type: ignore[assignment]  # its own function, put back
    gc.collect()
    cleanup_dist_env_and_memory()
    if sys.platform == "linux":
        # The allocator keeps what was freed, and a training would come on top of it.
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings that say nothing to whoever runs a constitution."""
    logger = logging.getLogger("torch._library.triton")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
