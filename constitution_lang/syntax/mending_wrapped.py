"""Lines that go on in the next one: a long condition or list, as in other languages, or a title below its name."""

from __future__ import annotations

import re

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix
from constitution_lang.source import Span
from constitution_lang.syntax.forms import BLOCKS, BlockForm, ValueKind
from constitution_lang.syntax.grammar import block_tree
from constitution_lang.syntax.indentation import KEY, begins_with
from constitution_lang.syntax.lalr import Tree
from constitution_lang.syntax.line_faults import meant_opening
from constitution_lang.syntax.mending_lines import Reading

__all__ = [
    "completes", "glued", "goes_on", "header_goes_on", "tell_glued", "title_moved_up", "unwrapped", "version_moved_up",
]  # fmt: skip

_ENDS_OPEN = re.compile(r"(?:(?<![\w-])(?:and|or|not|is|of|over|between|least|most|to)|[,<>(])[ ]*\Z")
_GOES_ON = re.compile(r"(?:or|and|not|over|is)(?![\w-])|[<>,()]")
_BREAK = re.compile(r"\n[ \t]*(?=[^ \t\n])")
_TITLE_BELOW = re.compile(
    r"(?P<head>[\w-]+[^\n\"#]*)(?P<gap>(?:\n[ \t]*)*\n[ \t]+)(?P<title>\"[^\n\"]+\")(?=[ ]*(?:#|\n|\Z))"
)
_VERSION_BELOW = re.compile(
    r"(?P<head>constitution[ ]+[\w-]+)(?P<title>[ ]*(?:\"[^\n\"]*\")?)[ ]*(?:\n[ \t]*)*\n[ \t]+"
    r"(?P<line>version[ ]*[:=]?[ ]*[\"']?[vV]?(?P<version>\d+(?:\.\d+){0,2})[\"']?)(?=[ ]*(?:#|\n|\Z))"
)
_TWO_LINES = re.compile(r"(?P<first>[\w-]+[^\n#]*)(?P<gap>(?:\n[ \t]*)*\n[ \t]*)(?P<rest>[^\n#]+)")
_LINES_MAX = 4
"""Of so many at most one line is thought to have been made."""
_WORD_AFTER = re.compile(r"(?<=[^ ])[ ]+(?=[a-z])")
_TITLE_WRAPPED = re.compile(
    r"(?P<head>[\w-]+[^\n\"#]*\"[^\n\"]*)(?P<gap>\n[ \t]*)(?P<title>[^\n\"]+\")(?=[ ]*(?:#|\n|\Z))"
)


def title_moved_up(file: str, base: int, text: str) -> tuple[str, Diagnostic] | None:
    """The text of a block whose title stands below its name as if it stood beside it, and what is said of that."""
    found = _TITLE_BELOW.match(text) or _TITLE_WRAPPED.match(text)
    form = BLOCKS.get(text.split(None, 1)[0]) if found else None
    if not (found and form and '"' in form.header):
        return None
    head, title = found["head"].rstrip(), found["title"]
    low, high = found.span("title")
    told = codes.E104.at(
        Span(file, base + low, base + high),
        "a title stands on the line of its name" if '"' not in head else "a title ends on the line of its name",
        help=f"write `{head} {title}`",
        fix=Fix(Span(file, base + len(head), base + high), f" {title}", "move it up"),
    )
    low, high = found.span("gap")
    return text[:low] + " " * (high - low) + text[high:], told  # every place stays where it is


def version_moved_up(file: str, base: int, text: str) -> tuple[str, Diagnostic] | None:
    """The text of a `constitution` block whose version stands below its name as if it stood beside it; what is said."""
    found = _VERSION_BELOW.match(text)
    if not found:
        return None
    version = ".".join([*found["version"].split("."), "0", "0"][:3])
    moved = f" {version}{found['title']}"
    low, high = found.span("line")
    told = codes.E104.at(
        Span(file, base + low, base + high),
        "the version stands behind the name",
        help=f"write `{found['head']}{moved.rstrip()}`",
        fix=Fix(Span(file, base + found.end("head"), base + high), moved.rstrip(), "move it up"),
    )
    return found["head"] + moved.ljust(high - found.end("head")) + text[high:], told


def goes_on(form: BlockForm, above: str, line: str) -> bool:
    """Whether a line that is indented by two belongs to the one above, which is no text."""
    first = above.strip().split("\n", 1)[0]
    key = KEY.match(line)
    if begins_with(form, line) is not None or not _takes_more(form, first) or (key and meant_opening(form, key[1])):
        return False
    return bool(_GOES_ON.match(line) or _ENDS_OPEN.search(above.rstrip())) or above.count('"') % 2 == 1


def completes(reading: Reading, above: str, start: int) -> bool:
    """Whether the line that begins at `start` is the rest of the one above, or with some more the rest of it.

    The one above is no line of its block, and all together are.
    """
    first = above.strip()
    line, *more = [part.strip() for part in reading.text[start:].split("\n", _LINES_MAX)[:_LINES_MAX]]
    if begins_with(reading.form, line) is not None or not _takes_more(reading.form, first.split("\n", 1)[0]):
        return False
    alone, _ = reading.below(f"  {first}", 0)
    if isinstance(block_tree(alone), Tree):
        return False
    parts = [*(part.strip() for part in first.split("\n")), line]
    while True:
        ways = (" ".join(parts), f"{' '.join(parts[:-1])}: {parts[-1]}")
        if any(isinstance(block_tree(reading.below(f"  {way}", 0)[0]), Tree) for way in ways):
            return True
        if not more or not more[0] or more[0].startswith("#") or begins_with(reading.form, more[0]):
            return False
        parts.append(more.pop(0))


def header_goes_on(file: str, base: int, text: str) -> tuple[str, Diagnostic] | None:
    """The text of a block whose first line goes on in the next one as if it did not, and what is said of that."""
    found = _TWO_LINES.match(text)
    if not found or isinstance(block_tree(found["first"]), Tree):
        return None
    line = f"{found['first'].rstrip()} {found['rest'].strip()}"
    if not isinstance(block_tree(line), Tree):
        return None
    low, high = found.span("gap")
    end = low + len(found["gap"]) + len(found["rest"].rstrip())
    told = codes.E106.at(
        Span(file, base + high, base + end),
        "a line can't go on in the next one",
        help=f"write it on one line: `{line}`",
        fix=Fix(Span(file, base + len(found["first"].rstrip()), base + high), " ", "write it on one line"),
    )
    return text[:low] + " " * (high - low) + text[high:], told


def glued(form: BlockForm, line: str) -> int | None:
    """Where in a line another one of the block begins, which ought to stand on its own; None where none does."""
    for found in _WORD_AFTER.finditer(line):
        at = found.end()
        first, rest = line[: found.start()], line[at:].split("#", 1)[0].rstrip()
        opening = begins_with(form, rest)
        if first.count('"') % 2 or opening is None or first.strip() == opening.split()[0]:
            continue
        header = first if not line.startswith(" ") else f"{form.header}\n{first}"
        own = f"{form.header}\n  {rest}" + ("\n    x" if rest.endswith(":") else "")
        if isinstance(block_tree(header), Tree) and isinstance(block_tree(own), Tree):
            return at
    return None


def tell_glued(reading: Reading, line: str, start: int, at: int) -> Diagnostic:
    """A finding about the line that begins at `at` in another, which was written at `start`."""
    opening = begins_with(reading.form, line[at:]) or ""
    word = opening.split()[0]
    above = line.strip().split()[0].rstrip(":")
    own = f"{opening}:" if reading.form.field(opening) else line[at:].split("#", 1)[0].rstrip()
    low = reading.base + start
    spaces = Span(reading.file, low + len(line[:at].rstrip()), low + at)
    return codes.E106.at(
        Span(reading.file, low + at, low + at + len(word)),
        f"`{opening}` stands on the line of `{above}`",
        help=f"write `{own}` on a line of its own",
        fix=Fix(spaces, "\n  ", "write it on a line of its own"),
    )


def unwrapped(reading: Reading, chunk: str, start: int) -> tuple[Tree, int, Diagnostic] | None:
    """The tree of a line and those that it goes on in, by how much its places are off, and what is said of that.

    None where the lines make no sense together either.
    """
    body = chunk.rstrip()
    breaks = [*_BREAK.finditer(body)]
    if not breaks or "#" in body or not _takes_more(reading.form, body.split("\n", 1)[0].strip()):
        return None
    if any(begins_with(reading.form, body[found.end() :]) for found in breaks):
        return None
    # Every place stays where it is: what stood for a new line is spaces now.
    text, shift = reading.below(re.sub(r"[\n\t]", " ", body), start)
    tree = block_tree(text)
    colon = "" if isinstance(tree, Tree) else ":"
    last = breaks[-1].start()
    if colon:  # it may have been lost with the rest of the line
        text, shift = reading.below(re.sub(r"[\n\t]", " ", f"{body[:last]}:{body[last + 1 :]}"), start)
        tree = block_tree(text)
    if not isinstance(tree, Tree):
        return None
    low = reading.base + start
    first = breaks[0].end()
    end = body.find("\n", first)
    whole = Span(reading.file, low + len(body) - len(body.lstrip()), low + len(body))
    at = Span(reading.file, low + first, low + (len(body) if end < 0 else len(body[:end].rstrip())))
    line = re.sub(r"[ \t]*\n[ \t\n]*", " ", f"{body[:last]}{colon}{body[last:]}".strip())
    told = codes.E106.at(
        at,
        "a line can't go on in the next one",
        help=f"write it on one line: `{line}`",
        fix=Fix(whole, line, "write it on one line"),
    )
    return tree, shift, told


def _takes_more(form: BlockForm, line: str) -> bool:
    """Whether a line begins like one of the block, and has no text below it."""
    opening = begins_with(form, line)
    field = form.field(opening) if opening else None
    return opening not in {None, "table"} and (field is None or field.kind is not ValueKind.PROSE)
