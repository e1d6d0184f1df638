"""E3xx: values of the wrong type or out of bounds."""

from __future__ import annotations

from constitution_lang.diagnostics.codes.code import Code

E302 = Code(
    "E302",
    "named twice",
    what="A case gives two values to one attribute.",
    why="A case has exactly one value for each attribute.",
    example="case topic medical, topic legal",
    instead="""
        case topic medical
        ...
        case topic legal
    """,
)

E304 = Code(
    "E304",
    "nothing to draw",
    what="The constitution declares no principle.",
    why="Every stage draws principles; there is nothing that a model could be trained on.",
    example="constitution empty 1.0.0",
    instead="""
        constitution kind 1.0.0

        category care "Care"

        principle care.kind "Be kind"
          statement:
            Be kind.
    """,
)

E305 = Code(
    "E305",
    "value out of bounds",
    what="A number, a percentage or a version is outside the bounds of what it stands for.",
    why="A weight of 0 or a share above 100% has no meaning as a probability.",
    example="weight: 0",
    instead="weight: 0.1",
)

E306 = Code(
    "E306",
    "values of an attribute",
    what=("An attribute has neither or both of `levels` and `one of`, too few or too many values, or a value twice."),
    why=(
        "A question with fewer than two answers tells no case from another, and a model chooses among "
        "letters from A to Z."
    ),
    example="""
        attribute topic "What is it about?"
          one of: general
          default: general
    """,
    instead="""
        attribute topic "What is it about?"
          one of: general, medical
          default: general
    """,
)

E307 = Code(
    "E307",
    "default that is no value",
    what="An attribute's default is not among its values.",
    why="Every case has one of the declared values, also where nothing is known.",
    example="""
        levels: none < minor < grave
        default: low
    """,
    instead="""
        levels: none < minor < grave
        default: none
    """,
)

E308 = Code(
    "E308",
    "order where there is none",
    what="`<`, `<=`, `>` or `>=` compares an attribute that was declared with `one of`.",
    why="Its values have no order, so the condition has no meaning.",
    example="applies when topic >= medical",
    instead="applies when topic is one of medical, legal",
)

E309 = Code(
    "E309",
    "more draws than principles",
    what="A stage draws more principles than the constitution has.",
    why="Draws are without replacement: there are not so many to be had.",
    example="""
        sampling preference
          draw: 16
    """,
    instead="""
        sampling preference
          draw: 3
    """,
)

E310 = Code(
    "E310",
    "clamp that is not even",
    what="`clamp` reaches further below 50% than above it, or the other way round.",
    why=(
        "A label is the probability that one response is better than the other. Where the two change places, it "
        "has to become one minus itself; bounds that are not even would favour the first or the second."
    ),
    example="""
        sampling preference
          clamp: 30% to 60%
    """,
    instead="""
        sampling preference
          clamp: 30% to 70%
    """,
)
