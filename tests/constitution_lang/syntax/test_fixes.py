"""The edit that a finding offers is all that there is to do."""

from __future__ import annotations

import pytest

from constitution_lang.source import Source
from constitution_lang.syntax.from_text import parse

CATEGORY = 'category harm "Avoiding harm"\n  {}\n'
ATTRIBUTE = 'attribute topic "What is it about?"\n  one of: general, law\n  {}\n'
VALUES = 'attribute topic "What is it about?"\n  {}\n  default: general\n'


@pytest.mark.parametrize(
    ("around", "written", "right"),
    [
        (CATEGORY, "weight = 3", "weight: 3"),
        (CATEGORY, "weight: = 3", "weight: 3"),
        (CATEGORY, "weight is 3 # three", "weight: 3 # three"),
        (CATEGORY, "owner Policy team", 'owner: "Policy team"'),
        (CATEGORY, 'statement = "Do not hurt anyone."', "statement:\n    Do not hurt anyone."),
        (CATEGORY, "statement Do not hurt anyone.", "statement:\n    Do not hurt anyone."),
        (CATEGORY, "statement: “Do not hurt anyone.”", "statement: \n    Do not hurt anyone."),
        (CATEGORY, "statement: |\n    Do not hurt anyone.", "statement: \n    Do not hurt anyone."),
        (ATTRIBUTE, "default = general", "default: general"),
        (ATTRIBUTE, 'default: "general"', "default: general"),
        (VALUES, "one of: general, public health", "one of: general, public-health"),
        (VALUES, "one of := general, law", "one of :general, law"),
        (VALUES, "one of = general, law", "one of: general, law"),
        (VALUES, 'one of: ["general", "law"]', "one of: general, law"),
        (VALUES, "levels: law > general", "levels: general < law"),
        (VALUES, "levels: general, law", "levels: general < law"),
    ],
)
def test_one_edit_makes_it_right(around: str, written: str, right: str) -> None:
    text = around.format(written)
    [found] = parse(Source("a.const", text))[1]
    assert found.fix
    mended = text[: found.fix.span.start] + found.fix.text + text[found.fix.span.end :]
    assert mended == around.format(right)
    assert parse(Source("a.const", mended))[1] == ()
