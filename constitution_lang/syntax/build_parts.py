"""The small nodes: names, numbers, texts, conditions, outcomes and expectations, from the parser's trees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic
from constitution_lang.source import Span
from constitution_lang.syntax import nodes as n
from constitution_lang.syntax.forms import ValueKind
from constitution_lang.syntax.lalr import Part, Token, Tree
from constitution_lang.syntax.line_faults import Written

__all__ = ["PartBuilder", "first_token", "last_token"]

_DEPTH_MAX = 50
_DIGITS_MAX = 15
_LEAD = re.compile(r"(?:\n(?:[^\S\n]*+|(?![ ]{4})[^\n]*+)(?=\n))*")
"""The blank and comment lines above a text."""
_TRAILING = re.compile(r"[^\S\n]+\n")
_COMMENT = re.compile(r"#[^\n]*")


def first_token(part: Part) -> Token:
    """The leftmost token below a tree."""
    while not isinstance(part, Token):
        part = part.children[0]
    return part


def last_token(part: Part) -> Token:
    """The rightmost token below a tree."""
    while not isinstance(part, Token):
        part = part.children[-1]
    return part


class PartBuilder:
    """Builds the parts of one block that begins `base` characters into `file`."""

    def __init__(self, file: str, base: int) -> None:
        self._file = file
        self._base = base
        self._opaque: list[tuple[int, int]] = []
        self.diagnostics: list[Diagnostic] = []
        self.beyond: list[Span] = []
        """Where something stands that is more than anybody would write: what holds it is not used."""

    def comments(self, text: str) -> Iterator[n.Comment]:
        """The comments of the block just built, whose text is `text`: every `#` outside texts begins one."""
        texts = iter((*self._opaque, (len(text), len(text))))
        start, end = next(texts)
        found = _COMMENT.search(text)
        while found:
            at = found.start()
            while end <= at:
                start, end = next(texts)
            if start <= at:
                found = _COMMENT.search(text, end)
                continue
            yield n.Comment(found.group().rstrip(), Span(self._file, self._base + at, self._base + found.end()))
            found = _COMMENT.search(text, found.end())

    def _span(self, first: Token, last: Token | None = None) -> Span:
        return Span(self._file, self._base + first.start, self._base + (last or first).end)

    def _span_of(self, tree: Tree) -> Span:
        return self._span(first_token(tree), last_token(tree))

    # --- values ---

    def _name(self, token: Token) -> n.Name:
        return n.Name(token.text, Span(self._file, self._base + token.start, self._base + token.end))

    def _number(self, token: Token) -> n.Number:
        return n.Number(self._amount(token, token.text), self._span(token))

    def _percent(self, token: Token) -> n.Percent:
        digits = token.text[:-1].rstrip()
        whole, _, decimals = digits.partition(".")
        # Through text, so that 0.1% is the nearest double to 0.001 and not a hundredth of one to 0.1.
        return n.Percent(self._amount(token, f"{whole}.{decimals}e-2"), self._span(token))

    def _amount(self, token: Token, digits: str) -> float:
        exact = re.sub(r"\D", "", token.text).strip("0")
        if len(exact) > _DIGITS_MAX or len(token.text) > _DIGITS_MAX + 3:
            help = f"use at most {_DIGITS_MAX} digits"
            self.diagnostics.append(codes.E116.at(self._span(token), "this number has too many digits", help=help))
            self.beyond.append(self._span(token))
            return 1.0
        return float(digits)

    def _version(self, token: Token) -> n.Version:
        major, minor, patch = (int(number) for number in token.text.split("."))
        return n.Version(token.text, (major, minor, patch), self._span(token))

    def _text(self, token: Token) -> n.Text:
        self._opaque.append((token.start, token.end))
        return n.Text(token.text[1:-1], self._span(token))

    def _prose(self, token: Token) -> n.Prose:
        """The lines of a text, without trailing spaces, which nobody could see; none where all are blank."""
        text = token.text
        lead = 0
        if not text.startswith("\n    ") or text[5:6].isspace():
            found = _LEAD.match(text)
            lead = found.end() if found else 0
        body = text[lead:].rstrip()
        if not body:
            return n.Prose((), self._span(token))
        at = token.start + lead
        self._opaque.append((at + 1, token.end))
        place = Span(self._file, self._base + at + 5, self._base + at + len(body))
        if " \n" in body or "\t\n" in body or not body.isascii():
            body = _TRAILING.sub("\n", body)
        return n.Prose(tuple(body[5:].replace("\n    ", "\n").split("\n")), place)

    def _share(self, tree: Tree) -> n.ShareBound:
        opening: Token = tree.children[0]
        low: n.Percent | None = None
        high: n.Percent | None = None
        if opening.type == "AT_LEAST":
            low = self._percent(tree.children[1])
        elif opening.type == "AT_MOST":
            high = self._percent(tree.children[1])
        else:
            low, high = self._percent(opening), self._percent(tree.children[2])
        final: Token = tree.children[-1]
        stage = self._name(final) if final.type == "NAME" else None
        return n.ShareBound(low, high, stage, self._span_of(tree))

    def _written(self, part: Part) -> Written:
        """A field's value, and the kind that it is by its looks."""
        if isinstance(part, Token):
            match part.type:
                case "PROSE":
                    prose = self._prose(part)
                    return Written(ValueKind.PROSE, "", prose, prose.span)
                case "TEXT":
                    quoted = self._text(part)
                    return Written(ValueKind.TEXT, part.text, quoted, quoted.span)
                case "PERCENT":
                    percent = self._percent(part)
                    return Written(ValueKind.PERCENT, part.text, percent, percent.span)
                case _:
                    number = self._number(part)
                    return Written(ValueKind.NUMBER, part.text, number, number.span)
        tree = part
        span = self._span_of(tree)
        text = " ".join(token.text for token in tree.children).replace(" ,", ",")
        if tree.data == "share":
            return Written(ValueKind.SHARE, text, self._share(tree), span)
        names = tuple(self._name(word) for word in tree.children[::2])
        return Written(ValueKind.LEVELS if tree.data == "levels" else ValueKind.NAMES, text, names, span)

    # --- conditions ---

    def _condition(self, tree: Tree, depth: int = 0) -> n.Condition:  # noqa: PLR0911 - one for each form
        children = tree.children
        span = self._span_of(tree)
        match tree.data:
            case "compare":
                operator = " ".join(children[1].text.split())
                return n.BinaryTest(self._name(children[0]), operator, self._name(children[2]), span)
            case "member":
                test = n.MemberTest(self._name(children[0]), tuple(self._name(word) for word in children[2::2]), span)
                return n.Not(test, span) if children[1].type == "IS_NOT_ONE_OF" else test
        if depth == _DEPTH_MAX:
            help = "split it into several rules, or declare an attribute for what it means"
            self.diagnostics.append(codes.E116.at(span, f"conditions nest more than {_DEPTH_MAX} deep", help=help))
            self.beyond.append(span)
            token = first_token(tree)
            nothing = n.Name("", self._span(token))
            return n.BinaryTest(nothing, "is", nothing, span)
        match tree.data:
            case "group":
                return self._condition(children[1], depth + 1)
            case "negation":
                return n.Not(self._condition(children[1], depth + 1), span)
            case "all":
                return n.And(tuple(self._condition(child, depth + 1) for child in children[::2]), span)
            case _:
                return n.Or(tuple(self._condition(child, depth + 1) for child in children[::2]), span)

    # --- what follows from a condition ---

    def _sides(self, children: list[Any]) -> tuple[tuple[n.Name, n.Number], ...]:
        return tuple(
            (self._name(side), self._number(weight))
            for side, weight in zip(children[1::3], children[2::3], strict=True)
        )

    def _outcome(self, tree: Tree) -> n.Outcome:
        span = self._span_of(tree)
        match tree.data:
            case "prefer":
                return n.Prefer(self._name(tree.children[1]), span)
            case "weigh":
                return n.Weigh(self._sides(tree.children), span)
            case _:
                return n.Abstain(span)

    def _expectation(self, tree: Tree, span: Span) -> n.Expect:
        children = tree.children
        match tree.data:
            case "over":
                return n.ExpectOver(self._name(children[0]), self._name(children[2]), span)
            case "weigh":
                return n.ExpectWeigh(self._sides(children), span)
            case "expect_abstain":
                return n.ExpectAbstain((self._name(children[2]), self._name(children[4])), span)
            case "applying":
                return n.ExpectApplies(self._name(children[0]), children[1].type == "APPLIES", span)
            case "expect_share":
                return n.ExpectShare(self._name(children[0]), self._share(children[1]), span)
            case _:
                return n.ExpectDecides(self._number(children[1]), self._name(children[3]), span)
