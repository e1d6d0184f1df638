"""From the text of one block to its tree, by the tables of the grammar.

What Lark's own parser does, for the one thing that it is used for here: a text that fits. Where it does not fit, Lark
is asked what would have (`grammar`). Three things make this one quicker. What a terminal does to a stack of states is
worked out once, for all blocks. Spaces before a token are read with it. And a line that is a field whose value is one
token is read at once, wherever the tables leave no other way to read it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, TypeAlias, cast

import msgspec

from constitution_lang.syntax.tables import END, Tables, tables

__all__ = ["Parser", "Part", "Token", "Tree", "block_parser", "replace_tokens"]

_ENTRY = "_ENTRY"
_FIELD = "field"
_KEY = "KEY"
_SPACES = "SPACES"
_GROWS_BY = 3
"""The lines so far, the end of a line, and the line behind it."""


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


def replace_tokens(trees: Iterable[Tree], by: Callable[[Token], Token]) -> None:
    """Put another token in the place of each one in the trees."""
    waiting = list(trees)
    while waiting:
        children = waiting.pop().children
        for number, part in enumerate(children):
            if isinstance(part, Tree):
                waiting.append(part)
            else:
                children[number] = by(part)


class _Scanner(msgspec.Struct, frozen=True):
    """What may come next in a state. The names of `kinds` stand at the numbers of the pattern's groups."""

    pattern: re.Pattern[str]
    kinds: tuple[str, ...]


class _FieldReader(msgspec.Struct, frozen=True):
    """A field whose value is one token, from the end of the line before: key, colon and value are groups.

    `plans` are done first; `behind` is the stack after it.
    """

    pattern: re.Pattern[str]
    kinds: tuple[str, ...]
    plans: tuple[_Plan, ...]
    behind: _Stack
    grows: bool
    """Whether all that is to be done is to add the line above to the lines of the block."""


class _Plan(msgspec.Struct, frozen=True):
    """What is done to reduce by a rule; `takes` is None where every symbol gives one child.

    `grows` says that the first symbol's list gets the last symbol's value: one more line of a block, as a rule.
    """

    length: int
    origin: str
    tree: str | None
    takes: tuple[int, ...] | None
    grows: bool

    @property
    def changes(self) -> bool:
        """Whether anything is another value after it; not where a list is handed on as it is."""
        return self.tree is not None or self.takes != (2,)


class _Move(msgspec.Struct, frozen=True):
    """What a terminal does to a stack: reductions, and the stack after it. `keeps` says that it is a token of the tree.

    `to` is None at the end of a block, and where the terminal does not fit (`fits`).
    """

    plans: tuple[_Plan, ...]
    to: _Stack | None
    keeps: bool
    fits: bool = True


class _Stack:
    """A stack of states, each made once, so that what a terminal does to it is worked out once as well."""

    __slots__ = ("above", "below", "field", "moves", "scanner", "state")

    def __init__(self, state: int, below: _Stack | None, scanner: _Scanner) -> None:
        self.state = state
        self.below = below
        self.scanner = scanner
        self.above: dict[int, _Stack] = {}
        self.moves: dict[str, _Move] = {}
        self.field: _FieldReader | None = None
        """What reads a line that is a field; made when one has been read from here."""


class Parser:
    """Parses blocks."""

    def __init__(self, made: Tables) -> None:
        self._tables = made
        self._rows = made.rows
        self._silent = frozenset(name for name in made.terminals if name.startswith("_"))
        self._ignored = frozenset(made.ignored)
        self._scanners: dict[int, _Scanner] = {}
        self._plans = tuple(
            _Plan(
                len(rule.symbols),
                rule.origin,
                rule.tree,
                None if set(rule.takes) <= {1} else rule.takes,
                rule.tree is None and rule.takes == (2, *(0 for _ in rule.takes[2:]), 1),
            )
            for rule in made.rules
        )
        self._bottom = _Stack(made.start, None, self._scanner(made.start))

    def tree(self, text: str) -> Tree | None:  # noqa: C901, PLR0912 - the one loop that takes the time
        """The tree of a block, None where the text is not one."""
        ignored = self._ignored
        stack = above = self._bottom
        values: list[Any] = []
        at = 0
        while True:
            reader = stack.field
            if reader is not None and (found := reader.pattern.match(text, at)):
                number = found.lastindex or 0
                (key, key_end), (colon, colon_end), (start, at) = found.span(1), found.span(2), found.span(number)
                children = [
                    Token(_KEY, text[key:key_end], key, key_end),
                    Token("COLON", ":", colon, colon_end),
                    Token(reader.kinds[number], text[start:at], start, at),
                ]
                if reader.grows:  # `_reduce`, for what nearly all fields begin with
                    last = values.pop()
                    values.pop()
                    values[-1].append(last)
                elif reader.plans:
                    _reduce(reader.plans, values)
                values += (None, Tree(_FIELD, children))
                stack = reader.behind
                continue
            found = stack.scanner.pattern.match(text, at)
            if found:
                number = found.lastindex or 0
                kind = stack.scanner.kinds[number]
                start, at = found.span(number)
                if kind in ignored:
                    continue
            elif text[at:].strip(" "):
                return None
            else:
                kind = END
            move = stack.moves.get(kind) or self._move(stack, kind)
            if not move.fits:
                return None
            if move.plans:
                _reduce(move.plans, values)
            if move.to is None:
                tree: Tree = values[-1][0]  # `block` gives what it holds
                return tree
            if kind == _ENTRY:
                above = stack
            elif kind == _KEY and above.field is None:
                above.field = self._field_reader(above)
            stack = move.to
            values.append(Token(kind, text[start:at], start, at) if move.keeps else None)

    # --- stacks, and what terminals do to them, each worked out when it is first needed ---

    def _push(self, stack: _Stack, state: int) -> _Stack:
        above = stack.above.get(state)
        if above is None:
            above = stack.above[state] = _Stack(state, stack, self._scanner(state))
        return above

    def _move(self, stack: _Stack, kind: str) -> _Move:
        plans: list[_Plan] = []
        at = stack
        while True:
            action = self._rows[at.state].get(kind)
            if action is None:
                move = _Move((), None, keeps=False, fits=False)
                break
            if action >= 0:
                kept = tuple(plan for plan in plans if plan.changes)
                move = _Move(kept, self._push(at, action), keeps=kind not in self._silent)
                break
            plan = self._plans[-1 - action]
            plans.append(plan)
            for _ in range(plan.length):
                at = cast("_Stack", at.below)
            at = self._push(at, self._rows[at.state][plan.origin])
            if kind is END and at.state == self._tables.end:
                move = _Move(tuple(plan for plan in plans if plan.changes), None, keeps=False)
                break
        stack.moves[kind] = move
        return move

    # --- patterns -------------------------------------------------------------------------------

    def _scanner(self, state: int) -> _Scanner:
        number = self._tables.scans[state]
        if number not in self._scanners:
            names = self._tables.scanners[number]
            choice = "|".join(f"({self._tables.terminals[name]})" for name in names)
            self._scanners[number] = _Scanner(re.compile(f"{self._gap()}(?:{choice})"), ("", *names))
        return self._scanners[number]

    def _gap(self) -> str:
        """Spaces, none or some; no terminal but this one begins with a space."""
        return f"(?>(?:{self._tables.terminals[_SPACES]})?)"

    def _field_reader(self, stack: _Stack) -> _FieldReader | None:
        """What reads a line that is a field at once; None where no field can follow."""
        made = self._tables
        entry = stack.moves.get(_ENTRY) or self._move(stack, _ENTRY)
        line = entry.to
        if line is None:
            return None
        row = made.rows[line.state]
        if _FIELD not in row or row.get(_KEY, -1) < 0:
            return None
        after_colon = made.rows[row[_KEY]]["COLON"]
        choice: list[str] = []
        kinds = ["", _KEY, "COLON"]
        tried = made.scanners[made.scans[after_colon]]
        for name in tried:
            target = made.rows[after_colon].get(name, -1)
            if target >= 0 and self._is_whole_field(target):
                # Of those before it the ones that are choices themselves have been tried when this one is.
                others = tuple(other for other in tried if other not in kinds)
                choice.append(f"{self._not_before(others, name)}({made.terminals[name]})")
                kinds.append(name)
        if not choice:
            return None
        gap = self._gap()
        start = f"{gap}{self._not_before(self._tried(stack), _ENTRY)}(?>{made.terminals[_ENTRY]})"
        key = f"{gap}{self._not_before(self._tried(line), _KEY)}((?>{made.terminals[_KEY]}))"
        pattern = f"{start}{key}{gap}({made.terminals['COLON']}){gap}(?>{'|'.join(choice)})"
        grows = len(entry.plans) == 1 and entry.plans[0].grows and entry.plans[0].length == _GROWS_BY
        return _FieldReader(re.compile(pattern), tuple(kinds), entry.plans, self._push(line, row[_FIELD]), grows)

    def _tried(self, stack: _Stack) -> tuple[str, ...]:
        return self._tables.scanners[self._tables.scans[stack.state]]

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


def _reduce(plans: tuple[_Plan, ...], values: list[Any]) -> None:
    """Put what the symbols of rules have given in the place of these."""
    for plan in plans:
        length = plan.length
        if plan.grows:  # nobody else has the list from now on
            last = values[-1]
            del values[1 - length :]
            values[-1].append(last)
            continue
        children: list[Any] = []
        if length:
            children = values[-length:]
            del values[-length:]
            if plan.takes:
                given, children = children, []
                for value, take in zip(given, plan.takes):  # noqa: B905 - as many as the rule has symbols
                    if take == 1:
                        children.append(value)
                    elif take and children:
                        children += value
                    elif take:
                        children = value  # of nobody else from now on, so it may grow: a list of lines is not copied
        values.append(children if plan.tree is None else Tree(plan.tree, children))


@cache
def block_parser() -> Parser:
    """The parser of the language."""
    return Parser(tables())
