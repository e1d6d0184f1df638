"""What a block may hold, checked line by line against its form: keys, kinds of value, order, what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.codes.code import Code
from constitution_lang.diagnostics.model import Diagnostic, Fix, Label
from constitution_lang.source import Span
from constitution_lang.syntax import nodes as n
from constitution_lang.syntax.forms import BlockForm, FieldForm, ValueKind
from constitution_lang.syntax.line_faults import (
    Written,
    are_values,
    blocks_with,
    how_to_add,
    mismatch,
    no_value,
    unknown_line,
)
from constitution_lang.syntax.words import did_you_mean

__all__ = ["BlockLines"]


_EITHER = {"levels": "one of", "one of": "levels"}
"""Keys of which only one may be given."""
_PAIR_KEYS = ("prompt", "better", "worse")
"""What a pair for a model has to have."""
_HELD_TO_OTHERS = frozenset({*_EITHER, *_PAIR_KEYS})
"""Keys of which more is to be said than that each is given once."""


class BlockLines:
    """Keeps account of the lines of one block and says what is wrong with them."""

    def __init__(
        self, form: BlockForm, header: Span, name: str, diagnostics: list[Diagnostic], lost: set[str], *, titled: bool
    ) -> None:
        self._form = form
        self._header = header
        self._name = name
        self._titled = titled
        self._diagnostics = diagnostics
        self._lost = lost
        self._seen: dict[str, Span] = {}
        self._pair: Span | None = None
        self._examples: Mapping[str, str] = {}
        self._pairless = False
        """Whether it is told that a pair stands below no `under`."""
        self._caseless: list[Span] = []
        """Expectations above the first case; where there is no case at all, that is told instead."""
        self._unknown: list[tuple[Written, Diagnostic]] = []
        """Fields of which it is not clear what they should be: their values, and what is said of their keys."""

    def line(self, opening: str, span: Span) -> None:
        """Note a line that is not a field."""
        self._note(opening, span, repeatable=self._form.line(opening).repeatable)

    def rule(self, span: Span) -> None:
        """Note a `when` line, which may not follow `otherwise`."""
        self.line("when", span)
        earlier = self._seen.get("otherwise")
        if earlier:
            help = "move it above `otherwise`: rules are tried from the top"
            self._say(codes.E114, span, "this rule is never reached", help, Label(earlier, "this decides every case"))

    def expectation(self, span: Span) -> None:
        """Note an `expect` line, which has to follow a case."""
        self.line("expect", span)
        if "case" not in self._seen and not self._may_be_lost("case"):
            self._caseless.append(span)

    def cases_expect(self, without: Iterable[Span]) -> None:
        """Note the cases of a test below which nothing is expected, where something is below others."""
        for span in without:
            if not self._may_be_lost("expect"):
                help = "write below it what is to come of it, for instance `expect harm over autonomy`, or delete it"
                self._say(codes.E110, span, "nothing is expected of this case", help)

    def table(self, span: Span, columns: tuple[n.Name, ...], rows: tuple[n.TableRow, ...]) -> None:
        """Note a table: each row has a cell for each column."""
        self.line("table", span)
        if not rows and not self._may_be_lost("table"):
            help = "write a row for each case below it, indented by four spaces: grave, weapons | harm over autonomy"
            self._say(codes.E110, span, "this table has no rows", help)
        names = ", ".join(column.text for column in columns)
        for row in rows:
            unread = any(not cell.text for cell in (*columns, *row.cells))
            if len(row.cells) != len(columns) and not unread:
                cells = f"{len(row.cells)} cell{'s' if len(row.cells) > 1 else ''}"
                message = f"this row has {cells} where the table has {len(columns)}"
                help = f"write a value for each of: {names}"
                self._say(codes.E117, row.span, message, help, Label(span, "the columns"))

    def under(self, span: Span) -> None:
        """Note an `under` line, with which a pair for a model begins."""
        self.line("under", span)
        self._pair_complete()
        self._pair = span
        for key in _PAIR_KEYS:
            self._seen.pop(key, None)

    def _pair_complete(self) -> None:
        if self._pair and not self._may_be_lost("under"):
            for key in _PAIR_KEYS:
                if key not in self._seen and not self._may_be_lost(key):
                    form = self._form.field(key)
                    assert form
                    self._say(codes.E110, self._pair, f"this pair has no `{key}`", how_to_add(form))

    def field(self, key: n.Name, colon: int, written: Written) -> n.Field | None:
        """Note a field, whose colon stands at `colon`: the field itself where it is as it should be."""
        form = self._form.field(key.text)
        if form is None:
            unknown = unknown_line(self._form, key.text, key.span, ":" if colon == key.span.end else "")
            if are_values(self._form, key.text):
                self._lost.update(_EITHER)
            if unknown.fix:
                self._lost.add(unknown.fix.text)
            if unknown.fix or blocks_with(key.text):
                self._diagnostics.append(unknown)
                if written.kind is ValueKind.PROSE and not unknown.fix:
                    texts = (one.key for one in self._form.fields if one.required and one.kind is ValueKind.PROSE)
                    self._lost.update(texts)  # it may be meant as the text that the block has to have
            else:
                self._unknown.append((written, unknown))
            meant = self._form.field(unknown.fix.text) if unknown.fix and unknown.fix.sure else None
            value = self._value(meant, colon, written) if meant else None
            return n.Field(n.Name(meant.key, key.span), value, key.span.to(written.span)) if meant and value else None
        self._note(key.text, key.span, repeatable=form.repeatable)
        if self._form.keyword == "test" and not (self._pair or self._may_be_lost("under") or self._pairless):
            self._pairless = True
            help = "write above it whose pair it is: under harm.weapons"
            self._say(codes.E114, key.span, f"this `{key.text}` stands before any `under`", help)
        value = self._value(form, colon, written)
        if value is None:
            self._lost.add(key.text)
            return None
        return n.Field(key, value, key.span.to(written.span))

    def finish(self, examples: Mapping[str, str] | None = None) -> None:
        """Say what is missing; `examples` are lines to add that fit what is there."""
        self._examples = examples or {}
        self._pair_complete()
        others = {"case", "table", "under", *_PAIR_KEYS}  # where none of these is there, that there is no case is told
        for span in self._caseless if others & {*self._seen, *self._lost} else ():
            help = "write the case above it: case severity grave, topic medical"
            self._say(codes.E114, span, "this expectation stands before any case", help)
        missing = [
            opening for opening in self._form.required if opening not in self._seen and not self._may_be_lost(opening)
        ]
        if missing or self._unknown or self._form.keyword == "attribute":
            self._say_missing(missing)

    def _say_missing(self, missing: list[str]) -> None:
        who = "this test" if self._form.keyword == "test" else f"{self._form.keyword} `{self._name}`"
        if {"table", "under", *_PAIR_KEYS} & {*self._seen, *self._lost} and "case" not in self._seen:
            missing = []
        for opening in missing:
            if not self._stands_for(opening):
                self._say(codes.E110, self._header, f"{who} has no `{opening}`", self._how_to_add(opening))
        values = {"levels", "one of"}
        if (
            self._form.keyword == "attribute"
            and not values & self._seen.keys()
            and not self._may_be_lost(*values)
            and not any(map(self._stands_for, ("levels", "one of")))
        ):
            help = "add a line such as `levels: none < minor < grave` or, where they have no order, `one of: yes, no`"
            self._say(codes.E110, self._header, f"{who} has no values", help)
        if not self._titled and '"' in self._form.header:
            self._look_for_title()
        self._diagnostics.extend(unknown for _, unknown in self._unknown)
        self._unknown.clear()

    def _look_for_title(self) -> None:
        """Whether a field under an unknown key is the title, by its value; then its finding says where that belongs."""
        for at, (written, unknown) in enumerate(self._unknown):
            if written.kind is ValueKind.TEXT and not unknown.fix:
                name = self._form.header.split()[1] if self._name == self._form.keyword else self._name
                help = f"the title stands behind the name: write `{self._form.keyword} {name} {written.text}`"
                self._unknown[at] = written, replace(unknown, help=help)
                self._lost.add(n.TITLE)
                return

    def _stands_for(self, missing: str) -> bool:
        """Whether a field under an unknown key is the one that is missing, by its value; then its finding says so."""
        form = self._form.field(missing)
        for at, (written, unknown) in enumerate(self._unknown):
            one_name = written.kind is ValueKind.NAMES and isinstance(written.value, tuple) and len(written.value) == 1
            if form and (ValueKind.NAME if one_name else written.kind) is form.kind:
                fix = Fix(unknown.primary.span, missing, f"write `{missing}`")
                self._unknown[at] = written, replace(unknown, help=did_you_mean(missing), fix=fix)
                self._lost.add(missing)
                return True
        return False

    def _how_to_add(self, opening: str) -> str:
        field = self._form.field(opening)
        if opening in self._examples:
            return f"add a line such as `{self._examples[opening]}`"
        if field:
            return how_to_add(field)
        return f"add a line such as `{self._form.line(opening).example}`"

    def _may_be_lost(self, *openings: str) -> bool:
        """Whether a line that begins like one of these may be there, and could not be read."""
        return bool(self._lost) and not self._lost.isdisjoint((*openings, ""))

    def _note(self, opening: str, span: Span, *, repeatable: bool) -> None:
        if opening not in self._seen and opening not in _HELD_TO_OTHERS:
            self._seen[opening] = span
            return
        if opening in _PAIR_KEYS and self._may_be_lost("under"):
            return  # the `under` above it may be the line that was taken out
        earlier = self._seen.setdefault(opening, span)
        also = _EITHER.get(opening)
        if earlier is not span and not repeatable:
            help = "keep one of the two"
            self._say(codes.E109, span, f"`{opening}` is given twice", help, Label(earlier, "it is given here already"))
        elif also in self._seen:
            help = "keep `levels` where the values have an order, `one of` where they have none"
            message = f"`{opening}` and `{also}` can't both be given"
            self._say(codes.E109, span, message, help, Label(self._seen[also], f"`{also}` is given here"))

    def _say(self, code: Code, span: Span, message: str, help: str, *others: Label) -> None:
        self._diagnostics.append(code.at(span, message, help=help, secondary=others))

    def _value(  # noqa: PLR0911 - a table of kinds
        self, form: FieldForm, colon: int, written: Written
    ) -> n.Value | None:
        """The value as the kind that the key takes; None, and a finding, where it is of another kind."""
        value = written.value
        if form.kind is written.kind and not (isinstance(value, n.Prose) and not value.lines):
            return value
        match form.kind, value:
            case ValueKind.PROSE, n.Prose():
                self._diagnostics.append(no_value(form, Span(written.span.file, colon, colon + 1)))
                return None
            case (ValueKind.WHOLE, n.Number(value=amount)) if amount.is_integer():
                return value
            case (ValueKind.RANGE, n.ShareBound(low=n.Percent() as low, high=n.Percent() as high, stage=None)):
                return n.WordRange(low, high, written.span)
            case (ValueKind.NAME, (n.Name() as only,)):
                return only
            case (ValueKind.CHOICE, (n.Name() as only,)) if only.text in form.choices:
                return only
            case (ValueKind.LEVELS, tuple()) if len(value) == 1:
                return value
        self._diagnostics.append(mismatch(form, Span(written.span.file, colon, colon + 1), written))
        names = {form.kind, written.kind} == {ValueKind.LEVELS, ValueKind.NAMES}
        return value if names else None  # what the values are is known all the same
