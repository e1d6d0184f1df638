from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from constitution_lang.ir.cases import CaseError
from constitution_lang.ir.model import ALWAYS, Bundle, Compare, Stage, Weigh
from constitution_lang.sampling import draws, plan, prompt_keys, shares, weights
from constitution_lang.sampling.draw import exact_order
from constitution_lang.sampling.hash import hash64, uniform
from constitution_lang.sampling.kernel import CHUNK, Kernel

Build = Callable[..., Bundle]
REVISION = Stage.REVISION
GRAVE = Compare("severity", ("grave",))
CASES = ({"severity": "none"}, {"severity": "minor"}, {"severity": "grave"})


def some_bundle(build: Build, **changes: float) -> Bundle:
    own = {"a.x": 1.0, "a.y": 2.5, "b.x": 1.0, "b.y": 1.0, "c.x": 0.3} | changes
    return build(
        attributes={"severity": ("none", "minor", "grave")},
        categories={"a": 1, "b": 3, "c": 2},
        principles=own | {"b.grave": (4.0, GRAVE), "c.zero": 0.0},
        tensions={"t": ("a", "b", [(GRAVE, Weigh(1, 5)), (ALWAYS, Weigh(1.5, 1))])},
    )


@pytest.fixture(scope="module")
def bundle(build_bundle: Build) -> Bundle:
    return some_bundle(build_bundle)


def prompt_ids(count: int, tag: str = "x") -> list[str]:
    return [f"{tag}{i}" for i in range(count)]


def reference(bundle: Bundle, prompt: str, case: dict[str, str], round: int, seed: int = 3) -> list[str]:
    """All principles in order, by sixty digits and nothing clever."""
    with localcontext(prec=60):
        times = sorted(
            (-Decimal(uniform(hash64(seed, REVISION, prompt, round, bundle.principle(id).key))).ln() / Decimal(w), id)
            for id, w in weights(bundle, case).items()
            if w > 0
        )
    return [id for _, id in times]


def ids(drawn: Sequence[Sequence[object]]) -> list[list[str]]:
    return [[p.id for p in round] for round in drawn]  # type: ignore[attr-defined]


# --- one definition, three readings -------------------------------------------------------------


@pytest.mark.parametrize("draw", [1, 2, 3, 9])
def test_plan_and_draws_are_the_definition(bundle: Bundle, draw: int) -> None:
    prompts = prompt_ids(90)
    given = [CASES[i % 3] for i in range(90)]
    planned = plan(bundle, 3, REVISION, prompts, given, draw=draw)
    for i, (prompt, case) in enumerate(zip(prompts, given, strict=True)):
        expected = [reference(bundle, prompt, case, r)[:draw] for r in range(4)]
        assert ids(planned.of(i)) == expected
        assert ids(draws(bundle, 3, REVISION, prompt, case, draw=draw)) == expected


@pytest.mark.parametrize("draw", [1, 2, 5, 9])
def test_the_exact_path_gives_what_the_fast_one_gives(bundle: Bundle, draw: int) -> None:
    """With a margin as wide as all times, every draw is resolved exactly."""
    prompts = prompt_ids(60)
    fast = plan(bundle, 3, REVISION, prompts, [CASES[2]] * 60, draw=draw)
    asked = []

    def resolve(position: int, round: int) -> list[int]:
        asked.append((position, round))
        case_ids = reference(bundle, prompts[position], CASES[2], round)[:draw]
        columns = [i for id in case_ids for i, p in enumerate(bundle.principles) if p.id == id]
        return columns + [-1] * (draw - len(columns))

    from constitution_lang.sampling import weights_matrix
    from constitution_lang.sampling.hash import draw_key

    table = np.array([[draw_key(3, REVISION, r, p.key) for p in bundle.principles] for r in range(4)], np.uint64)
    kernel = Kernel(table, weights_matrix(bundle, CASES[2:]), draw, resolve, ulps=2**62)
    slow = kernel.run(prompt_keys(prompts), np.zeros(60, dtype=np.intp))
    assert len(asked) == 240
    assert np.array_equal(slow, fast.indices)


def test_a_real_tie_is_ended_by_the_key(build_bundle: Build) -> None:
    """Two principles under one key and of one weight have the same time; the plan asks for the exact order."""
    bundle = build_bundle(categories={"a": 1}, principles={"a.x": 1, "a.y": 1, "a.z": 2}, keys={"a.x": "k", "a.y": "k"})
    prompts = prompt_ids(50)
    planned = plan(bundle, 0, REVISION, prompts, [{}] * 50, draw=3)
    assert all(ids(planned.of(i)) == ids(draws(bundle, 0, REVISION, p, {}, draw=3)) for i, p in enumerate(prompts))
    assert exact_order([(0.5, 1.0, "b"), (0.5, 1.0, "a"), (0.25, 2.0, "c")]) == [1, 0, 2]


def test_exact_order_tells_what_doubles_cannot() -> None:
    u, next_u = 1 - 2.0**-53, 1 - 3 * 2.0**-53
    assert exact_order([(next_u, 3.0, "a"), (u, 1.0, "b")]) == [1, 0]  # -ln(1 - 3e)/3 is a hair above -ln(1 - e)
    assert -math.log(next_u) / 3 == pytest.approx(-math.log(u), rel=1e-15)


def test_chunks_and_cases_in_any_mixture(bundle: Bundle) -> None:
    count = 2 * CHUNK + 17
    prompts = prompt_keys(prompt_ids(count))
    rng = np.random.default_rng(0)
    case_of = rng.choice(3, count, p=[0.9, 0.0999, 0.0001])
    mixed = plan(bundle, 0, REVISION, prompts, CASES, case_of=case_of).indices
    for i in range(3):
        alone = plan(
            bundle, 0, REVISION, prompts[case_of == i], [CASES[i]], case_of=np.zeros((case_of == i).sum(), int)
        )
        assert np.array_equal(mixed[case_of == i], alone.indices)


# --- properties ---------------------------------------------------------------------------------

relaxed = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
cased = st.lists(st.tuples(st.text(max_size=5), st.integers(0, 2)), min_size=1, max_size=30)


@relaxed
@given(rows=cased, cut=st.integers(0, 30), seed=st.integers(-5, 5), draw=st.integers(1, 4))
def test_a_shard_gives_what_the_whole_gives(
    bundle: Bundle, rows: list[tuple[str, int]], cut: int, seed: int, draw: int
) -> None:
    def of(part: list[tuple[str, int]]) -> list[object]:
        made = plan(bundle, seed, REVISION, [p for p, _ in part], [CASES[c] for _, c in part], draw=draw)
        return made.indices.tolist()

    assert of(rows[:cut]) + of(rows[cut:]) == of(rows)


@relaxed
@given(rows=cased, order=st.randoms(use_true_random=False))
def test_the_order_of_prompts_does_not_count(bundle: Bundle, rows: list[tuple[str, int]], order: random.Random) -> None:
    shuffled = list(range(len(rows)))
    order.shuffle(shuffled)
    straight = plan(bundle, 1, REVISION, [p for p, _ in rows], [CASES[c] for _, c in rows])
    turned = plan(bundle, 1, REVISION, [rows[i][0] for i in shuffled], [CASES[rows[i][1]] for i in shuffled])
    assert np.array_equal(turned.indices, straight.indices[shuffled])


@relaxed
@given(rows=cased, draw=st.integers(1, 9))
def test_draws_are_without_replacement_and_of_what_applies(
    bundle: Bundle, rows: list[tuple[str, int]], draw: int
) -> None:
    planned = plan(bundle, 1, REVISION, [p for p, _ in rows], [CASES[c] for _, c in rows], draw=draw)
    for i, (_, c) in enumerate(rows):
        weighing = {id for id, w in weights(bundle, CASES[c]).items() if w > 0}
        for drawn in ids(planned.of(i)):
            assert len(set(drawn)) == len(drawn) == min(draw, len(weighing))
            assert set(drawn) <= weighing


@pytest.mark.parametrize("case", CASES)
def test_shares_are_the_weights(bundle: Bundle, case: dict[str, str]) -> None:
    """Chi-square at one in a thousand for each round, with a fixed seed."""
    count = 40_000
    planned = plan(bundle, 11, REVISION, prompt_ids(count), [case], case_of=np.zeros(count, dtype=np.intp))
    expected = shares(bundle, REVISION, case)
    for round in range(4):
        drawn = Counter(planned.principles[i].id for i in planned.indices[:, round, 0].tolist())
        assert drawn.keys() == {id for id, share in expected.items() if share}
        statistic = sum((drawn[id] - count * s) ** 2 / (count * s) for id, s in expected.items() if s)
        assert statistic < {4: 18.47, 5: 20.52}[len(drawn) - 1]


def test_rounds_are_independent(bundle: Bundle) -> None:
    count = 40_000
    drawn = plan(bundle, 5, REVISION, prompt_ids(count), [{}] * count).indices[:, :, 0]
    own = shares(bundle, REVISION, {})
    p = np.array([own.get(x.id, 0.0) for x in bundle.principles])
    for a, b in ((0, 1), (1, 2), (0, 3)):
        joint = np.histogram2d(drawn[:, a], drawn[:, b], bins=[np.arange(-0.5, len(p))] * 2)[0]
        expected = count * np.outer(p, p)
        cells = expected > 0
        statistic = ((joint - expected)[cells] ** 2 / expected[cells]).sum()
        assert statistic < 51.18  # 24 degrees of freedom, one in a thousand


def test_the_second_draw_is_without_the_first(build_bundle: Build) -> None:
    bundle = build_bundle(categories={"a": 1}, principles={"a.x": 1, "a.y": 2, "a.z": 3})
    count = 30_000
    drawn = plan(bundle, 2, REVISION, prompt_ids(count), [{}] * count, rounds=1, draw=2).indices[:, 0]
    pairs = Counter(map(tuple, drawn.tolist()))
    w = [1, 2, 3]
    expected = {(i, j): count * w[i] / 6 * w[j] / (6 - w[i]) for i in range(3) for j in range(3) if i != j}
    assert sum((pairs[k] - e) ** 2 / e for k, e in expected.items()) < 20.52  # 5 degrees of freedom


def test_raising_one_weight_moves_draws_only_to_it(build_bundle: Build) -> None:
    prompts = prompt_ids(20_000)

    def drawn(weight: float) -> np.ndarray:
        bundle = build_bundle(categories={c: weight if c == "c" else 1 for c in "abcd"}, principles={
            f"{c}.x": 1 for c in "abcd"
        })  # fmt: skip
        return plan(bundle, 0, REVISION, prompts, [{}] * len(prompts)).indices[:, :, 0]

    before, after = drawn(1), drawn(1.5)
    changed = before != after
    assert set(after[changed].tolist()) == {2}
    assert changed.mean() == pytest.approx(1.5 / 4.5 - 1 / 4, abs=0.004)


def test_a_narrow_principle_changes_nothing_where_it_does_not_apply(build_bundle: Build) -> None:
    principles = {"a.x": 1, "a.y": 2, "b.x": 1}
    categories = {"a": 1, "b": 1}
    attributes = {"severity": ("none", "grave")}
    without = build_bundle(attributes=attributes, categories=categories, principles=principles)
    having = build_bundle(
        attributes=attributes, categories=categories, principles=principles | {"a.narrow": (9, GRAVE)}
    )
    for prompt in prompt_ids(100):
        assert ids(draws(without, 0, REVISION, prompt, {})) == ids(draws(having, 0, REVISION, prompt, {}))


def test_a_renamed_principle_keeps_its_draws(build_bundle: Build) -> None:
    old = build_bundle(categories={"a": 1}, principles={"a.m": 1, "a.old": 2, "a.z": 1})
    new = build_bundle(categories={"a": 1}, principles={"a.b": 2, "a.m": 1, "a.z": 1}, keys={"a.b": "a.old"})
    moved = build_bundle(categories={"a": 1}, principles={"a.b": 2, "a.m": 1, "a.z": 1})
    prompts = prompt_ids(200)

    def drawn(bundle: Bundle) -> list[list[list[str]]]:
        planned = plan(bundle, 0, REVISION, prompts, [{}] * 200, draw=2)
        return [ids(planned.of(i)) for i in range(200)]

    renamed = [[[x.replace("a.old", "a.b") for x in r] for r in p] for p in drawn(old)]
    assert drawn(new) == renamed
    assert drawn(moved) != renamed


def test_seed_stage_round_and_prompt_all_count(bundle: Bundle) -> None:
    prompts = prompt_ids(50)

    def drawn(seed: int, stage: Stage, prompts: list[str]) -> list[object]:
        return plan(bundle, seed, stage, prompts, [{}] * 50, rounds=1, draw=1).indices.tolist()

    base = drawn(0, REVISION, prompts)
    assert base == drawn(0, REVISION, prompts)
    assert base != drawn(1, REVISION, prompts)
    assert base != drawn(0, Stage.PREFERENCE, prompts)
    assert base != drawn(0, REVISION, prompt_ids(50, "y"))
    rounds = plan(bundle, 0, REVISION, prompts, [{}] * 50, draw=1).indices
    assert rounds[:, 0].tolist() != rounds[:, 1].tolist()
    assert rounds[:, :1].tolist() == base


# --- edges --------------------------------------------------------------------------------------


def test_what_is_declared_is_the_default(bundle: Bundle) -> None:
    assert plan(bundle, 0, REVISION, ["x"], [{}]).indices.shape == (1, 4, 1)
    assert plan(bundle, 0, Stage.PREFERENCE, ["x"], [{}]).indices.shape == (1, 1, 16)


def test_nothing_applies_nothing_is_drawn(build_bundle: Build) -> None:
    bundle = build_bundle(
        attributes={"severity": ("none", "grave")}, categories={"a": 1}, principles={"a.x": (1, GRAVE)}
    )
    planned = plan(bundle, 0, REVISION, ["x", "y"], [{}, {"severity": "grave"}], rounds=1, draw=2)
    assert planned.indices.tolist() == [[[-1, -1]], [[0, -1]]]
    assert planned.of(0) == ((),)
    assert draws(bundle, 0, REVISION, "x", {}) == ((), (), (), ())


def test_no_prompts(bundle: Bundle) -> None:
    assert plan(bundle, 0, REVISION, [], []).indices.shape == (0, 4, 1)


def test_extreme_weights(build_bundle: Build) -> None:
    bundle = build_bundle(categories={"a": 1, "b": 1e-9, "c": 1e9}, principles={"a.x": 1, "b.x": 1, "c.x": 1})
    prompts = prompt_ids(300)
    planned = plan(bundle, 0, REVISION, prompts, [{}] * 300, draw=3)
    assert all(ids(planned.of(i)) == ids(draws(bundle, 0, REVISION, p, {}, draw=3)) for i, p in enumerate(prompts))


def test_later_pairs_of_a_prompt_leave_the_first_ones_draws_alone(bundle: Bundle) -> None:
    prompts = prompt_ids(50)
    cases = [CASES[0]] * 50
    one = plan(bundle, 0, Stage.PREFERENCE, prompts, cases, draw=1)
    two = plan(bundle, 0, Stage.PREFERENCE, prompts, cases, rounds=2, draw=1)
    assert one.indices.shape[1] == 1
    assert (two.indices[:, :1] == one.indices).all()
    assert (two.indices[:, 1] != two.indices[:, 0]).any()


def test_wrong_use_is_refused(bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="2 prompts and cases for 1"):
        plan(bundle, 0, REVISION, ["x", "y"], [{}])
    with pytest.raises(ValueError, match="points outside the 3 cases"):
        plan(bundle, 0, REVISION, ["x"], CASES, case_of=np.array([3]))
    with pytest.raises(ValueError, match="at least 1"):
        draws(bundle, 0, REVISION, "x", {}, draw=0)
    with pytest.raises(CaseError):
        plan(bundle, 0, REVISION, ["x"], [{"severity": "huge"}])
