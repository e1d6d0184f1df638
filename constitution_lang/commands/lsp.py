"""`cai-compile lsp`: what an editor starts."""

from __future__ import annotations

import argparse

from constitution_lang.commands.files import FORM, WELL, WrongUseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from constitution_lang.commands.files import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    lsp = commands.add_parser(
        "lsp",
        help="the language server that an editor starts",
        description="Speaks the language server protocol over standard input and output; an editor starts it.",
        formatter_class=FORM,
    )
    lsp.add_argument("--stdio", action="store_true", help="ignored: many editors add it, and it is how it speaks")
    lsp.set_defaults(call=_lsp)


def _lsp(_: argparse.Namespace) -> int:
    try:
        from constitution_lang.server.app import serve
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] in ("pygls", "lsprotocol"):
            raise WrongUseError(
                "the language server needs an extra: pip install 'constitution-compiler[lsp]'"
            ) from error
        raise
    serve()
    return WELL
