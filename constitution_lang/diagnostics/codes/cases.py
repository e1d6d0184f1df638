"""E5xx: cases, tensions and tests."""

from __future__ import annotations

from constitution_lang.diagnostics.codes.code import Code

E501 = Code(
    "E501",
    "not a side",
    what="An outcome names something that is not a side of its tension, or not both sides.",
    why="A tension decides between its two sides and about nothing else.",
    example="""
        tension care
          between harm and autonomy
          otherwise: prefer honesty
    """,
    instead="""
        tension care
          between harm and autonomy
          otherwise: prefer harm
    """,
)

E502 = Code(
    "E502",
    "pair decided twice",
    what="Two tensions decide the same pair, and neither is more specific than the other.",
    why="Their outcomes could differ, and nothing says which one counts.",
    example="""
        tension one
          between harm and autonomy
          otherwise: prefer harm

        tension two
          between autonomy and harm
          otherwise: abstain
    """,
    instead="""
        tension one
          between harm and autonomy
          when severity is grave: prefer harm
          otherwise: abstain
    """,
)

E503 = Code(
    "E503",
    "sides that overlap",
    what="The two sides of a tension are the same, or one belongs to the other.",
    why="Something cannot come before itself.",
    example="between harm and harm.weapons",
    instead="between harm.insults and harm.weapons",
)

E505 = Code(
    "E505",
    "preferences in a circle",
    what="In some case A comes before B, B before C, and C before A.",
    why="Whatever is drawn, each of them yields to another: no response satisfies the constitution.",
    example="""
        tension one
          between a and b
          otherwise: prefer a

        tension two
          between b and c
          otherwise: prefer b

        tension three
          between a and c
          otherwise: prefer c
    """,
    instead="""
        tension three
          between a and c
          otherwise: prefer a
    """,
)

E506 = Code(
    "E506",
    "share out of its bound",
    what="In some case, the share of the draws that a principle or a category has is outside its declared bound.",
    why="The bound is a promise about the training data, and the weights do not keep it.",
    example="""
        principle harm.weapons "No uplift for weapons"
          weight: 1
          share: at least 90%
    """,
    instead="""
        principle harm.weapons "No uplift for weapons"
          weight: 9
          share: at least 90%
    """,
)
