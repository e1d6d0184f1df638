"""What is wrong with declarations, at the price of what has changed in them.

A finding inside a principle needs its text, and of all else only the attributes and the names of the categories. Any
other finding needs of the principles only what they are and were called. So the first kind is kept for each principle
while it and those stay; the second as a whole, while nothing but the insides of principles changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from msgspec.structs import replace

from constitution_lang.check.program import Declarations
from constitution_lang.check.references import (
    former_ids,
    has_nameless_category,
    has_unnamed,
    references_elsewhere,
    references_of,
)
from constitution_lang.check.values import check_values
from constitution_lang.diagnostics.model import Diagnostic
from constitution_lang.syntax import nodes

__all__ = ["Recheck", "called", "files_of"]


@dataclass(slots=True)
class Recheck:
    """The findings of the last look at a program, and what they were made from."""

    _principles: dict[str, nodes.PrincipleBlock] = field(default_factory=dict)
    _ground: object = None
    _inside: dict[str, tuple[Diagnostic, ...]] = field(default_factory=dict)
    """Where there are any, by the principle."""
    _rest: Declarations | None = None
    _outside: tuple[Diagnostic, ...] = ()

    def found(self, declared: Declarations) -> tuple[Diagnostic, ...]:
        """What the checks of references and values find."""
        before, now = self._principles, declared.principles
        new = {id: block for id, block in now.items() if before.get(id) is not block}
        self._look_inside(declared, new)
        rest = replace(declared, files=(), principles={})
        if self._rest != rest or not self._same_faces(now, new):
            found = *references_elsewhere(declared), *check_values(declared, {})[1]
            self._rest, self._outside = rest, found
        self._principles = now
        insides = (finding for found in self._inside.values() for finding in found)
        return tuple(dict.fromkeys((*self._outside, *insides)))

    def _look_inside(self, declared: Declarations, new: dict[str, nodes.PrincipleBlock]) -> None:
        broken = frozenset(id for id in declared.broken if "." not in id)
        unknown = declared.incomplete, has_nameless_category(declared), has_unnamed(declared, "attribute")
        ground = (dict(declared.attributes), tuple(declared.categories), broken, unknown)
        if ground != self._ground:
            self._ground, self._inside, new = ground, {}, declared.principles
        gone = [id for id in self._inside if id in new or id not in declared.principles]
        for id in gone:
            del self._inside[id]
        if not new:
            return
        # What has no name that can be read may be what a principle names; nothing else of these is looked at here.
        nameless = tuple(one for one in declared.repeated if nodes.HEADER in declared.lost.get(one.span, ()))
        alone = replace(
            declared, tensions={}, sampling={}, templates={}, retired={}, examples=(), tests=(), repeated=nameless
        )
        block_of = {block.name.span.file: id for id, block in new.items()}
        for finding in (*references_of(declared, new.values()), *check_values(alone, new)[1]):
            principle = block_of.get(finding.primary.span.file)
            if principle:
                self._inside[principle] = (*self._inside.get(principle, ()), finding)

    def _same_faces(self, now: dict[str, nodes.PrincipleBlock], new: dict[str, nodes.PrincipleBlock]) -> bool:
        """Whether all principles are called as before, in the same order, and no finding elsewhere shows a new one."""
        before = self._principles
        if len(now) != len(before) or (new and list(now) != list(before)):
            return False
        shown = files_of(self._outside) if new else set()
        return all(called(before[id]) == called(new[id]) and before[id].name.span.file not in shown for id in new)


def called(principle: nodes.PrincipleBlock) -> tuple[str, ...]:
    """A principle's id and its former ids: all that other blocks see of it."""
    return principle.name.text, *(name.text for name in former_ids(principle))


def files_of(found: Iterable[Diagnostic]) -> set[str]:
    """All files in which findings have a place."""
    files = set()
    for finding in found:
        files.add(finding.primary.span.file)
        files.update(label.span.file for label in finding.secondary)
        files.update([finding.fix.span.file] if finding.fix else [])
    return files
