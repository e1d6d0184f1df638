"""What the compiler has to say about a constitution, as values. How it looks is in `render`."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from constitution_lang.source import Span

__all__ = ["Diagnostic", "Fix", "Label", "Severity"]


class Severity(StrEnum):
    """An error stops the build; a warning and an advice do not."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


class Label(msgspec.Struct, frozen=True, gc=False):
    """A place, and what is to be said of it (may be empty for the main place)."""

    span: Span
    text: str = ""


class Fix(msgspec.Struct, frozen=True, gc=False):
    """An edit that removes the problem: put `text` in the place of `span`.

    `sure` says that it is most likely what was meant; else it is one of several ways out, for a person to choose.
    """

    span: Span
    text: str
    title: str
    sure: bool = True


class Diagnostic(msgspec.Struct, frozen=True, gc=False):
    """One finding.

    `message` is one terse sentence without a final full stop. `help` says what to write instead.
    `primary` is the place at fault; `secondary` holds the other places of a clash. `test` is a `test` block that shows
    the case at fault, to paste into the constitution.
    """

    code: str
    severity: Severity
    message: str
    primary: Label
    secondary: tuple[Label, ...] = ()
    help: str | None = None
    fix: Fix | None = None
    test: str | None = None
