"""Whether two trees say the same, wherever it stands."""

from __future__ import annotations

from functools import cache

import msgspec

from constitution_lang.source import Source, Span

__all__ = ["same_file"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from constitution_lang.syntax.nodes import FileTree


def same_file(one: FileTree, other: FileTree) -> bool:
    """Whether two files hold the same blocks and the same comments, both in the same order."""
    return same(one.blocks, other.blocks) and same(one.comments, other.comments)


def same(one: object, other: object) -> bool:
    """Whether two nodes, or tuples of nodes, are equal but for their places."""
    pairs = [(one, other)]
    while pairs:  # no recursion: conditions may be deep
        left, right = pairs.pop()
        if type(left) is not type(right):
            return False
        if isinstance(left, tuple) and isinstance(right, tuple):
            if len(left) != len(right):
                return False
            pairs.extend(zip(left, right, strict=True))
        elif isinstance(left, msgspec.Struct):
            pairs.extend((getattr(left, name), getattr(right, name)) for name in _meaningful(left.__class__))
        elif left != right:
            return False
    return True


@cache
def _meaningful(node: type[msgspec.Struct]) -> tuple[str, ...]:
    """The fields of a node that are not places. Those of `Span` and `Source` are places, all of them."""
    if node in {Span, Source}:
        return ()
    return tuple(name for name in node.__struct_fields__ if name != "span")
