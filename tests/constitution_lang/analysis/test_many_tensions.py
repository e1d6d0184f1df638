"""What is asked of pairs of tensions is asked only where both may decide one pair of principles."""

from __future__ import annotations

from itertools import combinations
from unittest import mock

from constitution_lang.analysis import pairs
from constitution_lang.check import tensions
from constitution_lang.compile import compile_text


def test_only_tensions_between_the_same_categories_are_compared() -> None:
    names = [f"c{number}" for number in range(12)]
    text = "edition 2026\nconstitution many 1.0.0\n" + "".join(
        f'\ncategory {name} "C"\n\nprinciple {name}.p "P"\n  statement:\n    Do so.\n' for name in names
    )
    text += "".join(
        f"\ntension {one}-{other}\n  between {one} and {other}\n  otherwise: abstain\n"
        for one, other in combinations(names, 2)
    )
    with (
        mock.patch.object(pairs, "_widened", side_effect=pairs._widened) as widened,
        mock.patch.object(tensions, "_crossing", side_effect=tensions._crossing) as crossing,
    ):
        assert compile_text(text).bundle is not None
    assert widened.call_count == len(names) * (len(names) - 1) // 2
    assert crossing.call_count == 0
