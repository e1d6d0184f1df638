"""Every loss against numbers worked by hand; the arithmetic stands beside each."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from runtime.training.losses import (
    AdaptiveKl,
    FixedKl,
    clipped_policy_loss,
    clipped_value_loss,
    dpo_margin,
    generalised_advantages,
    kl_low_variance,
    kl_plain,
    masked_mean,
    masked_whiten,
    penalised_rewards,
    soft_label_preference_loss,
)


def t(*rows: object) -> torch.Tensor:
    return torch.tensor(rows if isinstance(rows[0], list) else list(rows), dtype=torch.float64)


def close(found: torch.Tensor, *expected: object) -> None:
    torch.testing.assert_close(found, t(*expected), rtol=1e-6, atol=1e-9)


class TestSoftLabel:
    def test_worked_by_hand(self) -> None:
        # Δ = log 3: σ(Δ) = 3/4, σ(-Δ) = 1/4.
        #   y = 1:   -log 3/4 = 0.28768207
        #   y = 0:   -log 1/4 = 1.38629436
        #   y = 0.7: 0.7 · 0.28768207 + 0.3 · 1.38629436 = 0.20137745 + 0.41588831 = 0.61726576
        #   y = 3/4: 0.75 · 0.28768207 + 0.25 · 1.38629436 = 0.56233514, the label's own entropy
        delta = t(*[math.log(3)] * 4)
        close(
            soft_label_preference_loss(delta, t(1.0, 0.0, 0.7, 0.75)),
            0.2876820724517809, 1.3862943611198906, 0.6172657590521989, 0.5623351446188083,
        )  # fmt: skip

    def test_no_difference_costs_log_two_whatever_the_label(self) -> None:
        close(soft_label_preference_loss(t(0.0, 0.0), t(0.9, 0.2)), math.log(2), math.log(2))

    def test_stays_finite(self) -> None:
        # -log σ(-1000) = log(1 + e^1000) = 1000 up to e^-1000.
        close(soft_label_preference_loss(t(1000.0, -1000.0, 1000.0), t(0.0, 1.0, 1.0)), 1000.0, 1000.0, 0.0)

    @given(st.floats(0.01, 0.99), st.floats(-8, 8))
    def test_least_at_the_labels_log_odds(self, y: float, delta: float) -> None:
        best = soft_label_preference_loss(t(math.log(y / (1 - y))), t(y))
        entropy = -(y * math.log(y) + (1 - y) * math.log(1 - y))
        assert best.item() == pytest.approx(entropy)
        assert soft_label_preference_loss(t(delta), t(y)).item() >= best.item() - 1e-12

    @given(st.floats(0, 1), st.floats(-30, 30))
    def test_swapping_the_sides_swaps_the_label(self, y: float, delta: float) -> None:
        one = soft_label_preference_loss(t(delta), t(y)).item()
        assert one == pytest.approx(soft_label_preference_loss(t(-delta), t(1 - y)).item())

    def test_gradient(self) -> None:
        # d/dΔ = σ(Δ) - y = 0.75 - 0.7.
        delta = t(math.log(3)).requires_grad_()
        soft_label_preference_loss(delta, t(0.7)).sum().backward()
        assert delta.grad is not None
        close(delta.grad, 0.05)

    def test_dpo_margin(self) -> None:
        # 0.1 · ((-10 - -12) - (-20 - -15)) = 0.1 · (2 + 5) = 0.7
        close(dpo_margin(t(-10.0), t(-20.0), t(-12.0), t(-15.0), 0.1), 0.7)


class TestMasks:
    def test_mean(self) -> None:
        # (1 + 2 + 6) / 3; the 100 is padding.
        assert masked_mean(t([1.0, 2.0], [6.0, 100.0]), t([1, 1], [1, 0])).item() == pytest.approx(3.0)
        assert masked_mean(t([5.0]), t([0])).item() == 0

    def test_whiten(self) -> None:
        # Values 1, 2, 6: mean 3, variance (4 + 1 + 9) / 2 = 7. (1 - 3)/√7, (2 - 3)/√7, (6 - 3)/√7.
        root = math.sqrt(7)
        values, mask = t([1.0, 2.0], [6.0, 100.0]), t([1, 1], [1, 0])
        close(masked_whiten(values, mask), [-2 / root, -1 / root], [3 / root, 0.0])
        close(masked_whiten(values, mask, shift_mean=False), [3 - 2 / root, 3 - 1 / root], [3 + 3 / root, 0.0])

    def test_equal_values_whiten_to_zero(self) -> None:
        close(masked_whiten(t([4.0, 4.0]), t([1, 1])), [0.0, 0.0])
        close(masked_whiten(t([4.0, 9.0]), t([1, 0])), [0.0, 0.0])


class TestKl:
    def test_worked_by_hand(self) -> None:
        # π = 1/2, π_ref = 1/4: k1 = log 2; r = 1/2: k3 = 1/2 - 1 - log 1/2 = 0.19314718.
        policy, reference = t([math.log(0.5)]), t([math.log(0.25)])
        close(kl_plain(policy, reference), [math.log(2)])
        close(kl_low_variance(policy, reference), [0.1931471805599453])

    def test_both_are_unbiased(self) -> None:
        # KL((1/2, 1/4, 1/4) ‖ (1/4, 1/4, 1/2)) = ½ log 2 + ¼ · 0 - ¼ log 2 = ¼ log 2. Expectations over π, exact.
        p, q = t(0.5, 0.25, 0.25), t(0.25, 0.25, 0.5)
        for estimate in (kl_plain, kl_low_variance):
            assert (p * estimate(p.log(), q.log())).sum().item() == pytest.approx(math.log(2) / 4)

    @given(st.floats(-20, 0), st.floats(-20, 0))
    def test_low_variance_is_never_negative(self, policy: float, reference: float) -> None:
        assert kl_low_variance(t(policy), t(reference)).item() >= 0

    def test_adaptive_coefficient(self) -> None:
        # KL 12 against 6: e = min(12/6 - 1, 0.2) = 0.2; β = 0.1 · (1 + 0.2 · 500/10000) = 0.101.
        control = AdaptiveKl(0.1, target=6.0)
        control.update(12.0, 500)
        assert control.coefficient == pytest.approx(0.101)
        # KL 5.4: e = -0.1; β = 0.101 · (1 - 0.1 · 0.05) = 0.100495.
        control.update(5.4, 500)
        assert control.coefficient == pytest.approx(0.100495)
        # KL 0: e = max(-1, -0.2); β = 0.100495 · (1 - 0.2 · 0.05) = 0.09949005.
        control.update(0.0, 500)
        assert control.coefficient == pytest.approx(0.09949005)

    def test_fixed_coefficient(self) -> None:
        control = FixedKl(0.1)
        control.update(1000.0, 1000)
        assert control.coefficient == 0.1


class TestPpo:
    def test_rewards(self) -> None:
        # β = 0.5. Row 1: -0.5 · (0.2, -0.4) = (-0.1, 0.2), the score 3 on token 2: 3.2.
        # Row 2 has one token: -0.5 · 1 + (-2) = -2.5; what stands in its padding is not looked at.
        rewards = penalised_rewards(
            t(3.0, -2.0), t([-1.0, -1.0], [-1.0, 7.0]), t([-1.2, -0.6], [-2.0, 9.0]), t([1, 1], [1, 0]), 0.5
        )
        close(rewards, [-0.1, 3.2], [-2.5, 0.0])

    def test_rewards_keep_the_mask_when_padding_has_no_probability(self) -> None:
        rewards = penalised_rewards(t(1.0), t([0.0, 0.0]), t([0.0, 0.0]), t([1, 0]).bool(), 0.5)
        close(rewards, [1.0, 0.0])

    def test_an_empty_completion_is_a_fault(self) -> None:
        with pytest.raises(ValueError, match="without tokens"):
            penalised_rewards(t(1.0), t([0.0]), t([0.0]), t([0]), 0.5)

    def test_advantages(self) -> None:
        # γ = 0.9, λ = 0.5, γλ = 0.45; r = (1, 0, 2), V = (0.5, 1, 1.5).
        #   δ_3 = 2 - 1.5 = 0.5                    A_3 = 0.5
        #   δ_2 = 0 + 0.9 · 1.5 - 1 = 0.35         A_2 = 0.35 + 0.45 · 0.5 = 0.575
        #   δ_1 = 1 + 0.9 · 1 - 0.5 = 1.4          A_1 = 1.4 + 0.45 · 0.575 = 1.65875
        #   R = A + V = (2.15875, 1.575, 2)
        advantages, returns = generalised_advantages(t([1.0, 0.0, 2.0]), t([0.5, 1.0, 1.5]), t([1, 1, 1]), 0.9, 0.5)
        close(advantages, [1.65875, 0.575, 0.5])
        close(returns, [2.15875, 1.575, 2.0])

    def test_nothing_flows_back_from_padding(self) -> None:
        # The third token is padding: δ_2 = 0 - 1 = -1 = A_2; δ_1 = 1 + 0.9 - 0.5 = 1.4, A_1 = 1.4 - 0.45 = 0.95.
        advantages, returns = generalised_advantages(t([1.0, 0.0, 50.0]), t([0.5, 1.0, 70.0]), t([1, 1, 0]), 0.9, 0.5)
        close(advantages, [0.95, -1.0, 0.0])
        close(returns, [1.45, 0.0, 0.0])

    def test_with_lambda_one_returns_are_discounted_sums(self) -> None:
        # γ = 0.5: 1 + 0.5 · 2 + 0.25 · 4 = 3; 2 + 0.5 · 4 = 4; 4, whatever the values say.
        _, returns = generalised_advantages(t([1.0, 2.0, 4.0]), t([9.0, -3.0, 0.1]), t([1, 1, 1]), 0.5, 1.0)
        close(returns, [3.0, 4.0, 4.0])

    def test_policy_loss(self) -> None:
        # ε = 0.2. Ratios 1.5 and 0.5, advantages of both signs:
        #   A = 1,  ρ = 1.5: max(-1.5, -1.2) = -1.2, clipped      A = 1,  ρ = 0.5: max(-0.5, -0.8) = -0.5
        #   A = -1, ρ = 1.5: max(1.5, 1.2) = 1.5                  A = -1, ρ = 0.5: max(0.5, 0.8) = 0.8, clipped
        # Mean (-1.2 - 0.5 + 1.5 + 0.8) / 4 = 0.15; two of four are clipped. The fifth token is padding.
        new = t([math.log(1.5), math.log(0.5), math.log(1.5), math.log(0.5), 3.0])
        loss, clipped = clipped_policy_loss(
            new, torch.zeros_like(new), t([1.0, 1.0, -1.0, -1.0, 9.0]), t([1, 1, 1, 1, 0]), 0.2
        )
        assert loss.item() == pytest.approx(0.15)
        assert clipped.item() == pytest.approx(0.5)

    def test_policy_gradient_where_nothing_is_clipped(self) -> None:
        # At ρ = 1 the gradient of the mean of -Aρ to log π is -A / 2.
        new = t([-1.0, -2.0]).requires_grad_()
        loss, _ = clipped_policy_loss(new, t([-1.0, -2.0]), t([3.0, -5.0]), t([1, 1]), 0.2)
        loss.backward()
        assert new.grad is not None
        close(new.grad, [-1.5, 2.5])

    def test_value_loss(self) -> None:
        # ε = 0.2, V_old = 1.
        #   V = 2, R = 0:     ½ max(4, (1.2 - 0)² = 1.44) = 2
        #   V = 2, R = 3:     ½ max(1, (1.2 - 3)² = 3.24) = 1.62
        #   V = 1.1, R = 1.1: 0
        # Mean 3.62 / 3.
        loss = clipped_value_loss(t([2.0, 2.0, 1.1]), t([1.0, 1.0, 1.0]), t([0.0, 3.0, 1.1]), t([1, 1, 1]), 0.2)
        assert loss.item() == pytest.approx(3.62 / 3)
