"""What the small files in a model's folder say, read once and by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from runtime.engines.base import EngineError

__all__ = ["ModelSettings", "read_json", "special_tokens"]

_BY_LENGTH = frozenset({"dynamic", "longrope", "su"})
"""Ways of turning positions that go by the greatest position of the pass."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """What a model's configuration files say about its tokens.

    Attributes:
        context_max: Tokens of prompt and answer together. Where a model turns its positions otherwise once something is
            longer than it was first trained on, this is that length: beyond it, an answer would depend on the
            lengths of the other prompts in its batch.
    """

    context_max: int
    bos: str | None
    eos: str | None
    pad: str | None
    eos_ids: tuple[int, ...]

    @staticmethod
    def read(folder: Path) -> ModelSettings:
        """The settings of the model in `folder`; EngineError where what is needed is not said."""
        config = read_json(folder / "config.json")
        config = {**config.get("text_config", {}), **config}
        tokens = special_tokens(folder)
        limits = [config.get(name) for name in ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len")]
        limits.append(read_json(folder / "tokenizer_config.json").get("model_max_length"))
        # A tokenizer without a limit says 10^30.
        known = [int(limit) for limit in limits if isinstance(limit, int | float) and 0 < limit < 1e9]
        if not known:
            raise EngineError(
                f"{folder} does not say how long its context is", "write max_position_embeddings into its config.json"
            )
        stated = (read_json(folder / "generation_config.json").get("eos_token_id"), config.get("eos_token_id"))
        ids = [id for entry in stated for id in (entry if isinstance(entry, list) else [entry])]
        return ModelSettings(
            context_max=min(known + _steady(config)),
            bos=tokens.get("bos_token"),
            eos=tokens.get("eos_token"),
            pad=tokens.get("pad_token"),
            eos_ids=tuple(dict.fromkeys(id for id in ids if isinstance(id, int))),
        )


def _steady(config: Mapping[str, Any]) -> list[int]:
    """Up to how many tokens positions are turned alike, whatever is computed beside them; empty where always."""
    stated = config.get("rope_parameters") or config.get("rope_scaling") or {}
    name = "original_max_position_embeddings"
    bounds = [
        kind.get(name) or config.get(name) or config.get("max_position_embeddings")
        # One for all layers, or one for each kind of layer.
        for kind in (stated, *(part for part in stated.values() if isinstance(part, dict)))
        if kind.get("rope_type", kind.get("type")) in _BY_LENGTH
    ]
    return [int(bound) for bound in bounds if bound]


def special_tokens(folder: Path) -> dict[str, str]:
    """`bos_token`, `eos_token` and the like, as the model's folder names them."""
    stated = {**read_json(folder / "special_tokens_map.json"), **read_json(folder / "tokenizer_config.json")}
    named = {name: _token_text(value) for name, value in stated.items() if name.endswith("_token")}
    return {name: token for name, token in named.items() if token is not None}


def read_json(file: Path) -> dict[str, Any]:
    """An object in a JSON file; empty where there is no file.

    Raises:
        EngineError: The file is not a JSON object.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError as e:
        raise EngineError(f"{file} is not a JSON object: {e}", "fetch or save the model once more") from e


def _token_text(value: object) -> str | None:
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else None
