from __future__ import annotations

from collections.abc import Callable

import pytest

from constitution_lang.ir.model import ALWAYS, Abstain, Bundle, Compare, Prefer, Stage, Weigh
from constitution_lang.sampling import shares, weights, weights_matrix

Build = Callable[..., Bundle]
GRAVE = Compare("severity", ("grave",))
ATTRIBUTES = {"severity": ("none", "grave")}


def test_a_category_has_its_share_however_many_principles_apply(build_bundle: Build) -> None:
    bundle = build_bundle(
        attributes=ATTRIBUTES,
        categories={"autonomy": 1, "harm": 3},
        principles={"autonomy.a": 5, "harm.a": 1, "harm.b": 1, "harm.weapons": (2, GRAVE)},
    )
    assert shares(bundle, Stage.REVISION, {}) == {"autonomy.a": 0.25, "harm.a": 0.375, "harm.b": 0.375}
    assert shares(bundle, Stage.PREFERENCE, {"severity": "grave"}) == {
        "autonomy.a": 0.25, "harm.a": 0.1875, "harm.b": 0.1875, "harm.weapons": 0.375,
    }  # fmt: skip


def test_splitting_a_principle_changes_no_category(build_bundle: Build) -> None:
    whole = build_bundle(categories={"a": 1, "b": 1}, principles={"a.x": 1, "b.y": 1})
    split = build_bundle(categories={"a": 1, "b": 1}, principles={"a.x1": 1, "a.x2": 1, "b.y": 1})
    assert shares(whole, Stage.REVISION, {})["b.y"] == shares(split, Stage.REVISION, {})["b.y"] == 0.5


def test_a_category_without_a_principle_leaves_its_share_to_the_others(build_bundle: Build) -> None:
    bundle = build_bundle(attributes=ATTRIBUTES, categories={"a": 1, "b": 9}, principles={"a.x": 1, "b.y": (1, GRAVE)})
    assert shares(bundle, Stage.REVISION, {}) == {"a.x": 1.0}


def test_weighing_multiplies_where_both_sides_are_in_play(build_bundle: Build) -> None:
    bundle = build_bundle(
        attributes=ATTRIBUTES,
        categories={"a": 1, "b": 1, "c": 1},
        principles={"a.x": 1, "a.y": 1, "b.x": (1, GRAVE), "c.x": 1},
        tensions={
            "t1": ("a", "b", [(ALWAYS, Weigh(2, 3))]),
            "t2": ("a.x", "b.x", [(ALWAYS, Weigh(5, 7))]),
            "t3": ("a", "c", [(ALWAYS, Prefer("a"))]),
            "t4": ("b", "c", [(ALWAYS, Abstain())]),
        },
    )
    assert weights(bundle, {}) == {"a.x": 0.5, "a.y": 0.5, "c.x": 1.0}
    # The specific tension takes the pair (a.x, b.x) from the general one, which keeps (a.y, b.x).
    assert weights(bundle, {"severity": "grave"}) == {"a.x": 2.5, "a.y": 1.0, "b.x": 21.0, "c.x": 1.0}


def test_a_multiplier_counts_once_however_many_stand_against_it(build_bundle: Build) -> None:
    bundle = build_bundle(
        categories={"a": 1, "b": 1},
        principles={"a.x": 1, "b.x": 1, "b.y": 1, "b.z": 2},
        tensions={"t": ("a", "b", [(ALWAYS, Weigh(2, 1))])},
    )
    assert shares(bundle, Stage.REVISION, {})["a.x"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("zero", [{"a": 0, "b": 1}, {"a": 1, "b": 1}])
def test_what_weighs_nothing_has_no_share(build_bundle: Build, zero: dict[str, float]) -> None:
    bundle = build_bundle(categories=zero, principles={"a.x": 0 if zero["a"] else 1, "b.y": 1})
    assert shares(bundle, Stage.REVISION, {}) == {"a.x": 0.0, "b.y": 1.0}


def test_no_shares_where_nothing_applies(build_bundle: Build) -> None:
    bundle = build_bundle(attributes=ATTRIBUTES, categories={"a": 1}, principles={"a.x": (1, GRAVE)})
    assert shares(bundle, Stage.REVISION, {}) == {}


def test_the_matrix_has_a_row_for_each_case(build_bundle: Build) -> None:
    bundle = build_bundle(attributes=ATTRIBUTES, categories={"a": 2}, principles={"a.x": (1, GRAVE), "a.y": 3})
    assert weights_matrix(bundle, [{}, {"severity": "grave"}]).tolist() == [[0.0, 2.0], [0.5, 1.5]]
