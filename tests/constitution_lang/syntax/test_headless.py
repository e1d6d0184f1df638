"""Which lines of a block are taken for those of another, whose first line is missing."""

from __future__ import annotations

import pytest

from constitution_lang.source import Source
from constitution_lang.syntax.from_text import parse

HARM = 'category harm "Harm"\n  weight: 2\n'
RULE = "  between harm and autonomy\n  otherwise: abstain\n"
STATEMENT = "  statement:\n    Do.\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{HARM}\n{RULE}", ["E110 between"]),
        (f"{HARM}{RULE}", ["E110 between"]),
        (f"{HARM}\n\n  # A comment.\n{RULE}", ["E110 between"]),
        (f"{HARM}\n  between harm and autonomy\n", ["E107 between"]),  # too little for a tension
        (f"{HARM}  applies when severity is grave\n", ["E107 applies"]),
        (f"{HARM}\n  weight: 3\n", ["E109 weight"]),
        (f"{HARM}\n  share: at least 5%\n", []),
        (f'principle harm.a "A"\n{STATEMENT}\n  weight: 3\n{STATEMENT}', ["E110 weight"]),
        (f'principle harm.a "A"\n{STATEMENT}\n{STATEMENT}', ["E109 statement"]),
        (f'principle harm.a "A"\n{STATEMENT}\n{RULE}\n  case severity grave\n  expect harm over autonomy\n',
         ["E110 between", "E110 case"]),
        (f'principle harm.a "A"\n{STATEMENT}\n  between harm and\n  otherwise: abstain\n', ["E110 between", "E106 d"]),
    ],
)  # fmt: skip
def test_lines_without_a_first_line(text: str, expected: list[str]) -> None:
    source = Source("t.const", text)
    found = parse(source)[1]
    assert [f"{f.code} {text[f.primary.span.start : f.primary.span.end]}" for f in found] == expected


def test_mistakes_in_such_lines_are_told_at_their_places() -> None:
    text = f"{HARM}\n  levels: none < grave\n  defalt: none\n"
    found = parse(Source("t.const", text))[1]
    assert [text[f.primary.span.start : f.primary.span.end] for f in found] == ["levels", "defalt"]
