from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from constitution_lang.ir.model import Stage
from constitution_lang.sampling import moved, prompt_keys, stay, total_variation
from constitution_lang.sampling.hash import draw_key
from constitution_lang.sampling.kernel import Kernel

weight = st.one_of(st.just(0.0), st.floats(1e-3, 1e3))
vectors = st.integers(1, 7).flatmap(lambda n: st.tuples(*[st.lists(weight, min_size=n, max_size=n)] * 2))


def named(values: list[float]) -> dict[str, float]:
    return {f"p{i}": v for i, v in enumerate(values)}


def test_one_share_of_sixteen_raised_by_half() -> None:
    before = dict.fromkeys(map(str, range(16)), 1.0)
    share = before | {"3": 15 * 1.5 / 14.5}  # from 1/16 to 1.5/16
    assert moved(before, share) == pytest.approx(0.03125)
    assert total_variation(before, share) == pytest.approx(0.03125)
    weight = before | {"3": 1.5}
    assert moved(before, weight) == pytest.approx(1.5 / 16.5 - 1 / 16)


def test_by_hand() -> None:
    # i = x: 1 / (1 + max(1, 2)) = 1/3; i = y: 1 / (max(1, 1/2) + 1) = 1/2
    assert stay({"x": 1, "y": 1}, {"x": 1, "y": 2}) == pytest.approx(1 / 3 + 1 / 2)
    assert stay({"x": 1}, {"y": 1}) == 0
    assert stay({"x": 1, "y": 0}, {"x": 5}) == 1
    assert moved({}, {}) == 0
    assert moved({}, {"x": 1}) == 1


def test_bad_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="not negative"):
        stay({"x": -1.0}, {"x": 1.0})


@given(vectors)
def test_between_the_two_bounds(pair: tuple[list[float], list[float]]) -> None:
    p, q = map(named, pair)
    assume(any(p.values()) and any(q.values()))
    least = total_variation(p, q)
    assert least - 1e-9 <= moved(p, q) <= 2 * least / (1 + least) + 1e-9
    assert moved(p, q) == pytest.approx(moved(q, p), abs=1e-12)
    assert moved({k: 3 * v for k, v in p.items()}, q) == pytest.approx(moved(p, q), abs=1e-12)
    assert moved(p, p) == pytest.approx(0, abs=1e-12)


@given(vectors)
def test_the_sums_are_those_of_the_formula(pair: tuple[list[float], list[float]]) -> None:
    both = list(zip(*pair, strict=True))
    plain = sum(1 / sum(max(c / a, d / b) for c, d in both) for a, b in both if a > 0 < b)
    assert stay(*map(named, pair)) == pytest.approx(plain, abs=1e-12)


@given(st.lists(st.floats(1e-2, 1e2), min_size=2, max_size=8), st.floats(1, 10))
def test_raising_one_weight_moves_the_least_possible(values: list[float], factor: float) -> None:
    p = named(values)
    q = p | {"p0": p["p0"] * factor}
    assert moved(p, q) == pytest.approx(total_variation(p, q), abs=1e-12)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        ([1, 1, 1, 1], [1, 1.5, 1, 1]),
        ([1, 2, 3], [3, 2, 1]),
        ([1, 0, 2, 4], [1, 1, 0, 4]),
        ([0.2, 5, 1, 1, 1], [4, 0.1, 1, 2, 0.5]),
    ],
)
def test_simulated(p: list[float], q: list[float]) -> None:
    count = 60_000
    keys = prompt_keys(map(str, range(count)))
    table = np.array([[draw_key(1, Stage.REVISION, 0, f"p{i}") for i in range(len(p))]], dtype=np.uint64)

    def drawn(values: list[float]) -> np.ndarray:
        kernel = Kernel(table, np.array([values], dtype=float), 1, lambda _position, _round: [-1])
        return kernel.run(keys, np.zeros(count, dtype=np.intp))[:, 0, 0]

    expected = moved(named(p), named(q))
    error = (expected * (1 - expected) / count) ** 0.5
    assert (drawn(p) != drawn(q)).mean() == pytest.approx(expected, abs=4 * error)
