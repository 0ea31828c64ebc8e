from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import sosfilt, welch

from engine.audio.clip import Clip
from engine.mastering.analysis import analyse
from engine.mastering.biquad import response_db, sections
from engine.mastering.evaluate.metrics import (
    active_bands,
    energy_weights,
    eq_error_db,
    grid_hz,
    log_spectral_distance_db,
    loudness_contour_error_lu,
    transfer_db,
    waveform_snr_db,
    width_error_db,
)
from engine.mastering.parameters import Band, BandKind

RATE = 44100
EQUALIZER = (
    Band(BandKind.LOW_SHELF, 120.0, 5.0, 0.7),
    Band(BandKind.BELL, 500.0, -6.0, 1.5),
    Band(BandKind.BELL, 2400.0, 4.0, 2.0),
    Band(BandKind.HIGH_SHELF, 8000.0, -5.0, 0.7),
)


def pink(seconds: float = 3.0, channels: int = 2, seed: int = 1) -> Clip:
    rng = np.random.default_rng(seed)
    frames = int(seconds * RATE)
    spectrum = np.fft.rfft(rng.standard_normal((channels, frames)))
    spectrum /= np.sqrt(np.maximum(np.arange(spectrum.shape[1]), 1.0))
    samples = np.fft.irfft(spectrum, n=frames)
    return Clip(0.1 * samples / samples.std(), RATE)


def music(seconds: float = 6.0) -> Clip:
    """Chords with overtones over noise, in beats: a spectrum of lines, not of noise."""
    rng = np.random.default_rng(3)
    t = np.arange(int(seconds * RATE)) / RATE
    total = np.zeros((2, t.size))
    for note in (55.0, 110.0, 164.8, 220.0, 277.2, 440.0):
        for k in range(1, 30):
            pan = rng.uniform(0.3, 0.7, (2, 1))
            total += pan * np.sin(2 * np.pi * note * k * t + rng.uniform(0, 6)) / k
    total *= 0.6 + 0.4 * np.sin(2 * np.pi * 2.0 * t)
    return Clip(0.05 * total + 0.3 * pink(seconds).samples, RATE)


def equalized(clip: Clip) -> Clip:
    return Clip(sosfilt(sections(EQUALIZER, RATE), clip.samples), RATE)


def amplified(clip: Clip, gain_db: float | np.ndarray) -> Clip:
    return Clip(clip.samples * 10.0 ** (np.asarray(gain_db) / 20.0), clip.rate)


# --- equalizer error ---


def test_a_level_is_no_equalizer_error() -> None:
    weights = np.linspace(0.1, 1.0, grid_hz().size)
    assert eq_error_db(np.full(grid_hz().size, 7.0), weights) == pytest.approx(0.0, abs=1e-12)


def test_half_the_bands_up_and_half_down_is_the_distance_to_the_middle() -> None:
    count = 2 * (grid_hz().size // 2)
    curve = np.where(np.arange(count) % 2 == 0, 5.0, -1.0)
    assert eq_error_db(curve, np.ones(count)) == pytest.approx(3.0)


def test_bands_without_weight_do_not_count() -> None:
    curve = np.array([1.0, -1.0, 1.0, -1.0, 99.0])
    assert eq_error_db(curve, np.array([1.0, 1.0, 1.0, 1.0, 0.0])) == pytest.approx(1.0)
    assert eq_error_db(curve, np.zeros(5)) == 0.0


def test_the_grid_is_a_sixth_of_an_octave_from_30_hz_to_16_khz() -> None:
    steps = np.diff(np.log2(grid_hz()))
    np.testing.assert_allclose(steps, 1 / 6)
    assert 30.0 <= grid_hz()[0] < 30.0 * 2 ** (1 / 6)
    assert 16000.0 * 2 ** (-1 / 6) < grid_hz()[-1] <= 16000.0


@pytest.mark.parametrize("clip", [pink(), music()], ids=["noise", "chords"])
def test_the_error_measured_on_the_audio_is_that_of_the_curve(clip: Clip) -> None:
    clean = analyse(clip)
    weights = energy_weights(clean)
    by_curve = eq_error_db(response_db(EQUALIZER, grid_hz(), RATE), weights)
    by_audio = eq_error_db(transfer_db(clean, analyse(equalized(clip))), weights)
    assert by_curve > 2.0
    assert by_audio == pytest.approx(by_curve, abs=0.1)


def test_the_measured_transfer_agrees_with_welch() -> None:
    clip = pink(6.0)
    output = equalized(clip)
    clean, present = (
        welch(each.samples, RATE, nperseg=16384)[1].sum(axis=0) for each in (clip, output)
    )
    hz = np.fft.rfftfreq(16384, 1 / RATE)
    ratio_db = 10.0 * np.log10(present[1:] / clean[1:])
    inside = grid_hz() > 60.0
    expected = np.interp(np.log2(grid_hz()), np.log2(hz[1:]), ratio_db)[inside]
    found = transfer_db(analyse(clip), analyse(output))[inside]
    assert np.abs(found - expected).max() < 0.5


def test_bands_that_hold_nothing_weigh_nothing() -> None:
    t = np.arange(3 * RATE) / RATE
    # Faded, because where a tone breaks off there is a click.
    tone = (np.hanning(t.size) * np.sin(2 * np.pi * 1000.0 * t))[None]
    weights = energy_weights(analyse(Clip(tone, RATE)))
    near = np.abs(np.log2(grid_hz() / 1000.0)) < 0.1
    far = np.abs(np.log2(grid_hz() / 1000.0)) > 1.0
    assert (weights[near] == 1.0).all()
    assert (weights[far] == 0.0).all()


# --- loudness contour ---


def test_a_level_is_no_contour_error() -> None:
    assert loudness_contour_error_lu(amplified(pink(), -6.0), pink()) < 1e-9


def test_a_swell_is_its_own_standard_deviation() -> None:
    clip = pink(8.0)
    half = clip.frames // 2
    step_db = np.where(np.arange(clip.frames) < half, 0.0, 4.0)
    # Half of the windows moved by 4 dB: 2 dB on either side of the mean; some lie across.
    error = loudness_contour_error_lu(amplified(clip, step_db), clip)
    assert error == pytest.approx(2.0, abs=0.1)


def test_what_is_20_lu_under_the_loudest_does_not_count() -> None:
    clip = pink(8.0)
    quiet = np.where(np.arange(clip.frames) < clip.frames // 2, 0.0, -60.0)
    clean = amplified(clip, quiet)
    other = amplified(clip, np.where(quiet < 0.0, -30.0, 0.0))
    assert loudness_contour_error_lu(other, clean) < 0.5


def test_silence_has_no_contour_error() -> None:
    silence = Clip(np.zeros((2, 2 * RATE)), RATE)
    assert loudness_contour_error_lu(silence, silence) == 0.0


# --- log-spectral distance ---


@given(st.floats(-20.0, 20.0))
def test_a_level_is_as_far_away_as_it_is_loud(gain_db: float) -> None:
    clip = pink(0.5)
    distance = log_spectral_distance_db(clip, amplified(clip, gain_db))
    assert distance == pytest.approx(abs(gain_db), abs=1e-6)


def test_the_distance_is_the_same_from_both_sides_and_zero_to_itself() -> None:
    first, second = pink(1.0, seed=1), pink(1.0, seed=2)
    there = log_spectral_distance_db(first, second)
    assert there == pytest.approx(log_spectral_distance_db(second, first))
    assert there > 3.0
    assert log_spectral_distance_db(first, first) == 0.0
    silence = Clip(np.zeros((2, RATE)), RATE)
    assert log_spectral_distance_db(silence, silence) == 0.0


# --- width, waveform, bands ---


def narrowed(clip: Clip, side_db: float) -> Clip:
    left, right = clip.samples
    mid, side = (left + right) / 2, (left - right) / 2 * 10.0 ** (side_db / 20.0)
    return Clip(np.stack([mid + side, mid - side]), clip.rate)


@pytest.mark.parametrize("side_db", [-6.0, 3.0])
def test_the_width_error_is_how_far_the_side_moved(side_db: float) -> None:
    clip = pink()
    error = width_error_db(analyse(narrowed(clip, side_db)), analyse(clip))
    assert error == pytest.approx(abs(side_db), abs=1e-3)


def test_mono_has_no_width() -> None:
    mono = analyse(pink(channels=1))
    assert width_error_db(mono, mono) is None
    double = analyse(Clip(np.repeat(pink(channels=1).samples, 2, axis=0), RATE))
    assert width_error_db(double, double) is None


@pytest.mark.parametrize("gain_db", [0.0, -9.0])
def test_the_waveform_is_compared_at_the_best_gain(gain_db: float) -> None:
    clip, noise = pink(seed=1), pink(seed=2).samples
    noise -= clip.samples * (noise * clip.samples).sum() / (clip.samples**2).sum()
    ratio = 0.1**2 * (noise**2).sum() / (clip.samples**2).sum()
    dirty = Clip(clip.samples + 0.1 * noise, RATE)
    # The Wiener gain 1 / (1 + r) on a signal with orthogonal noise leaves r / (1 + r).
    expected_db = 10.0 * math.log10(1.0 + 1.0 / ratio)
    assert waveform_snr_db(amplified(dirty, gain_db), clip) == pytest.approx(expected_db)


def test_the_same_waveform_is_as_good_as_it_gets_and_silence_as_bad() -> None:
    clip = pink(0.5)
    assert waveform_snr_db(clip, clip) > 150.0
    assert waveform_snr_db(Clip(np.zeros_like(clip.samples), RATE), clip) == -math.inf


def test_only_bands_that_can_be_told_are_counted() -> None:
    bands = (
        Band(gain_db=3.0),
        Band(gain_db=3.0, gate=0.05),
        Band(gain_db=3.0, enabled=False),
        Band(gain_db=0.1),
        Band(BandKind.HIGH_PASS, 30.0),
        Band(BandKind.HIGH_PASS, 30.0, gate=0.0),
    )
    assert active_bands(bands) == 2
