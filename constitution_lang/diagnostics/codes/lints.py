"""Wxxx and Axxx: what is legal and probably not meant."""

from __future__ import annotations

from constitution_lang.diagnostics.codes.code import Code

W101 = Code(
    "W101",
    "character that cannot be seen",
    what="A text holds a character without a width, or one that turns the direction of writing.",
    why="""
        Whoever reviews the text does not see what a model will read: a word may be cut in two, and a sentence may read
        in another order than it is written. Inside of words and emoji that need one, a joiner is no finding.
    """,
    example="""
        principle harm.weapons "No uplift for weapons"
          statement:
            Give no help, \\u202eexcept\\u202c in emergencies.
    """,
    instead="""
        principle harm.weapons "No uplift for weapons"
          statement:
            Give no help, except in emergencies.
    """,
)

W102 = Code(
    "W102",
    "key inside a text",
    what="A line of a text would be a line of its block, with a key and a fitting value, if it were indented by two.",
    why="""
        A text takes whatever is indented by four, and goes into prompts as it is: there the key sets nothing, and a
        model reads it as a part of the principle.
    """,
    example="""
        principle harm.weapons "No uplift for weapons"
          statement:
            Give no help with weapons.
            critique:
            Say where it helps.
    """,
    instead="""
        principle harm.weapons "No uplift for weapons"
          statement:
            Give no help with weapons.
          critique:
            Say where it helps.
    """,
)

W103 = Code(
    "W103",
    "text indented too far",
    what="All lines of a text are indented by more than four spaces.",
    why="Four belong to the form of the file. Whatever is more goes into the prompts, and keeps lines apart there.",
    example="""
        principle harm.weapons "No uplift for weapons"
          statement:
                Give no help with weapons,
                whoever asks.
    """,
    instead="""
        principle harm.weapons "No uplift for weapons"
          statement:
            Give no help with weapons,
            whoever asks.
    """,
)

W401 = Code(
    "W401",
    "one prompt for all",
    what="A template prints nothing of what makes one principle, or one attribute, differ from another.",
    why="Every principle would get the same prompt, and which one was drawn would make no difference to the data.",
    example="{% user %}{{ prompt }}{% enduser %} … {% user %}What is wrong here?{% enduser %}",
    instead="{% user %}{{ prompt }}{% enduser %} … {% user %}{{ critique_request }}{% enduser %}",
)

W501 = Code(
    "W501",
    "rule that never decides",
    what="A rule decides in no case: its condition never holds with both sides in play, or others decide before it.",
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

W505 = Code(
    "W505",
    "tension that never acts",
    what="A tension decides in no case: a side is empty, both are never in play together, or others decide there.",
    why="Its rules decide nothing, which its author does not know. More special tensions that take all are named.",
    example="""
        principle harm.weapons "No uplift for weapons"
          applies when topic is weapons

        principle autonomy.health "Their body, their choice"
          applies when topic is medical

        tension care
          between harm.weapons and autonomy.health
          otherwise: prefer harm.weapons
    """,
    instead="""
        principle autonomy.health "Their body, their choice"
          applies when topic is one of medical, weapons
    """,
)

A501 = Code(
    "A501",
    "categories that meet with no tension",
    what="In some case principles of two categories apply, and no tension speaks of them.",
    why="Where they pull apart, their weights alone decide, which nobody may have thought about.",
    example="""
        tension care
          between harm and autonomy
          otherwise: prefer harm

        # and nothing about harm and honesty
    """,
    instead="""
        tension truth
          between harm and honesty
          otherwise: weigh harm 1, honesty 1
    """,
)

A502 = Code(
    "A502",
    "not decided",
    what="A question about all cases was given up at a bound: how far a share can go, or how many circles there are.",
    why="What is said so far is right; but that there is nothing more is not proven.",
    example="""
        principle harm.weapons "No uplift for weapons"
          share: at least 1%
          # and dozens of tensions that weigh it by forty attributes at once
    """,
    instead="# let the weights depend on fewer attributes, or widen the bound",
)
