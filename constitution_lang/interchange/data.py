"""JSON and YAML as plain values, with the place of each; what readers commonly drop in silence is an error here."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from constitution_lang.interchange.draft import WrongInputError

__all__ = ["Data", "list_at", "mapping_at", "read_json", "read_yaml", "text_at"]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|-?Infinity|NaN')
_COLON = re.compile(r"\s*:")
_DEPTH_MAX = 100


@dataclass(frozen=True, slots=True)
class Data:
    """A value, and the lines of its parts by path where they are known."""

    value: Any
    lines: dict[str, int] = field(default_factory=dict)

    def place(self, path: str) -> str:
        """A path, with its line where it is known."""
        line = self.lines.get(path)
        return f"line {line}, {path}" if line and path else path or (f"line {line}" if line else "the top")


def mapping_at(data: Data, value: object, path: str) -> dict[str, Any]:
    """A mapping, or a clear error."""
    if isinstance(value, dict):
        return value
    raise WrongInputError(data.place(path), f"expected names with values, found {_kind(value)}")


def list_at(data: Data, value: object, path: str) -> list[Any]:
    """A list, or a clear error."""
    if isinstance(value, list):
        return value
    raise WrongInputError(data.place(path), f"expected a list, found {_kind(value)}")


def text_at(data: Data, value: object, path: str) -> str:
    """A text that is not blank, or a clear error."""
    if isinstance(value, str) and value.strip():
        return value
    raise WrongInputError(data.place(path), f"expected a text, found {_kind(value)}")


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    kinds = {dict: "names with values", list: "a list", bool: "true or false"}
    if isinstance(value, str):
        return "a text" if value.strip() else "a blank text"
    return kinds.get(type(value), f"`{value}`")


def read_json(text: str) -> Data:
    """The value of a JSON text.

    Raises:
        WrongInputError: it is not JSON, or names a key twice.
    """

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(found)
        if len(made) != len(found):
            names = [key for key, _ in found]
            twice = next(name for name in names if names.count(name) > 1)
            raise WrongInputError(_line_of_repeated(text), f"the key {twice!r} is given twice in one object")
        return made

    def constant(found: str) -> None:
        at = next((token.start() for token in _TOKEN.finditer(text) if token.group() == found), None)
        raise WrongInputError("" if at is None else _line(text, at), f"{found} is not JSON")

    try:
        return Data(json.loads(text, object_pairs_hook=pairs, parse_constant=constant))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise WrongInputError(place, f"this is not JSON: {error.msg[:1].lower()}{error.msg[1:]}") from error
    except RecursionError as error:
        raise WrongInputError(_line_of_depth(text), "this nests too deep") from error


def _line_of_depth(text: str) -> str:
    """Where the first part opens that lies deeper than is read for certain."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += (token.group() in "{[") - (token.group() in "}]")
        if depth > _DEPTH_MAX:
            return _line(text, token.start())
    return ""


def _line(text: str, at: int) -> str:
    return f"line {text.count(chr(10), 0, at) + 1}"


def _line_of_repeated(text: str) -> str:
    """Where the first key stands that its object has already; the text is JSON up to there."""
    seen: list[set[str] | None] = []
    for token in _TOKEN.finditer(text):
        said = token.group()
        if said in "{[":
            seen.append(set() if said == "{" else None)
        elif said in "}]":
            seen.pop()
        elif said[0] == '"' and seen and (keys := seen[-1]) is not None and _COLON.match(text, token.end()):
            key = json.loads(said)
            if key in keys:
                return _line(text, token.start())
            keys.add(key)
    return ""


def read_yaml(text: str) -> Data:
    """The value of a YAML text: names are texts, each once, with no anchors.

    Raises:
        WrongInputError: it is not YAML, or uses more of it than that.
    """
    import yaml

    loader_class = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_events(yaml.parse(text, Loader=loader_class))
        loader = loader_class(text)
        try:
            node = loader.get_single_node()
            lines: dict[str, int] = {}
            if node is not None:
                _walk(node, "", lines)
            return Data(None if node is None else loader.construct_document(node), lines)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise WrongInputError(place, f"this is not YAML: {error.problem or error.context}") from error
    except yaml.reader.ReaderError as error:
        what = f"the character U+{error.character:04X} is not allowed"
        raise WrongInputError(_line(text, error.position), f"this is not YAML: {what}") from error
    except (KeyError, AttributeError, TypeError) as error:  # a value that its own tag does not fit
        raise WrongInputError("", "this is not YAML: a value does not fit the tag (`!!…`) before it") from error
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, WrongInputError):
            raise
        raise WrongInputError("", f"this is not YAML: {error}".splitlines()[0]) from error


def _check_events(events: Any) -> None:  # noqa: ANN401 - yaml has no types
    """See that YAML nests no deeper than is read for certain, and has no anchors."""
    import yaml

    depth = 0
    anchor: tuple[str, str] | None = None
    for event in events:
        place = f"line {event.start_mark.line + 1}"
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH_MAX:
            raise WrongInputError(place, "this nests too deep")
        if isinstance(event, yaml.AliasEvent):
            raise WrongInputError(place, f"write out what *{event.anchor} stands for: anchors are not read")
        if getattr(event, "anchor", None):
            anchor = anchor or (place, event.anchor)
    if anchor:
        raise WrongInputError(anchor[0], f"leave out &{anchor[1]}: anchors are not read")


def _walk(
    node: Any,  # noqa: ANN401 - yaml has no types
    path: str,
    lines: dict[str, int],
) -> None:
    import yaml

    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, part in enumerate(node.value):
            _walk(part, f"{path}[{index}]", lines)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = f"line {key.start_mark.line + 1}"
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                raise WrongInputError(place, "a name has to be a text; put it in quotes")
            below = f"{path}.{key.value}" if path else key.value
            if below in lines:
                raise WrongInputError(place, f"the key {key.value!r} is given twice")
            lines[below] = key.start_mark.line + 1
            _walk(value, below, lines)
