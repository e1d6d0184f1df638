"""The Hugging Face recipe's JSON: pairs of requests, and chats that become few-shot examples."""

from __future__ import annotations

import re

from constitution_lang.interchange.data import Data, list_at, mapping_at, text_at
from constitution_lang.interchange.draft import Draft, Imported, WrongInputError

__all__ = ["from_recipe"]

_COMMON = frozenset(
    re.findall(
        r"\S+",
        "a all an and any as be been by can could does for from give has have how human human's if in is it it's its "
        "like may might more of on or please response revise rewrite should so such than that the this to was way what "
        "whether which with would you your amend write last assistant assistant's new revision remove",
    )
)
_ROLES = ("user", "assistant") * 3


def from_recipe(data: Data, name: str, title: str) -> Imported:
    """A principle for each pair, and an example of revision for each chat of six turns.

    Raises:
        WrongInputError: the input is of another form.
    """
    draft = Draft()
    draft.head(name, title, "the name")
    whole = mapping_at(data, data.value, "")
    pairs = list_at(data, whole.get("constitutions"), "constitutions")
    if not pairs:
        raise WrongInputError(data.place("constitutions"), "there is no principle in it")
    draft.lines += ["", "category recipe"]
    for index, pair in enumerate(pairs):
        at = f"constitutions[{index}]"
        entry = mapping_at(data, pair, at)
        critic = text_at(data, entry.get("critic"), f"{at}.critic")
        revision = text_at(data, entry.get("revision"), f"{at}.revision")
        draft.lines += ["", f"principle {draft.id(_slug(revision), data.place(at), 'recipe')}"]
        draft.prose("statement", revision, data.place(f"{at}.revision"))
        draft.prose("critique", critic, data.place(f"{at}.critic"))
        known = len(draft.notes)
        draft.prose("revise", revision, data.place(f"{at}.revision"))
        del draft.notes[known:]  # said of the statement already
        for key in entry.keys() - {"critic", "revision"}:
            draft.note(data.place(f"{at}.{key}"), f"left out: {entry[key]!r}")
    for index, chat in enumerate(list_at(data, whole.get("system_chat", []), "system_chat")):
        _example(draft, data, chat, f"system_chat[{index}]")
    for key in whole.keys() - {"constitutions", "system_chat"}:
        draft.note(data.place(key), f"left out: {whole[key]!r}")
    draft.note(
        "the whole",
        "a statement is the revision request, since this form has none; "
        "the question about pairs is built from it: read both",
    )
    return draft.finish(name)


def _slug(text: str) -> str:
    words = [word for word in re.findall(r"[a-z0-9']+", text.lower()) if word not in _COMMON]
    return "-".join(word.replace("'", "") for word in words[:4]) or "principle"


def _example(draft: Draft, data: Data, chat: object, at: str) -> None:
    turns = [mapping_at(data, turn, f"{at}[{index}]") for index, turn in enumerate(list_at(data, chat, at))]
    texts = [text_at(data, turn.get("content"), f"{at}[{index}].content") for index, turn in enumerate(turns)]
    roles = tuple(turn.get("role") for turn in turns)
    if roles != _ROLES:
        told = ", ".join(str(role) for role in roles)
        draft.note(
            data.place(at),
            f"this chat of {len(turns)} turns ({told}) left out: an example holds six turns, "
            "a prompt, a response, and a request with its answer twice",
        )
        return
    draft.lines += ["", "example revision"]
    for index, key in ((0, "prompt"), (1, "response"), (3, "critique"), (5, "revision")):
        draft.prose(key, texts[index], data.place(f"{at}[{index}].content"))
    for index in (2, 4):
        draft.note(
            data.place(f"{at}[{index}].content"),
            f"left out, since the request of the drawn principle stands there: {texts[index]!r}",
        )
    for index, turn in enumerate(turns):
        for key in turn.keys() - {"role", "content"}:
            draft.note(data.place(f"{at}[{index}].{key}"), f"left out: {turn[key]!r}")
