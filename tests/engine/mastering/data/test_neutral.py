"""Drawing a recording towards the mean spectrum of a collection."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import sosfilt

from engine.audio.clip import Clip
from engine.mastering.analysis import analyse
from engine.mastering.biquad import response_db, sections
from engine.mastering.data.neutral import MeanSpectrum, third_octave_db, third_octaves_hz
from engine.mastering.parameters import Band

RATE = 44100
MIDDLE = (third_octaves_hz() > 40.0) & (third_octaves_hz() < 14000.0)


def noise(seed: int) -> Clip:
    return Clip(0.05 * np.random.default_rng(seed).normal(size=(2, 10 * RATE)), RATE)


def spectrum(clip: Clip) -> np.ndarray:
    return third_octave_db(analyse(clip))


def test_white_noise_rises_by_three_decibels_an_octave() -> None:
    """Third octaves are constant in width over log frequency, so their power doubles."""
    steps = np.diff(spectrum(noise(1))[MIDDLE])
    assert steps.mean() == pytest.approx(10.0 * np.log10(2.0) / 3.0, abs=0.02)


def test_what_was_done_to_the_spectrum_is_undone() -> None:
    bands = (Band(frequency_hz=200.0, gain_db=6.0), Band(frequency_hz=3000.0, gain_db=-5.0))
    mean = MeanSpectrum.of(np.array([spectrum(noise(seed)) for seed in (1, 2, 3)]))
    clip = noise(4)
    spoiled = Clip(sosfilt(sections(bands, RATE), clip.samples, axis=1), RATE)
    curve = mean.neutraliser(spoiled)
    grid = np.geomspace(60.0, 12000.0, 60)
    left_db = response_db(bands, grid, RATE) + curve.response_db(grid, RATE)
    assert np.std(left_db) < 0.35
    assert np.std(response_db(bands, grid, RATE)) > 2.0


def test_half_the_strength_goes_half_the_way() -> None:
    clip = noise(5)
    mean = MeanSpectrum(tuple((spectrum(clip) + 4.0 * np.sin(np.arange(30))).tolist()))
    whole, half = mean.neutraliser(clip), mean.neutraliser(clip, 0.5)
    np.testing.assert_allclose(
        [gain for _, gain in half.points], [0.5 * gain for _, gain in whole.points], atol=1e-9
    )


def test_silence_is_left_alone() -> None:
    mean = MeanSpectrum((0.0,) * 30)
    assert mean.neutraliser(Clip(np.zeros((2, RATE)), RATE)).points == ()


def test_what_is_not_there_is_not_lifted() -> None:
    """Above 5 kHz a tone has nothing; raising the floor there would raise noise only."""
    mean = MeanSpectrum((0.0,) * 30)
    tone = np.sin(2.0 * np.pi * 300.0 * np.arange(5 * RATE) / RATE)
    curve = mean.neutraliser(Clip(0.3 * tone[None], RATE))
    assert max(hz for hz, _ in curve.points) < 5000.0
