"""`cai-run models`: what is known by name."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from runtime.commands.options import FORM

if TYPE_CHECKING:
    from runtime.commands.options import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    models = commands.add_parser("models", help="list the models that are known by name", formatter_class=FORM)
    models.set_defaults(call=_models)


def _models(_: argparse.Namespace) -> int:
    from runtime.engines.models import known_models

    for model in known_models():
        print(f"{model.name}\n    {model.summary}\n    {model.licence}")
    print("\nAny other name is a folder, a .gguf file, or a name on a model hub.")
    return 0
