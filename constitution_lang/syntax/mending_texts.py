"""Lines of a block, and of its texts, that are indented too little."""

from __future__ import annotations

import re

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix
from constitution_lang.source import Span
from constitution_lang.syntax.forms import BlockForm, ValueKind
from constitution_lang.syntax.grammar import Failure, block_tree
from constitution_lang.syntax.hints import explain_failure
from constitution_lang.syntax.mending_lines import Reading
from constitution_lang.syntax.strays import bare_text_key, is_prose

__all__ = ["not_indented", "takes_text", "text_without_indent", "text_without_key"]

_SENTENCE = re.compile(r"[A-Z\"\u201c][^:]*[^:\s][ ]+[^:]+[ ]+[^:]*[^\s:]$|[a-z][^:=<>]*(?:[ ]+[^:=<>\s]+){2,}[.!?]$")
"""Three words, of which the first begins with a capital or the last ends with a full stop."""


def not_indented(reading: Reading, entries: list[tuple[int, int]]) -> Diagnostic:
    """A finding about lines at column one that follow each other and belong to a block."""
    low, high = entries[0][0], entries[-1][1]
    line = reading.text[low:].split("\n", 1)[0].split("#", 1)[0].rstrip()
    several = len(entries) - 1
    which = (
        f"this line and the {several} below it that are like it" if several > 1 else "this line and the one below it"
    )
    help = f"indent {which if several else 'it'} by two spaces, as what belongs to the `{reading.form.keyword}` block"
    lines: list[str] = []
    for start, end in entries:
        first, *more = reading.text[start:end].split("\n")
        in_text = bool(bare_text_key(reading.form, first))
        lines += [f"  {first}", *(_deeper(one) if in_text else one for one in more)]
        lines.pop()  # what is behind the last line break
    span = Span(reading.file, reading.base + low, reading.base + low + len(line))
    written = reading.text[low:high].rstrip()
    fix = Fix(Span(span.file, span.start, span.start + len(written)), "\n".join(lines).rstrip(), "indent by two")
    return codes.E104.at(span, "this line is not indented", help=help, fix=fix)


def _how_many(lines: int) -> str:
    return "" if lines == 1 else ", both lines" if lines == 2 else f", all {lines} lines"


def _deeper(line: str) -> str:
    """A line of a text, indented by four at least."""
    width = len(line) - len(line.lstrip(" "))
    as_it_is = width >= 4 or not line.strip() or line.lstrip().startswith("#")  # a comment is no part of the text
    return line if as_it_is else f"    {line.lstrip(' ')}"


def text_without_indent(reading: Reading, chunk: str, start: int, *, told: bool) -> tuple[str | None, str]:
    """The key whose text is indented by less than a line of a block is, and an entry without these lines of it.

    No key where something else stands below it. What is wrong is said, unless it is `told` already.
    """
    first, *lines = chunk.split("\n")
    key = bare_text_key(reading.form, first)
    short = [number for number, line in enumerate(lines) if re.match(r"(?:  )?[^ \t#]", line)] if key else []
    if not short:
        return None, chunk
    at = start + len(first) + 1 + sum(len(line) + 1 for line in lines[: short[0]])
    low = reading.base + at
    if not told:
        width = len(lines[short[0]]) - len(lines[short[0]].lstrip())
        end = at + sum(len(line) + 1 for line in lines[short[0] : short[-1] + 1]) - 1
        fixed = "\n".join(_deeper(line) for line in lines[short[0] : short[-1] + 1])
        fix = Fix(Span(reading.file, low, reading.base + end), fixed, "indent by four")
        message = f"this line is indented by {width} spaces" if width else "this line is not indented"
        help = f"indent the text of `{key}` by four spaces" + _how_many(len(short))
        span = Span(reading.file, low, low + (width or len(lines[short[0]].rstrip())))
        reading.found.append(codes.E104.at(span, message, help=help, fix=fix))
    rest = [" " * len(line) if number in short else line for number, line in enumerate(lines)]
    if not any(line.strip() and not line.lstrip().startswith("#") for line in rest):
        text, shift = reading.below(first, start)
        if ":" not in first and isinstance(failure := block_tree(text), Failure):
            reading.found.append(explain_failure(reading.file, reading.base + shift, text, failure))
        return key, chunk
    return None, "\n".join([first, *rest])


def takes_text(form: BlockForm, above: str, line: str) -> bool:
    """Whether a line that is indented by two is more likely a part of the text above it than a line of its block."""
    first = above.strip().split("\n", 1)[0]
    if above.strip() and bare_text_key(form, first):
        return above.strip() == first or _is_wordy(line)
    return _is_wordy(first) and is_prose(form, first)


def text_without_key(reading: Reading, chunk: str, start: int) -> Diagnostic | None:
    """A finding about a text that is indented by two and stands below no key, where the block lacks just one."""
    lines = chunk.rstrip().split("\n")
    if not (_is_wordy(lines[0]) and is_prose(reading.form, lines[0].strip())):
        return None
    keys = (form.key for form in reading.form.fields if form.required and form.kind is ValueKind.PROSE)
    missing = next((key for key in keys if not re.search(rf"^[ \t]*{key}\b", reading.text, re.MULTILINE)), None)
    if missing is None:
        return None
    reading.lost.add(missing)
    low = reading.base + start
    text = "\n".join(f"    {line.strip()}" if line.strip() else "" for line in lines)
    return codes.E104.at(
        Span(reading.file, low + 2, low + len(lines[0])),
        "this text stands below no key",
        help=f"write `{missing}:` above it, and indent it by four spaces",
        fix=Fix(
            Span(reading.file, low, low + len(chunk.rstrip())), f"  {missing}:\n{text}", f"write `{missing}:` above"
        ),
    )


def _is_wordy(line: str) -> bool:
    """Whether it looks like a sentence."""
    return bool(_SENTENCE.match(line.strip()))
