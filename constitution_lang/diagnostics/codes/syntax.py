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

E102 = Code(
    "E102",
    "control character",
    what="The file holds a character that is neither text nor a line break, such as NUL or a lone carriage return.",
    why="It can't be seen, editors treat it differently, and a model would read it.",
    example="""
        principle harm.weapons
          statement:
            Give no help\\x00 towards injuring people.
        """,
    instead="""
        principle harm.weapons
          statement:
            Give no help towards injuring people.
        """,
)

E103 = Code(
    "E103",
    "tab",
    what="A line is indented with a tab, or has one between its words.",
    why="""
        A tab is as wide as each editor makes it, so what belongs to what would look different to different people.
        Inside a text, after its four spaces, a tab is fine.
        """,
    example="category harm\n\\tweight: 3",
    instead="category harm\n  weight: 3",
)

E104 = Code(
    "E104",
    "wrong indentation",
    what="A line is not indented by none, by two, or, in a text, by at least four spaces.",
    why="""
        Indentation says what belongs to what: a block begins at column one, what belongs to it is indented by two,
        and text by four. Anything else could be meant either way.
        """,
    example="""
        category harm "Avoiding harm"
           weight: 3
        """,
    instead="""
        category harm "Avoiding harm"
          weight: 3
        """,
)

E105 = Code(
    "E105",
    "unknown block",
    what="A line that is not indented begins with a word that begins no block.",
    why="The lines below it belong to nothing, so none of them has a meaning.",
    example='principal harm.weapons "No uplift for weapons"',
    instead='principle harm.weapons "No uplift for weapons"',
)

E106 = Code(
    "E106",
    "line that can't be read",
    what="A line begins as it should and goes on in a way that the language does not have.",
    why="The block is left out until the line is mended, and nothing is guessed about it.",
    example="""
        principle harm.weapons
          applies when topic equals weapons
        """,
    instead="""
        principle harm.weapons
          applies when topic is weapons
        """,
)

E107 = Code(
    "E107",
    "unknown field",
    what="A line of a block begins with a word that this kind of block does not have.",
    why="A misspelt field would otherwise be left out in silence.",
    example="""
        category harm "Avoiding harm"
          wieght: 3
        """,
    instead="""
        category harm "Avoiding harm"
          weight: 3
        """,
)

E108 = Code(
    "E108",
    "value of the wrong kind",
    what="A field has a value of another kind than it takes: a text for a number, a number for a percentage.",
    why="A bare number is relative and a percentage is absolute; a text is for people. One can't stand for another.",
    example="""
        category harm "Avoiding harm"
          weight: 30%
        """,
    instead="""
        category harm "Avoiding harm"
          weight: 3
        """,
)

E109 = Code(
    "E109",
    "line given twice",
    what="A block has a line twice that it may have only once.",
    why="Only one of the two could count, and which one would be a guess.",
    example="""
        category harm "Avoiding harm"
          weight: 3
          weight: 2
        """,
    instead="""
        category harm "Avoiding harm"
          weight: 2
        """,
)

E110 = Code(
    "E110",
    "missing part",
    what="A block lacks a line, or a part of its first line, that it can't do without.",
    why="A principle needs a statement, an attribute a question and its values, a tension an answer for every case.",
    example="""
        tension safety-over-autonomy
          between harm and autonomy
          when severity is grave: prefer harm
        """,
    instead="""
        tension safety-over-autonomy
          between harm and autonomy
          when severity is grave: prefer harm
          otherwise: weigh harm 1, autonomy 1
        """,
)

E111 = Code(
    "E111",
    "text on the line of its key",
    what="A text begins on the same line as its key.",
    why="Texts always stand below their key, so that a change of one line is a change of one line.",
    example="""
        principle harm.weapons
          statement: Give no help towards injuring people.
        """,
    instead="""
        principle harm.weapons
          statement:
            Give no help towards injuring people.
        """,
)

E112 = Code(
    "E112",
    "field without a value",
    what="A key has nothing after its colon, or no text below it.",
    why="A field that is left open says nothing; leave it out, or fill it in.",
    example="""
        principle harm.weapons
          statement:
          weight: 2
        """,
    instead="""
        principle harm.weapons
          statement:
            Give no help towards injuring people.
          weight: 2
        """,
)

E113 = Code(
    "E113",
    "text in quotes that does not end",
    what="A text in quotes has no second quote on its line, or something follows that second quote.",
    why="A text in quotes is one line and holds no quote itself, so that nothing pasted in can swallow the file.",
    example='category harm "Avoiding harm',
    instead='category harm "Avoiding harm"',
)

E114 = Code(
    "E114",
    "line in the wrong place",
    what="A line stands where it has no meaning: a rule after `otherwise`, or an expectation before the first case.",
    why="Rules are tried from the top, so a rule below `otherwise` is never reached.",
    example="""
        tension safety-over-autonomy
          between harm and autonomy
          otherwise: abstain
          when severity is grave: prefer harm
        """,
    instead="""
        tension safety-over-autonomy
          between harm and autonomy
          when severity is grave: prefer harm
          otherwise: abstain
        """,
)

E115 = Code(
    "E115",
    "typographic character",
    what="A character stands where its plain form belongs: a curly quote, a no-break space, a sign such as ≥.",
    why="Word processors put them in by themselves. Outside texts, only the plain form has a meaning.",
    example="category harm “Avoiding harm”",
    instead='category harm "Avoiding harm"',
)

E116 = Code(
    "E116",
    "condition or number beyond reason",
    what="Conditions are nested more than fifty deep, or a number has more digits than can be counted with.",
    why="No reader could follow it, and it is most likely an accident of copying.",
    example="""
        category harm
          weight: 1000000000000000000000000000000000000000
        """,
    instead="""
        category harm
          weight: 1000
        """,
)

E117 = Code(
    "E117",
    "row that does not fit its table",
    what="A row of a table of cases has fewer or more values than the table has columns.",
    why="It could not be said which attribute has which value, and so not which case is meant.",
    example="""
        test "what is grave"
          table severity, topic | expect
            grave | harm over autonomy
    """,
    instead="""
        test "what is grave"
          table severity, topic | expect
            grave, weapons | harm over autonomy
    """,
)
