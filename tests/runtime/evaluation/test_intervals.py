from __future__ import annotations

import math

import pytest

from runtime.evaluation.intervals import mean, share


def test_wilson_by_hand() -> None:
    # 8 of 10, z = 1.96: centre (0.8 + 0.19207) / 1.38415 = 0.71674,
    # half 1.96 / 1.38415 * sqrt(0.016 + 0.0096036) = 0.22658.
    found = share("x", "y", 8, 10)
    assert found.value == 0.8
    assert found.low == pytest.approx(0.49016, abs=2e-4)
    assert found.high == pytest.approx(0.94332, abs=2e-4)


def test_share_of_nothing_is_unknown_not_zero() -> None:
    found = share("x", "y", 0, 0)
    assert math.isnan(found.value)
    assert (found.low, found.high, found.count) == (0.0, 1.0, 0)


def test_share_at_the_ends_keeps_an_interval() -> None:
    assert share("x", "y", 0, 20).high == pytest.approx(0.1611, abs=1e-3)
    assert share("x", "y", 20, 20).low == pytest.approx(0.8389, abs=1e-3)


def test_mean_and_its_bootstrap_are_seeded() -> None:
    values = [0.1 * n for n in range(11)]
    found = mean("x", "y", values, seed=1)
    assert found == mean("x", "y", values, seed=1)
    assert found.value == pytest.approx(0.5)
    # The normal approximation: 1.96 * 0.3162 / sqrt(11) = 0.187.
    assert found.low == pytest.approx(0.5 - 0.187, abs=0.03)
    assert found.high == pytest.approx(0.5 + 0.187, abs=0.03)


def test_mean_of_equal_values_has_no_width() -> None:
    found = mean("x", "y", [0.5, 0.5])
    assert (found.low, found.value, found.high) == (0.5, 0.5, 0.5)
