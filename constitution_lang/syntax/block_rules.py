"""What a block may hold, checked line by line against its form: keys, kinds of value, order, what is missing."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.codes.code import Code
from constitution_lang.diagnostics.model import Diagnostic, Fix, Label
from constitution_lang.source import Span
from constitution_lang.syntax import nodes as n
from constitution_lang.syntax.forms import BLOCKS, KEYWORDS, BlockForm, FieldForm, ValueKind
from constitution_lang.syntax.values_meant import fits, names_meant, sign_of_a_text, unquoted
from constitution_lang.syntax.words import FOREIGN, closest, did_you_mean, listed

__all__ = [
    "BlockLines",
    "Written",
    "meant_opening",
    "no_value",
    "text_beside_key",
    "unknown_line",
    "wrong_choice",
    "wrong_kind",
    "wrong_value",
]


_EITHER = {"levels": "one of", "one of": "levels"}
"""Keys of which only one may be given."""
_NAMES_ARE = "a name begins with a letter, and has letters, digits, `-` and `_` in it"
_PAIR_KEYS = ("prompt", "better", "worse")
"""What a pair for a model has to have."""


class Written(msgspec.Struct, frozen=True):
    """A value as it was written, and the kind that it is by its looks; `text` is the line of it."""

    kind: ValueKind
    text: str
    value: n.Value
    span: Span


def wrong_choice(name: n.Name, choices: tuple[str, ...], why: str) -> list[Diagnostic]:
    """A finding where a name of a header is none of the words that may stand there."""
    if name.text in choices:
        return []
    best = closest(name.text, choices)
    fix = Fix(name.span, best, f"write `{best}`") if best else None
    message = f"expected {listed(choices)}, found `{name.text}`"
    return [codes.E106.at(name.span, message, help=did_you_mean(best) or why, fix=fix)]


def unknown_line(form: BlockForm, word: str, span: Span, behind: str = "") -> Diagnostic:
    """A finding about the first word of a line that this kind of block does not have; `behind` is the rest of it."""
    if word in KEYWORDS and behind[:1] not in {"", ":"}:
        help = "take the spaces before it away, and two from each line below it that belongs to it"
        column_one = Fix(Span(span.file, span.start - 2, span.start), "", "begin it at column one", sure=False)
        return codes.E104.at(span, f"a `{word}` block begins at column one", help=help, fix=column_one)
    openings = (*(field.key for field in form.fields), *(line.opening for line in form.lines))
    elsewhere = [other.keyword for other in BLOCKS.values() if other.field(word) or other.opens(word)]
    best = None if elsewhere else meant_opening(form, word)
    there, more = behind.split(), (best or "").split()[1:]
    written = best if best and there[: len(more)] != more else (best or "").split(" ")[0]
    fix = Fix(span, written, f"write `{best}`") if best and written else None
    article = "an" if form.keyword[0] in "aeiou" else "a"
    known = (
        f"{article} `{form.keyword}` block has {listed(openings, 'and')}"
        if openings
        else f"`{form.keyword}` is one line"
    )
    if elsewhere:
        known = f"it belongs in {listed((f'`{keyword}`' for keyword in elsewhere), 'or')}"
    message = f"{article} `{form.keyword}` block has no `{word}`"
    return codes.E107.at(span, message, help=did_you_mean(best) or known, fix=fix)


def meant_opening(form: BlockForm, word: str) -> str | None:
    """The key or opening of a line that a word was most likely meant to be, or to begin; None where none is near."""
    openings = (*(field.key for field in form.fields), *(line.opening for line in form.lines))
    meant = FOREIGN.get(word)
    if meant in openings:
        return meant
    beginnings = {opening.split()[0]: opening for opening in reversed(openings)}
    best = closest(word, {*openings, *beginnings})
    return beginnings.get(best, best) if best else None


def wrong_kind(form: FieldForm, found: str | None, span: Span, *, fix: Fix | None = None) -> Diagnostic:
    """A finding about a value of another kind than the key takes; `found` says which in words."""
    message = f"`{form.key}` takes {_wanted(form)}" + (f", not {found}" if found else "")
    help = f"write `{form.key}: {fix.text}`" if fix and fits(form, fix.text) else f"for instance `{_example(form)}`"
    return codes.E108.at(span, message, help=help, fix=fix)


def wrong_value(form: FieldForm, span: Span, value: str) -> Diagnostic:
    """A finding about a value that can't be read, written as `value` at `span`."""
    plain = value.removeprefix("=").strip()
    if plain != value and fits(form, plain):
        return wrong_kind(form, None, span, fix=Fix(span, plain, f"write `{plain}`"))
    meant = names_meant(form, value)
    if meant is None:
        return wrong_kind(form, None, span)
    fix = Fix(span, meant.written, f"write `{meant.written}`", meant.sure)
    found = wrong_kind(form, None, span, fix=fix)
    if not meant.wrong:
        return found
    help = f"{_NAMES_ARE}: write `{form.key}: {meant.written}`"
    return replace(found, message=f"{found.message}, and {meant.wrong}", help=help)


class BlockLines:
    """Keeps account of the lines of one block and says what is wrong with them."""

    def __init__(self, form: BlockForm, header: Span, name: str, diagnostics: list[Diagnostic], lost: set[str]) -> None:
        self._form = form
        self._header = header
        self._name = name
        self._diagnostics = diagnostics
        self._lost = lost
        self._seen: dict[str, Span] = {}
        self._pair: Span | None = None

    def line(self, opening: str, span: Span) -> None:
        """Note a line that is not a field."""
        form = next(line for line in self._form.lines if line.opening == opening)
        self._note(opening, span, repeatable=form.repeatable)

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
            help = "write the case above it: case severity grave, topic medical"
            self._say(codes.E114, span, "this expectation stands before any case", help)

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
                    self._say(codes.E110, self._pair, f"this pair has no `{key}`", _to_add(form))

    def field(self, key: n.Name, colon: Span, written: Written) -> n.Field | None:
        """Note a field: the field itself where it is as it should be."""
        form = self._form.field(key.text)
        if form is None:
            unknown = unknown_line(self._form, key.text, key.span)
            if unknown.fix:
                self._lost.add(unknown.fix.text)
            self._diagnostics.append(unknown)
            return None
        self._note(key.text, key.span, repeatable=form.repeatable)
        if self._form.keyword == "test" and not self._pair and not self._may_be_lost("under"):
            help = "write above it whose pair it is: under harm.weapons"
            self._say(codes.E114, key.span, f"this `{key.text}` stands before any `under`", help)
        value = self._value(form, colon, written)
        if value is None:
            self._lost.add(key.text)
            return None
        return n.Field(key, value, key.span.to(written.span))

    def finish(self) -> None:
        """Say what is missing."""
        self._pair_complete()
        who = "this test" if self._form.keyword == "test" else f"{self._form.keyword} `{self._name}`"
        missing = [
            opening for opening in self._form.required if opening not in self._seen and not self._may_be_lost(opening)
        ]
        if {"table", "under", *_PAIR_KEYS} & {*self._seen, *self._lost} and "case" not in self._seen:
            missing = []
        for opening in missing:
            self._say(codes.E110, self._header, f"{who} has no `{opening}`", self._how_to_add(opening))
        values = {"levels", "one of"}
        if self._form.keyword == "attribute" and not values & self._seen.keys() and not self._may_be_lost(*values):
            help = "add a line such as `levels: none < minor < grave` or, where they have no order, `one of: yes, no`"
            self._say(codes.E110, self._header, f"{who} has no values", help)

    def _how_to_add(self, opening: str) -> str:
        field = self._form.field(opening)
        if field:
            return _to_add(field)
        example = next(line.example for line in self._form.lines if line.opening == opening)
        return f"add a line such as `{example}`"

    def _may_be_lost(self, *openings: str) -> bool:
        """Whether a line that begins like one of these may be there, and could not be read."""
        return bool(self._lost) and not self._lost.isdisjoint((*openings, ""))

    def _note(self, opening: str, span: Span, *, repeatable: bool) -> None:
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
        self, form: FieldForm, colon: Span, written: Written
    ) -> n.Value | None:
        """The value as the kind that the key takes; None, and a finding, where it is of another kind."""
        value = written.value
        if form.kind is written.kind and not (isinstance(value, n.Prose) and not value.lines):
            return value
        match form.kind, value:
            case ValueKind.PROSE, n.Prose():
                self._diagnostics.append(no_value(form, colon))
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
        self._diagnostics.append(_mismatch(form, colon, written))
        return None


def no_value(form: FieldForm, colon: Span) -> Diagnostic:
    """A finding about a key with nothing behind it."""
    if form.kind is ValueKind.PROSE:
        help = f"write it on the next line, indented by four spaces: {form.example}"
        return codes.E112.at(colon, f"`{form.key}` has no text", help=help)
    return codes.E112.at(colon, f"`{form.key}` has no value", help=f"for instance `{_example(form)}`")


def text_beside_key(form: FieldForm, span: Span, text: str) -> Diagnostic:
    """A finding about text that begins on the line of its key; `span` reaches to the end of that line."""
    if sign_of_a_text(text):
        alone = Fix(span, "", "leave it out")
        message = f"no sign stands behind `{form.key}:`"
        closing = ", and the one that closes it" if text[0] not in "|>" else ""
        help = f"leave it out{closing}: the text is in the lines below that are indented by four"
        return codes.E111.at(span, message, help=help, fix=alone)
    bare = unquoted(text)
    help = f"write it on the line below `{form.key}:`, indented by four spaces{' and without quotes' if bare else ''}"
    below = Fix(span, f"\n    {bare or text}", "move the text to the next line")
    return codes.E111.at(span, f"the text of `{form.key}` begins on the line of its key", help=help, fix=below)


def _mismatch(form: FieldForm, colon: Span, written: Written) -> Diagnostic:
    span, value = written.span, written.value
    fix: Fix | None = None
    if form.kind is ValueKind.PROSE and written.kind is not ValueKind.PROSE:
        return text_beside_key(form, span, written.text)
    if isinstance(value, n.Prose):
        if not value.lines:
            return no_value(form, colon)
        help = f"write it on the line of its key: {_example(form)}"
        return codes.E108.at(span, f"`{form.key}` takes {_wanted(form)}, not a text below it", help=help)
    if form.kind is ValueKind.TEXT and isinstance(value, tuple):
        fix = Fix(span, '"' + ", ".join(name.text for name in value) + '"', "put it in quotes")
    if isinstance(value, n.Text | n.Number) and (meant := names_meant(form, written.text)):
        fix = Fix(span, meant.written, f"write `{meant.written}`", meant.sure)
    if {form.kind, written.kind} == {ValueKind.LEVELS, ValueKind.NAMES} and isinstance(value, tuple) and len(value) > 1:
        sign = " < " if form.kind is ValueKind.LEVELS else ", "
        list_ = sign.join(name.text for name in value)
        fix = Fix(span, list_, f"write `{list_}`", sure=False)
    if form.kind is ValueKind.PERCENT and isinstance(value, n.Number):
        fix = Fix(Span(span.file, span.end, span.end), "%", "make it a percentage")
    if form.kind is ValueKind.CHOICE and isinstance(value, tuple):
        best = closest(value[0].text, form.choices)
        fix = Fix(span, best, f"write `{best}`") if best else None
        found = f"`{value[0].text}`" if len(value) == 1 else "several"
        return wrong_kind(form, found, span, fix=fix)
    found = (
        "one with a fraction" if form.kind is ValueKind.WHOLE and isinstance(value, n.Number) else written.kind.value
    )
    if isinstance(value, tuple) and len(value) == 1:
        found = "a name"
    return wrong_kind(form, found, span, fix=fix)


def _wanted(form: FieldForm) -> str:
    return listed(form.choices) if form.choices else form.kind.value


def _example(form: FieldForm) -> str:
    return f"{form.key}: {form.example}"


def _to_add(form: FieldForm) -> str:
    if form.kind is ValueKind.PROSE:
        return f"add a line `{form.key}:` and the text below it, indented by four spaces"
    return f"add a line such as `{_example(form)}`"
