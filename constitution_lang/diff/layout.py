"""Whether two versions hold the same blocks and comments, in whatever places, files and layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from constitution_lang.syntax import to_text
from constitution_lang.syntax.nodes import EditionLine, FileTree, UseLine

__all__ = ["same_blocks"]


def same_blocks(old: Iterable[FileTree], new: Iterable[FileTree]) -> bool:
    """Whether blocks only moved, and white space changed. Which file uses which follows from where the blocks are."""
    return _blocks(old) == _blocks(new)


def _blocks(trees: Iterable[FileTree]) -> Counter[str]:
    found: Counter[str] = Counter()
    for tree in trees:
        found.update(
            to_text.format(FileTree(tree.source, (block,), ()))
            for block in tree.blocks
            if not isinstance(block, (EditionLine, UseLine))
        )
        found.update(comment.text for comment in tree.comments)
    return found
