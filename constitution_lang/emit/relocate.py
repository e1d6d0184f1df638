"""Findings with paths as the user wrote them: a constitution names its files relative to its own folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec.structs import replace

from constitution_lang.diagnostics.model import Diagnostic, Label
from constitution_lang.source import Source, Span

__all__ = ["relocated", "relocated_span"]


def relocated(
    sources: Mapping[str, Source], found: Iterable[Diagnostic], folder: Path | str
) -> tuple[dict[str, Source], tuple[Diagnostic, ...]]:
    """The same sources and findings under names that begin with `folder`; the library's names stay.

    A text is put before the names as it is, as in `main:house/`.
    """

    def span(at: Span) -> Span:
        return relocated_span(at, folder)

    def label(at: Label) -> Label:
        return Label(span(at.span), at.text)

    moved = tuple(
        replace(
            finding,
            primary=label(finding.primary),
            secondary=tuple(label(at) for at in finding.secondary),
            fix=replace(finding.fix, span=span(finding.fix.span)) if finding.fix else None,
        )
        for finding in found
    )
    return {_name(file, folder): source.named(_name(file, folder)) for file, source in sources.items()}, moved


def relocated_span(at: Span, folder: Path | str) -> Span:
    """The same place under a name that begins with `folder`."""
    return Span(_name(at.file, folder), at.start, at.end)


def _name(file: str, folder: Path | str) -> str:
    if file.startswith("<"):
        return file
    return f"{folder}{file}" if isinstance(folder, str) else (folder / file).as_posix()
