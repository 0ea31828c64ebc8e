from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.audio.dither import quantise


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("level", [0.1, 0.25, 0.5, 0.77])
def test_triangular_dither_makes_error_moments_independent_of_the_signal(bits, level) -> None:
    """Mean 0 and variance 1/12 + 2/12 steps squared at every level between two steps."""
    step = 2.0 ** (1 - bits)
    samples = np.full((1, 400_000), (1000 + level) * step)
    integers, clipped = quantise(samples, bits, np.random.default_rng(1))
    error = integers - (1000 + level)
    assert abs(error.mean()) < 5 * 0.5 / np.sqrt(400_000)
    assert error.var() == pytest.approx(0.25, rel=0.02)
    assert np.abs(error).max() <= 1.5
    assert clipped == 0


def test_without_dither_a_quiet_sine_is_distorted_and_with_it_is_not() -> None:
    """Third harmonic of a sine of 0.7 steps: plain rounding makes a square wave of it."""
    frames = 48_000
    sine = 0.7 * 2.0**-15 * np.sin(2 * np.pi * 100 * np.arange(frames) / frames)

    def third_harmonic(rng: np.random.Generator | None) -> float:
        spectrum = np.abs(np.fft.rfft(quantise(sine[None], 16, rng)[0][0])) * 2 / frames
        return float(spectrum[300])

    assert third_harmonic(None) > 0.15
    assert third_harmonic(np.random.default_rng(2)) < 0.02


@given(st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1), st.sampled_from([16, 24]))
def test_samples_on_the_integer_grid_stay_bit_exact(values, bits) -> None:
    samples = np.array([values]) / 2.0 ** (bits - 1)
    integers, clipped = quantise(samples, bits, np.random.default_rng(0))
    np.testing.assert_array_equal(integers, [values])
    assert clipped == 0


def test_silence_stays_silence() -> None:
    integers, _ = quantise(np.zeros((2, 1000)), 16, np.random.default_rng(0))
    assert not integers.any()


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50),
    st.sampled_from([8, 16, 24]),
    st.booleans(),
)
def test_what_lies_beyond_full_scale_is_clipped_and_counted(values, bits, dithered) -> None:
    samples = np.array([values])
    rng = np.random.default_rng(0) if dithered else None
    integers, clipped = quantise(samples, bits, rng)
    assert clipped == int(np.sum(np.abs(samples) > 1.0))
    assert integers.max() <= 2 ** (bits - 1) - 1
    assert integers.min() >= -(2 ** (bits - 1))
    far = np.abs(samples) > 1.0 + 4 * 2.0 ** (1 - bits)
    assert np.all(np.sign(integers[far]) == np.sign(samples[far]))


def test_the_same_seed_gives_the_same_dither() -> None:
    samples = np.random.default_rng(3).normal(0, 0.1, (2, 1000))
    first = quantise(samples, 16, np.random.default_rng(7))[0]
    np.testing.assert_array_equal(first, quantise(samples, 16, np.random.default_rng(7))[0])
    assert not np.array_equal(first, quantise(samples, 16, np.random.default_rng(8))[0])
