"""Text of one block in, tree or failure out."""

from __future__ import annotations

import msgspec

from constitution_lang.syntax.lalr import Tree, block_parser
from constitution_lang.syntax.tables import grammar_text, lark_parser, tables

__all__ = ["Failure", "block_tree", "literals", "parsed"]


class Failure(msgspec.Struct, frozen=True):
    """Where a block stops making sense, and the names of the terminals that could have stood there."""

    offset: int
    expected: frozenset[str]


def literals() -> dict[str, str]:
    """The terminals that are one fixed word or sign, and that word: `{"OVER": "over", "COLON": ":"}`."""
    return tables().literals


def parsed(text: str) -> Tree | None:
    """The tree of one block, None where the text is not one."""
    return block_parser().tree(text)


def block_tree(text: str) -> Tree | Failure:
    """Parse one block, from its keyword to the end of `text`."""
    return block_parser().tree(text) or _failure(text)


def _failure(text: str) -> Failure:
    """Parse again up to the failure, slowly, to learn what would have been accepted there."""
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    session = lark_parser(grammar_text())[0].parse_interactive(text)
    try:
        last = None
        for token in session.iter_parse():
            last = token
        session.feed_eof(last)  # type: ignore[no-untyped-call]
    except UnexpectedToken as error:
        offset = len(text) if error.token.type == "$END" else error.token.start_pos or 0
    except UnexpectedCharacters as error:
        offset = error.pos_in_stream or 0
    else:
        raise AssertionError("Lark reads a block that the tables do not")
    return Failure(offset, frozenset(session.accepts()))  # type: ignore[no-untyped-call]
