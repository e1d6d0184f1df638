"""What could be written at a place: keywords, keys, and the ids that fit there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lsprotocol import types

from constitution_lang.check.modules import LIBRARY_PATHS, SUFFIX
from constitution_lang.ir.model import PromptKind
from constitution_lang.server.program import Program
from constitution_lang.syntax import nodes as n
from constitution_lang.syntax.forms import BLOCKS, KEYWORDS, RETIRABLE, BlockForm, ValueKind

__all__ = ["completions"]

_K = types.CompletionItemKind
_WORD = re.compile(r"[\w.-]*\Z")
_OF_ATTRIBUTE = re.compile(
    r"([A-Za-z][\w.-]*)[ ]+(?:is[ ]+not[ ]+one[ ]+of|is[ ]+one[ ]+of|is[ ]+not|is|<=|>=|<|>)[ ]+"
    r"(?:[\w-]+[ ]*,[ ]*)*\Z"
)
_BETWEEN = re.compile(r"^  between[ ]+([\w.-]+)[ ]+and[ ]+([\w.-]+)", re.MULTILINE)
_TESTED = re.compile(r"(?:(?:is|is[ ]+not|of|<=|>=|<|>|,)[ ]+[\w-]+[ ]*\)*|\))[ ]+\Z")
_CASE_VALUE = re.compile(r"(?:case|,)[ ]+([A-Za-z][\w.-]*)[ ]+\Z")
_ENDS_CONDITION = re.compile(r"[ ]*(?:when|applies when)\b[^:]*\Z")


def completions(program: Program, file: str, offset: int, names: Iterable[str] = ()) -> Iterator[types.CompletionItem]:
    """Everything that fits at an offset of a file. `names` are the files beside and below it, for `use`."""
    blocks = program.files[file]
    text = blocks.source.text
    start = text.rfind("\n", 0, offset) + 1
    before = text[start:offset]
    opening = before[: _WORD.search(before).start()]  # type: ignore[union-attr] # the pattern matches the empty text
    block, _ = blocks.at(start)
    words = block.text.split("\n", 1)[0].split()
    form = BLOCKS.get(" ".join(words[:2])) or BLOCKS.get(words[0] if words else "")
    fits = _Fits(program, names)
    if not opening:
        yield from fits.keywords()
    elif not opening[0].isspace():
        yield from fits.header(opening.split())
    elif form is None or "#" in opening:
        return
    elif opening.startswith("    "):
        inside = text[blocks.starts[blocks.index[block.name]] : start]
        table = re.search(r"^  table ([^|\n]*)\|[^\n]*\n(?:(?!  [^ ]).*\n)*\Z", inside, re.MULTILINE)
        if table:
            yield from fits.row([word.strip() for word in table.group(1).split(",")], opening)
    elif not opening.strip():
        yield from fits.lines(form, block.text)
    else:
        yield from fits.line(form, opening.strip() + " ", block.text)


class _Fits:
    """Items by what stands before them."""

    def __init__(self, program: Program, names: Iterable[str]) -> None:
        self.declared = program.declared
        self.files = names

    def keywords(self) -> Iterator[types.CompletionItem]:
        for keyword in KEYWORDS:
            yield _item(keyword, _K.Keyword, BLOCKS[keyword].about, keyword + " ")

    def header(self, words: list[str]) -> Iterator[types.CompletionItem]:  # noqa: C901, PLR0912 - a table
        match words:
            case ["principle"]:
                yield from (_item(f"{id}.", _K.Class, "category") for id in self.declared.categories)
            case ["example"]:
                yield from self.ids("principle")
                yield from _words(BLOCKS["sampling"].choices, "stage")
            case ["sampling"]:
                yield from _words(BLOCKS["sampling"].choices, "stage")
            case ["template"]:
                yield from _words((kind.value for kind in PromptKind), "prompt")
            case ["template", _]:
                yield from _words(("from",))
            case ["retired"]:
                yield from _words(RETIRABLE)
            case ["retired", _, _]:
                yield from _words(("since",))
            case ["retired", _, _, "since", _]:
                yield _item("replaced by", _K.Keyword, "", "replaced by ")
            case ["retired", kind, _, "since", _, "replaced", "by"]:
                yield from self.ids(kind)
            case ["use", *begun]:
                paths = {f"./{name.removesuffix(SUFFIX)}": "file" for name in self.files}
                paths |= dict.fromkeys(LIBRARY_PATHS, "library")
                written = "".join(begun)  # up to the last slash: what comes after it is the word that is replaced
                for path, detail in paths.items():
                    if path.startswith(written):
                        yield _item(path.removeprefix(written), _K.File, detail)
            case ["edition"]:
                yield _item("2026", _K.Value, "")
            case _:
                pass

    def lines(self, form: BlockForm, text: str) -> Iterator[types.CompletionItem]:
        """Keys and openings that the block may still have."""
        have = set(re.findall(r"^  ([\w-]+(?: of| when)?)", text, re.MULTILINE))
        for field in form.fields:
            if field.repeatable or field.key not in have:
                below = ":\n    " if field.kind is ValueKind.PROSE else ": "
                yield _item(field.key, _K.Field, field.about, field.key + below)
        for line in form.lines:
            if line.repeatable or line.opening not in have:
                colon = ": " if line.opening == "otherwise" else " "
                yield _item(line.opening, _K.Keyword, line.about, line.opening + colon)

    def line(  # noqa: C901 - a table
        self, form: BlockForm, opening: str, block: str
    ) -> Iterator[types.CompletionItem]:
        """What may follow the beginning of a line."""
        key, colon, _ = opening.partition(":")
        field = form.field(key.strip()) if colon else None
        if field:
            if field.choices:
                yield from _words(field.choices)
            elif field.kind is ValueKind.SHARE:
                ends = re.search(r"%[ ]+(in[ ]+)?\Z", opening)
                stages = BLOCKS["sampling"].choices
                yield from _words(stages if ends and ends.group(1) else ("in",) if ends else ("at least", "at most"))
            elif key == "default":  # the block can't be parsed while this is missing
                written = re.search(r"^  (?:levels|one of):(.*)", block, re.MULTILINE)
                values = re.findall(r"[\w.-]+", written[1]) if written else ()
                yield from (_item(value, _K.EnumMember, "") for value in values)
        elif opening.startswith("between "):
            yield from _words(("and",)) if len(opening.split()) == 2 else self.sides()
        elif opening.startswith("otherwise:") or (opening.startswith("when ") and colon):
            yield from self.outcome(opening.partition(":")[2], _BETWEEN.search(block))
        elif opening.startswith(("when ", "applies when ")):
            yield from self.condition(opening)
        elif opening == "applies ":
            yield from _words(("when",))
        elif opening.startswith("case "):
            of = _CASE_VALUE.search(opening)
            yield from self.values(of.group(1)) if of else self.ids("attribute")
        elif opening.startswith("table "):
            yield from _words(("expect",)) if "|" in opening else self.ids("attribute")
        elif opening == "under ":
            yield from self.ids("principle")
        elif opening.startswith("expect "):
            yield from self.expectation(opening.removeprefix("expect "))

    def condition(self, opening: str) -> Iterator[types.CompletionItem]:
        of = _OF_ATTRIBUTE.search(opening)
        last = opening.rsplit(None, 1)[-1].strip()
        if of:
            yield from self.values(of.group(1))
        elif _TESTED.search(opening):
            yield from _words(("and", "or"))
        elif last in self.declared.attributes:
            levels = any(field.key.text == "levels" for field in self.declared.attributes[last].fields)
            more = ("<", "<=", ">", ">=") if levels else ()
            yield from _words(("is", "is not", "is one of", "is not one of", *more))
        elif _ENDS_CONDITION.match(opening):
            yield from self.ids("attribute")
            yield from _words(("not",))

    def outcome(self, written: str, between: re.Match[str] | None) -> Iterator[types.CompletionItem]:
        """What a rule says: it can name the two sides of its tension, once each."""
        if not written.strip():
            yield from _words(("prefer", "weigh", "abstain"))
        elif between:
            named = re.findall(r"[\w.-]+", written)
            yield from (item for item in self.sides() if item.label in between.groups() and item.label not in named)
        else:
            yield from self.sides()

    def expectation(self, written: str) -> Iterator[types.CompletionItem]:
        match written.split():
            case []:
                yield from self.sides()
                yield from _words(("weigh", "abstain between", "rule"))
            case ["rule", _, "of"]:
                yield from self.ids("tension")
            case ["rule", _]:
                yield from _words(("of",))
            case [side]:
                applies = ("applies", "does not apply") if side in self.declared.principles else ()
                known = applies or side in self.declared.categories
                yield from _words(("over", *applies, "at least", "at most")) if known else self.sides()
            case [_, *bound] if bound[-1].endswith("%"):
                yield from _words(("in",))
            case [*_, "in"]:
                yield from _words(BLOCKS["sampling"].choices, "stage")
            case _:
                yield from self.sides()

    def row(self, columns: list[str], opening: str) -> Iterator[types.CompletionItem]:
        cells, bar, expected = opening.partition("|")
        if bar:
            yield from self.expectation(expected.rpartition(";")[2])
        elif cells.count(",") < len(columns):
            yield from self.values(columns[cells.count(",")])

    def values(self, attribute: str) -> Iterator[types.CompletionItem]:
        block = self.declared.attributes.get(attribute)
        for field in block.fields if block else ():
            if field.key.text in ("levels", "one of"):
                names = field.value if isinstance(field.value, tuple) else (field.value,)
                yield from (_item(v.text, _K.EnumMember, attribute) for v in names if isinstance(v, n.Name))

    def sides(self) -> Iterator[types.CompletionItem]:
        yield from self.ids("category")
        yield from self.ids("principle")

    def ids(self, kind: str) -> Iterator[types.CompletionItem]:
        declared = self.declared
        match kind:
            case "attribute":
                for id, attribute in declared.attributes.items():
                    yield _item(id, _K.Enum, attribute.question.value if attribute.question else kind)
            case "category":
                for id, category in declared.categories.items():
                    yield _item(id, _K.Class, category.title.value if category.title else kind)
            case "principle":
                for id, principle in declared.principles.items():
                    yield _item(id, _K.Method, principle.title.value if principle.title else kind)
            case "tension":
                yield from (_item(id, _K.Operator, kind) for id in declared.tensions)


def _item(label: str, kind: types.CompletionItemKind, detail: str, text: str | None = None) -> types.CompletionItem:
    # As it is: some clients would indent each line of it by as much again as the line has, and so the text too far.
    mode = types.InsertTextMode.AsIs if text and "\n" in text else None
    return types.CompletionItem(label, kind=kind, detail=detail or None, insert_text=text, insert_text_mode=mode)


def _words(words: Iterable[str], detail: str = "") -> Iterator[types.CompletionItem]:
    return (_item(word, _K.Keyword, detail) for word in words)
