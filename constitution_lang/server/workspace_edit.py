"""A rename as a client takes it: what follows from the new name, and beside it what keeps the draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from lsprotocol import types

__all__ = ["Edits", "edit_of"]

Edits: TypeAlias = Sequence[tuple[types.Location, str]]
_FORMERLY = "formerly"


def edit_of(renamed: Edits, former: Edits, versions: Mapping[str, int], *, annotated: bool) -> types.WorkspaceEdit:
    """Both kinds of edit as one. Where a client can tell them apart, the second can be left out in its preview."""
    if not annotated:
        changes: dict[str, list[types.TextEdit]] = {}
        for location, text in (*renamed, *former):
            changes.setdefault(location.uri, []).append(types.TextEdit(location.range, text))
        return types.WorkspaceEdit(changes=changes)
    by_uri: dict[str, list[types.TextEdit | types.AnnotatedTextEdit | types.SnippetTextEdit]] = {}
    for location, text in renamed:
        by_uri.setdefault(location.uri, []).append(types.TextEdit(location.range, text))
    for location, text in former:
        by_uri.setdefault(location.uri, []).append(types.AnnotatedTextEdit(_FORMERLY, location.range, text))
    about = types.ChangeAnnotation(
        "Keep the draws: formerly",
        needs_confirmation=False,
        description="An id that no model was trained under needs no `formerly`.",
    )
    return types.WorkspaceEdit(
        document_changes=[
            types.TextDocumentEdit(types.OptionalVersionedTextDocumentIdentifier(uri, versions.get(uri)), edits)
            for uri, edits in by_uri.items()
        ],
        change_annotations={_FORMERLY: about} if former else None,
    )
