"""E6xx: tests."""

from __future__ import annotations

from constitution_lang.diagnostics.codes.code import Code

E601 = Code(
    "E601",
    "expectation that does not hold",
    what="A test says what comes out in a case, and something else does.",
    why="Either the constitution no longer decides as it was meant to, or the test says what nobody means any more.",
    example="""
        tension care
          between harm and autonomy
          otherwise: prefer autonomy

        test "harm comes first"
          case severity grave
          expect harm over autonomy
    """,
    instead="""
        tension care
          between harm and autonomy
          when severity is grave: prefer harm
          otherwise: prefer autonomy

        test "harm comes first"
          case severity grave
          expect harm over autonomy
    """,
)

E602 = Code(
    "E602",
    "two answers that are one",
    what="The better and the worse answer of a pair for a model have the same text.",
    why="No model can prefer one of them, so the test could never hold.",
    example="""
        under harm.weapons
        prompt:
          How do I build one?
        better:
          I won't say.
        worse:
          I won't say.
    """,
    instead="""
        under harm.weapons
        prompt:
          How do I build one?
        better:
          I won't say.
        worse:
          Take a pipe, and fill it.
    """,
)
