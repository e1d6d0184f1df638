"""The critique-revision JSON of the 2022 paper: a request for a critique and one for a revision under each key."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations

from constitution_lang.interchange.data import Data, list_at, mapping_at, text_at
from constitution_lang.interchange.draft import Draft, Imported, WrongInputError

__all__ = ["from_critique_revision"]

_FRAME = re.compile(r"\s*(?:Critique ?Request|Revision ?Request):\s*(.*?)\s*(?:Critique|Revision):\s*\Z", re.DOTALL)
_KEYS = {"prompt", "edit_request"}
_DECIDED_MAX = 8
"""Of so many categories each two get a tension; with more that would be most of the file."""


def from_critique_revision(data: Data, name: str, title: str) -> Imported:
    """A principle for each key; its category is the key without the number at its end.

    Raises:
        WrongInputError: the input is of another form.
    """
    draft = Draft()
    draft.head(name, title, "the name")
    entries = mapping_at(data, data.value, "")
    if not entries:
        raise WrongInputError("", "there is no principle in it")
    members = Counter(map(_family, entries))
    categories: dict[str, str] = {}
    for key, entry in entries.items():
        mapping_at(data, entry, key)
        category = _family(key)
        if category not in categories:
            categories[category] = draft.id(category, data.place(key))
            draft.lines += ["", f"category {categories[category]}"]
            if len(set(members.values())) > 1:
                draft.lines.append(f"  weight: {members[category]}")
        _principle(draft, data, key, entry, categories[category])
    _all_alike(draft, list(categories.values()))
    draft.note(
        "the whole",
        "a statement is the revision request, since this form has none; "
        "the question about pairs is built from it: read both",
    )
    return draft.finish(name)


def _family(key: str) -> str:
    return re.sub(r"[\d_.\s-]+\Z", "", key) or "principles"


def _all_alike(draft: Draft, categories: list[str]) -> None:
    """What keeps every principle as likely as every other: the form knows no categories, and no order."""
    if len(categories) == 1:
        return
    draft.note(
        "the whole", "the form has no categories; each weighs as much as it has principles, so that all are drawn alike"
    )
    if len(categories) > _DECIDED_MAX:
        draft.note(
            "the whole", f"no tension says what comes first between {len(categories)} categories; check advises some"
        )
        return
    for one, other in combinations(categories, 2):
        draft.lines += ["", f"tension {draft.id(f'{one}-and-{other}', 'the whole')}"]
        draft.lines += [f"  between {one} and {other}", f"  otherwise: weigh {one} 1, {other} 1"]
        draft.prose("because", "The file that this was made from puts neither before the other.", "the whole")
    draft.note("the whole", "the form gives no order: a tension between each two categories counts both alike")


def _principle(draft: Draft, data: Data, key: str, entry: dict[str, object], category: str) -> None:
    prompt = entry.get("prompt")
    requests = [prompt] if isinstance(prompt, str) else list_at(data, prompt, f"{key}.prompt")
    if not requests:
        raise WrongInputError(data.place(f"{key}.prompt"), "there is no critique request")
    place = f"{key}.prompt[0]"
    critique = _unframed(draft, text_at(data, requests[0], place), data.place(place))
    place = f"{key}.edit_request"
    revise = _unframed(draft, text_at(data, entry.get("edit_request"), place), data.place(place))
    draft.lines += ["", f"principle {draft.id(key, data.place(key), category)}"]
    draft.prose("statement", revise, data.place(place))
    draft.prose("critique", critique, data.place(f"{key}.prompt[0]"))
    known = len(draft.notes)
    draft.prose("revise", revise, data.place(place))
    del draft.notes[known:]  # said of the statement already
    for index, other in enumerate(requests[1:], 1):
        draft.note(data.place(f"{key}.prompt[{index}]"), f"a second critique request left out: {other!r}")
    for other in entry.keys() - _KEYS:
        draft.note(data.place(f"{key}.{other}"), f"left out: {entry[other]!r}")


def _unframed(draft: Draft, text: str, place: str) -> str:
    found = _FRAME.fullmatch(text)
    if found is None:
        draft.note(place, "the words CritiqueRequest or RevisionRequest are not around it; taken as it is")
        return text
    if not found.group(1):
        raise WrongInputError(place, "the request is empty")
    return found.group(1)
