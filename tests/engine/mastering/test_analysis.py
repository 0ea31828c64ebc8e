"""The analysis of a recording against values known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.audio.clip import Clip
from engine.mastering.analysis import analyse, band_centres_hz
from engine.mastering.chain import render
from engine.mastering.parameters import ChainParameters, Limiter
from engine.tasks import Failure

torch.set_num_threads(1)


def sine(level_dbfs: float, rate: int, seconds: float = 4.0, hz: float = 997.0) -> np.ndarray:
    time_s = np.arange(int(seconds * rate)) / rate
    return 10.0 ** (level_dbfs / 20.0) * np.sin(2.0 * np.pi * hz * time_s)


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_a_stereo_sine_reads_its_loudness_and_its_crest(rate: int) -> None:
    tone = sine(-23.0, rate)
    analysis = analyse(Clip(np.stack([tone, tone]), rate))
    # A 997 Hz sine in both channels reads its own level in LUFS (EBU Tech 3341, signal 1).
    assert np.median(analysis.contour_lufs) == pytest.approx(-23.0, abs=0.2)
    assert analysis.crest_db == pytest.approx(0.0, abs=0.2)
    assert analysis.spread_lu == pytest.approx(0.0, abs=0.1)


def test_spectral_density_sums_to_the_mean_square() -> None:
    noise = np.random.default_rng(0).standard_normal((1, 10 * 44100)) * 0.1
    analysis = analyse(Clip(noise, 44100))
    flat = analysis.band_db(analysis.power)[band_centres_hz() > 100.0]
    # White noise of variance 0.01 up to 22050 Hz has 0.01 / 22050 per Hz.
    assert np.abs(flat - 10.0 * np.log10(0.01 / 22050.0)).max() < 1.0


def test_width_of_independent_channels_is_nought() -> None:
    noise = np.random.default_rng(0).standard_normal((2, 5 * 44100)) * 0.1
    analysis = analyse(Clip(noise, 44100))
    assert analysis.side.sum() / analysis.mid.sum() == pytest.approx(1.0, abs=0.05)


def test_mono_has_no_side() -> None:
    assert not analyse(Clip(sine(-20.0, 44100)[None], 44100)).side.any()


def drums(seconds: float = 20.0) -> Clip:
    """Hits of many strengths, two a second."""
    rng = np.random.default_rng(8)
    frames = int(seconds * 44100)
    since_s = np.arange(frames) / 44100 % 0.5
    strengths = np.repeat(rng.uniform(0.1, 0.9, frames // 22050 + 1), 22050)[:frames]
    sound = strengths * np.exp(-12.0 * since_s) * np.sin(2.0 * np.pi * 180.0 * since_s)
    return Clip(np.stack([sound, sound]), 44100)


def test_peaks_that_a_limiter_has_pressed_are_known() -> None:
    open_peaks = drums()
    pressed = render(open_peaks, ChainParameters(bands=(), limiter=Limiter(gain_db=9.0)))
    assert analyse(open_peaks).limited == 0.0
    assert analyse(pressed).limited == 1.0


@pytest.mark.parametrize("seconds", [0.1, 60.0])
def test_noise_is_not_taken_for_limited(seconds: float) -> None:
    noise = 0.1 * np.random.default_rng(1).standard_normal((2, int(seconds * 44100)))
    assert analyse(Clip(noise, 44100)).limited == 0.0


def test_silence_is_known_as_silence() -> None:
    assert analyse(Clip(np.zeros((2, 44100)), 44100)).silent
    assert analyse(Clip(np.full((2, 44100), 1e-6), 44100)).silent


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused(bad: float) -> None:
    samples = np.zeros((2, 5000))
    samples[1, 3000] = bad
    with pytest.raises(Failure, match="not numbers"):
        analyse(Clip(samples, 44100))


@pytest.mark.parametrize("frames", [1, 50, 16384, 16385])
def test_any_length_is_measured(frames: int) -> None:
    analysis = analyse(Clip(np.ones((2, frames), np.float32), 44100))
    assert np.isfinite(analysis.mid).all()
