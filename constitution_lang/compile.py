"""From text to a Bundle: the passes in their order, on one screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from constitution_lang.check.case_needs import needs_cases
from constitution_lang.check.keys_in_texts import keys_in_texts
from constitution_lang.check.modules import load_files
from constitution_lang.check.names import collect
from constitution_lang.check.references import check_references
from constitution_lang.check.template_files import read_templates, standard_templates
from constitution_lang.check.values import check_values
from constitution_lang.diagnostics.model import Diagnostic, Severity
from constitution_lang.ir.model import Bundle
from constitution_lang.loader import folder_loader, package_loader, source_of
from constitution_lang.lower.declarations import lower_declarations
from constitution_lang.lower.variants import count_variants
from constitution_lang.source import Loader, Source
from constitution_lang.syntax.characters import unseen_characters
from constitution_lang.syntax.from_text import parse
from constitution_lang.syntax.nodes import FileTree

__all__ = ["Compilation", "check_path", "check_source", "compile_path", "compile_source", "compile_text"]


class Compilation(NamedTuple):
    """A bundle, where there is no error; all findings, in the order of the text; and every text that was read.

    `draft` is the bundle without prompts, there also where the only errors are of cases and prompts; a check has none.
    `trees` are the parsed files, the constitution's own first.
    """

    bundle: Bundle | None
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, Source]
    draft: Bundle | None = None
    trees: tuple[FileTree, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether there is an error."""
        return any(finding.severity is Severity.ERROR for finding in self.diagnostics)


def check_source(root: Source, loader: Loader) -> Compilation:
    """All that is wrong with a constitution, and no bundle.

    Prompts are written where the constitution has a template of its own: in a standard one nothing can be wrong.
    """
    return _compiled(root, loader, whole=False)


def compile_source(root: Source, loader: Loader) -> Compilation:
    """Compile a constitution. A pass that finds errors stops the passes that build on it, and no other."""
    return _compiled(root, loader, whole=True)


def _compiled(root: Source, loader: Loader, *, whole: bool) -> Compilation:
    files, found = load_files(root, loader, parse)
    found += _unseen(files.trees, found)
    declared, wrong = collect(files.trees, incomplete=files.incomplete)
    found += wrong
    found += check_references(declared)
    program, wrong = check_values(declared)
    found += wrong
    templates, own_templates, wrong = read_templates(declared, loader)
    found += wrong

    sources = {tree.source.name: tree.source for tree in files.trees} | own_templates
    if program is None or _errors(found):
        from constitution_lang.check.told_once import told_once
        from constitution_lang.check.uses import named, uses, uses_in_mended

        all_ = (use for tree in files.trees for use in (*uses(tree), *uses_in_mended(tree)))
        told = told_once(found, lambda _: named(all_))
        return Compilation(None, _in_order(told, sources), sources, None, files.trees)

    written = whole or bool(templates)
    draft = lower_declarations(program, {k: t.source for k, t in templates.items()}, texts=written)
    if needs_cases(draft):
        from constitution_lang.check.cases import check_cases

        found += check_cases(program, draft)
    variants, wrong = count_variants(program, draft)
    found += wrong
    bundle = None
    if written:
        from constitution_lang.lower.bundle import seal
        from constitution_lang.lower.prompts import lower_prompts

        prompts, wrong = lower_prompts(draft, variants, templates)
        found += wrong
        if whole and not _errors(found):
            standard, _ = lower_prompts(draft, variants, dict(standard_templates(loader, but=templates)))
            bundle = seal(draft, prompts + standard)
    return Compilation(bundle, _in_order(found, sources), sources, draft if whole else None, files.trees)


def compile_text(text: str, name: str = "constitution.const", loader: Loader = package_loader) -> Compilation:
    """Compile a text; what it uses comes from `loader`, by default from the library only."""
    return compile_source(Source(name, text), loader)


def check_path(path: Path) -> Compilation:
    """All that is wrong with a file and what it uses from its own folder, and no bundle.

    Raises:
        OSError: the file itself cannot be read.
    """
    return check_source(source_of(path.name, path.read_bytes()), folder_loader(path.parent))


def compile_path(path: Path) -> Compilation:
    """Compile a file and what it uses from its own folder.

    Raises:
        OSError: the file itself cannot be read.
    """
    return compile_source(source_of(path.name, path.read_bytes()), folder_loader(path.parent))


def _unseen(trees: Iterable[FileTree], found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """What one does not see in texts, but for places of which something is said already."""
    told = {finding.primary.span for finding in found}
    unseen = (one for tree in trees for one in (*unseen_characters(tree.source), *keys_in_texts(tree)))
    return [one for one in unseen if one.primary.span not in told]


def _errors(found: list[Diagnostic]) -> bool:
    return any(finding.severity is Severity.ERROR for finding in found)


def _in_order(found: Iterable[Diagnostic], sources: Mapping[str, Source]) -> tuple[Diagnostic, ...]:
    """Each finding once: file by file as they were read, top to bottom."""
    rank = {name: index for index, name in enumerate(sources)}
    once = dict.fromkeys(found)
    return tuple(sorted(once, key=lambda f: (rank.get(f.primary.span.file, len(rank)), f.primary.span.start, f.code)))
