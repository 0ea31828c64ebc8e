"""The true-peak meter against Tech 3341's signals, exact interpolation and laws of its own."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import firwin

from engine.audio.clip import Clip
from engine.audio.true_peak import (
    TruePeakMeter,
    channel_true_peaks_dbtp,
    interpolator,
    oversampling,
    true_peak_dbtp,
)

RATE = 48_000


def sine(amplitude: float, frequency: float, phase_degrees: float, frames: int = RATE) -> Clip:
    """Sine with 10 ms fades, its frequency in parts of the sample rate."""
    wave = amplitude * np.sin(
        2.0 * np.pi * frequency * np.arange(frames) + math.radians(phase_degrees)
    )
    fade = np.minimum(1.0, np.minimum(np.arange(frames), np.arange(frames)[::-1]) / 480.0)
    return Clip(np.tile(wave * fade, (2, 1)), RATE)


def exact_peak(samples: NDArray[np.float64], factor: int = 64) -> float:
    """Largest magnitude of the periodic band-limited interpolation of one channel."""
    spectrum = np.fft.rfft(samples)
    dense = np.fft.irfft(spectrum, samples.size * factor) * factor
    return float(np.abs(dense).max())


# EBU Tech 3341 (2023), table 1: +0.2 and -0.4 dB


@pytest.mark.parametrize(
    ("amplitude", "divisor", "phase", "expected"),
    [
        (0.50, 4, 0.0, -6.0),
        (0.50, 4, 45.0, -6.0),
        (0.50, 6, 60.0, -6.0),
        (0.50, 8, 67.5, -6.0),
        (1.41, 4, 45.0, 3.0),
    ],
    ids=["case 15", "case 16", "case 17", "case 18", "case 19"],
)
def test_tones_read_the_crest_between_the_samples(
    amplitude: float, divisor: int, phase: float, expected: float
) -> None:
    error = true_peak_dbtp(sine(amplitude, 1.0 / divisor, phase)) - expected
    assert -0.4 <= error <= 0.2


@pytest.mark.parametrize("offset", range(4), ids=lambda offset: f"case {20 + offset}")
def test_one_loud_cycle_between_quiet_ones_is_not_missed(offset: int) -> None:
    # at four times the rate: an 8 kHz tone at 0.5 in which one 12 kHz cycle reaches 1.0,
    # low-pass filtered and thinned to 48 kHz at each of the four possible offsets
    dense_rate = 4 * RATE
    quiet = 0.5 * np.sin(2.0 * np.pi * 8_000.0 * np.arange(24 * 100) / dense_rate)
    cycle = np.sin(2.0 * np.pi * 12_000.0 * np.arange(16) / dense_rate)
    dense = np.concatenate([quiet, cycle, quiet])
    fade = np.minimum(1.0, np.minimum(np.arange(dense.size), np.arange(dense.size)[::-1]) / 480.0)
    limited = np.convolve(dense * fade, firwin(255, 20_500.0, fs=dense_rate), "same")
    limited /= exact_peak(limited, 8)
    thinned = limited[offset::4]
    error = true_peak_dbtp(Clip(np.tile(thinned, (2, 1)), RATE))
    assert -0.4 <= error <= 0.2


# Against exact interpolation


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 88_200, 96_000, 192_000])
def test_band_limited_noise_reads_its_exact_peak(rate: int) -> None:
    rng = np.random.default_rng(rate)
    band_hz = min(20_000.0, 0.42 * rate)
    for _ in range(5):
        frames = 4096
        spectrum = np.fft.rfft(rng.standard_normal(frames))
        spectrum[np.fft.rfftfreq(frames, 1.0 / rate) > band_hz] = 0.0
        noise = np.fft.irfft(spectrum, frames)
        noise /= exact_peak(noise)
        periodic = np.tile(noise, 3)
        assert -0.15 <= true_peak_dbtp(Clip(periodic[None], rate)) <= 0.05


@pytest.mark.parametrize("frequency_hz", [20.0, 997.0, 5_000.0, 10_000.0, 15_000.0, 19_000.0])
def test_the_interpolator_passes_the_audible_band_flat(frequency_hz: float) -> None:
    branches = interpolator(8)
    taps = np.arange(branches.shape[1]) - (branches.shape[1] // 2 - 1)
    turn = 2.0 * np.pi * frequency_hz / RATE
    for branch, coefficients in enumerate(branches):
        delay = (branch + 1) / 8.0
        response = np.sum(coefficients * np.exp(1j * turn * (taps - delay)))
        assert abs(response - 1.0) < 0.01


def test_every_rate_is_looked_at_on_a_grid_of_at_least_four_times_48_khz() -> None:
    for rate in (44_100, 48_000, 88_200, 96_000, 176_400, 192_000):
        assert rate * oversampling(rate) >= 4 * 48_000


# Streams and laws


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(1, 900), max_size=20), seed=st.integers(0, 99))
def test_any_partition_of_a_stream_gives_the_same_bits(cuts: list[int], seed: int) -> None:
    samples = np.random.default_rng(seed).standard_normal((2, 6000)).astype(np.float32)
    meter = TruePeakMeter(2, RATE)
    start = 0
    for size in cuts:
        meter.push(samples[:, start : start + size])
        start += size
    meter.push(samples[:, start:])
    assert np.array_equal(meter.result(), channel_true_peaks_dbtp(Clip(samples, RATE)))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), loud=st.floats(0.5, 30.0))
def test_passing_over_quiet_parts_misses_no_peak(seed: int, loud: float) -> None:
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal((1, 4000)).astype(np.float32)
    samples[:, rng.integers(0, 3900) :][:, :50] *= np.float32(loud)
    branches = interpolator(8)
    padded = np.pad(samples[0], (branches.shape[1] - 1, branches.shape[1] // 2))
    brute = max(np.abs(np.correlate(padded, branch, "valid")).max() for branch in branches)
    expected = max(float(brute), float(np.abs(samples).max()))
    found = 10.0 ** (true_peak_dbtp(Clip(samples, RATE)) / 20.0)
    assert found == pytest.approx(expected, rel=1e-5)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999))
def test_the_true_peak_is_never_below_the_sample_peak(seed: int) -> None:
    samples = np.random.default_rng(seed).uniform(-1.0, 1.0, (1, 500))
    meter = TruePeakMeter(1, RATE)
    meter.push(samples)
    assert meter.result()[0] >= meter.sample_peaks_dbfs[0]
    assert meter.sample_peaks_dbfs[0] == pytest.approx(20 * np.log10(np.abs(samples).max()))


def test_channels_are_measured_apart() -> None:
    samples = np.vstack([sine(0.5, 0.01, 0.0).samples[0], sine(0.25, 0.01, 0.0).samples[0]])
    peaks = channel_true_peaks_dbtp(Clip(samples, RATE))
    assert peaks == pytest.approx([-6.02, -12.04], abs=0.01)


def test_silence_and_emptiness_read_minus_infinity() -> None:
    assert true_peak_dbtp(Clip(np.zeros((2, 1000), np.float32), RATE)) == -math.inf
    assert true_peak_dbtp(Clip(np.zeros((2, 0), np.float32), RATE)) == -math.inf


def test_not_a_number_counts_as_silence() -> None:
    clip = sine(0.5, 0.01, 0.0)
    broken = clip.samples.copy()
    broken[:, 100:110] = np.nan
    broken[:, 200] = -np.inf
    assert true_peak_dbtp(Clip(broken, RATE)) == pytest.approx(-6.02, abs=0.1)


def test_a_block_of_another_channel_count_is_refused() -> None:
    with pytest.raises(ValueError, match="channels"):
        TruePeakMeter(2).push(np.zeros((3, 10)))
