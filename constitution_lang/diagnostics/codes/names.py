"""E2xx: names, files and versions that do not fit together."""

from __future__ import annotations

from constitution_lang.diagnostics.codes.code import Code

E201 = Code(
    "E201",
    "unknown name",
    what="A name is used that nothing in the constitution declares. Several uses of one name are told once: at the "
    "declaration, where that nearly has the name and nothing names it as it is written; at each use, where something "
    "is near that other places name rightly; else at the first use.",
    why="A rule about something that does not exist would silently never act.",
    example="applies when topic is wepons",
    instead="applies when topic is weapons",
)

E202 = Code(
    "E202",
    "declared twice",
    what="Two blocks declare the same name, in one file or in two.",
    why="Only one of them could act, and a reader could not tell which.",
    example="""
        category harm "Avoiding harm"

        category harm "Harm"
    """,
    instead="""
        category harm "Avoiding harm"
    """,
)

E203 = Code(
    "E203",
    "principle without its category",
    what="The part of a principle's id before the dot is its category, and there is none of that name.",
    why="A principle's weight is its share of its category's; without one it could not be drawn.",
    example="""
        principle ham.weapons "No uplift for weapons"
    """,
    instead="""
        category harm "Avoiding harm"

        principle harm.weapons "No uplift for weapons"
    """,
)

E204 = Code(
    "E204",
    "id that comes back",
    what="An id that was retired, or that is another's former id, is declared again.",
    why="Rows of earlier versions carry the id; it would now stand for something else in them.",
    example="""
        retired principle harm.insults since 0.9.0

        principle harm.insults "No insults"
    """,
    instead="""
        retired principle harm.insults since 0.9.0 replaced by harm.respect

        principle harm.respect "Respect"
    """,
)

E205 = Code(
    "E205",
    "file not found",
    what="A `use` or `template` line names a file that is not there.",
    why="What it declares would be missing from the constitution.",
    example="use ./medicine",
    instead="use ./topics/medicine",
)

E206 = Code(
    "E206",
    "files that use each other",
    what="A file uses another one that, directly or not, uses the first.",
    why="Neither could be read before the other.",
    example="""
        # in a.const
        use ./b

        # in b.const
        use ./a
    """,
    instead="""
        # in a.const
        use ./shared

        # in b.const
        use ./shared
    """,
)

E207 = Code(
    "E207",
    "file outside the folder",
    what="A `use` or `template` line leads out of the constitution's folder.",
    why=("A constitution has to be complete in its folder: elsewhere the other file may differ or be missing."),
    example="use ../../other/cases",
    instead="use ./cases",
)

E208 = Code(
    "E208",
    "constitution line",
    what="The compiled file has no `constitution` line, or a used file has one.",
    why="The name and the version say what a model was trained on; there has to be exactly one of each.",
    example="""
        edition 2026

        category harm "Avoiding harm"
    """,
    instead="""
        edition 2026
        constitution house-assistant 1.0.0 "How our assistant behaves"

        category harm "Avoiding harm"
    """,
)

E209 = Code(
    "E209",
    "edition",
    what="The compiled file names no edition of the language, or one that this compiler does not know.",
    why="A later edition may give the same words another meaning.",
    example="edition 1984",
    instead="edition 2026",
)
