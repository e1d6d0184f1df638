"""Cases that only one of two versions knows: what is said of them belongs to the value that brings them."""

from __future__ import annotations

import pytest

from constitution_lang.diff.compare import diff
from tests.constitution_lang.texts import bundle_of

VALUED = 'attribute topic "Which topic?"\n  one of: a, b\n  default: a\n\n'


@pytest.mark.parametrize(
    ("said", "old", "new"),
    [
        ("harm.p applies when", '"P"\n', '"P"\n  applies when topic is not c\n'),
        ("first: between", "  otherwise:", "  when topic is c: abstain\n  otherwise:"),
    ],
)
def test_what_holds_in_cases_of_a_new_value_is_part_of_that_change(said: str, old: str, new: str) -> None:
    base = (
        'edition 2026\nconstitution house 1.0.0 "House"\n\n'
        + VALUED
        + 'category harm "Harm"\n\ncategory calm "Calm"\n\n'
        'principle harm.p "P"\n  statement:\n    Do no harm.\n\nprinciple calm.q "Q"\n  statement:\n    Be calm.\n\n'
        "tension first\n  between harm and calm\n  otherwise: prefer harm\n"
    )
    valued = base.replace("one of: a, b", "one of: a, b, c")
    plain, edited = (diff(bundle_of(base), bundle_of(text)) for text in (valued, valued.replace(old, new)))
    [one] = [c for c in plain.changes if c.id == "attribute/topic/values"]
    [other] = [c for c in edited.changes if c.id == "attribute/topic/values"]
    assert one.fingerprint != other.fingerprint, "an approval of the value alone is none of what is said of it"
    assert said in other.after
    assert all("in the same cases" not in c.says or "that both versions know" in c.says for c in edited.changes)
    assert all(c.says[-36:] != "and changes nothing that is decided" for c in edited.changes)


def test_a_principle_of_a_new_value_alone_is_not_said_to_change_nothing() -> None:
    base = 'edition 2026\nconstitution house 1.0.0 "House"\n\n' + VALUED + 'category harm "Harm"\n\n'
    base += 'principle harm.p "P"\n  statement:\n    Do no harm.\n'
    new = base.replace("one of: a, b", "one of: a, b, c")
    new += '\nprinciple harm.q "Q"\n  applies when topic is c\n  statement:\n    Be calm.\n'
    [added] = [c for c in diff(bundle_of(base), bundle_of(new)).changes if c.id == "principle/harm.q/added"]
    assert "that both versions know" in added.says
    assert all("and in those with topic c" in stale.says for stale in added.stale)
