"""Reading a run file: every mistake in it at once, each with its place and what to write."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError

from runtime.config import RunConfig

__all__ = ["RunFileError", "load_run_file"]


class RunFileError(Exception):
    """The run file cannot be used; the text has one line per mistake."""


def load_run_file(path: Path) -> tuple[RunConfig, RunConfig]:
    """The run that a TOML file describes: as it is written, and with the paths that stand in it resolved.

    Raises:
        RunFileError: the file is missing, is no TOML, or does not fit the schema.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        others = (
            get_close_matches(path.name, [p.name for p in path.parent.glob("*.toml")], 1)
            if path.parent.is_dir()
            else []
        )
        hint = f"; did you mean {path.parent / others[0]}?" if others else ""
        raise RunFileError(f"{path}: there is no such run file{hint}") from None
    except OSError as error:
        raise RunFileError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        data = tomllib.loads(raw.decode())
    except UnicodeDecodeError:
        raise RunFileError(f"{path}: is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise RunFileError(f"{path}: is not valid TOML: {error}") from None
    try:
        config = RunConfig.model_validate(data)
    except ValidationError as error:
        lines = [_line(path, problem["loc"], problem["type"], problem["msg"]) for problem in error.errors()]
        raise RunFileError("\n".join(lines)) from None
    found = _absolute(config, path.resolve().parent)
    if not found.constitution.is_file():
        what = "is a folder; name the file in it" if found.constitution.is_dir() else "there is no such file"
        raise RunFileError(f"{path}: constitution: {config.constitution}: {what}")
    return config, found


def _line(path: Path, loc: tuple[int | str, ...], kind: str, message: str) -> str:
    where = ".".join(str(part) for part in loc)
    if kind == "missing":
        return f"{path}: {where}: is missing; add it"
    if kind == "extra_forbidden":
        known = sorted(_fields(loc[:-1]))
        close = get_close_matches(str(loc[-1]), known, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known)}"
        return f"{path}: {where}: no such setting; {hint}"
    return f"{path}: {where}: {message[:1].lower()}{message[1:]}"


def _fields(loc: tuple[int | str, ...]) -> set[str]:
    """Names that the schema knows in the table at `loc`."""
    model: type[BaseModel] = RunConfig
    for part in loc:
        if isinstance(part, int):
            continue
        inner = _model_in(model.model_fields[part].annotation)
        if inner is None:
            return set()
        model = inner
    return set(model.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        found = _model_in(inner)
        if found is not None:
            return found
    return None


def _absolute(config: RunConfig, folder: Path) -> RunConfig:
    """Paths of the constitution, the run and models start at the run file; data sets stay as they are named."""

    def model(name: str | None) -> str | None:
        return str(folder / name) if name is not None and name.startswith(("./", "../")) else name

    models = {name: model(getattr(config.models, name)) for name in type(config.models).model_fields}
    server = config.engine.openai
    server = server.model_copy(update={"names": {str(model(name)): served for name, served in server.names.items()}})
    return config.model_copy(
        update={
            "constitution": folder / config.constitution,
            "out": None if config.out is None else folder / config.out,
            "models": config.models.model_copy(update=models),
            "engine": config.engine.model_copy(update={"openai": server}),
        }
    )
