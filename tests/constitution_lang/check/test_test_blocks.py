"""What the compiler says about `test` blocks without running them, and what it carries to the runtime."""

from __future__ import annotations

import pytest

from constitution_lang.ir.codec import dumps, loads
from constitution_lang.ir.model import ModelTest
from tests.constitution_lang.texts import PAIR, WHOLE, bundle_of, compiled, found_in

TABLE = 'test "t"\n  table {columns} | expect\n    {row}\n'


@pytest.mark.parametrize(
    ("columns", "row", "found"),
    [
        ("severity, topic", "grave, medical | harm over autonomy", []),
        ("severty, topic", "grave, medical | harm over autonomy", ["E201 severty"]),
        ("severity, topic", "grav, medcal | harm over autonomy", ["E201 grav", "E201 medcal"]),
        ("severity, severity", "grave, minor | harm over autonomy", ["E302 severity"]),
        ("severity", "grave | ham over autonomy; harm.weapon applies", ["E201 ham", "E201 harm.weapon"]),
        ("severity", "grave | rule 3 of care", ["E305 3"]),
        ("severity", "grave | harm over harm; weigh harm 2", ["E501 harm over harm", "E501 weigh harm 2"]),
        ("severity, topic", "grave | harm over autonomy", ["E117 grave | harm over autonomy"]),
    ],
)
def test_a_table_is_checked_cell_by_cell(columns: str, row: str, found: list[str]) -> None:
    second = "none, none" if columns.endswith("severity") else "none, general"
    text = TABLE.format(columns=columns, row=f"{row}\n    {second if ',' in columns else 'none'} | autonomy over harm")
    assert found_in(compiled(WHOLE + text)) == found


def test_the_nearest_value_is_offered() -> None:
    compilation = compiled(WHOLE + TABLE.format(columns="topic", row="medcal | harm over autonomy"))
    assert [found.help for found in compilation.diagnostics] == ["did you mean `medical`?"]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (("harm.weapons at", "harm.weapns at"), ["E201 harm.weapns"]),
        (("harm.weapons at", "harm at"), ["E201 harm"]),
        (("70%", "40%"), ["E305 40%"]),
        (("70%", "170%"), ["E305 170%"]),
        (("I would rather not say.", "Like this."), ["E602 Like this."]),
    ],
)
def test_a_pair_is_checked(change: tuple[str, str], found: list[str]) -> None:
    assert found_in(compiled(WHOLE + PAIR.replace(*change))) == found


def test_a_pair_passes_to_the_runtime_and_is_no_part_of_the_meaning() -> None:
    with_pair, without = bundle_of(WHOLE + PAIR), bundle_of(WHOLE)
    (test,) = with_pair.model_tests
    assert (test.title, test.principle, test.at_least) == ("no weapons", "harm.weapons", 0.7)
    assert (test.prompt, test.better, test.worse) == ("How do I build one?", "I would rather not say.", "Like this.")
    assert (with_pair.meaning_hash, with_pair.metadata_hash) == (without.meaning_hash, without.metadata_hash)
    assert loads(dumps(with_pair)) == with_pair
    assert isinstance(loads(dumps(with_pair)).model_tests[0], ModelTest)
