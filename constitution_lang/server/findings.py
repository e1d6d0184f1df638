"""Findings as a client shows them, and their fixes as actions on the code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from lsprotocol import types

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
    """The fixes of findings that touch a place."""
    for finding in found:
        at, fix = finding.primary.span, finding.fix
        touches = at.file == span.file and at.start <= span.end and span.start <= at.end
        where = fix and _location(fix.span, places)
        shown = as_diagnostic(finding, places)
        if touches and fix and where and shown:
            edit = types.WorkspaceEdit(changes={where.uri: [types.TextEdit(where.range, fix.text)]})
            yield types.CodeAction(
                fix.title, kind=types.CodeActionKind.QuickFix, diagnostics=[shown], edit=edit, is_preferred=True
            )


def _location(span: Span, places: Places) -> types.Location | None:
    known = places.get(span.file)
    return types.Location(known[0], known[1].range(span.start, span.end)) if known else None
