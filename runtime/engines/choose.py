"""Which engine runs a model: as the run file says. An extra that is missing is named, with the line that installs it."""

from __future__ import annotations

from pathlib import Path

from runtime.config import EngineConfig, EngineKind
from runtime.engines.base import Engine, EngineError

__all__ = ["open_engine"]


def open_engine(config: EngineConfig, model: str) -> Engine:
    """Open `model` (a folder; for the scripted engine any name) on the engine that `config` names."""
    if config.kind is EngineKind.SCRIPTED:
        from runtime.engines.scripted import ScriptedEngine

        return ScriptedEngine(Path(model).name)
    try:
        from runtime.engines.transformers import TransformersEngine
    except ModuleNotFoundError as error:
        raise EngineError(
            f"the transformers engine needs {error.name}, which is not installed",
            "pip install 'constitution-compiler[train]'",
        ) from None
    return TransformersEngine(
        Path(model),
        device=config.device,
        dtype=config.generate_dtype,
        label_dtype=config.label_dtype,
        batch_tokens=config.batch_tokens,
        batch_rows=config.batch_rows,
    )
