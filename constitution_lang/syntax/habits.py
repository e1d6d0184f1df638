"""What people bring along from elsewhere: comments, braces and quotes of other languages, and what a merge leaves."""

from __future__ import annotations

import re

import msgspec

from constitution_lang.syntax.words import TURNED

__all__ = ["Habit", "at_column_one", "in_other_quotes", "several_values", "within_line"]

_LINE_MAX = 500
"""What is longer is not looked at for what people say, which takes the longer the more of it there is."""
_COMMENT = re.compile(r"//+|/\*+|<!--")
_QUOTED = re.compile("([\u201c\u201e\u00ab\u2039\u2018'])([^\"\n]*?)([\u201c\u201d\u00bb\u203a\u2019'])(?=[ ]*(?:#|$))")
_CLOSING = re.compile("[\u201c\u201d\u00bb\u203a\u2019](?=[ ]*(?:#|$))")
_CONFLICT = re.compile(r"(?:<{7}|\|{7}|={7}|>{7})(?![<|=>])[^\n]*")
_FENCE = re.compile(r"(?:`{3,}|~{3,})[^\n]*")
_ORDER = "<=|>=|<|>"
_COMPARED = re.compile(rf"([A-Za-z][\w.-]*)[ ]*({_ORDER})[ ]*([A-Za-z][\w.-]*)[ ]*$")
_COMPARED_AGAIN = re.compile(rf"({_ORDER})[ ]*([A-Za-z][\w.-]*)")
_SAYS_MORE = (
    "then|prefer|weigh|abstain|otherwise|over|wins|first|unless|except|if|when|at|in|any|all|"
    "higher|more|worse|above|up|greater|lower|less|better|below|down|fewer"
)
"""Words that are no values behind others, but part of what somebody wants to say in words."""
_WORD = rf"(?!(?:and|is|not|or|{_SAYS_MORE})(?![\w.-]))[A-Za-z][\w.-]*(?![\w.-])"
_SEVERAL = re.compile(
    rf"({_WORD})[ ]+is([ ]+not)?[ ]+({_WORD}(?:(?:[ ]*,[ ]*(?:or[ ]+)?|[ ]+or[ ]+){_WORD})+)(?![ ]*(?:is\b|[<>=!]))"
    rf"(?![ ]*(?:,|\bor)[ ]*(?:{_SAYS_MORE})(?![\w.-]))(?![ ]+(?:{_SAYS_MORE})(?![\w.-]))"
)
_CONDITION = re.compile(r"(?![ ]*(?:case|expect|levels|one)\b)")
_BETWEEN = re.compile(r"[ ]*,[ ]*(?:or[ ]+)?|[ ]+or[ ]+")
_END = re.compile(r"(?P<sign>[{;])[ ]*(?:#|$)")


class Habit(msgspec.Struct, frozen=True):
    """A piece of text from `start` to `end`, what to do instead, and the edit that does so, where one does."""

    start: int
    end: int
    help: str
    fix: tuple[int, int, str] | None = None
    message: str = ""
    """Also what is wrong, where the word alone does not say it."""


def at_column_one(text: str) -> Habit | None:
    """What stands at the beginning of a line that begins no block."""
    comment = _comment(text, 0)
    if comment:
        return comment
    fence = _FENCE.match(text)
    if fence:
        help = "leave it out: a file holds the constitution and nothing around it"
        return Habit(0, fence.end(), help, (0, fence.end(), ""), "this line is the edge of a block of Markdown")
    conflict = _CONFLICT.match(text)
    if conflict:
        help = "a merge has left two versions here: keep one of them, and delete the lines that mark where they are"
        return Habit(0, conflict.end(), help, message="this line marks two versions that were not merged")
    if re.match(r"\}[ ]*(?:#|\n|$)", text):
        return Habit(0, 1, "leave it out: a block has no braces, and ends where the next one begins", (0, 1, ""))
    return None


def within_line(text: str, at: int, end: int) -> Habit | None:
    """What stands at `at` in a line that ends at `end`."""
    habit = _comment(text, at) or _chain(text, at, end) or several_values(text, at, end)
    if habit:
        return habit
    last = _END.match(text, at, end)
    if last is None:
        return None
    help = "leave it out: a line ends by itself"
    if last["sign"] == "{":
        help = "leave it out: a block has no braces, what belongs to it is indented by two spaces"
    return Habit(at, at + 1, help, (len(text[:at].rstrip(" ")), at + 1, ""))


def _chain(text: str, at: int, end: int) -> Habit | None:
    """Two comparisons in one, as mathematicians write them, of which the second begins at `at`."""
    start = text.rfind("\n", 0, at) + 1
    if not _CONDITION.match(text, start) or end - start > _LINE_MAX:
        return None
    first, second = _COMPARED.search(text[start:at]), _COMPARED_AGAIN.match(text, at, end)
    if not (first and second):
        return None
    low, sign, middle = first.groups()
    meant = f"{middle} {TURNED[sign]} {low} and {middle} {second.group(1)} {second.group(2)}"
    return Habit(at, second.end(1), f"compare twice: write `{meant}`", (start + first.start(), second.end(), meant))


def several_values(text: str, at: int, end: int) -> Habit | None:
    """Several values behind one `is`, as people say it, around `at` in a line that ends at `end`."""
    line = text.rfind("\n", 0, at) + 1
    if not _CONDITION.match(text, line) or end - line > _LINE_MAX:
        return None
    for found in _SEVERAL.finditer(text, line, end):
        if found.start() < at <= found.end():
            attribute, negated, values = found.groups()
            listed = ", ".join(_BETWEEN.split(values))
            meant = f"{attribute} is{' not' if negated else ''} one of {listed}"
            message = f"several values stand behind `is{' not' if negated else ''}`"
            return Habit(found.start(3), found.end(), f"write `{meant}`", (*found.span(), meant), message)
    return None


def _comment(text: str, at: int) -> Habit | None:
    found = _COMMENT.match(text, at)
    if found is None:
        return None
    fix = (at, found.end(), "#") if found.group().startswith("//") else None
    message = f"`{found.group()}` begins no comment"
    return Habit(at, found.end(), "a comment begins with `#`", fix, message)


def in_other_quotes(text: str, at: int, end: int) -> Habit | None:
    """A text at `at` between quotes that are not those of the language; or such a closing one behind a plain one."""
    found = _QUOTED.match(text, at, end)
    if found:
        opening, inside, closing = found.groups()
        message = "" if opening == "'" else f"`{opening}` and `{closing}` can stand in texts only"
        return Habit(at, found.end(), f'write `"{inside}"`', (at, found.end(), f'"{inside}"'), message)
    last = _CLOSING.search(text, at, end) if text[at] == '"' else None
    if last is None:
        return None
    message = f"`{last.group()}` can stand in texts only"
    return Habit(last.start(), last.end(), 'write `"`', (last.start(), last.end(), '"'), message)
