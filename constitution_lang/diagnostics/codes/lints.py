"""Wxxx and Axxx: what is legal and probably not meant."""

from __future__ import annotations

from constitution_lang.diagnostics.codes.code import Code

W501 = Code(
    "W501",
    "rule that never decides",
    what="No case reaches a rule: wherever its condition holds, an earlier one holds too.",
    why="The rule has no effect, which its author does not know.",
    example="""
        when severity >= minor: prefer harm
        when severity is grave: abstain
    """,
    instead="""
        when severity is grave: abstain
        when severity >= minor: prefer harm
    """,
)

W502 = Code(
    "W502",
    "principle that is never drawn",
    what="No case makes a principle's condition true.",
    why="It takes no part in anything.",
    example="applies when severity is grave and severity is none",
    instead="applies when severity is grave",
)

W503 = Code(
    "W503",
    "specific tension that differs",
    what="A tension about a principle decides some case differently from the one about its category.",
    why="The specific one wins. That is often meant, and easily overlooked.",
    example="""
        tension general
          between harm and autonomy
          otherwise: prefer harm

        tension special
          between harm.advice and autonomy
          otherwise: prefer autonomy
    """,
    instead="# keep both, and say why in the `because` of the special one",
)

W504 = Code(
    "W504",
    "nothing is ever decided",
    what="With reasoning, a probability is clamped below the one at which a side counts as decided.",
    why="Preferences between sides act only where one is decided: none of them would ever act.",
    example="""
        sampling preference
          reasoning: yes
          decided: 80%
          clamp: 40% to 60%
    """,
    instead="""
        sampling preference
          reasoning: yes
          decided: 60%
          clamp: 40% to 60%
    """,
)
