"""What is asked of a name and answered for all constitutions that share it: where it stands, and a new name for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lsprotocol import types

from constitution_lang.check.uses import Meaning
from constitution_lang.server.desk import Desk
from constitution_lang.server.program import Program
from constitution_lang.server.renaming import RefusedError, former_names, renamed
from constitution_lang.server.sharing import Shared, Sharing
from constitution_lang.server.workspace_edit import Edits
from constitution_lang.source import Span

__all__ = ["References", "Rename", "references", "rename"]


@dataclass(frozen=True, slots=True)
class References:
    """Where a name stands. `left_out` names the constitutions that were not looked at; empty where all were."""

    locations: list[types.Location]
    left_out: str


@dataclass(frozen=True, slots=True)
class Rename:
    """What follows from a new name, what keeps the draws, and what was not looked at."""

    plain: Edits
    former: Edits
    left_out: str


def references(desk: Desk, program: Program, meaning: Meaning, *, declaration: bool) -> References:
    """Every place that names the same, each once."""
    sharing = Sharing(desk, program)
    shared = sharing.declaring(meaning)
    edits = (
        _located(desk, each, ((use.span, "") for use in each.uses_of(meaning) if declaration or not use.declares))
        for each in shared.programs
    )
    return References([location for location, _ in _once(edits)], sharing.shown(shared.left_out))


def rename(desk: Desk, program: Program, meaning: Meaning, new: str) -> Rename:
    """The edits of every constitution that has the file in which something is declared.

    Raises:
        RefusedError: the name does not do in one of them, or a file that would change is shared with a constitution
            that means something else by the old one.
    """
    sharing = Sharing(desk, program)
    shared = sharing.declaring(meaning)
    plain, former = [], []
    for each in shared.programs:
        try:
            plain.append(renamed(each, meaning, new))
        except RefusedError as error:
            if each is program:
                raise
            raise RefusedError(f"{error} (in {sharing.shown([each.path])}, which uses it too)") from error
        former.append(former_names(each, meaning, new))
    around = _unlike(sharing, shared, meaning, plain)
    read = {path for each in shared.programs for path in each.paths.values()}
    return Rename(
        _once(_located(desk, each, edits) for each, edits in zip(shared.programs, plain, strict=True)),
        _once(_located(desk, each, edits) for each, edits in zip(shared.programs, former, strict=True)),
        sharing.shown(dict.fromkeys(path for path in (*shared.left_out, *around.left_out) if path not in read)),
    )


def _unlike(sharing: Sharing, shared: Shared, meaning: Meaning, edits: Iterable[Iterable[tuple[Span, str]]]) -> Shared:
    """See that what has a file which changes, and not the one that declares the name, declares no such name itself."""
    changed = {
        path: None
        for each, found in zip(shared.programs, edits, strict=True)
        for span, _ in found
        if (path := each.paths.get(span.file))
    }
    around = sharing.having(changed)
    same = {each.key for each in shared.programs}
    declaring = {_declares(each, meaning) for each in shared.programs}
    for other in around.programs:
        # One that was left out where the name was looked for may have the very declaration.
        if other.key not in same and _declares(other, meaning) not in {None, *declaring}:
            file = next(path for path in changed if path in other.paths.values())
            raise RefusedError(
                f"{sharing.shown([file])} would change, and {sharing.shown([other.path])}, which uses it too, "
                f"declares another `{meaning.id}`; rename by hand"
            )
    return around


def _declares(program: Program, meaning: Meaning) -> Path | None:
    """The file in which something is declared."""
    use = program.declaration(meaning)
    return program.paths.get(use.span.file) if use else None


def _located(desk: Desk, program: Program, edits: Iterable[tuple[Span, str]]) -> Iterator[tuple[types.Location, str]]:
    places = desk.places(program)
    for span, text in edits:
        known = places.get(span.file)
        if known:
            yield types.Location(known[0], known[1].range(span.start, span.end)), text


def _once(found: Iterable[Iterable[tuple[types.Location, str]]]) -> list[tuple[types.Location, str]]:
    """Those of a file that several constitutions have are found with each of them."""
    known: dict[tuple[str, int, int, str], tuple[types.Location, str]] = {}
    for location, text in (each for edits in found for each in edits):
        start = location.range.start
        known.setdefault((location.uri, start.line, start.character, text), (location, text))
    return list(known.values())
