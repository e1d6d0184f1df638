"""Which lines of a text mean something as lines: those of code blocks, tables and quotations in Markdown."""

from __future__ import annotations

import re

__all__ = ["kinds_of_lines"]

_FENCE = re.compile(r"[ ]*(`{3,}|~{3,})")
_RULE = re.compile(r"[ ]{0,3}(?=.*\|)\|?[ ]*:?-+:?[ ]*(?:\|[ ]*:?-+:?[ ]*)*\|?\Z")
"""The line below a table's first."""
_CODE, _TABLES = "code blocks", "tables"


def kinds_of_lines(lines: list[str]) -> list[str]:
    """For each line what it is a line of, in the plural; empty for text."""
    kinds = _fenced(lines)
    for number, line in enumerate(lines):
        if kinds[number]:
            continue
        above = lines[number - 1] if number and kinds[number - 1] != _CODE else ""
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if line.startswith("|") and (above.startswith("|") or below.startswith("|")):
            kinds[number] = _TABLES
        elif line.startswith(">") and (above.startswith(">") or below.startswith(">")):
            kinds[number] = "quotations"
        elif _RULE.match(line) and "|" in above:
            kinds[number - 1] = kinds[number] = _TABLES
        elif "|" in line and number and kinds[number - 1] == _TABLES:
            kinds[number] = _TABLES
    return kinds


def _fenced(lines: list[str]) -> list[str]:
    """The lines of code blocks, those of their fences included."""
    kinds = [""] * len(lines)
    fence = ""
    for number, line in enumerate(lines):
        found = _FENCE.match(line)
        if found or fence:
            kinds[number] = _CODE
        if found and not fence:
            fence = found.group(1)
        elif found and found.group(1).startswith(fence) and line.strip() == found.group(1):
            fence = ""
    return kinds
