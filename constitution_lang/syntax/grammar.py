"""The way to Lark, and the only module that imports it: text of one block in, tree or failure out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

__all__ = ["Failure", "block_tree", "grammar_text", "literals"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Where a block stops making sense, and the names of the terminals that could have stood there."""

    offset: int
    expected: frozenset[str]


def grammar_text() -> str:
    """The grammar file: inside the installed package, or in an editable checkout beside it."""
    installed = files("constitution_lang") / "grammar" / "constitution.lark"
    if installed.is_file():
        return installed.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "grammar" / "constitution.lark").read_text(encoding="utf-8")


@cache
def _parser() -> tuple[Lark, dict[str, str]]:
    """The parser, and its terminals that are one fixed word or sign."""
    from lark import Lark
    from lark.lexer import PatternRE, TerminalDef

    fixed: dict[str, str] = {}

    def whole_words(terminal: TerminalDef) -> None:
        # Lark would read `casea b` as `case a b`: a word has to end where it ends.
        if terminal.pattern.type == "str":
            word = fixed[terminal.name] = terminal.pattern.value
            if word.isalpha():
                terminal.pattern = PatternRE(rf"{word}(?![\w.-])")
                terminal.priority = max(terminal.priority, 1)

    parser = Lark(grammar_text(), parser="lalr", start="block", maybe_placeholders=False, edit_terminals=whole_words)
    return parser, fixed


def literals() -> dict[str, str]:
    """The terminals that are one fixed word or sign, and that word: `{"OVER": "over", "COLON": ":"}`."""
    return _parser()[1]


def block_tree(text: str) -> Tree[Token] | Failure:
    """Parse one block, from its keyword to the end of `text`."""
    from lark.exceptions import UnexpectedInput

    try:
        return _parser()[0].parse(text)
    except UnexpectedInput:
        return _failure(text)


def _failure(text: str) -> Failure:
    """Parse again up to the failure, slowly, to learn what would have been accepted there."""
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    session = _parser()[0].parse_interactive(text)
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
        raise AssertionError("a block failed once and then did not")
    return Failure(offset, frozenset(session.accepts()))  # type: ignore[no-untyped-call]
