"""E6xx: what `cai-compile test` finds."""

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
