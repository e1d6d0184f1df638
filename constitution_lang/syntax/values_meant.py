"""What a value was meant to be: names with spaces or in quotes, other signs between them, a text in quotes."""

from __future__ import annotations

import re
from unicodedata import combining, normalize

import msgspec

from constitution_lang.syntax.forms import FieldForm, ValueKind
from constitution_lang.syntax.words import listed

__all__ = ["Names", "fits", "names_meant", "sign_of_a_text", "unquoted", "value_meant"]

_NAME = r"[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*"
_DIGITS = r"\d+(?:\.\d+)?"
_NUMBER = rf"-?{_DIGITS}"
_FORMS = {
    ValueKind.NUMBER: _NUMBER,
    ValueKind.WHOLE: r"\d+",
    ValueKind.PERCENT: rf"{_NUMBER} ?%",
    ValueKind.RANGE: rf"{_NUMBER} ?% to {_NUMBER} ?%",
    ValueKind.SHARE: rf"(?:at least|at most|{_NUMBER} ?% to) {_NUMBER} ?%(?: in {_NAME})?",
    ValueKind.TEXT: r'"[^"]*"',
    ValueKind.NAMES: rf"{_NAME}(?:[ ]*,[ ]*{_NAME})*",
    ValueKind.LEVELS: rf"{_NAME}(?:[ ]*<[ ]*{_NAME})*",
    ValueKind.NAME: _NAME,
    ValueKind.CHOICE: _NAME,
}
_SHARES = (
    (r">=?[ ]*", "at least "),
    (r"<=?[ ]*", "at most "),
    (rf"(?:between )?({_DIGITS})[ ]*%?[ ]*(?:-|\u2013|to|and)[ ]*({_DIGITS})[ ]*(?:%|percent)?", r"\1% to \2%"),
    (rf"({_DIGITS})[ ]*percent", r"\1%"),
)
_LETTERS = {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "æ": "ae", "ø": "o", "ł": "l"}
"""What stands for letters that have no mark to leave out."""
_YES = {"true": "yes", "on": "yes", "false": "no", "off": "no"}
_SIGNS = {
    ValueKind.NAMES: r"[,;|/]|[ ](?:and|or)[ ]",
    ValueKind.LEVELS: r"[<,;|/>]|->|→|[ ](?:-|to|then)[ ]",
    ValueKind.NAME: "",
}
_SHOWN_MAX = 3
_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u201e": "\u201c", "\u2018": "\u2019", "\u00ab": "\u00bb"}
_BRACKETS = {"[": "]", "{": "}", "(": ")"}
_SIGN_OF_A_TEXT = re.compile(r"[|>][+-]?|[^\w\s\"']+|\"\"\"|'''|```")


class Names(msgspec.Struct, frozen=True):
    """What of a list can't be in it, in words; the list as one may write it; whether that is what was meant."""

    wrong: str
    written: str
    sure: bool


def fits(form: FieldForm, value: str) -> bool:
    """Whether a value looks like one of the kind that a key takes."""
    if form.choices:
        return value in form.choices
    pattern = _FORMS.get(form.kind)
    return pattern is not None and re.fullmatch(pattern, value) is not None


def unquoted(text: str) -> str | None:
    """What stands between the quotes that are around a whole text; None where there are none."""
    closing = _QUOTES.get(text[:1])
    inside = text[1:-1].strip()
    return inside if len(text) > 1 and text[-1] == closing and inside and not {text[0], closing} & {*inside} else None


def sign_of_a_text(text: str) -> bool:
    """Whether it is what begins a text of several lines elsewhere, and no text."""
    return _SIGN_OF_A_TEXT.fullmatch(text) is not None


def names_meant(form: FieldForm, value: str) -> Names | None:
    """What is wrong with a list of names; None where that is something else."""
    signs = _SIGNS.get(form.kind)
    inner = value[1:-1].strip() if _BRACKETS.get(value[:1], "\0") == value[-1:] else value
    if signs is None or not inner or ":" in inner:  # a colon belongs to another key, on a line of its own
        return None
    items = [item.strip() for item in (re.split(signs, inner) if signs else [inner])]
    names = [_name(item) for item in items]
    if not all(names):
        return None
    falling = form.kind is ValueKind.LEVELS and ">" in inner and "<" not in inner and "->" not in inner
    sign = " < " if form.kind is ValueKind.LEVELS else ", "
    plain = [unquoted(item) or item for item in items]
    written = sign.join(reversed(names) if falling else names)
    return Names(
        _none([item for item in plain if not re.fullmatch(_NAME, item)]), written, names == plain and not falling
    )


def _none(bad: list[str]) -> str:
    """That these are no names, in words."""
    if len(bad) > _SHOWN_MAX:
        return f"`{bad[0]}` is none, nor are {len(bad) - 1} more"
    return f"{listed([f'`{item}`' for item in bad], 'and')} {'is' if len(bad) == 1 else 'are'} none" if bad else ""


def _name(item: str) -> str:
    """The nearest name to a word or words; empty where nothing is left of them."""
    letters = normalize("NFKD", "".join(_LETTERS.get(char, char) for char in unquoted(item) or item))
    letters = "".join(char for char in letters if not combining(char))
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", letters).strip("-.")
    plain = re.sub(r"\.{2,}", ".", plain)
    return f"v{plain}" if plain and not plain[0].isalpha() else plain


def value_meant(form: FieldForm, value: str) -> str | None:
    """A value of one word or a bound as people write it, as the key takes it; None where that is not known."""
    plain = value.strip("\"'\u201c\u201d ")
    if form.kind is ValueKind.SHARE:
        for pattern, by in _SHARES:
            plain = re.sub(pattern, by, plain)
    elif form.kind is ValueKind.PERCENT and re.fullmatch(r"0?\.\d+|1\.0*", plain):
        plain = f"{float(plain) * 100:.10g}%"
    elif form.kind is ValueKind.PERCENT and re.fullmatch(_DIGITS, plain):
        plain += "%"
    plain = _YES.get(plain, plain) if form.choices else plain
    return plain if plain != value and fits(form, plain) else None
