"""Examples that compare answers, each marked good or bad, as pairs for a model to tell apart."""

from __future__ import annotations

import re
from collections.abc import Iterator

from constitution_lang.interchange.draft import Draft

__all__ = ["pairs_of"]

_COMPARISON = re.compile(r"(.*?)<comparison>\n(.*)</comparison>\s*\Z", re.DOTALL)
_MESSAGE = re.compile(r"<(\w+)([^>\n]*)>[ ]*(?:<!--[ ]*(.*?)[ ]*-->)?[ ]*\n(.*?)\n?</\1>[ ]*\n?", re.DOTALL)
_VERDICT = re.compile(r"(GOOD|BAD)\b:?[ ]*(.*)", re.DOTALL)


def pairs_of(draft: Draft, text: str, place: str, title: str) -> Iterator[tuple[str, str, str]]:
    """Prompt, better and worse answer: the first good one beside each bad one. What does not fit is noted."""
    name = f"example {title!r}"
    found = _COMPARISON.fullmatch(text)
    if found is None:
        draft.note(place, f"{name} left out: it compares no answers")
        return
    before = _messages(found.group(1))
    answers = _messages(found.group(2))
    if before is None or answers is None:
        draft.note(place, f"{name} left out: it is not made of messages alone")
        return
    if [(role, settings) for role, settings, _, _ in before] != [("user", "")]:
        roles = ", ".join(role for role, _, _, _ in before)
        draft.note(place, f"{name} left out: a pair has one prompt of a user, this has {roles or 'none'}")
        return
    good: list[str] = []
    bad: list[str] = []
    for role, settings, remark, content in answers:
        verdict = _VERDICT.fullmatch(remark)
        if role != "assistant" or settings or verdict is None or not content.strip():
            draft.note(place, f"{name}: an answer of {role}{settings} without a verdict or for a tool left out")
            continue
        (good if verdict.group(1) == "GOOD" else bad).append(content)
        if verdict.group(2):
            draft.note(place, f"{name}: the reason for a verdict left out: {verdict.group(2)}")
    if not good or not bad or not before[0][3].strip():
        draft.note(place, f"{name} left out: a pair takes a better and a worse answer")
        return
    for content in good[1:]:
        draft.note(place, f"{name}: a further good answer left out: {content[:60]!r}")
    for content in bad:
        yield before[0][3], good[0], content


def _messages(text: str) -> list[tuple[str, str, str, str]] | None:
    """Role, settings, remark and content of each; None where something stands between them."""
    made: list[tuple[str, str, str, str]] = []
    at = 0
    for found in _MESSAGE.finditer(text):
        if text[at : found.start()].strip():
            return None
        made.append((found.group(1), found.group(2), found.group(3) or "", found.group(4)))
        at = found.end()
    return None if text[at:].strip() else made
