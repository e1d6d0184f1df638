"""E4xx: prompt templates and what is put into them."""

from __future__ import annotations

from constitution_lang.diagnostics.codes.code import Code

E401 = Code(
    "E401",
    "Jinja syntax",
    what="A template is not valid Jinja.",
    why="It cannot be evaluated.",
    example="{{ critique",
    instead="{{ statement }}",
)

E402 = Code(
    "E402",
    "slot that is not just printed",
    what=(
        "A template does something else with a slot than print it: it filters, tests, indexes, calls, "
        "compares, assigns or loops over it."
    ),
    why=(
        "A slot is filled when the constitution runs, with text that a user or a model wrote. Templates are "
        "evaluated before, so that nothing of that text is ever evaluated."
    ),
    example="{% if response %}{{ response | upper }}{% endif %}",
    instead="{{ response }}",
)

E403 = Code(
    "E403",
    "slot left out",
    what="A template does not print a slot that its kind of prompt needs.",
    why="The model would be asked about something that it is not shown.",
    example="{% user %}Criticise the response: {{ critique_request }}{% enduser %}",
    instead="""
        {% user %}{{ prompt }}{% enduser %}
        {% assistant %}{{ response }}{% endassistant %}
        {% user %}{{ critique_request }}{% enduser %}
    """,
)

E404 = Code(
    "E404",
    "slot of another kind",
    what="A template prints a slot that its kind of prompt does not have.",
    why="Nothing would ever be filled in there.",
    example="""
        {# in tag.j2 #}
        {{ response_a }}
    """,
    instead="""
        {# in tag.j2 #}
        {{ prompt }}
    """,
)

E405 = Code(
    "E405",
    "text outside messages",
    what="A template has text, or prints something, outside its message tags.",
    why="A prompt is a list of messages; text between them is seen by no model.",
    example="""
        Please answer.
        {% user %}{{ prompt }}{% enduser %}
    """,
    instead="""
        {% user %}{{ prompt }}
        Please answer.{% enduser %}
    """,
)

E406 = Code(
    "E406",
    "undefined name",
    what="A template uses a name or a field that is not defined for its kind of prompt.",
    why="It would print as nothing, and a word would be missing from the prompt.",
    example="{{ statment }}",
    instead="{{ statement }}",
)

E407 = Code(
    "E407",
    "order of messages",
    what="The messages of a prompt do not take turns, or the last one is not the user's.",
    why=(
        "Chat models are trained on turns: user, assistant, user. The assistant speaks next, so the user "
        "has to speak last."
    ),
    example="""
        {% user %}{{ prompt }}{% enduser %}
        {% user %}Answer.{% enduser %}
    """,
    instead="""
        {% user %}{{ prompt }}

        Answer.{% enduser %}
    """,
)

E408 = Code(
    "E408",
    "template that fails",
    what="A template failed while it was evaluated.",
    why="There is no prompt without it.",
    example="{{ 1 / 0 }}",
    instead="{{ statement }}",
)

E409 = Code(
    "E409",
    "not allowed in a template",
    what="A template includes, imports or extends another one, or nests messages.",
    why="A template stands alone, so that one file shows all that a model will see.",
    example="""
        {% include "other.j2" %}
    """,
    instead="{% user %}{{ prompt }}{% enduser %}",
)

E410 = Code(
    "E410",
    "example with the wrong fields",
    what="A few-shot example lacks a field that its stage shows, or has one that it does not show.",
    why=("Examples teach a form. One that breaks it teaches the wrong form, to every prompt that carries it."),
    example="""
        example revision
          prompt:
            Is coffee bad?
          response:
            Ask a doctor.
    """,
    instead="""
        example revision
          prompt:
            Is coffee bad?
          response:
            Ask a doctor.
          critique:
            It does not answer.
          revision:
            Not for most people.
    """,
)

E411 = Code(
    "E411",
    "too many variants",
    what="So many sides can come before a principle that its prompts cannot all be written ahead of time.",
    why="Every combination of sides is a prompt of its own; beyond sixty-four nobody can review them.",
    example="# seven tensions in which harm.weapons may yield",
    instead="# fewer tensions, between categories instead of principles",
)
