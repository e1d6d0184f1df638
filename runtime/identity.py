"""Which model a folder holds: one hash over what decides its answers.

The hash of a file is remembered beside the weights, together with the file's size and time, so that it
costs nothing a second time. Nothing here imports a model library.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from runtime.records import identify

__all__ = ["data_hash", "model_identity", "weights_sha256"]

_SIDECAR = ".identity.json"
_PATTERNS = (
    "*.safetensors",
    "*.safetensors.index.json",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template*",
    "additional_chat_templates/*",
)
_INCIDENTAL = frozenset(
    {
        "_from_model_config", "_model_name_or_path", "_name_or_path", "is_local", "local_files_only", "name_or_path",
        "transformers_version",
    }
)  # fmt: skip
"""Fields that say where a model came from and what wrote it down, not what it computes."""
_WITH_INCIDENTALS = frozenset({"config.json", "generation_config.json", "tokenizer_config.json"})


class _Known(msgspec.Struct, frozen=True):
    size: int
    mtime_ns: int
    sha256: str


def model_identity(folder: Path, *, anew: bool = False) -> str:
    """32 hexadecimal digits for the weights, configuration, tokenizer and chat template in `folder`.

    A card or a README beside them does not count, nor does the folder's name. With `anew` every file is read,
    whatever was remembered of it.

    Raises:
        FileNotFoundError: There are no weights.
    """
    body = msgspec.json.encode(sorted(_hashes(folder, anew=anew).items()))
    return hashlib.blake2b(b"model\0" + body, digest_size=16).hexdigest()


def weights_sha256(folder: Path, *, anew: bool = False) -> dict[str, str]:
    """SHA-256 of each file of weights, by its name. With `anew` every file is read."""
    return {name: sha256 for name, sha256 in _hashes(folder, anew=anew).items() if name.endswith(".safetensors")}


def _hashes(folder: Path, *, anew: bool = False) -> dict[str, str]:
    files = sorted({p for pattern in _PATTERNS for p in folder.glob(pattern) if p.is_file()})
    if not any(p.suffix == ".safetensors" for p in files):
        raise FileNotFoundError(f"{folder} has no .safetensors file")
    known = {} if anew else _read(folder / _SIDECAR)
    now: dict[str, _Known] = {}
    for file in files:
        name = file.relative_to(folder).as_posix()
        stat = file.stat()
        before = known.get(name)
        if before is not None and (before.size, before.mtime_ns) == (stat.st_size, stat.st_mtime_ns):
            now[name] = before
        else:
            now[name] = _Known(stat.st_size, stat.st_mtime_ns, _sha256(file))
    if now != known:
        _write(folder / _SIDECAR, now)
    return {name: entry.sha256 for name, entry in now.items()}


def _sha256(file: Path) -> str:
    if file.name in _WITH_INCIDENTALS:
        with contextlib.suppress(msgspec.DecodeError):
            content = msgspec.json.decode(file.read_bytes(), type=dict[str, object])
            kept = {key: value for key, value in content.items() if key not in _INCIDENTAL}
            return hashlib.sha256(msgspec.json.encode(kept, order="sorted")).hexdigest()
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _read(sidecar: Path) -> dict[str, _Known]:
    try:
        return msgspec.json.decode(sidecar.read_bytes(), type=dict[str, _Known])
    except (OSError, msgspec.DecodeError):
        return {}


def _write(sidecar: Path, content: dict[str, _Known]) -> None:
    # A folder that cannot be written to is hashed anew each time: slower, and just as right.
    with contextlib.suppress(OSError):
        descriptor, name = tempfile.mkstemp(dir=sidecar.parent, prefix=_SIDECAR)
        with os.fdopen(descriptor, "wb") as out:
            out.write(msgspec.json.encode(content))
        Path(name).replace(sidecar)


def data_hash(ids: Sequence[str]) -> str:
    """The hash of training rows, in their order, for cards. Row ids are hashes of content already."""
    return identify("training-rows", list(ids))
