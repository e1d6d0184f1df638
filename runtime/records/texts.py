"""What models write: responses, critiques, revisions."""

from __future__ import annotations

from enum import StrEnum

from runtime.records.row import Row

__all__ = ["Critique", "Response", "Revision", "RevisionStatus"]


class Response(Row, frozen=True):
    """A policy's answer to a prompt. `key` is its work item's; `sample` tells repeated draws apart."""

    id: str
    prompt: str
    policy: str
    sample: int
    text: str
    key: str
    finish: str


class Critique(Row, frozen=True):
    """What the critic says about a text under one principle. `of` is a Response's or Revision's id."""

    id: str
    prompt: str
    of: str
    round: int
    principle: str
    compiled: str
    """The compiled prompt's id."""
    text: str
    key: str


class RevisionStatus(StrEnum):
    """What came of a revision request."""

    REVISED = "revised"
    UNCHANGED = "unchanged"
    """The same text came back."""
    EMPTY = "empty"
    """Nothing came back; the text before it is kept."""
    DECLINED = "declined"
    """The model said that there is nothing to revise; the text before it is kept."""


class Revision(Row, frozen=True):
    """The text after one round. `text` is what the next round starts from, whatever `status` says."""

    id: str
    prompt: str
    of: str
    critique: str | None
    round: int
    principle: str
    compiled: str
    status: RevisionStatus
    text: str
    raw: str
    key: str
    finish: str
