"""A constitution as the server sees it: all of its files in blocks, what they declare, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from msgspec import structs

from constitution_lang.check.modules import LIBRARY, beside, load_files
from constitution_lang.check.names import collect
from constitution_lang.check.program import Declarations
from constitution_lang.check.told_once import told_once
from constitution_lang.check.uses import Meaning, Named, Use, uses_in_mended
from constitution_lang.diagnostics.model import Diagnostic, Label, Severity
from constitution_lang.server.blocks import Blocks, BlockText, moved
from constitution_lang.server.documents import Documents
from constitution_lang.server.recheck import Recheck, called, files_of
from constitution_lang.server.salvage import default_shares
from constitution_lang.source import Source, Span, head_of
from constitution_lang.syntax import nodes

__all__ = ["Program", "is_root", "load_program"]


def _is_error(finding: Diagnostic) -> bool:
    """Whether it stops the build."""
    return finding.severity is Severity.ERROR


def is_root(text: str) -> bool:
    """Whether a text says that it is a constitution, and no part of one."""
    return head_of(text) is not None


@dataclass(frozen=True)
class Program:
    """The files by the names that the compiler gives them. `paths` has the place of each that is on disk."""

    key: str
    root: str
    files: dict[str, Blocks]
    paths: dict[str, Path]
    declared: Declarations
    read: tuple[Diagnostic, ...]
    collected: tuple[Diagnostic, ...]
    recheck: Recheck = field(default_factory=Recheck)

    @property
    def path(self) -> Path:
        """Where the root is."""
        return Path(self.key)

    @cached_property
    def found(self) -> tuple[Diagnostic, ...]:
        """What is wrong as far as it takes no reasoning over cases; without a root, how it is written only."""
        found = [*self.read]
        if is_root(self.files[self.root].source.text):
            found += self.collected
            found += self.recheck.found(self.declared)
        placed = (moved(finding, self.files) for finding in dict.fromkeys(found))
        return told_once((finding for finding in placed if finding), self._named)

    @cached_property
    def shares(self) -> dict[str, dict[str, float]]:
        """By stage the share of each principle in the default case, as far as the program can be understood."""
        trees = tuple(block.tree for blocks in self.files.values() for block in blocks.blocks)
        wrong = {block.name for _, block in self.blocks() if any(map(_is_error, block.diagnostics))}
        return default_shares(self.declared, trees, wrong)

    def inside(self, found: Diagnostic) -> Diagnostic:
        """A finding with its places inside the blocks in which they are, so that it moves with them."""

        def to_block(span: Span) -> Span:
            blocks = self.files.get(span.file)
            return blocks.inside(span) if blocks else span

        fix = found.fix and structs.replace(found.fix, span=to_block(found.fix.span))
        primary = Label(to_block(found.primary.span), found.primary.text)
        secondary = tuple(Label(to_block(label.span), label.text) for label in found.secondary)
        return structs.replace(found, primary=primary, secondary=secondary, fix=fix)

    @staticmethod
    def beside(file: str, path: str) -> str | None:
        """The name of a file that another names."""
        return beside(file, path)

    def blocks(self) -> Iterator[tuple[Blocks, BlockText]]:
        """Every block with its file."""
        for blocks in self.files.values():
            for block in blocks.blocks:
                yield blocks, block

    def uses(self) -> Iterator[Use]:
        """Every name in every file, at its place in the file."""
        for blocks, block in self.blocks():
            yield from _placed(block.uses, blocks, block)

    def _named(self, at: Iterable[Span]) -> Named:
        """The names in the blocks of these places, with those in what can be read of blocks that are broken."""
        touched = {self.files[span.file].at(span.start)[0].name for span in at}
        near = (
            use
            for blocks, block in self.blocks()
            if block.name in touched
            for use in _placed((*block.uses, *uses_in_mended(block.tree)), blocks, block)
        )

        def declared(kind: str, of: str) -> Iterator[Use]:
            for blocks, block in self.blocks():
                here = (use for use in block.names[1] if use.meaning.kind == kind and use.meaning.of == of)
                yield from _placed(here, blocks, block)

        return Named(tuple(near), frozenset().union(*(block.names[0] for _, block in self.blocks())), declared)

    def uses_of(self, meaning: Meaning) -> list[Use]:
        """Where something is named."""
        return [use for use in self.uses() if use.meaning == meaning]

    def use_at(self, file: str, offset: int) -> Use | None:
        """The name at an offset of a file: the longest one there, so that `harm.weapons` wins over its `harm`."""
        blocks = self.files[file]
        block, inside = blocks.at(offset)
        start = offset - inside
        here = [use for use in block.uses if use.span.start <= inside <= use.span.end]
        if not here:
            return None
        use = max(here, key=lambda use: use.span.end - use.span.start)
        return Use(use.meaning, Span(file, start + use.span.start, start + use.span.end), use.declares)

    def declaration(self, meaning: Meaning) -> Use | None:
        """Where something is declared."""
        return next((use for use in self.uses_of(meaning) if use.declares), None)


def _placed(uses: Iterable[Use], blocks: Blocks, block: BlockText) -> Iterator[Use]:
    """Names inside a block, at their places in its file."""
    start = blocks.starts[blocks.index[block.name]]
    for use in uses:
        span = Span(blocks.source.name, start + use.span.start, start + use.span.end)
        yield Use(use.meaning, span, use.declares)


def load_program(
    documents: Documents, root: Path, *, alone: bool = False, before: Program | None = None
) -> Program | None:
    """The program that begins with a file; None where there is no such file. Unchanged blocks are taken over.

    `before` is what it was the last time.
    """
    source = documents.source(root, root.name)
    if source is None:
        return None
    if before and (same := _with_new_insides(documents, before)):
        return same
    files: dict[str, Blocks] = {}
    paths: dict[str, Path] = {}

    def parsed(source: Source) -> tuple[nodes.FileTree, tuple[Diagnostic, ...]]:
        inside = source.name.startswith(LIBRARY)
        path = Path(source.name) if inside else (root.parent / source.name).resolve()
        if not inside:
            paths[source.name] = path
        blocks = files[source.name] = documents.blocks(path, source)
        return _digest(blocks), tuple(found for block in blocks.blocks for found in block.diagnostics)

    read, found = load_files(source, documents.loader(root.parent, alone=alone), parsed)
    declared, collected = collect(read.trees, incomplete=read.incomplete)
    recheck = before.recheck if before else Recheck()
    return Program(str(root), root.name, files, paths, declared, tuple(found), tuple(collected), recheck)


def _with_new_insides(documents: Documents, before: Program) -> Program | None:
    """The program where nothing has changed in its files but what stands inside principles; None otherwise."""
    if before.declared.incomplete:
        return None
    files = dict(before.files)
    changed: list[tuple[BlockText, BlockText]] = []
    for name, path in before.paths.items():
        source = documents.source(path, name)
        old = before.files[name].blocks
        if source is None:
            return None
        files[name] = documents.blocks(path, source)
        new = files[name].blocks
        if len(new) != len(old):
            return None
        changed += [pair for pair in zip(old, new, strict=True) if pair[0] is not pair[1]]
    principles = dict(before.declared.principles)
    for one, other in changed:
        was, now = one.principle, other.principle
        if not (was and now) or called(was) != called(now) or principles.get(was.name.text) is not was:
            return None
        principles[was.name.text] = now
    # What shows an old block is out of date, and so may be what counts from the beginning of a file.
    if changed and files_of((*before.read, *before.collected)) & {*files, *(one.name for one, _ in changed)}:
        return None
    return replace(before, files=files, declared=structs.replace(before.declared, principles=principles))


def _digest(blocks: Blocks) -> nodes.FileTree:
    """The file as one tree whose text is only what the checks look at: blocks that failed, and the first lines."""
    text: list[str] = []
    read: list[nodes.Block] = []
    broken: list[nodes.Name] = []
    mended: list[nodes.Block] = []
    lost: list[tuple[Span, frozenset[str]]] = []
    for block in blocks.blocks:
        if block.principle:
            read.append(block.principle)
            continue
        tree = block.tree
        if block.diagnostics or not tree.blocks:
            text.append(block.text)
        broken += tree.broken
        mended += (_in_file(node, blocks) for node in tree.mended)
        lost += tree.lost
        for node in tree.blocks:
            if isinstance(node, nodes.EditionLine | nodes.ConstitutionLine):
                text.append(block.text)
            read.append(_in_file(node, blocks))
    source = Source(blocks.source.name, "".join(text))
    return nodes.FileTree(source, tuple(read), (), tuple(broken), mended=tuple(mended), lost=tuple(lost))


def _in_file(node: nodes.Block, blocks: Blocks) -> nodes.Block:
    """The block, with its place in the file where it is compared with the file in which it stands."""
    if isinstance(node, nodes.EditionLine | nodes.ConstitutionLine):
        return structs.replace(node, span=blocks.place(node.span) or node.span)
    return node
