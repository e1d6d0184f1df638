"""What does not fit: where it stands, what it says, and what it should say."""

from __future__ import annotations

import math
from typing import TypeAlias

import msgspec
from msgspec import Struct

__all__ = ["Difference", "Misfit", "difference", "shown"]

TOLERANCE = 1e-12
"""Of numbers that are computed anew: the last bit of a logarithm is the machine's."""

_SHOWN_MAX = 160

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
_Found: TypeAlias = tuple[str, Plain, Plain]


class Misfit(Struct, frozen=True, kw_only=True):
    """One thing that does not fit.

    `row` counts from 1 within the file, in a ledger within the step's rows of that kind; 0 is about the whole file.
    `id` is the row's, or that of what it is about.
    """

    file: str
    row: int
    kind: str
    id: str
    field: str
    says: str
    should: str


class Difference(Struct, frozen=True):
    """The first field in which two records differ."""

    field: str
    says: str
    should: str


def difference(says: object, should: object, *, exact: bool = False) -> Difference | None:
    """The first difference between what a record says and what it should say, None where there is none."""
    if says == should:  # the way that nearly all go
        return None
    found = _first("", _plain(says), _plain(should), 0.0 if exact else TOLERANCE)
    return None if found is None else Difference(found[0].lstrip("."), shown(found[1]), shown(found[2]))


def shown(value: object) -> str:
    """A value as a person can read it, cut where it is long."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}… ({len(text)} characters)"


def _plain(value: object) -> Plain:
    plain: Plain = msgspec.json.decode(msgspec.json.encode(value))
    return plain


def _first(path: str, says: Plain, should: Plain, tolerance: float) -> _Found | None:
    if isinstance(says, dict) and isinstance(should, dict):
        return _first_key(path, says, should, tolerance)
    if isinstance(says, list) and isinstance(should, list):
        return _first_item(path, says, should, tolerance)
    if _equal(says, should, tolerance):
        return None
    if isinstance(says, str) and isinstance(should, str) and len(says) > _SHOWN_MAX:
        return path, *_around(says, should)
    return path, says, should


def _first_key(path: str, says: dict[str, Plain], should: dict[str, Plain], tolerance: float) -> _Found | None:
    for key in dict.fromkeys((*should, *says)):
        if key not in says or key not in should:
            return f"{path}.{key}", says.get(key), should.get(key)
        found = _first(f"{path}.{key}", says[key], should[key], tolerance)
        if found is not None:
            return found
    return None


def _first_item(path: str, says: list[Plain], should: list[Plain], tolerance: float) -> _Found | None:
    for n, (one, other) in enumerate(zip(says, should, strict=False)):
        found = _first(f"{path}[{n}]", one, other, tolerance)
        if found is not None:
            return found
    return None if len(says) == len(should) else (f"{path}.length", len(says), len(should))


def _equal(says: Plain, should: Plain, tolerance: float) -> bool:
    if isinstance(says, float) and isinstance(should, float) and tolerance:
        return math.isclose(says, should, rel_tol=tolerance, abs_tol=tolerance)
    return says == should


def _around(says: str, should: str) -> tuple[str, str]:
    """Two long texts from a little before where they part."""
    at = next((n for n, (a, b) in enumerate(zip(says, should, strict=False)) if a != b), min(len(says), len(should)))
    start = max(0, at - 40)
    lead = "…" if start else ""
    return lead + says[start:], lead + should[start:]
