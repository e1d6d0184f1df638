"""The tags of a template, each read by itself: every mistake of syntax is told at its own place, and then mended.

Jinja stops at the first mistake and knows its line only. Here a tag that it cannot read is put into a text of its own,
and blocks are matched with their ends. What comes out is a text with the same lines that Jinja can read, so that the
other checks run on it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from jinja2.exceptions import TemplateSyntaxError
from jinja2.parser import Parser

from constitution_lang.check.templating import TAGS, environment, line_span
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix
from constitution_lang.source import Source, Span
from constitution_lang.syntax.words import alike, closest, did_you_mean, listed

__all__ = ["NOTHING", "Places", "Tags", "printed_tags", "read_tags"]

NOTHING = '{{ "" }}'
"""What stands for a print that cannot be read, so that their number stays the same."""

_TAG = re.compile(
    r"\{\#.*?(?:\#\}|\Z)"
    r"|\{%[-+]?\s*raw\s*[-+]?%\}.*?(?:\{%[-+]?\s*endraw\s*[-+]?%\}|\Z)"
    r"""|\{\{(?P<print>(?:"[^"\n]*"|'[^'\n]*'|(?!\}\}|\{\{|\{%).)*)(?P<printed>\}\})?"""
    r"""|\{%(?P<block>(?:"[^"\n]*"|'[^'\n]*'|(?!%\}|\{\{|\{%).)*)(?P<blocked>%\})?""",
    re.DOTALL,
)
_COMMENT = re.compile(r"\{%[-+]?\s*raw\b.*?(?:endraw\s*[-+]?%\}|\Z)|\{\#.*?(?:(?P<end>\#\})|\Z)", re.DOTALL)
_MEANT = {
    **dict.fromkeys(("elseif", "elsif"), "elif"),
    **dict.fromkeys(("ai", "bot", "model"), "assistant"),
    "human": "user",
    "instructions": "system",
}
"""Who speaks, in the words of others."""
_WORD = re.compile(r"[-+\s]*([A-Za-z_]\w*)")
_WITH_END = ("if", "for", "macro", "call", "filter", "with", "block", "autoescape", *TAGS)
_BRANCHES = {"else": ("if", "for"), "elif": ("if",)}
_ALONE = ("include", "import", "from", "extends", "print")
_KNOWN = (*_WITH_END, "set", *_ALONE, *_BRANCHES, *(f"end{tag}" for tag in (*_WITH_END, "set")))
_STANDS_FOR = {"for": "{% for item in [] %}", "macro": "{% macro nothing() %}", "call": "{% if true %}"}
_FOUND = re.compile(r"^(?:expected token '(?P<wanted>.*)', got|unexpected|Expected an expression, got) '(?P<got>.*)'$")
_BRACKET = re.compile(r"^unexpected '(.)', expected '(.)'$")
_NO_SUCH = re.compile(r"^No (filter|test) named '(.*)'\.?$")
_WORDS = {
    "end of print statement": "`}}`",
    "end of statement block": "`%}`",
    "integer": "a number",
    "float": "a number",
    "string": "a text in quotes",
    "name": "a name",
    "end of template": "the end of the template",
}


@dataclass(frozen=True, slots=True)
class Tag:
    """`{{ … }}` or `{% … %}` in a template; `word` is the first of a block's. `closed` where its end is there."""

    start: int
    end: int
    closed: bool
    block: bool = False
    word: str = ""
    word_start: int = 0


@dataclass(slots=True)
class Tags:
    """All tags of a template, what is wrong with them, and the text with the same lines that can be read.

    `unread` are the words of tags that could not be read: nothing is said that depends on them. `unknown` says that
    there is a tag of which nothing is known, which may have been meant as a message.
    """

    source: Source
    all: tuple[Tag, ...]
    found: list[Diagnostic] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    mended: str = ""
    unknown: bool = False


class Places:
    """Where in the text stands what Jinja knows the line of. What is asked for twice is the next one of the line."""

    def __init__(self, source: Source, tags: Tags | None) -> None:
        self.unread = frozenset(tags.unread) if tags else frozenset[str]()
        self._source = source
        self._all = tags.all if tags else None
        self._asked: Counter[tuple[str, int]] = Counter()

    def name(self, name: str, line: int) -> Span:
        """A name inside a tag."""
        text = self._source.text
        places = [
            found.span()
            for tag in self._on(line)
            for found in re.compile(rf"\b{re.escape(name)}\b").finditer(text, tag.start, tag.end)
            if self._line(found.start()) == line
        ]
        return self._next(name, line, places)

    def printed(self, line: int) -> Span:
        """`{{ … }}`."""
        return self._next("{{", line, [(tag.start, tag.end) for tag in self._on(line) if not tag.block])

    def block(self, line: int) -> Span:
        """`{% … %}` that is no end of one."""
        blocks = [tag for tag in self._on(line) if tag.block and not tag.word.startswith("end")]
        return self._next("{%", line, [(tag.start, tag.end) for tag in blocks])

    def text(self, text: str, line: int) -> Span:
        """A text outside tags."""
        start = self._source.text.find(text, line_span(self._source, line).start)
        return self._next(text, line, [(start, start + len(text))] if start >= 0 else [])

    def _on(self, line: int) -> list[Tag]:
        if self._all is None:
            self._all = tuple(_scan(self._source.text))
        return [tag for tag in self._all if self._line(tag.start) <= line <= self._line(tag.end - 1)]

    def _line(self, offset: int) -> int:
        return self._source.position(offset).line

    def _next(self, what: str, line: int, places: list[tuple[int, int]]) -> Span:
        number = self._asked[what, line]
        self._asked[what, line] += 1
        return self._source.span(*places[min(number, len(places) - 1)]) if places else line_span(self._source, line)


def printed_tags(text: str) -> list[tuple[int, int]]:
    """Where each `{{ … }}` of a text begins and ends."""
    return [(tag.start, tag.end) for tag in _scan(text) if not tag.block]


def read_tags(source: Source) -> Tags:
    """Look at every tag of a template that Jinja cannot read as a whole, or of any other."""
    tags = Tags(source, tuple(_scan(source.text)))
    _Reader(tags).read()
    return tags


def _scan(text: str) -> Iterator[Tag]:
    for found in _TAG.finditer(text):
        if found["print"] is not None:
            yield Tag(found.start(), found.end(), found["printed"] is not None)
        elif found["block"] is not None:
            word = _WORD.match(found["block"])
            at = found.start("block") + (word.start(1) if word else 0)
            closed = found["blocked"] is not None
            yield Tag(found.start(), found.end(), closed, block=True, word=word[1] if word else "", word_start=at)


class _Reader:
    def __init__(self, tags: Tags) -> None:
        self.tags = tags
        self.text = tags.source.text
        self.edits: list[tuple[int, int, str]] = []
        self.open: list[tuple[Tag, str, str]] = []
        """Each with the word that it has or was meant to have, and what closes it in the mended text."""

    def read(self) -> None:
        for comment in _COMMENT.finditer(self.text):
            if comment.group().startswith("{#") and not comment["end"]:
                self.say(comment.start(), comment.start() + 2, "this comment is never closed", "write `#}` at its end")
                self.edits.append((comment.start(), len(self.text), ""))
        for tag in self.tags.all:
            if tag.block:
                self.block(tag)
            else:
                self.printed(tag)
        while self.open:
            self.unclosed(len(self.text))
        at, pieces = 0, []
        for start, end, text in sorted(self.edits, key=lambda edit: edit[0]):
            pieces += [self.text[at:start], text, "\n" * self.text.count("\n", start, end)]
            at = end
        self.tags.mended = "".join([*pieces, self.text[at:]])

    def printed(self, tag: Tag) -> None:
        if not tag.closed:
            self.say(tag.start, tag.start + 2, "this is never closed", "write `}}` at its end")
        elif not self.readable(tag, self.text[tag.start : tag.end]):
            pass
        else:
            return
        self.replace(tag, NOTHING)

    def block(self, tag: Tag) -> None:
        text = self.text[tag.start : tag.end]
        if tag.word == "end" and self.open:
            closing = f"{{% end{self.open[-1][1]} %}}"
            span = self.tags.source.span(tag.start, tag.end)
            fix = Fix(span, closing, f"write `{closing}`")
            message = "this does not say in one word what it ends"
            self.tags.found.append(codes.E401.at(span, message, help=f"write `{closing}`", fix=fix))
            self.replace(tag, f"{{% end{self.open.pop()[2]} %}}")
            return
        if not tag.closed:
            self.say(tag.start, tag.start + 2, "this is never closed", "write `%}` at its end")
            text = f"{text.rstrip()} %}}"
        word = self.meant(tag)
        if word is None and self.closing(tag) and not tag.word.startswith("end"):
            # It may have been meant as a message.
            inside = any(opened in TAGS for _, opened, _ in self.open)
            self.replace(tag, "{% if true %}" if inside else "{% user %}")
            self.open.append((tag, tag.word, "if" if inside else "user"))
        elif word is None:
            self.replace(tag, "")
        elif word.startswith("end"):
            self.close(tag, word.removeprefix("end"))
        elif word in _BRANCHES:
            self.branch(tag, word, text)
        else:
            ended = word in _WITH_END or (word == "set" and "=" not in text)
            whole = text.replace(tag.word, word, 1) + (f"{{% end{word} %}}" if ended else "")
            right = tag.closed and self.readable(tag, whole)
            kept = right and word == tag.word
            stands_for = f"{{% {word} %}}" if word in TAGS else _STANDS_FOR.get(word, "{% if true %}")
            if not kept:
                self.replace(tag, stands_for if ended else "")
            if ended:
                end = word if kept else _WORD.match(stands_for[2:])[1]  # type: ignore[index]
                self.open.append((tag, word, end))

    def meant(self, tag: Tag) -> str | None:
        """The word of a block; that which is nearest, and a finding, where there is none like it."""
        if tag.word in _KNOWN:
            return tag.word
        end = tag.word_start + len(tag.word)
        if not tag.word:
            self.say(tag.start, tag.end, "this tag is empty", "write what it does, such as `{% user %}`, or delete it")
            return None
        opened = next((word for one, word, _ in self.open if f"end{one.word}" == tag.word), None)
        if opened:
            return f"end{opened}"  # told where it begins
        ends = tag.word.startswith("end")
        if ends and tag.word.removeprefix("end") in self.tags.unread:
            self.tags.unread.add(tag.word)
            return None
        known = [word for word in _KNOWN if word.startswith("end") or not ends]
        best = _MEANT.get(tag.word) or _nearest(tag.word, known)
        help = "messages are written `{% user %}…{% enduser %}`; there are system, user, assistant and opening"
        span = self.tags.source.span(tag.word_start, end)
        fix = Fix(span, best, f"write `{best}`") if best else None
        message = f"there is no tag `{tag.word}`"
        if best and (closing := self.closing(tag)):
            help = f"did you mean `{{% {best} %}}…{{% end{best} %}}`?"
            between = self.text[end : closing.word_start]
            whole = self.tags.source.span(tag.word_start, closing.word_start + len(closing.word))
            fix = Fix(whole, f"{best}{between}end{best}", f"write `{best}` and `end{best}`")
        else:
            help = did_you_mean(best) or help
        self.tags.found.append(codes.E401.at(span, message, help=help, fix=fix))
        self.tags.unread.add(tag.word)
        self.tags.unknown |= best is None
        return best

    def closing(self, tag: Tag) -> Tag | None:
        """The end of a block whose word is misspelt, where the end has that word too."""
        same = (one for one in self.tags.all if one.start > tag.start and one.word in (tag.word, f"end{tag.word}"))
        end = next(same, None)
        return end if end and end.word != tag.word else None

    def branch(self, tag: Tag, word: str, text: str) -> None:
        inside = self.open[-1][1] if self.open else None
        if inside not in _BRANCHES[word]:
            places = listed((f"`{block}`" for block in _BRANCHES[word]), "or")
            self.say(tag.start, tag.end, f"this `{word}` stands in no {places}", "delete it, or move it")
            self.replace(tag, "")
            return
        before = "{% if true %}"
        right = tag.closed and self.readable(tag, f"{before}{text}{{% endif %}}", len(before))
        if not right or self.open[-1][2] not in _BRANCHES[word] or word != tag.word:
            self.replace(tag, "")

    def close(self, tag: Tag, word: str) -> None:
        if word in TAGS and self.open and self.open[-1][1] in TAGS and self.open[-1][1] != word:
            opened = self.open[-1][1]
            span = self.tags.source.span(tag.word_start, tag.word_start + len(tag.word))
            fix = Fix(span, f"end{opened}", f"write `end{opened}`")
            message = f"`end{word}` stands where `{opened}` is open"
            self.tags.found.append(codes.E401.at(span, message, help=f"write `{{% end{opened} %}}`", fix=fix))
            self.replace(tag, f"{{% end{self.open.pop()[2]} %}}")
            return
        if not any(word == opened for _, opened, _ in self.open):
            self.say(
                tag.start, tag.end, f"`end{word}` closes nothing", f"write `{{% {word} %}}` before it, or delete it"
            )
            self.replace(tag, "")
            return
        while self.open[-1][1] != word:
            self.unclosed(tag.start)
        _, _, end = self.open.pop()
        if f"end{end}" != tag.word or not tag.closed:
            self.replace(tag, f"{{% end{end} %}}")
        elif self.text[tag.start : tag.end].strip("{}%+- \n\t") != tag.word:
            self.say(tag.start, tag.end, f"nothing can follow `{tag.word}`", f"write `{{% {tag.word} %}}`")
            self.replace(tag, f"{{% end{end} %}}")

    def unclosed(self, at: int) -> None:
        tag, word, end = self.open.pop()
        help = f"write `{{% end{word} %}}` where it ends"
        self.say(tag.start, tag.end, f"this `{word}` is never closed", help)
        if word in TAGS:
            others = (one.start for one in self.tags.all if one.start > tag.start and one.word in TAGS)
            at = min([at, *others])
        self.edits.append((at, at, f"{{% end{end} %}}"))

    def readable(self, tag: Tag, text: str, before: int = 0) -> bool:
        """Whether Jinja reads a tag that stands alone, `before` characters into `text`; says what is wrong if not."""
        parser = None
        try:
            parser = Parser(environment(), text)
            tree = parser.parse()
            environment().compile(tree)
        except TemplateSyntaxError as error:
            message, help, place = _in_words(error.message or "", text)
            start, end = place or _current(parser, text) or (before, before + tag.end - tag.start)
            start, end = (min(max(one - before + tag.start, tag.start), tag.end) for one in (start, end))
            if start == end:
                start, end = tag.start, tag.end
            self.say(start, end, message, help)
            return False
        except Exception:  # noqa: BLE001 - what fails later is told where the template is evaluated
            return True
        return True

    def say(self, start: int, end: int, message: str, help: str) -> None:
        span = self.tags.source.span(start, end)
        if all(found.primary.span != span for found in self.tags.found):
            self.tags.found.append(codes.E401.at(span, message, help=help))

    def replace(self, tag: Tag, text: str) -> None:
        self.edits.append((tag.start, tag.end, text))
        self.tags.unread.update(re.findall(r"\w+", self.text[tag.start : tag.end]))


def _nearest(word: str, known: Iterable[str]) -> str | None:
    best = closest(word, known)
    return best if best and alike(word, best) else None


def _in_words(message: str, text: str) -> tuple[str, str, tuple[int, int] | None]:
    """What Jinja says as this language says it, what to do, and the place where it names one."""
    help = "see docs/templates.md for what can stand in a tag"
    if found := re.match(r"unexpected char '(.)' at (\d+)", message):
        at = int(found[2])
        return f"`{found[1]}` cannot stand here", "leave it out, or put it in quotes", (at, at + 1)
    if found := _NO_SUCH.match(message):
        kind, name = found[1], found[2]
        known = environment().filters if kind == "filter" else environment().tests
        at = text.find(name)
        return f"there is no {kind} `{name}`", did_you_mean(closest(name, known)) or help, (at, at + len(name))
    if found := _BRACKET.match(message):
        return f"a `{found[2]}` is missing before `{found[1]}`", f"write `{found[2]}` where it belongs", None
    if found := _FOUND.match(message):
        got = _WORDS.get(found["got"], f"`{found['got']}`")
        if found["wanted"]:
            return f"expected {_WORDS.get(found['wanted'], '`' + found['wanted'] + '`')}, found {got}", help, None
        return f"a value is missing before {got}", help, None
    return "this tag cannot be read", help, None


def _current(parser: Parser | None, text: str) -> tuple[int, int] | None:
    """Where the token stands that Jinja had come to."""
    if parser is None:
        return None
    try:
        left = sum(1 for _ in parser.stream)
        written = list(_significant(text))
    except TemplateSyntaxError:
        return None
    at = len(written) - left
    return written[at] if 0 <= at < len(written) else None


def _significant(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for _, kind, value in environment().lexer.tokeniter(text, None):
        if kind not in {"whitespace", "comment", "comment_begin", "comment_end"}:
            yield at, at + len(value)
        at += len(value)
