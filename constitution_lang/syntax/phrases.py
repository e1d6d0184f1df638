"""Lines as people say them, and what they are in the language.

Each rewriting is a guess at what words mean; a line is proposed only where, rewritten, it is one of its block.
"""

from __future__ import annotations

import re

from constitution_lang.syntax.forms import BlockForm
from constitution_lang.syntax.grammar import parsed
from constitution_lang.syntax.habits import several_values
from constitution_lang.syntax.values_meant import value_meant

__all__ = ["as_said_here", "header_as_said_here"]

_LINE_MAX = 500
_NAME = r"[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*"
_NUMBER = r"\d+(?:\.\d+)?"
_KEY = re.compile(r"(?P<key>[a-z]+(?: of)?)[ ]*:[ ]*(?P<value>.+)")
_OPENINGS = (
    (r"applies(?: when| if)?[ ]*:[ ]*(?:when |if )?", "applies when "),
    (r"(?:applies )?(?:only )?(?:when|if)[ ]+", "applies when "),
)
"""Of the line that says when a principle applies."""
_CONDITIONS = (
    (r"[\"'\u201c\u201d\u2018\u2019]", ""),
    (rf"({_NAME}) is ({_NAME}) (?:or|and) (?:higher|more|above|up)\b", r"\1 >= \2"),
    (rf"({_NAME}) is ({_NAME}) (?:or|and) (?:lower|less|below|down)\b", r"\1 <= \2"),
    (rf"[ ]*,[ ]*(and|or)\b(?= (?:not )?{_NAME} (?:is\b|[<>=]))", r" \1"),
    (r"\b(?:is )?(?:at least|no less than|not below)\b", ">="),
    (r"\b(?:is )?(?:at most|no more than|not above|up to)\b", "<="),
    (r"\bis (?:greater|higher|more) than\b|\bis (?:above|over)\b", ">"),
    (r"\bis (?:less|lower) than\b|\bis (?:below|under)\b", "<"),
    (r"\b(is|is not|are|are not) (?:either|any of|one of the|among|in)\b", r"\1 one of"),
    (r"(?<!not )\bin\b", "is one of"),
    (rf"[\[({{][ ]*({_NAME}(?:[ ]*,[ ]*{_NAME})+)[ ]*[\])}}]", r"\1"),
    (rf"\b(is(?: not)?) (?!one of\b)({_NAME}(?:[ ]*,[ ]*{_NAME})+)", r"\1 one of \2"),
    (rf"(one of {_NAME}(?:[ ]*,[ ]*{_NAME})*),? or (?={_NAME}(?![\w.-])(?![ ]*(?:is\b|[<>=])))", r"\1, "),
    (r"(?:===?|(?<![<>!=])=(?![<>=]))", " is "),
    (r"[ ]{2,}", " "),
)
_TO_OUTCOME = (
    (r"[ ]*(?:,?[ ]*\bthen\b:?|[-=]>)[ ]*", ": "),
    (r"[ ]*[,;][ ]*(?=(?:prefer|weigh|abstain)\b)", ": "),
    (rf"[ ]*[,;][ ]*(?={_NAME} (?:wins|first|comes first|prevails)$)", ": "),
    (r"(?<![:])[ ]+(?=(?:prefer|weigh|abstain)\b)", ": "),
)
_OUTCOMES = (
    (r"prefer[ ]*:[ ]*", "prefer "),
    (rf"(?:prefer )?({_NAME}) (?:over|before|rather than|more than|beats|instead of) {_NAME}", r"prefer \1"),
    (rf"({_NAME}) (?:wins|first|comes first|prevails)", r"prefer \1"),
    (rf"({_NUMBER})[ ]*%", r"\1"),
    (rf"({_NAME})[ ]*[:=][ ]*({_NUMBER})", r"\1 \2"),
    (rf"({_NUMBER})[ ]*(?:;|\band\b|/)[ ]*(?={_NAME})", r"\1, "),
    (rf"(?<=weigh )({_NUMBER}) ({_NAME})", r"\2 \1"),
    (rf"(?<=, )({_NUMBER}) ({_NAME})", r"\2 \1"),
    (rf"({_NUMBER}) (?={_NAME})", r"\1, "),
)
_ELSE = re.compile(
    r"\A(?:when otherwise|other wise|default|(?:in )?(?:all|any|every) (?:other|else)(?: cases?)?|anything else)"
    r"[ ]*[:,]?[ ]*(?=prefer\b|weigh\b|abstain\b)"
)
_BETWEEN = (
    (r"between[ ]*:[ ]*", "between "),
    (rf"({_NAME})[ ]*(?:,|&|/|\+|\bvs\.?|\bversus\b|\bor\b)[ ]*", r"\1 and "),
)
_CASES = (
    (r"case[ ]*:[ ]*", "case "),
    (r"[\"'\u201c\u201d]", ""),
    (rf"({_NAME})[ ]*(?:===?|=|:|\bis\b)[ ]*(?={_NAME})", r"\1 "),
    (rf"({_NAME} {_NAME})[ ]*(?:;|\band\b)[ ]*(?={_NAME} {_NAME})", r"\1, "),
)
_EXPECTATIONS = (
    (r"expect[ ]*:[ ]*", "expect "),
    (r"\b(?:to )?(?:beats?|wins? over|comes? before|outranks?|prevails? over)\b|[ ]*>(?!=)[ ]*(?=[A-Za-z])", " over "),
    (r"[ ]*>=[ ]*(?=\d)", " at least "),
    (r"[ ]*<=[ ]*(?=\d)", " at most "),
    (r"\b(?:do(?:es)?n['\u2019]?t apply|applies not|(?:is |are )?not applied)\b", "does not apply"),
    (r"(?<!does )\b(?:do not apply|(?:not|never) (?:to apply|appl(?:y|ies)))\b", "does not apply"),
    (r"\b(?:is applied|(?:to )?apply)\b(?<!not apply)", "applies"),
    (rf"({_NUMBER})(?![ ]*%|[\d.])(?: percent)?$", r"\1%"),
    (r"[ ]{2,}", " "),
)


_HEADERS = (
    (r"\Aedition[ ]+[\"'](\d+)[\"']", r"edition \1"),
    (r"\Ause[ ]+[\"']([^\"']+)[\"']", r"use \1"),
    (r"\A(constitution[ ]+[\w-]+[ ]+)[vV]?(\d+)(?![\w.])", r"\1\2.0.0"),
    (r"\A(constitution[ ]+[\w-]+[ ]+)[vV]?(\d+\.\d+)(?![\w.])", r"\1\2.0"),
    (r"\A(constitution[ ]+[\w-]+[ ]+)[vV](\d+\.\d+\.\d+)", r"\1\2"),
    (r"\Atest[ ]+([^\"'\s][^\"#]*?)[ ]*(?=#|\Z)", r'test "\1"'),
    (r"\A(principle|example)([ ]+[\w-]+)(?:[ ]*[:/][ ]*|[ ]*\.[ ]*)([\w-]+)", r"\1\2.\3"),
)
"""First lines of blocks."""


def header_as_said_here(line: str) -> str | None:
    """The first line of a block as the language has it, where it is one then; None where nobody knows."""
    meant = _all(line, _HEADERS) if len(line) <= _LINE_MAX else line
    return meant if meant != line and parsed(meant) is not None else None


def as_said_here(form: BlockForm, line: str) -> str | None:
    """A line of a block as the language has it, where it is one then; None where nobody knows what it could mean."""
    meant = _rewritten(form, line) if len(line) <= _LINE_MAX else None
    if meant is None or meant == line or parsed(f"{form.header}\n  {meant}") is None:
        return None
    return meant


def _rewritten(form: BlockForm, line: str) -> str | None:
    first = line.split(None, 1)[0].rstrip(":,") if line.split() else ""
    if form.opens("applies") and first in {"applies", "when", "if", "only"}:
        return _condition(_once(line, _OPENINGS))
    if form.opens("between") and first == "between":
        return _all(line, _BETWEEN)
    if form.opens("between") and (first in {"when", "otherwise", "else", "if"} or _ELSE.match(line)):
        return _rule(_ELSE.sub("otherwise: ", line, count=1))
    line = _with_opening(form, line)
    first = line.split(None, 1)[0].rstrip(":,") if line else ""
    if form.opens("between") and first in {"between", "otherwise"}:
        return _rule(line) if first == "otherwise" else line
    if form.opens("case") and first in {"case", "expect"}:
        return _all(line, _CASES if first == "case" else _EXPECTATIONS)
    found = _KEY.fullmatch(line)
    field = form.field(found["key"]) if found else None
    value = value_meant(field, found["value"]) if found and field else None
    return f"{found['key']}: {value}" if found and value else None


def _with_opening(form: BlockForm, line: str) -> str:
    """A line whose first word is missing, or is another one, with that which the language has."""
    first = line.split(None, 1)[0] if line else ""
    if form.opens("between"):
        if first in {"prefer", "weigh", "abstain"}:
            return f"otherwise: {line}"
        return f"between {line}" if re.fullmatch(rf"{_NAME} and {_NAME}", line) else line
    if not form.opens("case"):
        return line
    if first in {"given", "when", "if", "then", "should"}:
        return f"{'expect' if first in {'then', 'should'} else 'case'} {line.split(None, 1)[-1]}"
    if re.fullmatch(rf"{_NAME} over {_NAME}", line):
        return f"expect {line}"
    case = re.fullmatch(rf"{_NAME} {_NAME}(?:[ ]*,[ ]*{_NAME} {_NAME})*", line)
    return f"case {line}" if case and not form.opens(first) else line


def _all(line: str, rewritings: tuple[tuple[str, str], ...]) -> str:
    for pattern, by in rewritings:
        line = re.sub(pattern, by, line)
    return line.strip()


def _once(line: str, rewritings: tuple[tuple[str, str], ...]) -> str:
    for pattern, by in rewritings:
        line, number = re.subn(rf"\A(?:{pattern})", by, line, count=1)
        if number:
            break
    return line


def _condition(line: str) -> str:
    line = _all(line, _CONDITIONS)
    for _ in range(line.count(" or ")):
        several = next((found for at in range(len(line)) if (found := several_values(line, at + 1, len(line)))), None)
        if several is None or several.fix is None:
            break
        start, end, meant = several.fix
        line = line[:start] + meant + line[end:]
    return line


def _rule(line: str) -> str | None:
    line = re.sub(r"\A(?:else|otherwise)[ ]*,?:?[ ]*(?:then )?", "otherwise: ", re.sub(r"\Aif\b", "when", line))
    if ":" not in line:
        for pattern, by in _TO_OUTCOME:
            line = re.sub(pattern, by, line, count=1)
    opening, colon, outcome = line.partition(":")
    if line.count(":") > 1 and not opening.startswith("otherwise"):
        opening, _, outcome = line.rpartition(":")
        opening = re.sub(r"\Awhen[ ]*:", "when ", opening)
        opening = re.sub(r"(is(?: not)? one of)[ ]*:", r"\1 ", opening)
        opening = re.sub(rf"\b({_NAME})[ ]*:[ ]*(?={_NAME})", r"\1 is ", opening)
    if not colon:
        return None
    if not opening.startswith("otherwise"):
        opening = _condition(opening)
    outcome = _all(outcome.strip().removeprefix(":").strip(), _OUTCOMES)
    return f"{opening}: {outcome}"
