"""Who declares what: every id once, and everything that a reference could mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeVar

from constitution_lang.check.modules import LIBRARY
from constitution_lang.check.program import Declarations, Named
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Label
from constitution_lang.source import Span
from constitution_lang.syntax import nodes
from constitution_lang.syntax.characters import undecodable
from constitution_lang.syntax.forms import KEYWORDS
from constitution_lang.syntax.keywords import ELSEWHERE
from constitution_lang.syntax.words import closest

__all__ = ["EDITIONS", "collect"]

EDITIONS = (2026,)
"""The editions that this compiler knows."""

_Named = TypeVar("_Named", nodes.AttributeBlock, nodes.CategoryBlock, nodes.PrincipleBlock, nodes.TensionBlock)
_NAMED = ("attribute", "category", "principle", "tension")
_DELETE = "delete one of the two"
_ANOTHER_NAME = "give one of the two another name, or delete it"
_FIRST = re.compile(r"\w+")
_HEADER = re.compile(r"^(\w+)[ \t]+\"?([A-Za-z0-9._-]+)", re.MULTILINE)
_INDENTED = re.compile(rf"^[ \t]{{1,8}}(?:{'|'.join(_NAMED)})[ \t]+([A-Za-z][\w.-]*)", re.MULTILINE)
_TITLED = re.compile(r"^([A-Za-z]\w*)[ \t]+([A-Za-z][\w.-]*)[ \t]*[\"\u201c]", re.MULTILINE)
"""A word that is no keyword, a name and a title: a block of which nobody knows the kind."""
_NO_KEYWORD = re.compile(r"^([A-Za-z][\w.-]*)[ \t]*[\"\u201c]", re.MULTILINE)
_USE = re.compile(r"use[ ]+[./]*[A-Za-z0-9][\w./-]*[ ]*(?:#.*)?")


def collect(files: tuple[nodes.FileTree, ...], *, incomplete: bool) -> tuple[Declarations, list[Diagnostic]]:
    """Gather the declarations of all files; the first of two that clash is kept.

    `incomplete` says that some file could not be read.
    """
    gather = _Gather(files, incomplete=incomplete)
    for tree in files:
        gather.lost.update(tree.lost)
        blocks: tuple[nodes.Block, ...] = tree.blocks
        if tree.mended:
            blocks = tuple(sorted((*blocks, *tree.mended), key=lambda block: block.span.start))
        for block in blocks:
            if tree.lost and nodes.HEADER in gather.lost.get(block.span, ()):
                gather.nameless(block)
            else:
                gather.add(block)
    gather.root_lines()
    return gather.declared, gather.found


def _meant(word: str) -> str | None:
    """The keyword that a line at column one begins with, also where it is misspelled."""
    return word if word in KEYWORDS else ELSEWHERE.get(word) or closest(word, KEYWORDS)


def _written_ids(text: str) -> Iterator[str]:
    """The ids that blocks seem to declare in a file in which something can't be read."""
    for word, id in _HEADER.findall(text):
        if _meant(word) in _NAMED:
            yield id
            yield id.lstrip("0123456789._-")
    yield from _INDENTED.findall(text)
    for word, id in _TITLED.findall(text):
        if _meant(word) is None:
            yield id
    for word in _NO_KEYWORD.findall(text):
        if _meant(word) is None:
            yield word


def _lacks_a_use(tree: nodes.FileTree) -> bool:
    """Whether a line that can't be read would bring in another file."""
    if any(isinstance(block, nodes.UseLine) for block in tree.mended):
        return False
    lines = tree.source.text.splitlines()
    return any(map(_may_be_a_use, lines))


def _may_be_a_use(line: str) -> bool:
    """Whether a line at column one that is no `use` was meant to be one: with a path, if another word begins it."""
    word = _FIRST.match(line)
    if not word or _USE.fullmatch(line):
        return False
    return word.group() == "use" or ("/" in line and _meant(word.group()) == "use")


class _Gather:
    def __init__(self, files: tuple[nodes.FileTree, ...], *, incomplete: bool) -> None:
        self.incomplete = incomplete
        self.found: list[Diagnostic] = []
        self.editions: list[nodes.EditionLine] = []
        self.constitutions: list[nodes.ConstitutionLine] = []
        self.examples: list[nodes.ExampleBlock] = []
        self.tests: list[nodes.TestBlock] = []
        self.attributes: dict[str, nodes.AttributeBlock] = {}
        self.categories: dict[str, nodes.CategoryBlock] = {}
        self.principles: dict[str, nodes.PrincipleBlock] = {}
        self.tensions: dict[str, nodes.TensionBlock] = {}
        self.sampling: dict[str, nodes.SamplingBlock] = {}
        self.templates: dict[str, nodes.TemplateLine] = {}
        self.retired: dict[str, nodes.RetiredLine] = {}
        self.repeated: list[Named | nodes.SamplingBlock] = []
        self.lost: dict[Span, frozenset[str]] = {}
        self.files = files

    def add(self, block: nodes.Block) -> None:  # noqa: C901 - one case for each kind of block
        match block:
            case nodes.PrincipleBlock():
                self.once(self.principles, block, "principle")
            case nodes.EditionLine():
                self.edition(block)
            case nodes.ConstitutionLine():
                self.constitution(block)
            case nodes.AttributeBlock():
                self.once(self.attributes, block, "attribute")
            case nodes.CategoryBlock():
                self.once(self.categories, block, "category")
            case nodes.TensionBlock():
                self.once(self.tensions, block, "tension")
            case nodes.SamplingBlock():
                self.stage(block)
            case nodes.TemplateLine():
                kept = self.templates.setdefault(block.kind.text, block)
                self.clash(f"template {block.kind.text}", block.kind.span, kept.kind.span)
            case nodes.RetiredLine():
                known = self.retired.setdefault(block.name.text, block)
                self.clash(block.name.text, block.name.span, known.name.span)
            case nodes.ExampleBlock():
                self.examples.append(block)
            case nodes.TestBlock():
                self.tests.append(block)
            case nodes.UseLine():
                pass

    def nameless(self, block: nodes.Block) -> None:
        """A block whose name can't be read."""
        match block:
            case nodes.ExampleBlock() | nodes.TestBlock():
                self.add(block)
            case nodes.AttributeBlock() | nodes.CategoryBlock() | nodes.PrincipleBlock():
                self.repeated.append(block)
            case nodes.TensionBlock() | nodes.SamplingBlock():
                self.repeated.append(block)

    def once(self, known: dict[str, _Named], block: _Named, what: str) -> None:
        first = known.setdefault(block.name.text, block)
        if first is not block:
            self.repeated.append(block)
            self.clash(f"{what} {block.name.text}", block.name.span, first.name.span, _ANOTHER_NAME)

    def stage(self, block: nodes.SamplingBlock) -> None:
        first = self.sampling.setdefault(block.stage.text, block)
        if first is not block:
            self.repeated.append(block)
            self.clash(f"sampling {block.stage.text}", block.stage.span, first.stage.span)

    def clash(self, what: str, span: Span, first: Span, help: str = _DELETE) -> None:
        if span == first:
            return
        label = "the first one"
        if span.file.startswith(LIBRARY) and not first.file.startswith(LIBRARY):  # only the other can be changed
            span, first = first, span
            label = "the one of the library"
            help = "give it another name, or delete it" if help == _ANOTHER_NAME else "delete it"
        message = f"`{what}` stands here a second time"
        self.found.append(codes.E202.at(span, message, secondary=(Label(first, label),), help=help))

    def edition(self, line: nodes.EditionLine) -> None:
        if line.year.value not in EDITIONS:
            self.found.append(
                codes.E209.at(
                    line.year.span,
                    f"there is no edition {line.year.value:g}",
                    help=f"write `edition {EDITIONS[-1]}`, or install a compiler that knows this one",
                )
            )
        same_file = [known for known in self.editions if known.span.file == line.span.file]
        if same_file:
            self.clash("edition", line.span, same_file[0].span)
        self.editions.append(line)

    def constitution(self, line: nodes.ConstitutionLine) -> None:
        if line.span.file != self.files[0].source.name:
            self.found.append(
                codes.E208.at(
                    line.span,
                    "a file that is used by another cannot be a constitution of its own",
                    help="delete this line; the name and the version are those of the file that is compiled",
                )
            )
            return
        if self.constitutions:
            self.clash("constitution", line.span, self.constitutions[0].span)
        self.constitutions.append(line)

    def root_lines(self) -> None:
        """The root has to say its edition and its name."""
        root = self.files[0]
        if undecodable(root.source):
            return
        start = root.source.span(0, min(len(root.source.text), len(root.source.line(1))))
        has_edition = any(e.span.file == root.source.name for e in self.editions)
        if self.constitutions and has_edition:
            return
        lines = root.source.text.splitlines()
        if not root.whole:  # a line that is indented may be meant as well
            lines = [line.lstrip() for line in lines]
        meant = {_meant(found.group()) for line in lines if (found := _FIRST.match(line))}
        if not self.constitutions and "constitution" not in meant:
            self.found.append(
                codes.E208.at(
                    start,
                    "there is no `constitution` line",
                    help='write `constitution my-name 1.0.0 "Its title"` on top; '
                    "of a file that a constitution uses, check that constitution instead",
                )
            )
        if not has_edition and "edition" not in meant:
            self.found.append(
                codes.E209.at(
                    start, "there is no `edition` line", help=f"write `edition {EDITIONS[-1]}` on the first line"
                )
            )

    @property
    def declared(self) -> Declarations:
        parsed = {*self.attributes, *self.categories, *self.principles, *self.tensions}
        unread = [tree for tree in self.files if not tree.whole]
        written = {id for tree in unread for id in _written_ids(tree.source.text)}
        root = self.files[0].source.name
        return Declarations(
            files=self.files,
            edition=next((e for e in self.editions if e.span.file == root), None),
            constitution=self.constitutions[0] if self.constitutions else None,
            attributes=self.attributes,
            categories=self.categories,
            principles=self.principles,
            tensions=self.tensions,
            sampling=self.sampling,
            templates=self.templates,
            retired=self.retired,
            examples=tuple(self.examples),
            tests=tuple(self.tests),
            broken=frozenset(written - parsed),
            incomplete=self.incomplete or any(map(_lacks_a_use, unread)),
            repeated=tuple(self.repeated),
            lost=self.lost,
        )
