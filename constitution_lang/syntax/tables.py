"""The parser's tables as Lark makes them from the grammar, and the file that keeps them, so that Lark need not start.

`python -m constitution_lang.syntax.tables` writes the file anew. One that was made from another grammar is not used.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from lark import Lark
    from lark.parsers.lalr_analysis import ParseTableBase

__all__ = ["END", "Rule", "Tables", "grammar_text", "lark_parser", "make_tables", "tables"]

END = "$END"
"""The terminal that stands at the end of a text."""

_KEPT = "tables.json"


class Rule(msgspec.Struct, frozen=True):
    """A production. `takes` says of each symbol whether it is dropped (0), becomes a child (1) or gives its own (2).

    `tree` is the name of the tree that it makes; None where its children are given to what holds it.
    """

    origin: str
    symbols: tuple[str, ...]
    takes: tuple[int, ...]
    tree: str | None


class Tables(msgspec.Struct, frozen=True):
    """An LALR(1) automaton.

    A state's row has for each symbol the next state, or -1 - n to reduce by rule n. `scanners` are the terminals that
    may come next, in the order in which they are tried; the state at the same place in `scans` has that one.
    `made_from` is the text of the grammar.
    """

    made_from: str
    start: int
    end: int
    literals: dict[str, str]
    terminals: dict[str, str]
    ignored: tuple[str, ...]
    scanners: tuple[tuple[str, ...], ...]
    scans: tuple[int, ...]
    rows: tuple[dict[str, int], ...]
    rules: tuple[Rule, ...]


def grammar_text() -> str:
    """The grammar file: inside the installed package, or in an editable checkout beside it."""
    installed = Path(__file__).parents[1] / "grammar" / "constitution.lark"
    beside = Path(__file__).parents[2] / "grammar" / "constitution.lark"
    return (installed if installed.is_file() else beside).read_text(encoding="utf-8")


@cache
def tables() -> Tables:
    """The tables of the grammar as it is: kept ones where they were made from it, else new ones."""
    text = grammar_text()
    kept = Path(__file__).with_name(_KEPT)
    if kept.is_file():
        read = msgspec.json.decode(kept.read_bytes(), type=Tables)
        if read.made_from == text:
            return read
    return make_tables(text)


@cache
def lark_parser(text: str) -> tuple[Lark, dict[str, str]]:
    """Lark's parser, and its terminals that are one fixed word or sign."""
    from lark import Lark
    from lark.lexer import PatternRE, TerminalDef

    fixed: dict[str, str] = {}

    def whole_words(terminal: TerminalDef) -> None:
        # Lark would read `casea b` as `case a b`: a word has to end where it ends.
        if terminal.pattern.type == "str":
            word = fixed[str(terminal.name)] = terminal.pattern.value
            if word.isalpha():
                terminal.pattern = PatternRE(rf"{word}(?![\w.-])")
                terminal.priority = max(terminal.priority, 1)

    parser = Lark(text, parser="lalr", start="block", maybe_placeholders=False, edit_terminals=whole_words)
    return parser, fixed


def make_tables(text: str) -> Tables:
    """Take the tables out of Lark, numbered in an order that depends on the grammar alone."""
    parser, fixed = lark_parser(text)
    lexers = parser.parser.lexer.lexers
    table: ParseTableBase[int] = parser.parser.parser._parse_table  # noqa: SLF001
    rules = sorted(parser.rules, key=lambda rule: (rule.origin.name, [symbol.name for symbol in rule.expansion]))
    rule_number = {rule: number for number, rule in enumerate(rules)}
    old = list(_reached(table))
    number = {state: index for index, state in enumerate(old)}
    scanners: dict[tuple[str, ...], int] = {}
    rows, scans = [], []
    for state in old:
        row = {}
        for symbol, (action, arg) in sorted(table.states[state].items()):
            row[str(symbol)] = number[arg] if str(action) == "Shift" else -1 - rule_number[arg]
        rows.append(row)
        scans.append(scanners.setdefault(tuple(str(t.name) for t in lexers[state].terminals), len(scanners)))
    terminals = {str(terminal.name): terminal.pattern.to_regexp() for terminal in parser.terminals}
    assert not any(re.compile(pattern).groups for pattern in terminals.values()), "groups are counted by the scanner"
    return Tables(
        made_from=text,
        start=number[table.start_states["block"]],
        end=number[table.end_states["block"]],
        literals=dict(sorted(fixed.items())),
        terminals=dict(sorted(terminals.items())),
        ignored=tuple(sorted(map(str, parser.ignore_tokens))),
        scanners=tuple(scanners),
        scans=tuple(scans),
        rows=tuple(rows),
        rules=tuple(
            Rule(
                str(rule.origin.name),
                tuple(str(symbol.name) for symbol in rule.expansion),
                tuple(_take(symbol.name, terminal=symbol.is_term) for symbol in rule.expansion),
                None if rule.origin.name.startswith("_") or rule.options.expand1 else str(rule.origin.name),
            )
            for rule in rules
        ),
    )


def _take(symbol: str, *, terminal: bool) -> int:
    if symbol.startswith("_"):
        return 0 if terminal else 2
    return 1


def _reached(table: ParseTableBase[int]) -> Iterator[int]:
    """The states in the order in which they are come by."""
    first = table.start_states["block"]
    seen, waiting = {first}, deque([first])
    while waiting:
        state = waiting.popleft()
        yield state
        for _, (action, arg) in sorted(table.states[state].items()):
            if str(action) == "Shift" and arg not in seen:
                seen.add(arg)
                waiting.append(arg)


if __name__ == "__main__":
    Path(__file__).with_name(_KEPT).write_bytes(msgspec.json.encode(make_tables(grammar_text())) + b"\n")
