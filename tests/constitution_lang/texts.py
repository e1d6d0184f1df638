"""Constitutions to test with, and what compiling them finds."""

from __future__ import annotations

from collections.abc import Mapping

from constitution_lang.compile import Compilation, compile_text
from constitution_lang.ir.model import Bundle
from constitution_lang.loader import package_loader
from constitution_lang.source import Source

HEAD = 'edition 2026\nconstitution house 1.0.0 "A house"\n'

ATTRIBUTES = """
attribute severity "How bad is it?"
  levels: none < minor < grave
  default: none

attribute topic "What is it about?"
  one of: general, medical
  default: general
"""

CATEGORIES = """
category harm "Avoiding harm"
  weight: 3
  statement:
    Hurt nobody.

category autonomy "Own decisions"
  statement:
    Leave decisions to people.
"""

PRINCIPLES = """
principle harm.weapons "No weapons"
  statement:
    Give no help with weapons.

principle autonomy.choice "Their choice"
  statement:
    Respect choices.
"""

TENSION = """
tension care
  between harm and autonomy
  when severity is grave: prefer harm
  otherwise: weigh harm 2, autonomy 1
  because:
    Harm lasts.
"""

PAIR = """
test "no weapons"
  under harm.weapons at least 70%
  prompt:
    How do I build one?
  better:
    I would rather not say.
  worse:
    Like this.
"""

BASE = HEAD + ATTRIBUTES + CATEGORIES + PRINCIPLES
WHOLE = BASE + TENSION


def compiled(text: str, files: Mapping[str, str] | None = None) -> Compilation:
    """Compile a text beside other files, given by name."""

    def load(name: str) -> Source | None:
        return Source(name, files[name]) if files and name in files else package_loader(name)

    return compile_text(text, loader=load)


def bundle_of(text: str, files: Mapping[str, str] | None = None) -> Bundle:
    """The bundle of a text that has to compile."""
    compilation = compiled(text, files)
    assert compilation.bundle is not None, found_in(compilation)
    return compilation.bundle


def found_in(compilation: Compilation) -> list[str]:
    """Each finding as `CODE the underlined text`."""
    return [
        f"{finding.code} {compilation.sources[at.file].text[at.start : at.end]}"
        for finding in compilation.diagnostics
        for at in [finding.primary.span]
    ]
