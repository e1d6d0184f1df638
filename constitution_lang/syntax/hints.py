"""From a place where the parser stopped to a finding that says what is wrong there and what to write."""

from __future__ import annotations

import re

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix
from constitution_lang.source import Span
from constitution_lang.syntax.block_text import BlockText, typographic
from constitution_lang.syntax.colons import no_colon
from constitution_lang.syntax.first_lines import explain_first_line
from constitution_lang.syntax.forms import KEYWORDS, BlockForm, ValueKind
from constitution_lang.syntax.grammar import Failure, literals
from constitution_lang.syntax.habits import at_column_one, in_other_quotes, several_values, within_line
from constitution_lang.syntax.indentation import KEY, begins_with, explain_indentation, is_row, wrong_indentation_of_row
from constitution_lang.syntax.keywords import keyword_meant
from constitution_lang.syntax.line_faults import no_value, text_beside_key, unknown_line, wrong_value
from constitution_lang.syntax.words import FOREIGN, IN_WORDS, PLAIN, alike, closest, did_you_mean, listed

__all__ = ["explain_failure", "unknown_block"]

_NAMED = re.compile(r"([A-Za-z][\w.-]*)[ ]+\"[^\"\n]*\"(?=[ ]*(?:#|\n|\Z))")
_BULLET = re.compile(r"  [-*\u2022][ ]*")
_FIRST_WORD = re.compile(r"[\w-]+|\S")
_WORD = re.compile(r"\|\||[^\s,():\"#|;]+|\S")
_ROW_EXAMPLE = "grave, weapons | harm over autonomy"


def unknown_block(file: str, base: int, text: str, *, inside_text: bool) -> Diagnostic:
    """A finding about lines at column one of which the first begins no block."""
    found = _FIRST_WORD.match(text)
    word = found.group() if found else text[:1]
    span = Span(file, base, base + len(word))
    habit = at_column_one(text)
    if habit:
        return BlockText(file, base, text).habitual(codes.E105, habit, f"no block begins with `{word}`")
    best = keyword_meant(text)
    if best is None:
        plain = PLAIN.get(word)
        if plain is not None:
            return typographic(span, word, plain)
        words = listed(KEYWORDS)
        help = f"a line at column one begins with {words}"
        if named := _NAMED.match(text):
            help = f"begin it with its keyword: `{_keyword_of(text, named.group(1))} {named.group()}`"
        elif inside_text:
            help = "if it belongs to the text above, indent it by four spaces; else begin it with a keyword of a block"
        return codes.E105.at(span, f"no block begins with `{word}`", help=help)
    return codes.E105.at(
        span, f"no block begins with `{word}`", help=did_you_mean(best), fix=Fix(span, best, f"write `{best}`")
    )


def _keyword_of(text: str, name: str) -> str:
    """The keyword that a block without one most likely lacks."""
    if re.search(r"^[ ]+(?:levels|one of|default)[ ]*:", text, re.MULTILINE):
        return "attribute"
    return "principle" if "." in name else "category"


_OUTCOME = re.compile(r":[ ]*(prefer [\w.-]+|abstain)\n")
_TWICE = re.compile(r"(?<![\w.-])([a-z][\w-]*)[ ]+(\1)\n")
"""A word and the same word again at the end."""
_TWICE_FIRST = re.compile(r"[ ]*([a-z]+)[ ]+(\1)(?![\w.-])")


def explain_failure(file: str, base: int, text: str, failure: Failure) -> Diagnostic:
    """What is wrong where the parser of a block stopped."""
    block = BlockText(file, base, text)
    at = min(failure.offset, _end_of_sense(text))
    while at < len(text) and text[at] == " ":
        at += 1
    at_line_end = at >= len(text) or text[at] in "\n#"
    if not at_line_end:
        return _within_line(block, at, failure.expected)
    following = block.next_line(at)
    if following and "$END" in failure.expected and "_ENTRY" not in failure.expected:
        return _below_one_line(block, *following)
    ended = failure.expected & {"_ENTRY", "_ROW", "PROSE", "$END"}
    if following and ended and not re.match(r"  [^ \t]", text[slice(*following)]):
        return explain_indentation(block, *following)
    return _early_end(block, at, failure.expected)


def _end_of_sense(text: str) -> int:
    """The end of the last line that is neither blank nor a comment."""
    lines = text.split("\n")
    while len(lines) > 1 and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return len("\n".join(lines).rstrip())


def _below_one_line(block: BlockText, start: int, end: int) -> Diagnostic:
    """A line below a block that is one line."""
    line = block.text[start:end]
    span = block.span(start, start + len(line) - len(line.lstrip()))
    keyword = block.form.keyword
    help = f"`{keyword}` is one line, as in `{block.form.header}`; begin the next block at column one"
    return codes.E104.at(span, f"nothing can stand below `{keyword}`", help=help)


def _early_end(  # noqa: PLR0911 - what is wrong with a line, most telling first
    block: BlockText, at: int, expected: frozenset[str]
) -> Diagnostic:
    """A line that ends too early."""
    start, end = block.line_at(min(at, len(block.text) - 1))
    written = block.text[start : min(at, end)].rstrip()
    place = start + len(written)
    span = block.span(max(place - 1, 0), place)
    key = KEY.match(block.text, start + 2, place) if start else None
    form = block.form.field(" ".join(key.group(1).split())) if key else None
    if form and key and key.end() < place:
        value = block.text[key.end() : place].strip()
        at_value = block.span(place - len(value), place)
        return (
            text_beside_key(form, at_value, value)
            if form.kind is ValueKind.PROSE
            else wrong_value(form, at_value, value)
        )
    if form:
        return no_value(form, span)
    opens = key is not None and key.group(1) in {line.opening for line in block.form.lines}
    if key and not opens and not {"PREFER", "ABSTAIN"} & expected:
        return unknown_line(block.form, key.group(1), block.span(*key.span(1)), block.text[key.end(1) : place])
    message = f"expected {_in_words(expected)} at the end of this line"
    several = several_values(block.text, place, place)
    if several:
        return block.habitual(codes.E106, several)
    if written.endswith(","):
        fix = Fix(span, "", "leave it out")
        return codes.E106.at(span, "nothing follows this comma", help="leave it out, or go on behind it", fix=fix)
    if start == 0:
        return codes.E110.at(span, f"expected {_in_words(expected)} here", help=f"for instance `{block.form.header}`")
    return codes.E106.at(span, message, help=_line_example(block.form, written))


def _within_line(  # noqa: PLR0911 - what is wrong with a line, most telling first
    block: BlockText, at: int, expected: frozenset[str]
) -> Diagnostic:
    """Something in a line that can't stand there."""
    text = block.text
    start, end = block.line_at(at)
    char = text[at]
    one = block.span(at, at + 1)
    if char == "\t":
        fix = Fix(one, " ", "write a space")
        return codes.E103.at(one, "there is a tab between the words", help="use a space", fix=fix)
    key = KEY.match(text, start + 2, end) if start else None
    form = block.form.field(" ".join(key.group(1).split())) if key else None
    if key and at < key.end() and at != start + 2:
        key = form = None
    if form and key and form.kind is ValueKind.TEXT and text[key.end() : end].count('"') > 2:
        first = text.index('"', key.end())
        return codes.E113.at(block.span(first, end), "a text in quotes can't hold quotes", help="leave them out")
    if form and key and at >= key.end() and form.kind is ValueKind.PROSE:
        first = key.end() + len(text[key.end() : end]) - len(text[key.end() : end].lstrip())
        return text_beside_key(form, block.span(first, end), text[first:end].rstrip())
    quoted = in_other_quotes(text, at, end) if "TEXT" in expected else None
    if quoted:
        code = codes.E115 if quoted.message else codes.E106
        return block.habitual(code, quoted, f"expected {_in_words(expected)}, found `{char}`")
    if char in PLAIN:
        return typographic(one, char, PLAIN[char])
    habit = within_line(text, at, end)
    if habit:
        return block.habitual(codes.E106, habit, f"expected {_in_words(expected)}, found `{char}`")
    if char == '"' and "TEXT" in expected:
        fix = Fix(block.span(end, end), '"', "close it")
        help = 'write the second `"` on the same line'
        return codes.E113.at(block.span(at, end), "this text in quotes does not end", help=help, fix=fix)
    if start and not form and key and key.group(1) not in {line.opening for line in block.form.lines}:
        return unknown_line(block.form, key.group(1), block.span(*key.span(1)), text[key.end(1) : end])
    return _wrong_word(block, at, (start, end), expected)


def _wrong_word(block: BlockText, at: int, line: tuple[int, int], expected: frozenset[str]) -> Diagnostic:
    """A word that is none of those that can stand there."""
    text = block.text
    start, end = line
    while at > start and re.match(r"[\w-]", text[at - 1]) and re.match(r"[\w-]", text[at]):
        at -= 1
    found = _WORD.match(text, at, end)
    word = found.group() if found else text[at]
    span = block.span(at, at + len(word))
    if "KEY" in expected and is_row(block.form, text[start:end]):
        return wrong_indentation_of_row(block.span(start, start + 2), "  ")
    bullet = _BULLET.match(text, start, end)
    if "KEY" in expected and bullet and begins_with(block.form, text[bullet.end() : end]):
        gone = Fix(block.span(start + 2, bullet.end()), "", "leave it out")
        help = f"leave it out: write `{text[bullet.end() : end].rstrip()}`"
        return codes.E106.at(span, f"a line of a block does not begin with `{word}`", help=help, fix=gone)
    if "KEY" in expected:
        return no_colon(block, span, word, text[at + len(word) : end].split("#", 1)[0].strip())
    known = literals()
    meant = FOREIGN.get(word) if not (word == ">" and text[at + 1 : end].lstrip()[:1].isdigit()) else None
    allowed = {known.get(name) or IN_WORDS.get(name, "") for name in expected}
    best = meant if meant in allowed else _misspelt(word, {known[name] for name in expected if name in known})
    key = KEY.match(text, start + 2, end) if start else None
    form = block.form.field(" ".join(key.group(1).split())) if key else None
    if form and key and at >= key.end() and not best:
        value = text[key.end() : end].split("#")[0].strip()
        first = text.index(value, key.end()) if value else at
        return wrong_value(form, block.span(first, first + len(value)), value)
    return _unexpected(block, (at, word), (start, end), expected, best)


def _misspelt(word: str, candidates: set[str]) -> str | None:
    """The word of the language that is misspelt: nearer than a name has to be, as most words mean something else."""
    best = closest(word, candidates)
    if word.lower().startswith(("don", "doesn")):
        return None  # it says the opposite
    return best if best and (alike(word, best) or len(word) <= len("and")) else None


def _unexpected(
    block: BlockText, found: tuple[int, str], line: tuple[int, int], expected: frozenset[str], best: str | None
) -> Diagnostic:
    """A word, and where it is found, in the place of others; `best` is the nearest of them."""
    text = block.text
    at, word = found
    start, end = line
    span = block.span(at, at + len(word))
    if "$END" in expected and text[start:at].rstrip().endswith('"'):
        help = f"leave out what follows it: `{text[at:end].split('#', 1)[0].rstrip()}`"
        if '"' in text[at:end]:
            help = 'leave the inner quotes out, or write curly ones: a text in quotes ends at the next `"`'
        return codes.E113.at(span, "nothing can follow a text in quotes", help=help)
    if expected == {"PERCENT"} and word.replace(".", "", 1).isdecimal():
        return codes.E108.at(
            span,
            f"expected a percentage, found `{word}`",
            help=f"write `{word}%`",
            fix=Fix(span, f"{word}%", "make it a percentage"),
        )
    ends = (text[start : at + len(word)], text[start:at].rstrip())
    twice = _TWICE_FIRST.match(text[start:end]) or next(filter(None, (_TWICE.search(f"{one}\n") for one in ends)), None)
    if twice:
        place = block.span(start + twice.start(2), start + twice.end(2))
        again = Fix(block.span(start + twice.start(1), start + twice.start(2)), "", "leave one out")
        return codes.E106.at(place, f"`{twice[2]}` is written twice", help="leave one of them out", fix=again)
    message = f"expected {_in_words(expected)}, found `{word}`"
    in_first_line = explain_first_line(block, at, end, message) if start == 0 else None
    if in_first_line:
        return in_first_line
    fix = Fix(span, _apart(text, at, at + len(word), best), f"write `{best}`") if best else None
    help = did_you_mean(best) or ""
    if not help and "NAME" in expected and word[0].isdigit():
        help = "a name begins with a letter"
    if not help and "NAME" in expected and any(not c.isascii() or c in "/'*+@$" for c in word):
        help = "a name is made of the letters a to z, digits, `-` and `_`, with dots between its parts"
    outcome = _OUTCOME.search(text[start:at].rstrip() + "\n") if text.startswith("tension") else None
    if not help and outcome:
        help = f"nothing follows `{outcome[1]}`: conditions stand before the colon, reasons under `because:`"
    if not help:
        help = f"for instance `{block.form.header}`" if start == 0 else _line_example(block.form, text[start:end])
    return codes.E106.at(span, message, help=help, fix=fix)


def _apart(text: str, start: int, end: int, word: str) -> str:
    """A word that takes the place of what stands from `start` to `end`, with a space to the words beside it."""
    if not word[0].isalnum():
        return word
    before = " " if re.match(r"[\w.)-]", text[start - 1 : start]) else ""
    return before + word + (" " if re.match(r"[\w(]", text[end : end + 1]) else "")


def _line_example(form: BlockForm, line: str) -> str:
    if form.keyword == "test" and line.startswith("    "):
        return f"for instance `{_ROW_EXAMPLE}`"
    found = next((known for known in form.lines if line.strip().startswith(known.opening.split()[0])), None)
    return f"for instance `{found.example if found else form.header}`"


def _in_words(expected: frozenset[str]) -> str:
    """The terminals as people would call them, what is special first."""
    known = literals()
    names = expected - {"_ENTRY"} if "$END" in expected else expected
    words = sorted({IN_WORDS.get(name) or known[name] for name in names}, key=lambda word: (" " in word, word))
    if {"is", "<"} <= set(words):
        words = ["is", "is not", "is one of", "<", "<=", ">", ">="]
    return listed(words)
