"""Two texts word by word: what stayed, what went and what came."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from itertools import groupby

from constitution_lang.diff.model import Mark, Segment

__all__ = ["DIFFERENT", "alike", "hunks", "marked", "shortened"]

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
DIFFERENT = 0.3
"""Texts that are less alike than this are shown whole, one after the other: their few common words say nothing."""
_SIGNS = 2
_ENDS = frozenset(".!?:;")
_PAIRS_MAX = 250_000
"""So many pairs of words are compared one by one."""
_CONTEXT = 8
"""Words that are shown on either side of what differs."""


def marked(old: str, new: str) -> tuple[Segment, ...]:
    """The segments that lead from one text to the other. Those that are not new are `old`, those not old are `new`."""
    a, b = _WORDS.findall(old), _WORDS.findall(new)
    head = 0
    while head < min(len(a), len(b)) and a[head] == b[head]:
        head += 1
    tail = 0
    while tail < min(len(a), len(b)) - head and a[-1 - tail] == b[-1 - tail]:
        tail += 1
    middle_a, middle_b = a[head : len(a) - tail], b[head : len(b) - tail]
    found = [(Mark.SAME, "".join(a[:head]))]
    found += _middle(middle_a, middle_b)
    found.append((Mark.SAME, "".join(a[len(a) - tail :])))
    return _joined(found)


def alike(old: str, new: str) -> float:
    """How much of two texts is the same, from 0 to 1, word by word; of long ones whatever the order of their words."""
    one, other = old.split(), new.split()
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.quick_ratio() if len(one) * len(other) > _PAIRS_MAX else matcher.ratio()


def _middle(a: list[str], b: list[str]) -> list[tuple[Mark, str]]:
    if len(a) * len(b) > _PAIRS_MAX:
        return _by_sentence(a, b)
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    if a and b and matcher.ratio() < DIFFERENT:
        return [(Mark.OLD, "".join(a)), (Mark.NEW, "".join(b))]
    found = []
    for what, a_from, a_to, b_from, b_to in matcher.get_opcodes():
        old, new = "".join(a[a_from:a_to]), "".join(b[b_from:b_to])
        if what == "equal":
            found.append((Mark.SAME, old))
        else:
            found += [(Mark.OLD, old), (Mark.NEW, new)]
    return _bridged(found)


def _by_sentence(a: list[str], b: list[str]) -> list[tuple[Mark, str]]:
    """Long texts sentence by sentence, and only what differs word by word, where that is not too long either."""
    found: list[tuple[Mark, str]] = []
    old, new = _sentences(a), _sentences(b)
    for what, a_from, a_to, b_from, b_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        before, after = ([w for s in part for w in s] for part in (old[a_from:a_to], new[b_from:b_to]))
        if what == "equal":
            found.append((Mark.SAME, "".join(before)))
        elif len(before) * len(after) > _PAIRS_MAX:
            found += [(Mark.OLD, "".join(before)), (Mark.NEW, "".join(after))]
        else:
            found += _middle(before, after)
    return found


def _sentences(words: list[str]) -> list[tuple[str, ...]]:
    found: list[list[str]] = [[]]
    for word in words:
        found[-1].append(word)
        if word in _ENDS or "\n" in word:
            found.append([])
    return [tuple(sentence) for sentence in found if sentence]


def _bridged(parts: list[tuple[Mark, str]]) -> list[tuple[Mark, str]]:
    """White space and single signs between two changes belong to both: else a changed sentence falls to pieces."""
    parts = [part for part in parts if part[1]]
    found: list[tuple[Mark, str]] = []
    for at, (mark, text) in enumerate(parts):
        if mark is Mark.SAME and len(text.strip()) <= _SIGNS and 0 < at < len(parts) - 1:
            found += [(Mark.OLD, text), (Mark.NEW, text)]
        else:
            found.append((mark, text))
    return found


def _joined(parts: list[tuple[Mark, str]]) -> tuple[Segment, ...]:
    """Neighbours as one; between two unchanged stretches first all that went, then all that came."""
    found: list[Segment] = []
    for same, run in groupby((part for part in parts if part[1]), key=lambda part: part[0] is Mark.SAME):
        listed = list(run)
        for mark in (Mark.SAME,) if same else (Mark.OLD, Mark.NEW):
            text = "".join(text for m, text in listed if m is mark)
            if text:
                found.append(Segment(mark, text))
    return tuple(found)


def shortened(segments: tuple[Segment, ...], context: int = _CONTEXT) -> tuple[Segment, ...]:
    """The segments with long unchanged stretches cut to some words around the changes; `…` stands for what is cut."""
    found = []
    for at, segment in enumerate(segments):
        text = segment.text
        if segment.mark is Mark.SAME:
            words = list(re.finditer(r"\S+", text))
            first, last = at == 0, at == len(segments) - 1
            keep = context if first or last else 2 * context
            if len(words) > keep + 2:
                before = "" if first else text[: words[context - 1].end()]
                after = "" if last else text[words[-context].start() :]
                text = f"{before}{' ' if before else ''}…{' ' if after else ''}{after}"
        found.append(Segment(segment.mark, text))
    return tuple(found)


def hunks(segments: tuple[Segment, ...]) -> tuple[tuple[Mark, str], ...]:
    """What changed, with little around it: the same for two texts that were edited alike."""
    return tuple((s.mark, s.text) for s in shortened(segments, 2))
