"""What is wrong with the first line of a block: a colon, a name in several words, a title without quotes."""

from __future__ import annotations

import re

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix
from constitution_lang.syntax.block_text import BlockText

__all__ = ["explain_first_line"]

_NAMED = re.compile(
    r"(?P<keyword>constitution|attribute|category|principle|tension|example)[ ]+(?P<first>[A-Za-z][\w.-]*)[ ]+"
)
_QUOTED_NAME = re.compile(r"(?P<keyword>[a-z]+)[ ]+(?P<text>\"[A-Za-z][\w.-]*\")")
_MORE = re.compile(
    "[A-Za-z0-9][\\w-]*(?:[ ]+[A-Za-z0-9][\\w-]*)*(?=[ ]*(?:$|#|[\"'\u201c\u201e\u00ab\u2018])|[ ]+\\d+\\.\\d)"
)
_OF = ("for", "of", "on", "the", "a", "named", "called")
_TITLED = ("attribute", "category", "principle")


def explain_first_line(block: BlockText, at: int, end: int, message: str) -> Diagnostic | None:
    """What is wrong at `at` in the first line, which ends at `end`; None where nothing special is."""
    text = block.text
    if text[at] == ":":
        return _colon(block, at)
    quoted = _QUOTED_NAME.match(text, 0, end)
    if quoted and quoted.start("text") == at and quoted["keyword"] != "test":
        name = quoted["text"].strip('"')
        fix = Fix(block.span(*quoted.span("text")), name, f"write `{name}`")
        return codes.E106.at(fix.span, message, help=f"a name has no quotes: write `{name}`", fix=fix)
    named = _NAMED.match(text, 0, end)
    if named is None or named.end() != at:
        return None
    rest = text[at:end].split("#", 1)[0].rstrip()
    more = _MORE.match(text, at, end)
    if more and not _is_title(named, more, text[more.end() : end].split("#", 1)[0]):
        return _name_in_words(block, named, more, message)
    if named["keyword"] in _TITLED and '"' not in rest:
        span = block.span(at, at + len(rest))
        fix = Fix(span, f'"{rest}"', "put it in quotes")
        return codes.E106.at(block.span(at, at + len(rest)), message, help=f'write it in quotes: `"{rest}"`', fix=fix)
    return None


def _is_title(named: re.Match[str], more: re.Match[str], behind: str) -> bool:
    """Whether words behind a name are more likely its title than more of the name."""
    if behind.strip() or named["keyword"] not in _TITLED:
        return False
    return named["keyword"] != "principle" or "." in named["first"] or " " in more.group()


def _colon(block: BlockText, at: int) -> Diagnostic:
    span = block.span(at, at + 1)
    beside = block.text[at + 1 : at + 2].strip()
    fix = Fix(span, " " if beside else "", "leave it out")
    help = f"leave it out, as in `{block.form.header}`"
    if not beside and " " not in block.text[:at].strip() and not block.text[at + 1 :].split("\n", 1)[0].strip():
        return codes.E106.at(span, "no `:` stands in the first line of a block", help=f"write `{block.form.header}`")
    return codes.E106.at(span, "no `:` stands in the first line of a block", help=help, fix=fix)


def _name_in_words(block: BlockText, named: re.Match[str], more: re.Match[str], message: str) -> Diagnostic:
    words = [named["first"], *more.group().split()]
    if words[0] in _OF and len(words) == 2:
        gone = Fix(block.span(named.start("first"), more.start()), "", "leave it out")
        return codes.E106.at(
            block.span(*named.span("first")),
            f"no `{words[0]}` stands before a name",
            help=f"write `{named['keyword']} {words[1]}`",
            fix=gone,
        )
    dotted = named["keyword"] in {"principle", "example"} and "." not in words[0]
    name = ".".join([words[0], "-".join(words[1:])]) if dotted else "-".join(words)
    fix = Fix(block.span(named.start("first"), more.end()), name, f"write `{name}`")
    return codes.E106.at(block.span(*more.span()), message, help=f"a name is one word: write `{name}`", fix=fix)
