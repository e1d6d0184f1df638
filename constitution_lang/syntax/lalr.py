"""From the text of one block to its tree, by the tables of the grammar.

What Lark's own parser does, for the one thing that it is used for here: a text that fits. Where it does not fit, Lark
is asked what would have (`grammar`). Two things make this one quicker. Spaces before a token are read with it; and a
whole field whose value is one token is read at once, wherever the tables leave no other way to read it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, TypeAlias, cast

import msgspec

from constitution_lang.syntax.tables import END, Tables, tables

__all__ = ["Parser", "Part", "Token", "Tree", "block_parser"]

_FIELD = "field"
_SPACES = "SPACES"


class Token(msgspec.Struct, frozen=True, gc=False):
    """A word of the text, and where it stands."""

    type: str
    text: str
    start: int
    end: int


class Tree(msgspec.Struct, frozen=True, gc=False):
    """A rule's name and what it holds: tokens and trees, as the grammar says."""

    data: str
    children: list[Any]


Part: TypeAlias = Token | Tree


class _Scanner(msgspec.Struct, frozen=True):
    """What may come next in a state. The names of `kinds` stand at the numbers of the pattern's groups."""

    pattern: re.Pattern[str]
    kinds: tuple[str, ...]
    field: _FieldReader | None


class _FieldReader(msgspec.Struct, frozen=True):
    """A field whose value is one token: key, colon and value are groups. `behind` is the state after it."""

    pattern: re.Pattern[str]
    kinds: tuple[str, ...]
    behind: int


class _Plan(msgspec.Struct, frozen=True):
    """What is done to reduce by a rule; `takes` is None where every symbol gives one child."""

    length: int
    origin: str
    tree: str | None
    takes: tuple[int, ...] | None


class Parser:
    """Parses blocks."""

    def __init__(self, made: Tables) -> None:
        self._tables = made
        self._rows = made.rows
        self._silent = frozenset(name for name in made.terminals if name.startswith("_"))
        self._ignored = frozenset(made.ignored)
        self._scanners: dict[int, _Scanner] = {}
        self._patterns: dict[int, tuple[re.Pattern[str], tuple[str, ...]]] = {}
        self._plans = tuple(
            _Plan(len(rule.symbols), rule.origin, rule.tree, None if set(rule.takes) <= {1} else rule.takes)
            for rule in made.rules
        )

    def tree(self, text: str) -> Tree | None:
        """The tree of a block, None where the text is not one."""
        rows, known, silent, ignored = self._rows, self._scanners, self._silent, self._ignored
        state, end = self._tables.start, self._tables.end
        states: list[int] = [state]
        values: list[Any] = []
        at = 0
        while state != end:
            scanner = known.get(state) or self._scanner(state)
            if scanner.field and (found := scanner.field.pattern.match(text, at)):
                number = cast("int", found.lastindex)
                (key, key_end), (colon, colon_end), (start, at) = found.span(1), found.span(2), found.span(number)
                children = [
                    Token("KEY", text[key:key_end], key, key_end),
                    Token("COLON", ":", colon, colon_end),
                    Token(scanner.field.kinds[number], text[start:at], start, at),
                ]
                state = scanner.field.behind
                states.append(state)
                values.append(Tree(_FIELD, children))
                continue
            found = scanner.pattern.match(text, at)
            if found:
                number = cast("int", found.lastindex)
                kind = scanner.kinds[number]
                start, at = found.span(number)
                if kind in ignored:
                    continue
            elif text[at:].strip(" "):
                return None
            else:
                kind = END
            action = rows[state].get(kind)
            while action is not None and action < 0:
                state = self._reduce(self._plans[-1 - action], states, values)
                if kind is END and state == end:
                    break
                action = rows[state].get(kind)
            else:
                if action is None:
                    return None
                state = action
                states.append(state)
                values.append(None if kind in silent else Token(kind, text[start:at], start, at))
        tree: Tree = values[-1][0]  # `block` gives what it holds
        return tree

    def _reduce(self, plan: _Plan, states: list[int], values: list[Any]) -> int:
        """Put what the symbols of a rule have given in the place of these. Returns the state behind it."""
        children: list[Any] = []
        if plan.length:
            children = values[-plan.length :]
            del states[-plan.length :], values[-plan.length :]
            if plan.takes:
                given, children = children, []
                for value, take in zip(given, plan.takes, strict=True):
                    if take == 1:
                        children.append(value)
                    elif take and children:
                        children += value
                    elif take:
                        children = value  # of nobody else from now on, so it may grow: a list of lines is not copied
        state = self._rows[states[-1]][plan.origin]
        states.append(state)
        values.append(children if plan.tree is None else Tree(plan.tree, children))
        return state

    # --- patterns, each made when it is first needed ---

    def _scanner(self, state: int) -> _Scanner:
        number = self._tables.scans[state]
        if number not in self._patterns:
            names = self._tables.scanners[number]
            choice = "|".join(f"({self._tables.terminals[name]})" for name in names)
            self._patterns[number] = re.compile(f"{self._gap()}(?:{choice})"), ("", *names)
        scanner = self._scanners[state] = _Scanner(*self._patterns[number], self._field_reader(state))
        return scanner

    def _gap(self) -> str:
        """Spaces, none or some; no terminal but this one begins with a space."""
        return f"(?>(?:{self._tables.terminals[_SPACES]})?)"

    def _field_reader(self, state: int) -> _FieldReader | None:
        """What reads a field at once in this state; None where no field can begin in it."""
        made = self._tables
        row = made.rows[state]
        if _FIELD not in row or row.get("KEY", -1) < 0:
            return None
        after_colon = made.rows[row["KEY"]]["COLON"]
        choice, kinds = [], ["", "KEY", "COLON"]
        tried = made.scanners[made.scans[after_colon]]
        for name in tried:
            target = made.rows[after_colon].get(name, -1)
            if target >= 0 and self._is_whole_field(target):
                choice.append(f"{self._not_before(tried, name)}({made.terminals[name]})")
                kinds.append(name)
        if not choice:
            return None
        gap = self._gap()
        key = f"{self._not_before(made.scanners[made.scans[state]], 'KEY')}((?>{made.terminals['KEY']}))"
        pattern = f"{gap}{key}{gap}({made.terminals['COLON']}){gap}(?>{'|'.join(choice)})"
        return _FieldReader(re.compile(pattern), tuple(kinds), row[_FIELD])

    def _is_whole_field(self, state: int) -> bool:
        """Whether a state that is reached with a value's first token has that value and the field complete."""
        actions = set(self._tables.rows[state].values())
        if len(actions) != 1:
            return False
        action = actions.pop()
        return action < 0 and len(self._tables.rules[-1 - action].symbols) == 1

    def _not_before(self, tried: tuple[str, ...], name: str) -> str:
        """That none of the terminals which are tried before this one stands here."""
        earlier = [self._tables.terminals[other] for other in tried[: tried.index(name)]]
        return f"(?!{'|'.join(earlier)})" if earlier else ""


@cache
def block_parser() -> Parser:
    """The parser of the language."""
    return Parser(tables())
