"""Width and mono bass by closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from engine.mastering.biquad import response_db
from engine.mastering.imager import ImagerProcessor, side_bands
from engine.mastering.parameters import Imager

RATE = 44100


def stereo(frames: int = 4000, seed: int = 0) -> np.ndarray:
    return 0.3 * np.random.default_rng(seed).standard_normal((2, frames))


@given(st.floats(0.0, 2.0), st.floats(0.0, 300.0), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_mono_in_is_mono_out_to_the_bit(width: float, below_hz: float, seed: int) -> None:
    mono = np.repeat(stereo(600, seed)[:1], 2, axis=0)
    out = ImagerProcessor(RATE, 2, Imager(width, below_hz)).process(mono)
    assert np.array_equal(out, mono)


@given(st.floats(0.0, 2.0), st.floats(0.0, 300.0))
@settings(max_examples=25, deadline=None)
def test_the_mid_is_never_touched(width: float, below_hz: float) -> None:
    audio = stereo()
    out = ImagerProcessor(RATE, 2, Imager(width, below_hz)).process(audio)
    np.testing.assert_allclose(out.sum(axis=0), audio.sum(axis=0), atol=1e-15)


@pytest.mark.parametrize("width", [0.0, 0.5, 1.7, 2.0])
def test_width_is_the_factor_of_the_side(width: float) -> None:
    audio = stereo()
    out = ImagerProcessor(RATE, 2, Imager(width)).process(audio)
    np.testing.assert_allclose(out[0] - out[1], width * (audio[0] - audio[1]), atol=1e-15)


def test_bass_side_is_a_linkwitz_riley_high_pass() -> None:
    audio = stereo(20000)
    out = ImagerProcessor(RATE, 2, Imager(1.4, 120.0)).process(audio)
    butterworth = signal.butter(2, 120.0, "high", fs=RATE, output="sos")
    side = signal.sosfilt(np.vstack([butterworth, butterworth]), audio[0] - audio[1])
    np.testing.assert_allclose(out[0] - out[1], 1.4 * side, atol=1e-12)


def test_the_side_bands_are_6_db_down_at_the_cutoff_and_24_db_an_octave_below() -> None:
    level_db = response_db(side_bands(Imager(1.0, 120.0)), [120.0, 60.0, 1200.0], 96000)
    np.testing.assert_allclose(level_db, [-6.02, -24.6, 0.0], atol=0.05)


@pytest.mark.parametrize("parameters", [Imager(), Imager(0.0, 200.0, enabled=False)])
def test_inactive_every_bit_passes(parameters: Imager) -> None:
    audio = stereo()
    assert np.array_equal(ImagerProcessor(RATE, 2, parameters).process(audio), audio)


@pytest.mark.parametrize("channels", [1, 3, 6])
def test_other_channel_counts_pass_unchanged(channels: int) -> None:
    audio = np.random.default_rng(0).standard_normal((channels, 500))
    assert np.array_equal(ImagerProcessor(RATE, channels, Imager(0.0, 200.0)).process(audio), audio)


def test_switching_mono_bass_off_ends_in_the_untouched_signal() -> None:
    imager = ImagerProcessor(RATE, 2, Imager(1.5, 150.0))
    imager.process(stereo())
    imager.set_parameters(Imager())
    imager.process(stereo(2000, 1))
    audio = stereo(1000, 2)
    assert np.array_equal(imager.process(audio), audio)


def test_moving_the_width_is_gradual() -> None:
    imager = ImagerProcessor(RATE, 2, Imager(0.0))
    audio = np.repeat([[0.5], [-0.5]], 4000, axis=1)
    imager.process(audio)
    imager.set_parameters(Imager(2.0))
    out = imager.process(audio)[0]
    assert np.abs(np.diff(out)).max() < 0.002
    assert out[-1] == 1.0
