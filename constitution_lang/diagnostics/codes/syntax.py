"""E1xx: text that is not written in the language's form."""

from __future__ import annotations

from constitution_lang.diagnostics.codes.code import Code

E101 = Code(
    "E101",
    "text that is not UTF-8",
    what="The file holds bytes that are not UTF-8 text.",
    why="Guessing the encoding could change a principle's wording without anyone noticing.",
    example='constitution caf\\xe9 1.0.0 "Saved as Latin-1"',
    instead='constitution cafe 1.0.0 "Saved as UTF-8"',
)
