"""Offsets, gains and null depths of shifted recordings."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import correlate

from engine.audio.align import align, cross_correlation, shifted
from engine.audio.clip import Clip

RATE = 48_000


def noise(frames: int = 40_000, channels: int = 2, seed: int = 0) -> NDArray[np.float64]:
    """Band-limited to 0.4 of the sample rate, with silence at both ends."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal((channels, frames)))
    spectrum[:, int(0.8 * spectrum.shape[1]) :] = 0.0
    return 0.1 * np.fft.irfft(spectrum, frames) * np.hanning(frames)


def delayed(samples: NDArray[np.float64], frames: float) -> NDArray[np.float64]:
    """Exact delay of a periodic band-limited signal."""
    spectrum = np.fft.rfft(samples)
    turn = np.exp(-2j * np.pi * np.arange(spectrum.shape[1]) * frames / samples.shape[1])
    return np.fft.irfft(spectrum * turn, samples.shape[1])


@settings(max_examples=25, deadline=None)
@given(
    offset=st.integers(-3000, 3000),
    gain_db=st.floats(-30.0, 30.0),
    inverted=st.booleans(),
    seed=st.integers(0, 99),
)
def test_whole_offsets_gain_and_polarity_are_found_exactly(
    offset: int, gain_db: float, inverted: bool, seed: int
) -> None:
    samples = noise(20_000, seed=seed)
    gain = (-1.0 if inverted else 1.0) * 10.0 ** (gain_db / 20.0)
    other = gain * np.roll(np.pad(samples, ((0, 0), (4000, 4000))), offset, axis=1)
    found = align(Clip(np.pad(samples, ((0, 0), (4000, 4000))), RATE), Clip(other, RATE))
    assert found.offset_frames == offset
    assert found.inverted == inverted
    assert found.gain_db == pytest.approx(-gain_db, abs=1e-6)
    assert found.null_depth_db > 200.0
    assert found.correlation == pytest.approx(1.0, abs=1e-3)


@settings(max_examples=25, deadline=None)
@given(offset=st.floats(-200.0, 200.0), seed=st.integers(0, 9))
def test_fractions_of_a_frame_are_found(offset: float, seed: int) -> None:
    samples = noise(seed=seed)
    found = align(Clip(samples, RATE), Clip(delayed(samples, offset), RATE))
    assert found.offset_frames == pytest.approx(offset, abs=1e-3)
    assert found.null_depth_db > 75.0


def test_a_delay_taken_off_nulls_the_original() -> None:
    samples = noise()
    for offset in (0.0, 12.0, 0.5, -7.3):
        back = shifted(Clip(delayed(samples, offset), RATE), offset, samples.shape[1]).samples
        error = np.sum((back - samples)[:, 100:-100] ** 2) / np.sum(samples**2)
        assert 10.0 * np.log10(error + 1e-30) < -80.0


def test_identical_clips_null_completely() -> None:
    clip = Clip(noise().astype(np.float32), RATE)
    found = align(clip, clip)
    assert (found.offset_frames, found.gain_db, found.inverted) == (0.0, 0.0, False)
    assert found.null_depth_db == math.inf


@pytest.mark.parametrize("noise_db", [-20.0, -40.0, -60.0])
def test_the_null_depth_is_the_level_of_what_differs(noise_db: float) -> None:
    samples = noise()
    other = samples + noise(seed=7) * 10.0 ** (noise_db / 20.0)
    found = align(Clip(samples, RATE), Clip(other, RATE))
    assert found.null_depth_db == pytest.approx(-noise_db, abs=0.5)


def test_unrelated_sounds_do_not_correlate() -> None:
    found = align(Clip(noise(seed=1), RATE), Clip(noise(seed=2), RATE))
    assert found.correlation < 0.1
    assert found.null_depth_db < 0.1


@pytest.mark.parametrize("reach", [0, 10, 500])
@pytest.mark.parametrize("frames", [(300, 300), (1000, 400), (200_000, 150_000)])
def test_the_blockwise_correlation_is_the_whole_one(reach: int, frames: tuple[int, int]) -> None:
    reference, other = noise(frames[0], 1, 3), noise(frames[1], 1, 4)
    whole = correlate(other[0], reference[0], "full", "fft")
    lags = np.arange(-frames[0] + 1, frames[1])
    expected = [float(whole[lags == lag].sum()) for lag in range(-reach, reach + 1)]
    assert cross_correlation(reference, other, reach) == pytest.approx(expected, abs=1e-9)


def test_offsets_beyond_the_limit_are_not_looked_for() -> None:
    samples = noise()
    late = np.pad(samples, ((0, 0), (5000, 0)))
    near = align(Clip(samples, RATE), Clip(late, RATE), max_offset_s=0.05)
    far = align(Clip(samples, RATE), Clip(late, RATE), max_offset_s=0.2)
    assert abs(near.offset_frames) <= 2400
    assert near.correlation < 0.2
    assert far.offset_frames == 5000.0


def test_mono_is_compared_with_the_mean_of_stereo() -> None:
    stereo = noise()
    mono = np.roll(stereo.mean(axis=0, keepdims=True), 30, axis=1)
    found = align(Clip(stereo, RATE), Clip(mono, RATE))
    assert found.offset_frames == 30.0


def test_shifting_by_whole_frames_copies_samples() -> None:
    samples = noise(1000).astype(np.float32)
    moved = shifted(Clip(samples, RATE), 10.0, 1000)
    assert moved.samples.dtype == np.float32
    assert np.array_equal(moved.samples[:, :990], samples[:, 10:])
    assert not moved.samples[:, 990:].any()
    assert shifted(Clip(samples, RATE), -10.0).samples[0, 10] == samples[0, 0]


@pytest.mark.parametrize("frames", [0, 1, 50, 5000])
def test_silence_aligns_with_anything_at_zero(frames: int) -> None:
    found = align(Clip(np.zeros((1, frames)), RATE), Clip(np.zeros((1, frames)), RATE))
    assert (found.offset_frames, found.correlation, found.null_depth_db) == (0.0, 0.0, 0.0)


def test_different_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="rates"):
        align(Clip(noise(), 44_100), Clip(noise(), 48_000))
