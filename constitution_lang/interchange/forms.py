"""Which form a file has, and the reader of each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from constitution_lang.interchange.data import Data
    from constitution_lang.interchange.draft import Imported

__all__ = ["FORMS", "guess", "read"]

FORMS = ("critique-revision", "recipe", "rbr", "markdown", "json", "yaml")
"""The forms that can be read. The last two are what export writes."""

_LEVELLED = re.compile(r"^#{1,6} .*\{[^{}\n]*(?:authority|level)=", re.MULTILINE)


def guess(text: str, file: str) -> str | None:
    """The form of a text by what it holds, None where it is none of them."""
    ending = file.rpartition(".")[2].lower()
    if ending in {"md", "markdown"} or (ending not in {"json", "yaml", "yml"} and _LEVELLED.search(text)):
        return "markdown"
    if ending == "json" or text.lstrip()[:1] == "{":
        return _guess_json(text)
    if re.search(r"^format:\s*['\"]?constitution-program", text, re.MULTILINE):
        return "yaml"
    return "rbr" if ending in {"yaml", "yml"} or re.search(r"^simple_propositions:", text, re.MULTILINE) else None


def _guess_json(text: str) -> str:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return "json"  # whose reader says what is wrong
    if isinstance(value, dict) and "format" in value:
        return "json"
    return "recipe" if isinstance(value, dict) and "constitutions" in value else "critique-revision"


def read(text: str, form: str, name: str, title: str) -> Imported:
    """A text of a form as a constitution.

    Raises:
        WrongInputError: it is not of that form.
    """
    if form == "markdown":
        from constitution_lang.interchange.spec_markdown import from_markdown

        return from_markdown(text, name, title)
    from constitution_lang.interchange.data import read_json, read_yaml

    data = (read_yaml if form in {"rbr", "yaml"} else read_json)(text)
    return _reader(form)(data, name, title)


def _reader(form: str) -> Callable[[Data, str, str], Imported]:
    match form:
        case "critique-revision":
            from constitution_lang.interchange.critique_revision_json import from_critique_revision

            return from_critique_revision
        case "recipe":
            from constitution_lang.interchange.recipe_json import from_recipe

            return from_recipe
        case "rbr":
            from constitution_lang.interchange.propositions_yaml import from_propositions

            return from_propositions
        case _:
            from constitution_lang.interchange.program_data import from_program_data

            return lambda data, name, _title: from_program_data(data, name)
