"""A difference as findings at lines of the new version: for SARIF and for annotations of a code host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from constitution_lang.diagnostics.model import Diagnostic, Label, Severity
from constitution_lang.diff.approvals import Review
from constitution_lang.diff.model import Change, Grade
from constitution_lang.diff.render.sentences import case_lines, stale_words
from constitution_lang.ir.model import Origin
from constitution_lang.source import Source, Span, head_of

__all__ = ["findings"]


def findings(review: Review, sources: Mapping[str, Source]) -> Iterator[Diagnostic]:
    """One finding for each change, and one for a version number that did not grow.

    Mistakes with ids and versions are errors, what changes a run is a warning where nobody approved it, and the rest is
    advice. `sources` are the texts of the new version, by their names as a person would write them.
    """
    difference = review.difference
    for change in difference.changes:
        yield Diagnostic(
            code=f"diff-{change.grade.value}",
            severity=_severity(change, review),
            message=_message(change, review),
            primary=Label(_span(change.new, review, sources)),
            help=change.help or (f"stale: {stale}" if (stale := stale_words(change)) else None),
        )
    if not difference.verdict.holds:
        yield Diagnostic(
            code="diff-version",
            severity=Severity.ERROR,
            message=difference.verdict.says,
            primary=Label(_span(None, review, sources)),
            help=difference.verdict.help,
        )


def _severity(change: Change, review: Review) -> Severity:
    if change in review.errors():
        return Severity.ERROR
    meant = change.grade < Grade.MIX or change.fingerprint in review.approved
    return Severity.ADVICE if meant else Severity.WARNING


def _message(change: Change, review: Review) -> str:
    told = [change.says]
    if change.cases is not None:
        told += case_lines(change.cases, review.difference.defaults)
    return f"{change.grade.value}: {'; '.join(told)}"


def _span(origin: Origin | None, review: Review, sources: Mapping[str, Source]) -> Span:
    """The place in the new version; for what it lacks, the line that names the constitution."""
    if origin is not None:
        file = review.difference.new.path(origin)
        source = sources.get(file)
        if source is None or origin.line > len(source.line_starts):
            return Span(file, 0, 0)
        start = source.line_starts[origin.line - 1] + origin.column - 1
        return Span(file, start, start + max(1, len(source.line(origin.line)) - origin.column + 1))
    for file, source in sources.items():
        found = head_of(source.text)
        if found and not file.startswith("<"):
            number = source.position(found.start()).line
            return Span(file, found.start(), found.start() + len(source.line(number)))
    return Span(review.difference.new.label or _gone(review), 0, 0)


def _gone(review: Review) -> str:
    """The path that a constitution had which is no more."""
    old = review.difference.old
    return old.label.removeprefix(f"{old.revision}:") if old.revision else old.label
