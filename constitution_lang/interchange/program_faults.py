"""What is wrong with a constitution as JSON or YAML: values that the form does not know, and lines that are none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import get_args, get_type_hints

import msgspec

from constitution_lang.interchange import program_schema as s
from constitution_lang.interchange.data import Data
from constitution_lang.interchange.draft import WrongInputError
from constitution_lang.syntax.words import listed

__all__ = ["check_lines", "difference", "unfit"]

_KNOWN: dict[str, tuple[str, ...]] = {
    "format": (s.FORMAT,),
    "version": ("1",),
    "operator": get_args(get_type_hints(s.Comparison)["operator"]),
    **{
        field: tuple(str(part.__struct_config__.tag) for part in get_args(union))
        for field, union in {
            "block": s.Block, "line": s.Line, "test": s.Condition, "outcome": s.Outcome, "expect": s.Expectation,
        }.items()
    },
}  # fmt: skip
"""By the name of a field its values, where it can have those only."""


def unfit(message: str, path: str) -> str:
    """What is wrong with a value in words of ours where a reader would ask which ones are known."""
    value = re.fullmatch(r"Invalid (?:enum )?value (.+)", message)
    known = _KNOWN.get(path.rpartition(".")[2])
    if value and known:
        return f"`{value[1].strip(chr(39))}` is not known here; it can be {listed(known)}"
    return f"{message[:1].lower()}{message[1:]}"


def check_lines(document: s.Document, written: Iterable[tuple[str, str]], data: Data) -> None:
    """See that each part gives the lines that it should. `written` has each line beside the path of its part.

    Raises:
        WrongInputError: a comment is none, or a text has a line break where the language has none.
    """
    for path, comment in _comments(document):
        if "\n" in comment:
            raise WrongInputError(data.place(path), "a comment is one line: make one of each line")
        if not comment.startswith("#"):
            raise WrongInputError(data.place(path), f"a comment begins with `#`: write `# {comment.strip()}`")
    for path, line in written:
        if "\n" in line:
            below = _with_break(msgspec.to_builtins(_part(document, path)), path) or path
            raise WrongInputError(data.place(below), "this has a line break, which only prose below a key can have")


def _part(document: s.Document, path: str) -> s.Block | s.Line:
    block, *line = map(int, re.findall(r"\d+", path))
    return document.blocks[block].lines[line[0]] if line else document.blocks[block]


def _with_break(value: object, path: str) -> str | None:
    """The path of the first text of several lines; those in the lines of a block have paths of their own."""
    match value:
        case str():
            return path if "\n" in value else None
        case dict():
            below = ((f"{path}.{key}", each) for key, each in value.items() if key != "lines")
        case list() | tuple():
            below = ((f"{path}[{index}]", each) for index, each in enumerate(value))
        case _:
            return None
    return next((found for inner, each in below if (found := _with_break(each, inner))), None)


def _comments(document: s.Document) -> Iterator[tuple[str, str]]:
    """Every comment of the data beside its path."""
    for index, block in enumerate(document.blocks):
        parts = [(f"blocks[{index}]", block), *((f"blocks[{index}].lines[{n}]", x) for n, x in enumerate(block.lines))]
        for path, part in parts:
            if part.remark:
                yield f"{path}.remark", part.remark
            if isinstance(part, s.Comment | s.CommentLine):
                yield f"{path}.text", part.text
            if isinstance(part, s.FieldLine):
                yield from ((f"{path}.comments[{n}]", text) for n, text in enumerate(part.comments))


def difference(given: s.Block, read: s.Block) -> str:
    """Why a block that was written is not what it was."""
    for name in given.__struct_fields__:
        if getattr(given, name) != getattr(read, name, None):
            return f"`{name}` can't be written in the language as it is; export writes the form that can"
    return "this can't be written in the language as it is"
