"""Curves are smoothed, thinned out and labelled without telling anything untrue."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.canvas.lines import extent, number_text, smooth, thin, ticks

numbers = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60).map(np.array)


@given(numbers, st.integers(1, 30))
def test_smoothing_is_the_mean_of_a_point_and_those_before(values: np.ndarray, points: int) -> None:
    expected = [values[max(i - points + 1, 0) : i + 1].mean() for i in range(len(values))]
    np.testing.assert_allclose(smooth(values, points), expected, atol=1e-6)


def test_what_is_not_finite_takes_no_part_in_the_mean() -> None:
    smoothed = smooth(np.array([1.0, math.nan, 3.0]), 3)
    np.testing.assert_allclose(smoothed, [1.0, 1.0, 2.0])
    assert math.isnan(smooth(np.array([math.nan]), 2)[0])


def test_thinning_keeps_the_ends_and_every_peak() -> None:
    x = np.arange(10_000.0)
    y = np.sin(x)
    y[5000], y[7777] = 9.0, -9.0
    thin_x, thin_y = thin(x, y, 100)
    assert len(thin_x) <= 400
    assert (thin_x[0], thin_x[-1]) == (0.0, 9999.0)
    assert thin_y.max() == 9.0 and thin_y.min() == -9.0
    assert np.all(np.diff(thin_x) > 0)
    np.testing.assert_array_equal(thin_y, y[thin_x.astype(int)])


@given(st.integers(1, 50), st.integers(0, 3000), st.integers(0, 2**32))
def test_in_each_column_the_thin_line_spans_what_the_whole_one_does(
    columns: int, count: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x = np.sort(rng.random(count))
    y = rng.standard_normal(count)
    thin_x, thin_y = thin(x, y, columns)
    assert len(thin_x) <= max(4 * columns, count if count <= 4 * columns else 0)
    if count < 2:
        return
    span = x[-1] - x[0]

    def column(values: np.ndarray) -> np.ndarray:
        return np.minimum(((values - x[0]) * (columns / span)).astype(int), columns - 1)

    for number in range(columns):
        whole, kept = y[column(x) == number], thin_y[column(thin_x) == number]
        assert (len(whole) == 0) == (len(kept) == 0)
        if len(whole):
            assert (whole.min(), whole.max()) == (kept.min(), kept.max())


def test_an_axis_shows_everything_with_a_little_air() -> None:
    low, high = extent([np.array([1.0, 5.0]), np.array([math.nan, -1.0])], log=False)
    assert -2.0 < low < -1.0 and 5.0 < high < 6.0


def test_a_logarithmic_axis_leaves_out_what_it_cannot_show() -> None:
    low, high = extent([np.array([0.0, -3.0, 0.01, 100.0])], log=True)
    assert 0.001 < low < 0.01 and 100.0 < high < 1000.0
    assert extent([np.array([0.0])], log=True) == (0.1, 1.0)


def test_a_flat_line_has_an_axis_that_is_not_empty() -> None:
    for value in (0.0, 7.0, -2.0):
        low, high = extent([np.array([value, value])], log=False)
        assert low < value < high


@given(st.floats(-1e5, 1e5), st.floats(1e-3, 1e5), st.integers(2, 12))
def test_ticks_are_evenly_spaced_round_numbers_inside(low: float, span: float, most: int) -> None:
    marks = [tick.value for tick in ticks(low, low + span, most, log=False)]
    assert len(marks) <= most + 1
    assert all(low - 1e-6 * span <= mark <= low + span * (1 + 1e-6) for mark in marks)
    if len(marks) > 2:
        steps = np.diff(marks)
        np.testing.assert_allclose(steps, steps[0], rtol=1e-6)
        lead = steps[0] / 10.0 ** math.floor(math.log10(steps[0]) + 1e-9)
        assert min(abs(lead - round_step) for round_step in (1, 2, 5, 10)) < 1e-6


@pytest.mark.parametrize(("low", "high"), [(1e-7, 1e3), (0.02, 0.9), (3.0, 4000.0)])
def test_logarithmic_ticks_have_different_labels(low: float, high: float) -> None:
    labels = [tick.label for tick in ticks(low, high, 8, log=True)]
    assert 1 <= len(labels) <= 9
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.25, "0.25"), (-1.5, "−1.5"), (12000.0, "12\u202f000"), (math.nan, "–")],
)
def test_numbers_are_written_short(value: float, text: str) -> None:
    assert number_text(value) == text
