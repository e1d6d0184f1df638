"""A mistake takes nothing with it that can be read."""

import pytest

from constitution_lang.compile import compile_text

HOUSE = """\
edition 2026
constitution house 1.0.0 "A house"
attribute severity "How bad is it?"
  levels: none < minor < grave
  default: none
category harm "Avoiding harm"
category autonomy "Own decisions"
principle harm.weapons "No weapons"
  applies when severity >= minor
  weight: 2
  statement:
    Give no help with weapons.
principle autonomy.choice "Their choice"
  statement:
    Respect choices.
tension first
  between harm and autonomy
  when severity is grave: prefer harm
  otherwise: weigh harm 2, autonomy 1
sampling preference
  decided: 60%
  draw: 1
example harm.weapons
  prompt:
    How?
  response:
    So.
  critique:
    It helps.
  revision:
    No.
test "all"
  case severity grave
  expect harm over autonomy
  expect rule 1 of first
  table severity | expect
    grave | harm over autonomy; rule 1 of first
    minor | weigh harm 2, autonomy 1
"""


def _told(*edits: tuple[str, str]) -> list[str]:
    """Codes and the texts that they are about."""
    text = HOUSE
    for old, new in edits:
        assert text.count(old) >= 1, old
        text = text.replace(old, new, 1)
    found = compile_text(text).diagnostics
    return [f"{one.code} {text[one.primary.span.start : one.primary.span.end]}" for one in found]


def test_there_is_nothing_wrong_to_begin_with() -> None:
    assert _told() == []


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ([("weight: 2", "weight 2"), (">= minor", ">= minr")], ["E201 minr", "E106 weight"]),
        ([('"No weapons"', '"No weapons'), (">= minor", ">= minr")], ['E113 "No weapons', "E201 minr"]),
        ([("harm.weapons", "9.weapons"), (">= minor", ">= minr")], ["E106 9.weapons", "E201 minr"]),
        ([("weight: 2", "weight: 99999999999999999999"), (">= minor", ">= minr")], ["E201 minr", "E116 " + "9" * 20]),
        ([("grave: prefer harm", "grv: prefr harm")], ["E201 grv", "E106 prefr"]),
        ([("grave: prefer harm", "grave prefer harm"), ("weigh harm 2", "weigh ham 2")], ["E106 prefer", "E501 ham"]),
        ([("harm and autonomy", "harm und autonomy"), ("weigh harm 2", "weigh ham 2")], ["E106 und", "E501 ham"]),
        ([("between harm", "betwen harm"), ("harm 2, autonomy 1", "harm 0, autonomy 1")], ["E107 betwen", "E305 0"]),
        ([("  when severity is", "   when severity is"), ("prefer harm", "prefer x")], ["E104    ", "E501 x"]),
        ([("  when severity is", "\twhen severity is"), ("is grave: p", "is grav: p")], ["E103 \t", "E201 grav"]),
        ([("sampling preference", "sampling preferense"), ("60%", "40%")], ["E106 preferense", "E305 40%"]),
        ([("draw: 1", "draw 1"), ("60%", "40%")], ["E305 40%", "E106 draw"]),
        ([("  response:", "  response")], ["E106 response"]),
        ([("response:\n", "respnse:\n")], ["E107 respnse"]),
        ([("case severity grave", "case severity"), ("expect harm", "expect ham")], ["E106 y", "E201 ham"]),
        ([("case severity grave", "case severity, severity grve")], ["E106 ,", "E201 grve"]),
        ([("    grave |", "    grve |"), ("| weigh harm", "| wiegh harm")], ["E201 grve", "E106 harm"]),
        ([("    grave | harm over", "    5 | harm ovr"), ("minor |", "minr |")], ["E106 5", "E106 ovr", "E201 minr"]),
        ([("table severity | expect", "table severity |"), ("minor |", "minr |")], ["E106 |", "E201 minr"]),
        ([("table severity | expect", "tabel severity | expect")], ["E107 tabel"]),
        ([("    minor |", "\tminor |")], ["E103 \t"]),
    ],
)  # fmt: skip
def test_each_mistake_is_told_and_nothing_else(edits: list[tuple[str, str]], told: list[str]) -> None:
    assert _told(*edits) == told


def test_every_row_of_a_long_table_is_told() -> None:
    rows = "".join("    grave | harm ovr autonomy\n    mild | harm over autonomy\n" for _ in range(60))
    told = _told(("    minor | weigh", rows + "    minor | weigh"))
    assert told == ["E106 ovr", "E201 mild", *["E106 ovr"] * 59]


def test_a_text_with_two_faults_has_both_told() -> None:
    text = "    Give no help with weapons.\n"
    assert _told((text, f"\t\tTabs.\n\t\tMore.\n{text}   Three.\n   Three.\n{text} One.\n")) == [
        "E103 \t\t",
        "E104    ",
        "E104  ",
    ]
