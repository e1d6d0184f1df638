"""Which requests are computed together: prefixes that prompts share, and batches within bounds. Pure.

A model's pass over a prefix that several prompts begin with is made once, and its cache is used for all of them.
Prefixes nest: all prompts may begin with the same examples, some of them with the same pair after that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Limits", "Node", "batches", "share_prefixes"]

_WORTH_TOKENS = 64
"""A pass of its own costs about as much as this many tokens in a pass that is made anyway."""

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """Prompts that begin with the same `depth` tokens.

    `leaves` are the indices of those that are computed from here; `children` share more than `depth` tokens.
    """

    depth: int
    leaves: tuple[int, ...]
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a batch.

    `tokens` bounds what is computed at once, padding included. What lies in the cache costs about a quarter of that
    for each token, so four times as many tokens may lie there.
    """

    tokens: int
    rows: int

    def allow(self, rows: int, computed: int, cached: int) -> bool:
        """Whether so many rows of so many tokens each fit. One row always has to."""
        return rows == 1 or (rows <= self.rows and rows * computed <= self.tokens and rows * cached <= 4 * self.tokens)


def share_prefixes(prompts: Sequence[Tokens], *, members_min: int = 2) -> Node:
    """The tree of shared prefixes; each prompt is a leaf once. At least one token of a prompt is left to its leaf.

    Args:
        prompts: Distinct token sequences, none empty.
        members_min: A prefix shared by fewer prompts is not worth a node.
    """
    order = sorted(range(len(prompts)), key=prompts.__getitem__)

    def node(low: int, high: int, depth: int) -> Node:
        leaves: list[int] = []
        children: list[Node] = []
        open_ranges = [(low, high)]
        while open_ranges:
            start, end = open_ranges.pop()
            members = end - start
            if members < max(members_min, 2):
                leaves.extend(order[start:end])
                continue
            first, last = prompts[order[start]], prompts[order[end - 1]]
            shared = _common(first, last)
            # The shortest member comes first where it is a prefix of the others.
            usable = min(shared, len(first) - 1)
            if (members - 1) * (usable - depth) >= _WORTH_TOKENS:
                children.append(node(start, end, usable))
            else:
                open_ranges.extend(reversed(_split(prompts, order, start, end, shared)))
        return Node(depth, tuple(sorted(leaves)), tuple(children))

    return node(0, len(order), 0)


def _common(first: Tokens, last: Tokens) -> int:
    """Length of the longest common prefix, which all that sorts between the two has too."""
    low, high = 0, min(len(first), len(last))
    while low < high:
        middle = (low + high + 1) // 2
        if first[:middle] == last[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _split(prompts: Sequence[Tokens], order: Sequence[int], start: int, end: int, at: int) -> list[tuple[int, int]]:
    """Ranges of `order` whose prompts have the same token at position `at`."""
    ranges = []
    begin = start
    for n in range(start + 1, end + 1):
        if n == end or prompts[order[n]][at : at + 1] != prompts[order[begin]][at : at + 1]:
            ranges.append((begin, n))
            begin = n
    return ranges


def batches(
    rows: Sequence[int], computed: Callable[[int], int], cached: Callable[[int], int], limits: Limits
) -> Iterator[tuple[int, ...]]:
    """Batches of rows of like length, the longest first, so that what does not fit shows at once.

    Args:
        rows: Indices.
        computed: Tokens of a row that one pass computes.
        cached: Tokens of a row that the cache holds in the end.
        limits: Bounds of a batch.
    """
    batch: list[int] = []
    widest = longest = 0
    for row in sorted(rows, key=lambda row: (-computed(row), -cached(row), row)):
        wide, long = max(widest, computed(row)), max(longest, cached(row))
        if batch and not limits.allow(len(batch) + 1, wide, long):
            yield tuple(batch)
            batch, wide, long = [], computed(row), cached(row)
        batch.append(row)
        widest, longest = wide, long
    if batch:
        yield tuple(batch)
