"""An edit is told with all that it does: nothing of it hides behind another change, or behind rounding."""

from __future__ import annotations

import pytest

from constitution_lang.diff.approvals import review
from constitution_lang.diff.compare import diff
from constitution_lang.diff.model import Aspect, Change, Difference, Grade, Work
from constitution_lang.diff.render.markdown import ROOM, to_markdown
from constitution_lang.diff.segments import marked
from tests.constitution_lang.diff.test_changes import between, only
from tests.constitution_lang.texts import WHOLE, bundle_of

SAMPLING = "\nsampling preference\n  decided: {}\n  reasoning: yes\n  clamp: {} to {}\n"
CARE = """
category care "Care"

principle care.kind "Kind"
  statement:
    Be kind.
"""
FIRST = "\ntension care-first\n  between autonomy and care\n  otherwise: prefer care\n"
REFUSAL = (
    "{% user %}{{ prompt }} {{ response }}{% for c in choices %} ({{ c.letter }}) {{ c.value }}{% endfor %}"
    "{% enduser %}\n"
    "{% opening %}It is ({% endopening %}\n"
)


def of(found: Difference, id: str) -> Change:
    return next(c for c in found.changes if c.id == id)


@pytest.mark.parametrize(("decided", "low"), [("67.69%", "40%"), ("67.67%", "39.97%")])
def test_no_rounding_hides_what_makes_a_label(decided: str, low: str) -> None:
    high = {"40%": "60%", "39.97%": "60.03%"}
    texts = ("67.67%", "40%", "60%"), (decided, low, high[low])
    change = only(between(*(WHOLE + SAMPLING.format(*said) for said in texts)))
    assert (change.grade, change.aspect) == (Grade.BEHAVIOUR, Aspect.EVIDENCE)
    assert decided in change.after or low in change.after


def test_levels_that_are_none_any_more_hide_no_other_question() -> None:
    old, new = 'severity "How bad is it?"\n  levels: none < minor', 'severity "How bad?"\n  one of: none, minor'
    new_text = WHOLE.replace(old, new).replace("minor < grave", "minor, grave")
    change = of(between(WHOLE, new_text), "attribute/severity/values")
    assert change.grade is Grade.WORDING
    assert Work.TAGS in {s.work for s in change.stale}
    assert "its question is put otherwise" in change.says
    other = of(between(WHOLE, new_text.replace("How bad?", "How very bad?")), "attribute/severity/values")
    assert other.fingerprint != change.fingerprint


def test_a_tension_with_new_principles_changes_what_old_ones_are_told() -> None:
    change = of(between(WHOLE, WHOLE + CARE + FIRST), "tension/care-first/added")
    assert change.grade is Grade.BEHAVIOUR
    assert {Work.CRITIQUES, Work.REVISIONS} <= {s.work for s in change.stale}
    assert any("autonomy.choice" in s.principles for s in change.stale)


@pytest.mark.parametrize(
    ("old", "new", "id"),
    [
        ("Be kind.", "Be kind.\n  weight: 500", "principle/care.kind/added"),
        ("Be kind.", "Be kind.\n  applies when severity is grave", "principle/care.kind/added"),
        ("Be kind.", "Be kind.\n  prefer:\n    Which is longer?", "principle/care.kind/added"),
        ('"Care"', '"Care"\n  weight: 1000', "category/care/added"),
        ('"Care"', '"Care"\n  statement:\n    Always care.', "category/care/added"),
        ('"Old?"', '"Young?"', "attribute/age/added"),
        ("default: adult", "default: child", "attribute/age/added"),
    ],
)
def test_what_is_new_is_approved_with_all_that_it_says(old: str, new: str, id: str) -> None:
    more = CARE + '\nattribute age "Old?"\n  one of: child, adult\n  default: adult\n'
    assert old in more
    changes = [of(between(WHOLE, WHOLE + text), id) for text in (more, more.replace(old, new))]
    assert changes[0].fingerprint != changes[1].fingerprint
    assert changes[0].grade is Grade.BEHAVIOUR


def test_a_principle_that_no_longer_applies_changes_what_the_others_are_told() -> None:
    change = only(between(WHOLE, WHOLE.replace('"No weapons"', '"No weapons"\n  applies when severity is minor')))
    assert {Work.CRITIQUES, Work.REVISIONS} <= {s.work for s in change.stale}


def test_a_template_is_told_beside_the_examples_of_its_prompts() -> None:
    example = "\nexample revision\n  prompt:\n    A.\n  response:\n    B.\n  critique:\n    {}\n  revision:\n    D.\n"
    named = '\ntemplate critique from "c.j2"\n'
    body = "{% user %}{{ prompt }} {{ response }} {{ critique_request }}WORDS{% enduser %}\n"
    old = bundle_of(WHOLE + example.format("C.") + named, {"c.j2": body})
    new = bundle_of(WHOLE + example.format("E.") + named, {"c.j2": body.replace("WORDS", " Be rude.")})
    assert {c.id for c in diff(old, new).changes} == {"example/revision/wording", "template/critique/wording"}


def test_another_question_about_refusals_makes_their_count_stale() -> None:
    old, new = (
        bundle_of(WHOLE + '\ntemplate refusal from "r.j2"\n', {"r.j2": REFUSAL.replace("It is", start)})
        for start in ("It is", "It does")
    )
    assert [s.work for s in only(diff(old, new)).stale] == [Work.MEASURES]


def test_long_texts_without_a_word_in_common_are_compared() -> None:
    old, new = ("".join(f"{word} | <b>{word}</b>. " for _ in range(700)) for word in ("one", "two"))
    segments = marked(old, new)
    assert "".join(s.text for s in segments if s.mark != "new") == old
    assert "".join(s.text for s in segments if s.mark != "old") == new


def test_a_comment_about_many_constitutions_fits() -> None:
    seen = review(between(WHOLE, WHOLE.replace("weight: 3", "weight: 4")), ())
    text = to_markdown([seen] * 400)
    assert len(text) <= ROOM
    assert f"And {400 - text.count('### ')} more constitutions" in text
