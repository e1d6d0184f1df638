"""Words for people: what the parser expects, lists in a sentence, and the nearest word to a wrong one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from heapq import nlargest

__all__ = ["FOREIGN", "IN_WORDS", "PLAIN", "TURNED", "alike", "closest", "did_you_mean", "listed", "with_article"]

_LENGTH_MAX = 100
_COMPARED_MAX = 50
_ALIKE = 0.7

IN_WORDS = {
    "NAME": "a name",
    "PATH": "the path of a file",
    "TEXT": "a text in quotes",
    "VERSION": "a version such as 1.0.0",
    "NUMBER": "a number",
    "PERCENT": "a percentage",
    "PROSE": "a text below",
    "KEY": "a field",
    "_ENTRY": "the end of the line",
    "_ROW": "the end of the line",
    "$END": "the end of the line",
    "DOES": "does not apply",
    "AT_LEAST": "at least",
    "AT_MOST": "at most",
    "IS_NOT": "is not",
    "IS_ONE_OF": "is one of",
    "IS_NOT_ONE_OF": "is not one of",
}
"""What to call the terminals that have a better name than the word that they are."""

PLAIN = {
    **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019", '"'),
    **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u2028\u2029\u202f\u3000", " "),
    **dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060", ""),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    "\u2264": "<=",
    "\u2265": ">=",
    "\u2260": "is not",
    "\uff05": "%",
    "\uff0c": ",",
    "\uff1a": ":",
}
"""Curly quotes, special spaces, dashes and signs that editors put in, and what the language has instead."""

FOREIGN = {
    "=": "is", "==": "is", "===": "is", "!=": "is not", "<>": "is not", "=>": ">=", "=<": "<=", "&&": "and", "&": "and",
    "||": "or", "|": "or", "!": "not", "equals": "is", "isn't": "is not", "in": "is one of", "are": "is",
    ">": "over", "else": "otherwise", "if": "when", "unless": "when not", "then": ":",
    "revision": "revise", "preference": "prefer",
}  # fmt: skip
"""What other languages write, or other blocks, and what is meant."""


TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""A sign of order, and the one that says the same of the two sides in the other order."""


def with_article(word: str) -> str:
    """The word in backquotes behind its article."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} `{word}`"


def listed(words: Iterable[str], last: str = "or") -> str:
    """`a`, `b` or `c`, each in backquotes unless it is a phrase with its own."""
    *most, final = (word if "`" in word or word.startswith(("a ", "the ")) else f"`{word}`" for word in words)
    return f"{', '.join(most)} {last} {final}" if most else final


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` was most likely meant to be, None where none is near."""
    if len(word) > _LENGTH_MAX:
        return None
    return _closest(word.lower(), tuple(sorted(set(candidates))))


@lru_cache(maxsize=1024)
def _closest(word: str, candidates: tuple[str, ...]) -> str | None:
    from difflib import get_close_matches

    by_lower = {candidate.lower(): candidate for candidate in candidates}
    names = list(by_lower)
    if len(names) > _COMPARED_MAX:  # a comparison takes long: only with those that have most pairs of letters in common
        pairs = {word[at : at + 2] for at in range(len(word) - 1)}
        names = nlargest(_COMPARED_MAX, names, key=lambda name: sum(map(name.__contains__, pairs)))
    found = get_close_matches(word, names, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def alike(word: str, other: str) -> bool:
    """Whether the one is most likely the other misspelt, where most words mean something else."""
    from difflib import SequenceMatcher

    return SequenceMatcher(None, word.lower(), other).ratio() >= _ALIKE


def did_you_mean(best: str | None) -> str | None:
    """The help line for the nearest word, None where there is none."""
    return f"did you mean `{best}`?" if best else None
