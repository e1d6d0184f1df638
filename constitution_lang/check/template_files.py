"""Which template each kind of prompt has: the constitution's own, or the standard one. Jinja2 is loaded when needed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from constitution_lang.check.modules import TEMPLATES, beside, open_file
from constitution_lang.check.program import Declarations
from constitution_lang.check.suggest import Hint
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic
from constitution_lang.ir.model import PromptKind
from constitution_lang.source import Loader, Source
from constitution_lang.syntax.characters import strange_characters, undecodable, unseen_characters

if TYPE_CHECKING:
    from constitution_lang.check.templating import Template

__all__ = ["read_templates", "standard_templates"]


def read_templates(
    declared: Declarations, loader: Loader
) -> tuple[dict[PromptKind, Template], dict[str, Source], list[Diagnostic]]:
    """The constitution's own templates. The other kinds have the standard one, in which there is nothing to find."""
    found: list[Diagnostic] = []
    templates: dict[PromptKind, Template] = {}
    sources: dict[str, Source] = {}
    own = {kind: declared.templates[kind] for kind in PromptKind if kind in declared.templates}
    if not own:
        return templates, sources, found

    from constitution_lang.check.prompts import check_template

    for kind, line in own.items():
        path = line.path
        name = beside(path.span.file, path.value)
        absent = Hint(help="the path is relative to this file, for example `critique.j2`", fix=None)
        source = open_file(
            loader,
            name,
            path.span,
            path.value,
            move="move the template into the folder of the constitution",
            absent=absent,
        )
        if isinstance(source, Diagnostic):
            found.append(source)
            continue
        sources[source.name] = source
        if bad := undecodable(source):
            found += bad
            continue
        try:
            template, wrong = check_template(kind, source)
        except RecursionError:
            help = "let fewer brackets and blocks stand in each other"
            template, wrong = None, [codes.E408.at(source.span(0, 1), "this template nests too deep", help=help)]
        found += [*strange_characters(source), *unseen_characters(source), *wrong]
        if template:
            templates[kind] = template
    return templates, sources, found


def standard_templates(loader: Loader, but: Collection[PromptKind] = ()) -> Iterator[tuple[PromptKind, Template]]:
    """The standard template of every kind but these.

    Raises:
        FileNotFoundError: one of them is not installed.
    """
    from constitution_lang.check.templating import Template, environment

    for kind in PromptKind:
        if kind not in but:
            source = loader(f"{TEMPLATES}{kind.value}.j2")
            if not isinstance(source, Source):
                raise FileNotFoundError(f"standard template {kind.value}.j2 is not installed")
            yield kind, Template(kind, source, environment().from_string(source.text))
