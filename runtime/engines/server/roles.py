"""Which models of a run the server runs, and whether it can do for each what the run will ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

from runtime.config import ServerConfig
from runtime.engines.base import EngineError
from runtime.engines.models import resolve_tokenizer
from runtime.engines.server.asking import Abilities
from runtime.engines.server.engine import ServerEngine
from runtime.engines.server.probing import UnservedError

__all__ = ["Needs", "check_roles", "is_trained_here", "open_server"]


class Needs(Struct, frozen=True):
    """What is asked of a model: to choose between options, and to go on with answers that begin so."""

    options: bool
    openings: tuple[str, ...] = ()


def is_trained_here(config: ServerConfig, model: str) -> bool:
    """Whether a model is a checkpoint that no server has: its card is beside it, and the run file does not name it."""
    return model not in config.names and (Path(model) / "card.json").is_file()


def open_server(config: ServerConfig, model: str) -> ServerEngine:
    """The engine of a model: a folder here, or a name that the server or `config.names` knows.

    Raises:
        EngineError: The server cannot be used, or not for this model.
    """
    return ServerEngine(config, config.names.get(model, model), resolve_tokenizer(model))


def check_roles(
    config: ServerConfig,
    roles: Mapping[str, tuple[str, Needs]],
    say: Callable[[str], None],
    written: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Ask the server, before anything is spent, whether it can do what each role needs; `say` what was found.

    Args:
        config: With the names of all models that the run file names.
        roles: The model of each role, as an engine opens it, and what it needs.
        say: Prints a line.
        written: What the run file calls the models, where engines open them by another name.

    Raises:
        EngineError: It cannot; the role is named.
    """
    found: dict[str, list[str]] = {}
    for role, (model, needs) in roles.items():
        try:
            engine = open_server(config, model)
        except UnservedError as e:
            remedy = f'write under [engine.openai.names] what it calls the model: "{written.get(model, model)}" = "…"'
            raise EngineError(str(e), remedy) from None
        try:
            if needs.options:
                engine.need_options()
            for opening in needs.openings:
                engine.need_opening(opening)
        except EngineError as e:
            raise EngineError(f"{role}: {e}", e.remedy) from None
        found.setdefault(f"{config.names.get(model, model)}: {_told(engine.abilities)}", []).append(role)
    for line, names in found.items():
        say(f"{', '.join(names)} at {config.url}, as {line}")


def _told(able: Abilities) -> str:
    ids = "token ids are sent" if able.tokens else "messages are sent, in which a text may pose as a control token"
    if able.exact:
        return f"{ids}; options at any rank"
    if able.listed:
        return f"{ids}; options among the {able.listed} likeliest tokens, else a bound"
    return f"{ids}; no options"
