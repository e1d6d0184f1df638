"""What the formatter would change, as a unified diff, in a time that grows with the file and not with its square."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Literal, TypeAlias

__all__ = ["unified"]

_Opcode: TypeAlias = tuple[Literal["replace", "delete", "insert", "equal"], int, int, int, int]

_LINES = 300
_CONTEXT = 3


class _Known(SequenceMatcher[str]):
    """Groups what was found elsewhere."""

    def __init__(self, found: list[_Opcode]) -> None:
        super().__init__(None, "", "")
        self._found = found

    def get_opcodes(self) -> list[_Opcode]:
        """As they were given."""
        return self._found


def unified(before: Sequence[str], after: Sequence[str], name: str, after_name: str) -> Iterator[str]:
    """The diff of two texts whose lines differ in white space only, and in how many blank ones there are."""
    started = False
    for group in _Known(_opcodes(before, after)).get_grouped_opcodes(_CONTEXT):
        if not started:
            started = True
            yield f"--- {name}\n"
            yield f"+++ {after_name}\n"
        (_, i1, _, j1, _), (_, _, i2, _, j2) = group[0], group[-1]
        yield f"@@ -{_range(i1, i2)} +{_range(j1, j2)} @@\n"
        for tag, low, high, low_after, high_after in group:
            if tag == "equal":
                yield from (f" {line}" for line in before[low:high])
                continue
            yield from (f"-{line}" for line in before[low:high])
            yield from (f"+{line}" for line in after[low_after:high_after])


def _opcodes(before: Sequence[str], after: Sequence[str]) -> list[_Opcode]:
    """As `difflib` has them, found piece by piece: a line with something on it is the same line in both texts."""
    mine, theirs = ([at for at, line in enumerate(lines) if line.strip()] for lines in (before, after))
    cuts = [(0, 0), (len(before), len(after))]
    if len(mine) == len(theirs):
        cuts[1:1] = zip(mine[_LINES::_LINES], theirs[_LINES::_LINES], strict=True)
    found: list[_Opcode] = []
    for (i, j), (i_end, j_end) in pairwise(cuts):
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, before[i:i_end], after[j:j_end]).get_opcodes():
            if found and found[-1][0] == tag == "equal":
                _, from_, _, from_after, _ = found.pop()
                found.append((tag, from_, i + i2, from_after, j + j2))
            else:
                found.append((tag, i + i1, i + i2, j + j1, j + j2))
    return found


def _range(start: int, stop: int) -> str:
    """Lines counted from 1, as a hunk's head has them; of no lines the one before is named."""
    length = stop - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"
