"""Each kind of change by an example, with the figures worked out by hand."""

from __future__ import annotations

import pytest

from constitution_lang.diff.compare import diff
from constitution_lang.diff.counts import Direction
from constitution_lang.diff.model import (
    Aspect,
    Change,
    Difference,
    Grade,
    Growth,
    Mark,
    Work,
)
from constitution_lang.diff.segments import marked
from constitution_lang.diff.versions import verdict
from constitution_lang.ir.model import AllOf, AnyOf, Compare, Not, Stage
from tests.conftest import BuildBundle
from tests.constitution_lang.texts import HEAD, PAIR, WHOLE, bundle_of


def between(old: str, new: str, files: dict[str, str] | None = None, later: dict[str, str] | None = None) -> Difference:
    return diff(bundle_of(old, files), bundle_of(new, later or files))


def only(found: Difference) -> Change:
    assert [c.id for c in found.changes] == [found.changes[0].id]
    return found.changes[0]


@pytest.mark.parametrize(
    ("old", "new", "id", "grade"),
    [
        ("weight: 3", "weight: 4", "category/harm/weight", Grade.MIX),
        ('"No weapons"', '"Not one weapon"', "principle/harm.weapons/metadata", Grade.METADATA),
        ("Harm lasts.", "It lasts.", "tension/care/metadata", Grade.METADATA),
        ("prefer harm", "abstain", "tension/care/outcome", Grade.BEHAVIOUR),
        ("severity is grave", "not (severity < grave)", "tension/care/rewritten", Grade.METADATA),
        ("default: none", "default: minor", "attribute/severity/default", Grade.BEHAVIOUR),
        ("none < minor < grave", "none < minor < bad < grave", "attribute/severity/values", Grade.BEHAVIOUR),
        ("one of: general, medical", "one of: medical, general", "attribute/topic/values", Grade.WORDING),
        ("How bad is it?", "How bad is this?", "attribute/severity/wording", Grade.WORDING),
        ("Respect choices.", "Respect their choices.", "principle/autonomy.choice/wording", Grade.WORDING),
        ("house 1.0.0", "home 1.0.0", "constitution/home/metadata", Grade.METADATA),
    ],
)
def test_one_edit_is_one_change(old: str, new: str, id: str, grade: Grade) -> None:
    assert old in WHOLE
    change = only(between(WHOLE, WHOLE.replace(old, new)))
    assert (change.id, change.grade) == (id, grade)
    assert between(WHOLE, WHOLE.replace(old, new)).verdict.holds is False


def test_a_value_that_came_leaves_its_cases_out() -> None:
    new = WHOLE.replace("none < minor < grave", "none < minor < bad < grave").replace("is grave", ">= minor")
    found = between(WHOLE, new)
    change = next(c for c in found.changes if c.aspect is Aspect.OUTCOME)
    assert change.cases is not None
    assert (change.cases.changed, change.cases.total) == (2, 6)
    assert change.cases.left_out == "severity bad"
    values = next(c for c in found.changes if c.aspect is Aspect.VALUES)
    assert values.says == "severity has the new value bad: 2 new cases, in which care looks at it"
    assert [stale.work for stale in values.stale] == list(Work)[:-1], (
        "all that follows from a tag may come out otherwise"
    )


def test_a_pair_that_is_no_longer_labelled_is_stricter() -> None:
    change = only(between(WHOLE, WHOLE.replace("prefer harm", "abstain")))
    assert change.cases is not None
    assert change.cases.direction is Direction.STRICTER
    assert change.cases.changes[0].before == "prefer harm"
    assert {stale.work for stale in change.stale} == {Work.CRITIQUES, Work.REVISIONS, Work.LABELS}


def test_the_witness_of_each_direction() -> None:
    old = WHOLE.replace('"No weapons"\n', '"No weapons"\n  applies when severity is minor\n')
    new = WHOLE.replace('"No weapons"\n', '"No weapons"\n  applies when severity is grave\n')
    change = next(c for c in between(old, new).changes if c.aspect is Aspect.APPLIES)
    assert change.cases is not None
    assert change.cases.direction is Direction.MIXED
    told = {c.direction: (c.count, dict(c.witness)["severity"]) for c in change.cases.changes}
    assert told == {Direction.STRICTER: (2, "grave"), Direction.LOOSER: (2, "minor")}


def test_one_weight_of_sixteen_raised_by_half(build_bundle: BuildBundle) -> None:
    def weighing(first: float) -> Difference:
        bundles = [
            build_bundle(categories={"a": 1}, principles={f"a.p{i:02}": (w if i == 0 else 1) for i in range(16)})
            for w in (1.0, first)
        ]
        return diff(bundles[0], bundles[1])

    found = weighing(1.5)
    change = only(found)
    revision = next(m for m in found.movement if m.stage is Stage.REVISION)
    # One effective weight that rises moves exactly the total variation distance.
    assert revision.default is not None
    assert revision.default.share == pytest.approx(1.5 / 16.5 - 1 / 16)
    assert (revision.exact, revision.default.first) == (True, False)
    assert [s.work for s in change.stale] == [Work.DRAWS]
    assert [m.stage for m in found.movement] == [Stage.REVISION], "all sixteen vote on a pair, before and after"


def test_forty_attributes_of_eight_values(build_bundle: BuildBundle) -> None:
    attributes = {f"a{i:02}": tuple(f"v{n}" for n in range(8)) for i in range(40)}
    # Each of twenty pairs of attributes holds in 8 * 8 - 7 * 7 = 15 of its 64 ways; all of them in 15^20 cases.
    every = [AnyOf((Compare(f"a{i:02}", ("v1",)), Compare(f"a{i + 20:02}", ("v2",)))) for i in range(20)]
    old, new = AllOf(tuple(every)), AllOf((*every[:-1], Not(every[-1])))
    bundles = [build_bundle(attributes=attributes, categories={"a": 1}, principles={"a.p": (1, c)}) for c in (old, new)]
    cases = only(diff(bundles[0], bundles[1])).cases
    assert cases is not None
    assert cases.total == 8**40
    assert {c.direction: c.count for c in cases.changes} == {
        Direction.STRICTER: 15**19 * 49,
        Direction.LOOSER: 15**20,
    }


def test_one_wording_in_many_prompts_is_told_once() -> None:
    change = only(between(WHOLE, WHOLE.replace("Respect choices.", "Respect their choices.")))
    text = change.prompts[0]
    assert len(change.prompts) == 1
    assert {id.partition("/")[0] for id in text.new} == {"critique", "revise", "revise_direct", "prefer"}
    assert [(s.mark, s.text) for s in text.segments] == [
        (Mark.SAME, "Respect "), (Mark.NEW, "their "), (Mark.SAME, "choices."),
    ]  # fmt: skip


def test_a_template_is_told_as_one() -> None:
    line = 'template refusal from "refusal.j2"\n'
    asking = "{% user %}{{ prompt }} {{ response }} Refused?{% enduser %}{% opening %}({% endopening %}"
    files = {"refusal.j2": asking}
    found = between(WHOLE + line, WHOLE + line, files, {"refusal.j2": asking.replace("Refused", "Declined")})
    change = only(found)
    assert (change.id, change.grade) == ("template/refusal/wording", Grade.WORDING)
    assert [s.text for s in change.prompts[0].segments if s.mark is not Mark.SAME] == ["Refused", "Declined"]


def test_an_edited_test_is_metadata() -> None:
    change = only(between(WHOLE + PAIR, WHOLE + PAIR.replace("Like this.", "Like that.")))
    assert (change.grade, change.prompts[0].note) == (Grade.METADATA, "worse answer")


def test_renames_and_lost_ids() -> None:
    renamed = WHOLE.replace(
        'autonomy.choice "Their choice"', 'autonomy.respect "Their choice"\n  formerly: autonomy.choice'
    )
    found = between(WHOLE, renamed)
    assert only(found).aspect is Aspect.RENAMED
    assert found.renamed == (("autonomy.choice", "autonomy.respect"),)
    back = between(renamed, WHOLE)
    assert back.grade is Grade.IDENTITY
    again = renamed.replace("autonomy.respect", "autonomy.will").replace(
        "formerly: autonomy.choice", "formerly: autonomy.respect"
    )
    change = only_error(between(renamed, again))
    assert (change.aspect, change.help) == (Aspect.REKEYED, "write `formerly: autonomy.choice, autonomy.respect`")


def test_retired_lines_stay_and_their_ids_do_not_come_back() -> None:
    retired = WHOLE + "retired principle harm.insults since 1.0.0\n"
    change = only_error(between(retired, WHOLE))
    assert change.help == "put `retired principle harm.insults since 1.0.0` back"
    comes_back = WHOLE + 'principle harm.insults "New"\n  statement:\n    Something new.\n'
    assert only_error(between(retired, comes_back)).aspect is Aspect.REUSED


def only_error(found: Difference) -> Change:
    errors = [c for c in found.changes if c.grade is Grade.IDENTITY]
    assert [c.id for c in errors] == [errors[0].id]
    return errors[0]


@pytest.mark.parametrize(
    ("old", "new", "grade", "needed", "least", "holds"),
    [
        ("1.2.3", "2.0.0", Grade.BEHAVIOUR, Growth.MAJOR, "2.0.0", True),
        ("1.2.3", "1.3.0", Grade.BEHAVIOUR, Growth.MAJOR, "2.0.0", False),
        ("1.2.3", "1.3.0", Grade.WORDING, Growth.MINOR, "1.3.0", True),
        ("1.2.3", "3.0.0", Grade.MIX, Growth.MINOR, "1.3.0", True),
        ("1.2.3", "1.2.3", Grade.COSMETIC, Growth.PATCH, "1.2.4", False),
        ("1.9.9", "1.10.0", Grade.MIX, Growth.MINOR, "1.10.0", True),
        ("1.2.3", "1.2.3", None, Growth.NONE, "1.2.3", True),
        ("1.2.3", "1.2.2", None, Growth.NONE, "1.2.3", False),
    ],
)
def test_versions(old: str, new: str, grade: Grade | None, needed: Growth, least: str, holds: bool) -> None:  # noqa: FBT001
    found = verdict(old, new, grade)
    assert (found.needed, found.least, found.holds) == (needed, least, holds)


def test_the_fingerprint_is_of_the_edit_alone() -> None:
    def fingerprint(old: str, new: str) -> str:
        return next(c.fingerprint for c in between(old, new).changes if c.aspect is Aspect.OUTCOME)

    edit = ("prefer harm", "abstain")
    moved = WHOLE.replace(HEAD, HEAD + "# A remark.\n\n").replace("weight: 3", "weight: 5")
    assert fingerprint(WHOLE, WHOLE.replace(*edit)) == fingerprint(WHOLE, moved.replace(*edit))
    assert fingerprint(WHOLE, WHOLE.replace(*edit)) != fingerprint(
        WHOLE, WHOLE.replace("prefer harm", "prefer autonomy")
    )


@pytest.mark.parametrize(
    ("old", "new"), [("", "a b"), ("a b", ""), ("a b c", "a c"), ("one two", "three four"), ("x\n\ny", "x y")]
)
def test_segments_hold_both_texts(old: str, new: str) -> None:
    segments = marked(old, new)
    assert "".join(s.text for s in segments if s.mark is not Mark.NEW) == old
    assert "".join(s.text for s in segments if s.mark is not Mark.OLD) == new


def test_an_id_with_nothing_left_of_its_text_is_asked_about() -> None:
    other = WHOLE.replace("Give no help with weapons.", "Answer in French.")
    assert only(between(WHOLE, other)).help == ""
    wording = next(
        c for c in between(WHOLE, other.replace("No weapons", "French")).changes if c.aspect is Aspect.WORDING
    )
    assert wording.grade is Grade.WORDING
    assert "`retired principle harm.weapons`" in wording.help


def test_ids_that_exchange_their_texts_are_a_mistake_and_an_honest_rewording_is_none() -> None:
    weapons, choice = "Give no help with weapons.", "Respect choices."
    swapped = WHOLE.replace(weapons, "TAKEN").replace(choice, weapons).replace("TAKEN", choice)
    found = [c for c in between(WHOLE, swapped).changes if c.aspect is Aspect.REUSED]
    assert [c.says for c in found] == [
        "autonomy.choice says now what harm.weapons said",
        "harm.weapons says now what autonomy.choice said",
    ]
    assert all(c.grade is Grade.IDENTITY and c.help for c in found)
    for honest in (
        WHOLE.replace(weapons, choice),  # a copy: the other one still says so
        WHOLE.replace(weapons, "Say what you know about the weather."),
        WHOLE.replace(weapons, f"{choice} {weapons}").replace(f"    {choice}\n", f"    {choice} Always.\n"),
    ):
        assert all(c.grade is not Grade.IDENTITY for c in between(WHOLE, honest).changes)
