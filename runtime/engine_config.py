"""How models are run, as the run file says it: the engines and what each of them takes."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, field_validator, model_validator

__all__ = ["EngineConfig", "EngineKind", "RayConfig", "Section", "ServerConfig", "VllmConfig"]


class Section(BaseModel):
    """A table of the run file: it takes what is declared, and nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class EngineKind(StrEnum):
    """What runs the models."""

    TRANSFORMERS = "transformers"
    VLLM = "vllm"
    OPENAI = "openai"
    SCRIPTED = "scripted"


class VllmConfig(Section):
    """vLLM in this process. What is None is left to vLLM."""

    memory_fraction: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of the GPU's memory; on a CPU see `cache_gib`."""
    cache_gib: PositiveInt = 1
    """Space for the prefix cache on a CPU, in GiB."""
    context_max: PositiveInt | None = None
    tensor_parallel: PositiveInt = 1
    eager: bool | None = None
    block_size: PositiveInt | None = None


_NO_KEY = "the address is to hold no key; put it into the environment, and its name into key_env"
_KEYS_BEGIN = ("sk-", "sk_", "gsk_", "hf_", "pk-")
"""As keys of the services that are known begin."""
_KEY_MIN = 8
"""A shorter word in the environment stands for no key, as servers of one's own want any."""


class ServerConfig(Section):
    """A server that speaks OpenAI's protocol. Its key is in the environment, under the name `key_env`, only there."""

    url: str = "http://localhost:8000/v1"
    key_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = "OPENAI_API_KEY"
    names: dict[str, str] = {}
    """What the server calls the models, by their names in this run file; the same name where unnamed."""
    versions: dict[str, str] = {}
    """Any word for the weights behind a server's name: another word, and what was answered before is not used."""
    requests_max: PositiveInt = 32
    """Requests under way at once."""
    timeout_seconds: PositiveFloat = 120.0
    retries_max: Annotated[int, Field(ge=0)] = 6
    context_max: PositiveInt | None = None
    """Most tokens, for a server that does not tell."""

    @field_validator("url")
    @classmethod
    def _without_secrets(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or any(c.isspace() for c in value):
            raise ValueError("an address begins with http:// or https://, and has no blanks")
        try:
            _ = parts.port
        except ValueError:
            raise ValueError("a port is a number up to 65535") from None
        if parts.username or parts.password or parts.query or parts.fragment:
            # It is kept with the run, and printed.
            raise ValueError(_NO_KEY)
        return value

    @model_validator(mode="after")
    def _without_key_in_path(self) -> ServerConfig:
        """A gateway may take a key as a part of the path. What is no key by its looks may be one by the environment."""
        key = os.environ.get(self.key_env, "").strip().casefold()
        for part in urlsplit(self.url).path.split("/"):
            plain = unquote(part).casefold()
            if plain.startswith(_KEYS_BEGIN) or (len(key) >= _KEY_MIN and key in plain):
                raise ValueError(_NO_KEY)
        return self


class RayConfig(Section):
    """Work spread over actors, each with an engine of its own. Shards are Parquet files under `store`."""

    address: str | None = None
    """Of a running cluster; one is started on this machine where unnamed."""
    actors: PositiveInt = 1
    shard_rows: PositiveInt = 512
    gpus: Annotated[float, Field(ge=0)] = 0
    """For each actor."""
    cpus: PositiveFloat = 1
    """For each actor."""
    store: str | None = None
    """A folder or any URL that pyarrow knows; a folder of the run where unnamed."""

    @field_validator("store")
    @classmethod
    def _without_secrets(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if parts.username or parts.password:
            # It is kept with the run, and printed.
            raise ValueError("the address is to hold no key; the store's own variables of the environment may")
        return value


class EngineConfig(Section):
    """How models are run. `device` auto takes a GPU where there is one.

    Batches are bounded in padded tokens and in rows, by what suits the device where the run file does not say.

    With `spread = "ray"`, the engine of `kind` runs in actors, on this machine or on many.
    """

    kind: EngineKind = EngineKind.TRANSFORMERS
    spread: Literal["here", "ray"] = "here"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    generate_dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    label_dtype: Literal["float32", "bfloat16"] = "float32"
    batch_tokens: PositiveInt | None = None
    batch_rows: PositiveInt | None = None
    vllm: VllmConfig = VllmConfig()
    openai: ServerConfig = ServerConfig()
    ray: RayConfig = RayConfig()
