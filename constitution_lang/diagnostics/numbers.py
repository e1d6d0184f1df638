"""Numbers for people."""

from __future__ import annotations

__all__ = ["number_of", "percent", "plain"]

_SAME = 1e-9
"""Shares that differ by less are the same."""


def percent(share: float) -> str:
    """A share in percent with one decimal, or with as many as tell it apart from the whole percentage beside it."""
    whole = round(share, 2)
    digits = 1
    while abs(share - whole) > _SAME and float(f"{share * 100:.{digits}f}") == round(whole * 100):
        digits += 1
    return f"{share * 100:.{digits}f}%"


def number_of(number: int, things: str) -> str:
    """`3 cases`, `1 case`, `1 category`; the things are given in the plural."""
    if number == 1:
        things = f"{things[:-3]}y" if things.endswith("ies") else things.removesuffix("s")
    return f"{number:,} {things}"


def plain(value: float, tens: int = 0) -> str:
    """The shortest decimal that reads as a number, or as it times so many tens, without an exponent."""
    from decimal import Decimal  # few need it, and all load this file

    digits = f"{Decimal(repr(value)).scaleb(tens):f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
