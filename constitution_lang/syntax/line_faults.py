"""Findings about the lines of a block: keys that it does not have, and values that a key does not take."""

from __future__ import annotations

import re

import msgspec
from msgspec.structs import replace

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix
from constitution_lang.source import Span
from constitution_lang.syntax import nodes as n
from constitution_lang.syntax.forms import BLOCKS, KEYWORDS, BlockForm, FieldForm, ValueKind
from constitution_lang.syntax.values_meant import fits, names_meant, sign_of_a_text, unquoted, value_meant
from constitution_lang.syntax.words import FOREIGN, alike, closest, did_you_mean, listed, with_article

__all__ = [
    "Written", "are_values", "blocks_with", "how_to_add", "meant_opening", "mismatch", "no_value", "text_beside_key",
    "unknown_line", "wrong_choice", "wrong_value",
]  # fmt: skip

_ELSEWHERE = {
    **dict.fromkeys(("user", "human", "instruction", "request"), "prompt"),
    **dict.fromkeys(("assistant", "model", "ai", "bot", "output", "completion"), "response"),
    **dict.fromkeys(("text", "rule", "description", "content", "body"), "statement"),
    **dict.fromkeys(("good", "chosen"), "better"),
    **dict.fromkeys(("bad", "rejected"), "worse"),
}
"""What people call them elsewhere: who speaks in the data of chats, the parts of a pair."""
_GLUED = re.compile(
    rf"[ ]+(?P<key>{'|'.join(sorted({field.key for block in BLOCKS.values() for field in block.fields}))})[ ]*:"
)
"""A key behind a value: two lines of which the end of the first was lost."""
_NAMES_ARE = "a name begins with a letter, and has letters, digits, `-` and `_` in it"


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
        return codes.E104.at(span, f"{with_article(word)} block begins at column one", help=help, fix=column_one)
    openings = (*(field.key for field in form.fields), *(line.opening for line in form.lines))
    if are_values(form, word):
        help = "write `levels:` with `<` between them where they have an order, else `one of:` with commas"
        return codes.E107.at(span, f"an `attribute` block has no `{word}`", help=help)
    elsewhere = blocks_with(word)
    best = FOREIGN.get(word) if elsewhere else meant_opening(form, word)
    best = best if best in openings else None
    there, more = behind.split(), (best or "").split()[1:]
    written = best if best and there[: len(more)] != more else (best or "").split(" ")[0]
    if best and written and behind.startswith(":") and form.field(best) is None:
        keeps = form.line(best).example.removeprefix(best).startswith(":")
        span = span if keeps else Span(span.file, span.start, span.end + 1)
    if best and word.startswith((f"{best}-", f"{best}=")):
        written = f"{best} {word[len(best) + 1 :]}"  # a sign in the place of a space
    near = word in _ELSEWHERE or word in FOREIGN or alike(word, best or "")
    fix = Fix(span, written, f"write `{written}`", sure=near and not elsewhere) if best and written else None
    block = f"{with_article(form.keyword)} block"
    message = f"{block} has no `{word}`"
    known = f"{block} has {listed(openings, 'and')}" if openings else f"`{form.keyword}` is one line"
    if elsewhere:
        known = f"it belongs in {listed((f'`{keyword}`' for keyword in elsewhere), 'or')}"
        if best:
            help = f"{known}; here it may be `{best}`"
            return codes.E107.at(span, message, help=help, fix=fix)
    return codes.E107.at(span, message, help=did_you_mean(best) or known, fix=fix)


def are_values(form: BlockForm, word: str) -> bool:
    """Whether a key is what others call the values of an attribute."""
    return form.keyword == "attribute" and word in {"values", "options", "choices", "answers"}


def blocks_with(word: str) -> list[str]:
    """The kinds of block that have a key or a line of that name."""
    return [other.keyword for other in BLOCKS.values() if other.field(word) or other.opens(word)]


def meant_opening(form: BlockForm, word: str) -> str | None:
    """The key or opening of a line that a word was most likely meant to be, or to begin; None where none is near."""
    openings = (*(field.key for field in form.fields), *(line.opening for line in form.lines))
    meant = FOREIGN.get(word, _ELSEWHERE.get(word))
    if meant in openings:
        return meant
    beginnings = {opening.split()[0]: opening for opening in reversed(openings)}
    best = closest(word, {*openings, *beginnings})
    return beginnings.get(best, best) if best else None


def _wrong_kind(form: FieldForm, found: str | None, span: Span, *, fix: Fix | None = None) -> Diagnostic:
    """A finding about a value of another kind than the key takes; `found` says which in words."""
    message = f"`{form.key}` takes {_wanted(form)}" + (f", not {found}" if found else "")
    help = f"write `{form.key}: {fix.text}`" if fix and fits(form, fix.text) else f"for instance `{_example(form)}`"
    return codes.E108.at(span, message, help=help, fix=fix)


def wrong_value(form: FieldForm, span: Span, value: str) -> Diagnostic:
    """A finding about a value that can't be read, written as `value` at `span`."""
    glued = _GLUED.search(value)
    if glued:
        at = Span(span.file, span.start + glued.start(), span.start + glued.start("key"))
        own = Fix(at, "\n  ", "write it on a line of its own")
        help = f"write `{glued['key']}:` on a line of its own"
        key = Span(span.file, span.start + glued.start("key"), span.start + glued.end("key"))
        return codes.E108.at(key, f"`{glued['key']}` stands on the line of `{form.key}`", help=help, fix=own)
    plain = value.removeprefix("=").strip()
    if plain != value and fits(form, plain):
        return _wrong_kind(form, None, span, fix=Fix(span, plain, f"write `{plain}`"))
    meant = names_meant(form, value)
    if meant is None:
        return _wrong_kind(form, None, span)
    fix = Fix(span, meant.written, f"write `{meant.written}`", meant.sure)
    found = _wrong_kind(form, None, span, fix=fix)
    if not meant.wrong:
        return found
    help = f"{_NAMES_ARE}: write `{form.key}: {meant.written}`"
    return replace(found, message=f"{found.message}, and {meant.wrong}", help=help)


def no_value(form: FieldForm, colon: Span) -> Diagnostic:
    """A finding about a key with nothing behind it."""
    if form.kind is ValueKind.PROSE:
        help = f"write it on the next line, indented by four spaces: {form.example}"
        return codes.E112.at(colon, f"`{form.key}` has no text", help=help)
    return codes.E112.at(colon, f"`{form.key}` has no value", help=f"for instance `{_example(form)}`")


def text_beside_key(form: FieldForm, span: Span, text: str) -> Diagnostic:
    """A finding about text that begins on the line of its key; `span` reaches to the end of that line."""
    if text.rstrip(":") == form.key:
        again = Fix(Span(span.file, span.start - 1, span.end), "", "leave one out")
        return codes.E111.at(span, f"`{form.key}` is written twice", help="leave one of them out", fix=again)
    if sign_of_a_text(text):
        alone = Fix(span, "", "leave it out")
        message = f"no sign stands behind `{form.key}:`"
        closing = ", and the one that closes it" if text[0] in "\"'`" else ""
        help = f"leave it out{closing}: the text is in the lines below that are indented by four"
        return codes.E111.at(span, message, help=help, fix=alone)
    bare = unquoted(text)
    help = f"write it on the line below `{form.key}:`, indented by four spaces{' and without quotes' if bare else ''}"
    below = Fix(span, f"\n    {bare or text}", "move the text to the next line")
    return codes.E111.at(span, f"the text of `{form.key}` begins on the line of its key", help=help, fix=below)


def _text_below(form: FieldForm, colon: Span, span: Span, value: n.Prose) -> Diagnostic:
    if not value.lines:
        return no_value(form, colon)
    meant = names_meant(form, ", ".join(line.strip().lstrip("-*\u2022 ") for line in value.lines if line.strip()))
    line = f"{form.key}: {meant.written}" if meant else _example(form)
    beside = (
        Fix(Span(span.file, colon.end, span.end), f" {meant.written}", "write it beside the key") if meant else None
    )
    message = f"`{form.key}` takes {_wanted(form)}, not a text below it"
    return codes.E108.at(span, message, help=f"write it on the line of its key: `{line}`", fix=beside)


def mismatch(form: FieldForm, colon: Span, written: Written) -> Diagnostic:
    """A finding about a value of another kind than the key takes."""
    span, value = written.span, written.value
    fix: Fix | None = None
    if form.kind is ValueKind.PROSE and written.kind is not ValueKind.PROSE:
        return text_beside_key(form, span, written.text)
    if isinstance(value, n.Prose):
        return _text_below(form, colon, span, value)
    if form.kind is ValueKind.TEXT and isinstance(value, tuple):
        fix = Fix(span, '"' + ", ".join(name.text for name in value) + '"', "put it in quotes")
    if isinstance(value, n.Text | n.Number) and (meant := names_meant(form, written.text)):
        fix = Fix(span, meant.written, f"write `{meant.written}`", meant.sure)
    if {form.kind, written.kind} == {ValueKind.LEVELS, ValueKind.NAMES} and isinstance(value, tuple) and len(value) > 1:
        sign = " < " if form.kind is ValueKind.LEVELS else ", "
        list_ = sign.join(name.text for name in value)
        fix = Fix(span, list_, f"write `{list_}`", sure=False)
    if meant_value := value_meant(form, written.text):
        fix = Fix(span, meant_value, f"write `{meant_value}`")
    if form.kind is ValueKind.SHARE and isinstance(value, n.Percent):
        which = listed(f"`{form.key}: {bound} {written.text}`" for bound in ("at least", "at most"))
        return codes.E108.at(span, f"`{form.key}` takes {_wanted(form)}, not a percentage alone", help=f"write {which}")
    if form.kind is ValueKind.CHOICE and isinstance(value, tuple):
        best = closest(value[0].text, form.choices)
        fix = Fix(span, best, f"write `{best}`") if best else None
        found = f"`{value[0].text}`" if len(value) == 1 else "several"
        return _wrong_kind(form, found, span, fix=fix)
    found = (
        "one with a fraction" if form.kind is ValueKind.WHOLE and isinstance(value, n.Number) else written.kind.value
    )
    if isinstance(value, tuple) and len(value) == 1:
        found = "a name"
    return _wrong_kind(form, found, span, fix=fix)


def _wanted(form: FieldForm) -> str:
    return listed(form.choices) if form.choices else form.kind.value


def _example(form: FieldForm) -> str:
    return f"{form.key}: {form.example}"


def how_to_add(form: FieldForm) -> str:
    """What to write where a field is missing."""
    if form.kind is ValueKind.PROSE:
        return f"add a line `{form.key}:` and the text below it, indented by four spaces"
    return f"add a line such as `{_example(form)}`"
