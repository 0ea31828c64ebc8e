"""Every loss against a value worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from engine.mastering import losses

torch.set_num_threads(1)

IDENTITY = torch.eye(4, dtype=torch.float64)
ONES = torch.ones(4, dtype=torch.float64)


def numbers(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_a_common_level_difference_costs_nothing() -> None:
    wanted = numbers(0.0, -3.0, -7.0, -20.0)
    cost = losses.long_term_spectrum(wanted + 11.0, wanted, ONES, IDENTITY, 0.0, 0.0)
    assert float(cost) == pytest.approx(0.0, abs=1e-20)


def test_the_spectrum_costs_the_mean_square_outside_the_tolerance() -> None:
    # Differences +3, -3, +3, -3 and a broad part that is the curve itself: 3 dB less 1 dB.
    output = numbers(3.0, -3.0, 3.0, -3.0)
    cost = losses.long_term_spectrum(output, 0.0 * ONES, ONES, IDENTITY, 1.0, 5.0)
    assert float(cost) == pytest.approx(4.0)


def test_detail_and_broad_have_tolerances_of_their_own() -> None:
    everything = torch.full((4, 4), 0.25, dtype=torch.float64)  # broad part: the mean, so 0
    output = numbers(3.0, -3.0, 3.0, -3.0)
    cost = losses.long_term_spectrum(output, 0.0 * ONES, ONES, everything, 9.0, 2.0)
    assert float(cost) == pytest.approx(1.0)


def test_dips_may_be_left_unfilled() -> None:
    everything = torch.full((4, 4), 0.25, dtype=torch.float64)
    output = numbers(3.0, -3.0, 3.0, -3.0)
    cost = losses.long_term_spectrum(output, 0.0 * ONES, ONES, everything, 9.0, 2.0, False)
    assert float(cost) == pytest.approx(0.5)


def test_bands_without_weight_do_not_count() -> None:
    output = numbers(0.0, 0.0, 0.0, 50.0)
    weights = numbers(1.0, 1.0, 1.0, 0.0)
    cost = losses.long_term_spectrum(output, 0.0 * ONES, weights, IDENTITY, 0.0, 0.0)
    assert float(cost) == pytest.approx(0.0, abs=1e-20)


def test_spread_is_the_range_of_percentiles() -> None:
    assert float(losses.spread(torch.linspace(-40.0, 0.0, 101))) == pytest.approx(34.0, abs=1e-4)


def test_only_too_much_dynamics_costs() -> None:
    contour = torch.linspace(-40.0, 0.0, 101, dtype=torch.float64)
    peak = contour + 12.0
    assert float(losses.dynamics(contour, 30.0, peak, 15.0)) == pytest.approx(16.0)
    assert float(losses.dynamics(contour, 40.0, peak, 10.0)) == pytest.approx(4.0)
    assert float(losses.dynamics(contour, 40.0, peak, 15.0)) == 0.0


def test_sparsity_counts_bands_and_cannot_be_bought_with_a_small_gate() -> None:
    few = losses.sparsity(numbers(6.0, 0.0, 0.0, 0.0))
    assert float(few) == pytest.approx(36.0 / 37.0)
    gain_db, gate = numbers(12.0), numbers(0.5)
    assert float(losses.sparsity(gain_db * gate)) == pytest.approx(36.0 / 37.0)


def test_two_half_gains_count_as_more_than_one_whole() -> None:
    one, two = losses.sparsity(numbers(6.0, 0.0)), losses.sparsity(numbers(3.0, 3.0))
    assert float(one) == pytest.approx(36.0 / 37.0)
    assert float(two) == pytest.approx(2.0 * 9.0 / 10.0)


def test_sparsity_pulls_less_on_a_band_that_is_needed() -> None:
    gains = numbers(0.5, 6.0).requires_grad_(True)
    losses.sparsity(gains).backward()
    assert gains.grad is not None
    small, large = gains.grad.tolist()
    assert small > 20.0 * large > 0.0


def test_the_crest_of_each_row_is_its_own() -> None:
    contour = torch.zeros(2, 3)
    peaks = torch.tensor([[3.0, 4.0, 50.0], [9.0, 10.0, 11.0]])
    assert losses.crest(contour, peaks).tolist() == [4.0, 10.0]


def test_a_deviation_is_weighted_and_flat_at_nothing() -> None:
    values = numbers(1.0, 5.0, 99.0).requires_grad_(True)
    deviation = losses.weighted_deviation(values, numbers(3.0, 1.0, 0.0))
    assert float(deviation.detach()) == pytest.approx(math.sqrt(3.0), rel=1e-3)
    level = numbers(7.0, 7.0).requires_grad_(True)
    still = losses.weighted_deviation(level, numbers(1.0, 1.0))
    still.backward()
    assert float(still.detach()) == 0.0
    assert level.grad is not None
    assert level.grad.tolist() == [0.0, 0.0]


def test_the_gain_prior_counts_in_each_band_s_own_scale() -> None:
    gains = numbers(-3.0, 0.0, 6.0)
    assert float(losses.gain_prior(gains)) == pytest.approx(3.0)
    assert float(losses.gain_prior(gains, numbers(3.0, 1.0, 2.0))) == pytest.approx(4.0 / 3.0)


def test_the_q_prior_is_the_squared_distance_from_1() -> None:
    assert float(losses.q_prior(numbers(1.0, 0.5, 3.0))) == pytest.approx(4.25 / 3.0)


def test_entropy_is_in_bits_and_a_hard_gate_has_none() -> None:
    assert float(losses.gate_entropy(numbers(0.5))) == pytest.approx(1.0)
    assert float(losses.gate_entropy(numbers(0.0, 1.0))) == 0.0
    assert float(losses.gate_entropy(numbers(0.25))) == pytest.approx(2.0 - 0.75 * math.log2(3.0))
    assert float(losses.gate_entropy(numbers(0.5, 0.0))) == pytest.approx(0.5)


def test_entropy_drives_a_gate_to_the_nearer_end() -> None:
    gates = numbers(0.0, 1e-9, 0.1, 0.5, 0.9, 1.0).requires_grad_(True)
    losses.gate_entropy(gates).backward()
    assert gates.grad is not None
    slopes = gates.grad.tolist()
    assert slopes[0] == slopes[1] == slopes[5] == 0.0
    assert slopes[2] > 0.0 > slopes[4]
    assert slopes[3] == pytest.approx(0.0, abs=1e-12)


def test_only_more_than_a_margin_of_harm_costs() -> None:
    errors, nothing = numbers(3.0, 2.0, 1.0), numbers(2.0, 2.0, 2.0)
    assert losses.harm(errors, nothing).tolist() == [1.0, 0.0, 0.0]
    assert losses.harm(errors, nothing, 0.25).tolist() == [0.75, 0.0, 0.0]


def test_gradients_of_the_penalties_are_those_of_finite_differences() -> None:
    values = numbers(0.3, 0.6, 0.8).requires_grad_(True)
    wanted = numbers(0.25, 0.9, 0.1)
    for loss in (
        losses.gate_entropy,
        losses.q_prior,
        losses.gain_prior,
        losses.sparsity,
        lambda v: losses.harm(v, wanted, 0.01),
        lambda v: losses.weighted_deviation(v, wanted),
    ):
        assert torch.autograd.gradcheck(loss, values)


def test_decibels_of_nothing_is_bounded_and_flat() -> None:
    power = torch.zeros(1, requires_grad=True)
    level = losses.decibels(power)
    level.sum().backward()
    assert float(level.detach()) == pytest.approx(-120.0)
    assert power.grad is not None
    assert float(power.grad) == 0.0
