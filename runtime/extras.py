"""What a run needs that is installed apart, looked for before anything is spent."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from runtime.config import EngineKind, RunConfig
from runtime.engines.base import EngineError

__all__ = ["need_extras"]

_MODELS = ("tokenizers", "torch", "transformers")
_TRAINING = (*_MODELS, "accelerate", "datasets", "peft", "trl")
_ENGINES: dict[EngineKind, dict[str, tuple[str, ...]]] = {
    EngineKind.SCRIPTED: {},
    EngineKind.TRANSFORMERS: {"train": _MODELS},
    EngineKind.VLLM: {"vllm": ("vllm",), "train": ("tokenizers",)},
    EngineKind.OPENAI: {"openai": ("anyio", "httpx2", "openai", "tenacity")},
}


def need_extras(config: RunConfig, *, trains: bool) -> None:
    """Look for the libraries of the engine and, where the run `trains`, of the trainings. None of them is imported.

    Raises:
        EngineError: Some are not installed; its remedy is the line that installs them.
    """
    wanted: dict[str, list[str]] = {}
    for extra, modules in _ENGINES[config.engine.kind].items():
        wanted.setdefault(extra, []).extend(modules)
    if trains and config.engine.kind is not EngineKind.SCRIPTED:
        wanted.setdefault("train", []).extend(_TRAINING)
    if config.engine.spread == "ray":
        wanted["ray"] = ["ray"]
        wanted.pop("vllm", None)  # the actors need it, wherever they are, and say so
    missing = {extra: absent for extra, modules in wanted.items() if (absent := _absent(modules))}
    if not missing:
        return
    names = list(dict.fromkeys(name for absent in missing.values() for name in absent))
    remedy = f"pip install 'constitution-compiler[{','.join(sorted(missing))}]'"
    if "vllm" in missing:
        remedy += " on a machine with a GPU; docs/engines.md has vLLM's build for CPUs"
    raise EngineError(
        f"this run needs {', '.join(names)}, which {'is' if len(names) == 1 else 'are'} not installed", remedy
    )


def _absent(modules: Iterable[str]) -> list[str]:
    return [name for name in modules if find_spec(name) is None]
