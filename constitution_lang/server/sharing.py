"""Constitutions that share a file: what is looked for or renamed in one of them has to be in all.

A constitution reads nothing outside its folder, so those that use a file lie beside it or above it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from constitution_lang.check.reach import reach
from constitution_lang.check.uses import Meaning
from constitution_lang.server.desk import Desk
from constitution_lang.server.program import Program
from constitution_lang.syntax.words import listed

__all__ = ["CHARACTERS_MAX", "FILES_MAX", "Shared", "Sharing"]

FILES_MAX = 1_000
"""So many files are looked at to see whether they are constitutions that use a file."""
CHARACTERS_MAX = 2_000_000
"""Of so much text constitutions are read for one question, beside the one at hand: some seconds the first time."""
_SHOWN_MAX = 3


@dataclass(frozen=True, slots=True)
class Shared:
    """Programs, the one at hand first, and constitutions that may be others and have not been read."""

    programs: tuple[Program, ...]
    left_out: tuple[Path, ...] = ()


class Sharing:
    """Answers one question; what it reads counts against what one question may read."""

    def __init__(self, desk: Desk, program: Program) -> None:
        self._desk = desk
        self._program = program
        self._left = CHARACTERS_MAX
        self._reaches: dict[Path, dict[Path, int]] = {}

    def declaring(self, meaning: Meaning) -> Shared:
        """The programs in which a name means what it means in the one at hand: those with the file that declares it."""
        declaration = self._program.declaration(meaning)
        path = declaration and self._program.paths.get(declaration.span.file)
        return self.having([path]) if path else Shared((self._program,))

    def having(self, paths: Iterable[Path]) -> Shared:
        """The programs that have one of these files."""
        found: list[Program] = [self._program]
        left_out: list[Path] = []
        wanted = frozenset(paths)
        files = dict.fromkeys(file for path in wanted for file in self._desk.files_around(path))
        for number, file in enumerate(files):
            if str(file) == self._program.key:
                continue
            if number >= FILES_MAX:
                left_out.append(file)
            elif self._desk.is_root(file) and wanted & (reach := self._reach(file)).keys():
                size = 0 if self._desk.is_known(file) else sum(reach.values())
                if size > self._left:
                    left_out.append(file)
                    continue
                self._left -= size
                program = self._desk.program_of(file)
                found += [program] if program and wanted & set(program.paths.values()) else []
        return Shared(tuple(found), tuple(left_out))

    def shown(self, paths: Iterable[Path]) -> str:
        """Files by name, not all of many."""
        names: list[str] = [f"`{self._desk.shown(path)}`" for path in paths]
        if not names:
            return ""
        more = len(names) - _SHOWN_MAX
        return listed([*names[:_SHOWN_MAX], *([f"the other {more}"] if more > 0 else [])], "and")

    def _reach(self, root: Path) -> dict[Path, int]:
        """The files that a constitution may use, itself among them, with the length of each: found without parsing."""
        known = self._reaches.get(root)
        if known is not None:
            return known
        files = reach(root.name, self._desk.documents.loader(root.parent))
        found = {(root.parent / name).resolve(): len(source.text) for name, source in files.items()}
        self._reaches[root] = found
        return found
