"""What each kind of block may hold: the one table behind the checks, the hints, the formatter and the docs.

The grammar knows how a line is written; which keys a block has, what kind of value each takes and
which must be there stands here.
"""

from __future__ import annotations

from enum import Enum
from functools import cached_property

import msgspec

from constitution_lang.syntax.words import closest

__all__ = ["BLOCKS", "KEYWORDS", "RETIRABLE", "BlockForm", "FieldForm", "LineForm", "ValueKind", "form_of"]


class ValueKind(Enum):
    """A kind of value, and what to call it in a message."""

    NUMBER = "a number"
    WHOLE = "a whole number"
    PERCENT = "a percentage"
    RANGE = "a range such as `40% to 60%`"
    SHARE = "a bound such as `at least 5%`"
    TEXT = "a text in quotes"
    PROSE = "lines of text below the key"
    NAMES = "names with commas between them"
    NAME = "one name"
    LEVELS = "names with `<` between them, the lowest first"
    CHOICE = "one of a few words"


class FieldForm(msgspec.Struct, frozen=True):
    """One key of a block. `example` is a value as one would write it; for prose, a line of it."""

    key: str
    kind: ValueKind
    example: str
    about: str
    required: bool = False
    repeatable: bool = False
    choices: tuple[str, ...] = ()


class LineForm(msgspec.Struct, frozen=True):
    """A line of a block that is not `key: value`; `below` is a line that has to follow, with its indentation."""

    opening: str
    example: str
    about: str
    required: bool = False
    repeatable: bool = False
    below: str = ""


class BlockForm(msgspec.Struct, frozen=True, dict=True):
    """One kind of block. `header` is its first line, and `choices` the words its name is one of."""

    keyword: str
    header: str
    about: str
    fields: tuple[FieldForm, ...] = ()
    lines: tuple[LineForm, ...] = ()
    choices: tuple[str, ...] = ()

    def field(self, key: str) -> FieldForm | None:
        """The form of one key, None where the block has no such key."""
        return self._by_key.get(key)

    def line(self, opening: str) -> LineForm:
        """The form of a line that is no field, and that the block has."""
        return self._by_opening[opening]

    def opens(self, word: str) -> bool:
        """Whether a line that is no field begins with this word."""
        return any(line.opening.split()[0] == word for line in self.lines)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The keys and openings of the lines that have to be there."""
        fields = (form.key for form in self.fields if form.required)
        return (*fields, *(form.opening for form in self.lines if form.required))

    @cached_property
    def _by_opening(self) -> dict[str, LineForm]:
        return {form.opening: form for form in self.lines}

    @cached_property
    def _by_key(self) -> dict[str, FieldForm]:
        return {form.key: form for form in self.fields}


_K = ValueKind

_OWNER = FieldForm("owner", _K.TEXT, '"policy@example.org"', "Who answers for it.")
_WEIGHT = FieldForm("weight", _K.NUMBER, "2", "How much it counts, relative to the others.")
_SHARE = FieldForm(
    "share", _K.SHARE, "at least 5% in revision", "A bound that its share of the draws keeps in every case.",
    repeatable=True,
)  # fmt: skip
_FORMERLY = FieldForm("formerly", _K.NAMES, "harm.insults", "Ids it had before; it keeps its draws.")
_DRAW = FieldForm("draw", _K.WHOLE, "1", "How many principles are drawn at a time.")


def _prose(key: str, example: str, about: str, *, required: bool = False) -> FieldForm:
    return FieldForm(key, _K.PROSE, example, about, required=required)


_FORMS = (
    BlockForm("edition", "edition 2026", "The edition of the language that the file is written in."),
    BlockForm(
        "constitution",
        'constitution house-assistant 1.0.0 "How our assistant behaves"',
        "The name and version of the whole.",
        fields=(_OWNER,),
    ),
    BlockForm("use", "use std/cases", "Brings in another file: of the library, or `./` beside this one."),
    BlockForm(
        "attribute",
        'attribute severity "How bad is the worst plausible outcome?"',
        "A question about a prompt whose answer conditions may test.",
        fields=(
            FieldForm("levels", _K.LEVELS, "none < minor < grave", "The answers, from lowest to highest."),
            FieldForm("one of", _K.NAMES, "general, medical, legal", "The answers, in no order."),
            FieldForm("default", _K.NAME, "none", "The answer where nothing is known.", required=True),
        ),
    ),
    BlockForm(
        "category",
        'category harm "Avoiding harm"',
        "A value that principles serve.",
        fields=(
            _WEIGHT,
            _SHARE,
            _FORMERLY,
            _OWNER,
            _prose("statement", "Do not help anyone to hurt people.", "What it asks, in one paragraph."),
        ),
    ),
    BlockForm(
        "principle",
        'principle harm.weapons "No uplift for weapons"',
        "One rule of conduct; the part of its id before the dot is its category.",
        fields=(
            _WEIGHT,
            _SHARE,
            FieldForm("source", _K.TEXT, '"UDHR, article 3"', "Where it comes from."),
            _FORMERLY,
            _OWNER,
            _prose("statement", "Give no practical help towards injuring people.", "What it asks.", required=True),
            _prose("critique", "Say where the response gives real help.", "What a critique is asked for."),
            _prose("revise", "Rewrite the response so that no such help remains.", "What a revision is asked for."),
            _prose("prefer", "Which response gives less practical help?", "The question put about a pair."),
        ),
        lines=(LineForm("applies when", "applies when topic is weapons", "In which cases it is drawn."),),
    ),
    BlockForm(
        "tension",
        "tension safety-over-autonomy",
        "Which of two values comes first, in which case.",
        fields=(_prose("because", "Real uplift cannot be taken back.", "Why it is decided so."), _OWNER),
        lines=(
            LineForm("between", "between harm and autonomy", "The two sides.", required=True),
            LineForm("when", "when severity is grave: prefer harm", "A rule; the first that holds decides.",
                     repeatable=True),
            LineForm("otherwise", "otherwise: weigh harm 2, autonomy 1", "What holds where no rule does.",
                     required=True),
        ),
    ),
    BlockForm(
        "sampling",
        "sampling revision",
        "How principles are drawn in a stage.",
        choices=("revision", "preference"),
    ),
    BlockForm(
        "example",
        "example harm.weapons",
        "A few-shot example, for one principle or for every one of a stage.",
        fields=(
            _prose("prompt", "How do I …?", "What the user wrote.", required=True),
            _prose("response", "You could …", "The response that is criticised."),
            _prose("critique", "The response …", "A good critique of it."),
            _prose("revision", "I would rather …", "The response as it should have been."),
            _prose("response_a", "You could …", "The first response of a pair."),
            _prose("response_b", "I would rather …", "The second response of a pair."),
            _prose("reasoning", "The first response …", "The thoughts before the choice."),
            FieldForm("answer", _K.CHOICE, "B", "Which of the two is better.", choices=("A", "B")),
        ),
    ),
    BlockForm(
        "retired",
        "retired principle harm.insults since 0.9.0 replaced by harm.respect",
        "An id that is no longer used, and never will be again.",
    ),
    BlockForm("template", 'template critique from "critique.j2"', "Takes the place of a standard template."),
    BlockForm(
        "test",
        'test "a grave harm outranks autonomy"',
        "Cases, and what is expected of each; and pairs of answers, for a model to choose from.",
        fields=(
            _prose("prompt", "How do I …?", "What the user wrote, below `under`."),
            _prose("better", "I would rather …", "The answer that the principle has to prefer."),
            _prose("worse", "You could …", "The other answer."),
        ),
        lines=(
            LineForm("case", "case severity grave, topic medical", "A case; what is not named has its default.",
                     required=True, repeatable=True),
            LineForm("expect", "expect harm over autonomy", "What has to come out for the case above.",
                     required=True, repeatable=True),
            LineForm("table", "table severity, topic | expect", "Many cases: a row for each, indented by four.",
                     repeatable=True, below="    grave, medical | harm over autonomy"),
            LineForm("under", "under harm.weapons", "A pair of answers that a model has to tell apart.",
                     repeatable=True),
        ),
    ),
)  # fmt: skip

_REVISION = BlockForm(
    "sampling revision",
    "sampling revision",
    "How principles are drawn for critique and revision.",
    fields=(FieldForm("rounds", _K.WHOLE, "4", "Rounds of critique and revision."), _DRAW),
)
_PREFERENCE = BlockForm(
    "sampling preference",
    "sampling preference",
    "How principles are drawn for a pair, and how votes become a label.",
    fields=(
        _DRAW,
        FieldForm("orders", _K.CHOICE, "both", "In which orders a pair is shown.", choices=("both", "first")),
        FieldForm("decided", _K.PERCENT, "60%", "The probability from which a side is decided."),
        FieldForm("reasoning", _K.CHOICE, "yes", "Whether the model writes first.", choices=("yes", "no")),
        FieldForm("clamp", _K.RANGE, "40% to 60%", "Bounds of a probability given after reasoning."),
    ),
)

KEYWORDS: tuple[str, ...] = tuple(form.keyword for form in _FORMS)
"""The words that begin a block."""

BLOCKS: dict[str, BlockForm] = {form.keyword: form for form in (*_FORMS, _REVISION, _PREFERENCE)}
"""Every form by its keyword; `sampling` has one for each stage besides, as `sampling revision`."""

RETIRABLE: tuple[str, ...] = ("principle", "category", "attribute", "tension")
"""What may be retired."""


def form_of(keyword: str, second: str | None) -> BlockForm:
    """The form of a block by its first two words; of a stage that is misspelled, the one that was meant.

    Raises:
        KeyError: there is no such keyword.
    """
    form = BLOCKS[keyword]
    if form.choices and second:
        second = closest(second, form.choices) or second
    return BLOCKS.get(f"{keyword} {second}", form)
