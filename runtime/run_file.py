"""Reading a run file: every mistake in it at once, each with its place and what to write."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError

from runtime.config import POLICY_TAGS, PpoConfig, RunConfig

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
    tag = loc[1] if loc[:1] == ("policy",) and len(loc) > 1 and loc[1] in POLICY_TAGS else None
    where = ".".join(str(part) for part in (loc if tag is None else (loc[0], *loc[2:])))
    if kind == "missing":
        return f"{path}: {where}: is missing; add it"
    if kind == "extra_forbidden":
        if tag is not None and (instead := _instead_in_policy(str(loc[-1]))):
            return f"{path}: {where}: {instead}"
        known = sorted(_fields(loc[:-1]))
        close = get_close_matches(str(loc[-1]), known, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known)}"
        return f"{path}: {where}: no such setting; {hint}"
    message = message.removeprefix("Value error, ")  # of our own checks
    return f"{path}: {where}: {message[:1].lower()}{message[1:]}"


_INSTEAD = {
    "epochs": "there are no epochs: steps says how many batches of rollouts there are",
    "steps_max": "it would say what steps says: write steps",
    "batch_rows": "write rollout_rows, the prompts in a batch of rollouts",
    "accumulate": "a batch of rollouts is a step already: write rollout_rows, its prompts",
}
"""Of settings that other trainings have: what `[policy]` has in their place."""


def _instead_in_policy(name: str) -> str:
    """What to write where another training or another method has such a setting; empty where none has."""
    if name in PpoConfig.model_fields:
        return 'only ppo uses it, and the method is not ppo: take it out, or write method = "ppo"'
    return f"no such setting here; {_INSTEAD[name]}" if name in _INSTEAD else ""


def _fields(loc: tuple[int | str, ...]) -> set[str]:
    """Names that the schema knows in the table at `loc`."""
    model: type[BaseModel] = RunConfig
    for part in loc:
        if isinstance(part, int):
            continue
        if part in POLICY_TAGS and part not in model.model_fields:
            model = POLICY_TAGS[part]
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
    ray = config.engine.ray
    if ray.store is not None and "://" not in ray.store:
        ray = ray.model_copy(update={"store": str(folder / Path(ray.store).expanduser())})
    return config.model_copy(
        update={
            "constitution": folder / config.constitution,
            "out": None if config.out is None else folder / config.out,
            "models": config.models.model_copy(update=models),
            "engine": config.engine.model_copy(update={"openai": server, "ray": ray}),
        }
    )
