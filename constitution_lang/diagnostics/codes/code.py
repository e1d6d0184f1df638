"""What a code is. The codes themselves stand in the modules beside this one, by family."""

from __future__ import annotations

import re

import msgspec

from constitution_lang.diagnostics.model import Diagnostic, Fix, Label, Severity
from constitution_lang.source import Span

__all__ = ["Code"]

_WIDTH = 88
_LONG = 200
_LONG_WORD = re.compile(r"\S{100,}")
_SEVERITY_OF_LETTER = {"E": Severity.ERROR, "W": Severity.WARNING, "A": Severity.ADVICE}


class Code(msgspec.Struct, frozen=True):
    """One kind of finding, and all that `explain` prints of it.

    `id` is a letter (E error, W warning, A advice) and three digits. `title` is a short noun phrase.
    `what` says what was found and `why` why it is bad, in a sentence or two each; `example` is a text
    that gives this finding, and `instead` the same text as it should be.
    """

    id: str
    title: str
    what: str
    why: str
    example: str
    instead: str

    @property
    def severity(self) -> Severity:
        """The severity that the id's letter stands for."""
        return _SEVERITY_OF_LETTER[self.id[0]]

    def at(
        self,
        span: Span,
        message: str,
        *,
        label: str = "",
        secondary: tuple[Label, ...] = (),
        help: str | None = None,
        fix: Fix | None = None,
    ) -> Diagnostic:
        """A finding of this kind at `span`; `label` is what to write under the underlined text."""
        if len(message) > _LONG:
            message = _shortened(message)
        if help and len(help) > _LONG:
            help = _shortened(help)
        return Diagnostic(self.id, self.severity, message, Label(span, label), secondary, help, fix)

    def explain(self) -> str:
        """The page that `explain CODE` prints."""
        from textwrap import indent

        return "\n\n".join(
            (
                f"{self.id}: {self.title}",
                f"What it means\n{indent(_paragraph(self.what), '  ')}",
                f"Why it matters\n{indent(_paragraph(self.why), '  ')}",
                f"Example\n{indent(_example(self.example), '  ')}",
                f"Write instead\n{indent(_example(self.instead), '  ')}\n",
            )
        )


def _shortened(text: str) -> str:
    """The text without the middle of words that nobody would read to their end."""
    return _LONG_WORD.sub(lambda found: f"{found.group()[:40]}…{found.group()[-20:]}", text)


def _paragraph(text: str) -> str:
    from textwrap import wrap

    return "\n".join(wrap(" ".join(text.split()), _WIDTH))


def _example(text: str) -> str:
    from textwrap import dedent

    return dedent(text).strip("\n")
