"""A constitution as JSON or YAML and back, with nothing lost: order, comments and prose stay."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from constitution_lang.diagnostics.model import Diagnostic
from constitution_lang.interchange import program_schema as s
from constitution_lang.interchange.data import Data
from constitution_lang.interchange.draft import Imported, WrongInputError
from constitution_lang.interchange.program_dump import dump_block, dump_lines
from constitution_lang.interchange.program_faults import check_lines, difference, unfit
from constitution_lang.interchange.program_text import text_lines
from constitution_lang.source import Source
from constitution_lang.syntax import nodes as n
from constitution_lang.syntax import to_text
from constitution_lang.syntax.from_text import parse

__all__ = ["document_of", "from_program_data", "to_json", "to_yaml"]

_HALF = re.compile("[\ud800-\udfff]")


def document_of(source: Source) -> tuple[s.Document | None, tuple[Diagnostic, ...]]:
    """A file as data; None, with what is wrong, where it can't be read."""
    tree, found = parse(source)
    if found:
        return None, found
    tree, found = parse(Source(source.name, to_text.format(tree)))
    assert not found, "what is formatted can be read"
    return _document(tree), ()


def to_json(document: s.Document) -> str:
    """The data as JSON."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def to_yaml(document: s.Document) -> str:
    """The data as YAML, its prose as blocks of text where YAML can hold it so."""
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        """Writes texts of several lines as such."""

    def text(dumper: Any, value: str) -> Any:  # noqa: ANN401 - yaml has no types
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    plain = msgspec.to_builtins(document)
    made: str = yaml.dump(plain, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=2**31 - 1)
    return made


def _half_characters(value: object, path: str = "") -> Iterator[str]:
    """Where there are texts that can't be written in UTF-8."""
    match value:
        case str() if _HALF.search(value):
            yield path
        case dict():
            for key, inside in value.items():
                if _HALF.search(str(key)):
                    yield path
                yield from _half_characters(inside, f"{path}.{key}".lstrip("."))
        case list():
            for index, inside in enumerate(value):
                yield from _half_characters(inside, f"{path}[{index}]")


def from_program_data(data: Data, name: str) -> Imported:
    """The file that was exported.

    Raises:
        WrongInputError: the data is not of the schema, or says what can't be written in the language.
    """
    halves = next(_half_characters(data.value), None)
    if halves is not None:
        raise WrongInputError(data.place(halves), "this holds half of a character (a surrogate), which is no text")
    try:
        document = msgspec.convert(data.value, s.Document)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        at = path.rstrip("`").lstrip(".")
        raise WrongInputError(data.place(at), unfit(message, at)) from error
    written = list(text_lines(document))
    check_lines(document, written, data)
    source = Source(name, "\n".join((*(line for _, line in written), "")))
    tree, found = parse(source)
    if found:
        line = source.position(found[0].primary.span.start).line
        path = written[min(line, len(written)) - 1][0]
        raise WrongInputError(data.place(path), found[0].message)
    text = to_text.format(tree)
    again, _ = document_of(Source(name, text))
    assert again is not None
    for index, (given, read) in enumerate(zip(document.blocks, again.blocks, strict=False)):
        if given != read:
            raise WrongInputError(data.place(f"blocks[{index}]"), difference(given, read))
    if len(document.blocks) != len(again.blocks):
        raise WrongInputError(data.place("blocks"), "one of these can't be written in the language as it is")
    return Imported(text, ())


def _document(tree: n.FileTree) -> s.Document:
    """The blocks and comments of a formatted file in their order."""
    source = tree.source
    starts = source.line_starts
    remarks: dict[int, str] = {}
    alone: list[tuple[int, int, str]] = []
    for comment in tree.comments:
        line = source.position(comment.span.start).line
        indent = comment.span.start - starts[line - 1]
        if source.text[starts[line - 1] : comment.span.start].strip():
            remarks[line] = comment.text
        else:
            alone.append((line, indent, comment.text))
    above: list[s.Block] = []
    comments = iter((*alone, (len(starts) + 1, 0, "")))
    waiting = next(comments)
    ends = [source.position(block.span.start).line for block in tree.blocks[1:]]
    previous_comment = False
    for block, end in zip(tree.blocks, (*ends, len(starts) + 1), strict=False):
        header = source.position(block.span.start).line
        while waiting[0] < header:
            above.append(s.Comment(text=waiting[2], blank_above=previous_comment and _blank(source, waiting[0])))
            previous_comment = True
            waiting = next(comments)
        inside = [(source.position(span.start).line, line) for span, line in dump_lines(block)]
        keys, between = _leads(block, source), dict[int, list[str]]()
        while waiting[0] < end and waiting[1]:
            if waiting[0] in keys:
                between.setdefault(keys[waiting[0]], []).append(waiting[2])
            else:
                inside.append((waiting[0], s.CommentLine(text=waiting[2])))
            waiting = next(comments)
        inside = [(at, _with_comments(line, between.get(at, []))) for at, line in inside]
        inside.sort(key=lambda pair: pair[0])
        lines = [_placed(line, remarks.get(at, ""), blank=_blank(source, at)) for at, line in inside]
        if lines and lines[0].blank_above:
            lines[0] = msgspec.structs.replace(lines[0], blank_above=False)
        blank = previous_comment and _blank(source, header)
        above.append(dump_block(block, lines=lines, remark=remarks.get(header, ""), blank=blank))
        previous_comment = False
    while waiting[0] <= len(starts):
        above.append(s.Comment(text=waiting[2], blank_above=previous_comment and _blank(source, waiting[0])))
        previous_comment = True
        waiting = next(comments)
    return s.Document(format=s.FORMAT, version=1, blocks=above)


def _leads(block: n.Block, source: Source) -> dict[int, int]:
    """Of the lines between a key and its prose, the key's."""
    models = block.models if isinstance(block, n.TestBlock) else ()
    fields = (*getattr(block, "fields", ()), *(one for model in models for one in model.fields))
    found: dict[int, int] = {}
    for one in fields:
        if isinstance(one.value, n.Prose) and one.value.lines:
            key = source.position(one.span.start).line
            found |= dict.fromkeys(range(key + 1, source.position(one.value.span.start).line), key)
    return found


def _with_comments(line: s.Line, comments: list[str]) -> s.Line:
    return msgspec.structs.replace(line, comments=comments) if isinstance(line, s.FieldLine) and comments else line


def _blank(source: Source, line: int) -> bool:
    return line > 1 and not source.line(line - 1).strip()


def _placed(line: s.Line, remark: str, *, blank: bool) -> s.Line:
    return msgspec.structs.replace(line, remark=remark, blank_above=blank)
