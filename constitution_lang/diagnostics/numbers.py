"""Numbers of things, in words."""

from __future__ import annotations

__all__ = ["number_of"]


def number_of(number: int, things: str) -> str:
    """`3 cases`, `1 case`, `1 category`; the things are given in the plural."""
    if number == 1:
        things = f"{things[:-3]}y" if things.endswith("ies") else things.removesuffix("s")
    return f"{number:,} {things}"
