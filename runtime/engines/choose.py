"""From the run file's words to an engine."""

from __future__ import annotations

from pathlib import Path

from runtime.config import EngineConfig, EngineKind
from runtime.engines.base import ChatTokenizer, Engine, EngineError

__all__ = ["open_engine"]


def open_engine(config: EngineConfig, model: str) -> Engine:
    """The engine that `config` names, with the model called `model`.

    Raises:
        EngineError: What it needs is not installed, or there is no such model.
    """
    if config.spread == "ray":
        try:
            from runtime.engines.spread import RayEngine
        except ImportError as e:
            raise EngineError(
                f'[engine] spread = "ray" needs {e.name or "a library"}, which is not installed',
                "pip install 'constitution-compiler[ray]'",
            ) from e
        # vLLM and its device are wanted where the actors are, and not on the machine that asks them.
        return RayEngine(config, model, open_engine, _tokenizer if config.kind is EngineKind.VLLM else None)
    if config.kind is EngineKind.SCRIPTED:
        from runtime.engines.scripted import ScriptedEngine

        return ScriptedEngine(Path(model).name)
    if config.kind is EngineKind.TRANSFORMERS:
        return _transformers(config, model)
    if config.kind is EngineKind.VLLM:
        return _vllm(config, model)
    return _server(config, model)


def _transformers(config: EngineConfig, model: str) -> Engine:
    try:
        from runtime.engines.transformers import TransformersEngine
    except ImportError as e:
        raise EngineError(
            f"models need {e.name or 'a library'}, which is not installed",
            "pip install 'constitution-compiler[train]'",
        ) from e
    from runtime.engines.models import resolve

    return TransformersEngine(
        resolve(model),
        device=config.device,
        generate_dtype=config.generate_dtype,
        label_dtype=config.label_dtype,
        batch_tokens=config.batch_tokens,
        batch_rows=config.batch_rows,
    )


def _tokenizer(config: EngineConfig, model: str) -> ChatTokenizer:
    from runtime.engines.models import resolve
    from runtime.prompting import ModelTokenizer

    return ModelTokenizer(resolve(model), context_max=config.vllm.context_max)


def _vllm(config: EngineConfig, model: str) -> Engine:
    from runtime.engines.models import resolve
    from runtime.engines.vllm import VllmEngine

    folder = resolve(model)
    try:
        return VllmEngine(
            folder,
            device=config.device,
            generate_dtype=config.generate_dtype,
            label_dtype=config.label_dtype,
            settings=config.vllm,
        )
    except ImportError as e:
        # A part that is missing is named too: builds of torchvision that do not fit torch break the import as well.
        raise EngineError(
            f'kind = "vllm" under [engine] needs vLLM, which cannot be imported here: {e}',
            "pip install 'constitution-compiler[vllm]' on a machine with a GPU; docs/engines.md has the build for CPUs",
        ) from e


def _server(config: EngineConfig, model: str) -> Engine:
    from runtime.engines.server.roles import is_trained_here, open_server

    return _transformers(config, model) if is_trained_here(config.openai, model) else open_server(config.openai, model)
