"""Findings as a client shows them, and their fixes as actions on the code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from lsprotocol import types

from constitution_lang.check.modules import LIBRARY
from constitution_lang.diagnostics.model import Diagnostic, Severity
from constitution_lang.server.positions import Positions
from constitution_lang.source import Span

__all__ = ["Places", "actions", "as_diagnostic"]

Places: TypeAlias = dict[str, tuple[str, Positions]]
"""By the compiler's name of a file its URI and its positions."""

_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.ADVICE: types.DiagnosticSeverity.Information,
}


def as_diagnostic(found: Diagnostic, places: Places) -> types.Diagnostic | None:
    """A finding for a client; None where it stands in no file that has a place."""
    where = _location(found.primary.span, places)
    if where is None:
        return None
    related = [
        types.DiagnosticRelatedInformation(location, label.text or "here")
        for label in found.secondary
        if (location := _location(label.span, places))
    ]
    text = "\n".join(filter(None, (found.message, found.primary.text, found.help and f"help: {found.help}")))
    return types.Diagnostic(
        range=where.range,
        message=text,
        severity=_SEVERITIES[found.severity],
        code=found.code,
        source="cai-compile",
        related_information=related or None,
    )


def actions(found: Iterable[Diagnostic], span: Span, places: Places) -> Iterator[types.CodeAction]:
    """The fixes of findings that touch a place, and their tests to paste at the end of the file."""
    for finding in found:
        at = finding.primary.span
        shown = as_diagnostic(finding, places)
        if shown is None or not (at.file == span.file and at.start <= span.end and span.start <= at.end):
            continue
        fix = finding.fix
        where = fix and _location(fix.span, places)
        if fix and where:
            yield _action(fix.title, where, fix.text, shown, preferred=fix.sure)
        if finding.test and not at.file.startswith(LIBRARY):
            source = places[at.file][1].source
            end = _location(Span(at.file, len(source.text), len(source.text)), places)
            title = finding.test.split('"')[1]
            if end and f'test "{title}"' not in source.text:
                gap = "\n" if source.text.endswith("\n") else "\n\n"
                yield _action(f"add the test of this case: {title}", end, gap + finding.test, shown, preferred=False)


def _action(
    title: str, where: types.Location, text: str, shown: types.Diagnostic, *, preferred: bool
) -> types.CodeAction:
    edit = types.WorkspaceEdit(changes={where.uri: [types.TextEdit(where.range, text)]})
    return types.CodeAction(
        title, kind=types.CodeActionKind.QuickFix, diagnostics=[shown], edit=edit, is_preferred=preferred
    )


def _location(span: Span, places: Places) -> types.Location | None:
    known = places.get(span.file)
    return types.Location(known[0], known[1].range(span.start, span.end)) if known else None
