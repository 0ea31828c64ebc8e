"""Augmentation changes what it says and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.audio.clip import Clip
from engine.mastering.data.augment import Augmentation, AugmentSettings, draw_augmentation

RATE = 44100


def noise(seconds: float = 1.0, channels: int = 2, seed: int = 1) -> Clip:
    rng = np.random.default_rng(seed)
    samples = 0.1 * rng.normal(size=(channels, round(seconds * RATE)))
    return Clip(samples.astype(np.float32), RATE)


def test_no_change_keeps_every_bit() -> None:
    clip = noise()
    assert np.array_equal(Augmentation().apply(clip, 1.0).samples, clip.samples)


def test_polarity_sides_and_gain() -> None:
    clip = noise()
    out = Augmentation(inverted=True, swapped=True, gain_db=-20.0).apply(clip, 1.0)
    np.testing.assert_allclose(out.samples, -0.1 * clip.samples[::-1], rtol=1e-6)


@pytest.mark.parametrize("semitones", [-1.0, 0.37, 1.0])
def test_speed_moves_the_pitch_by_as_much(semitones: float) -> None:
    speed = 2.0 ** (semitones / 12.0)
    augmentation = Augmentation(speed=speed)
    time_s = np.arange(round(augmentation.source_s(2.0) * RATE)) / RATE
    clip = Clip(np.sin(2.0 * np.pi * 1000.0 * time_s)[None], RATE)
    out = augmentation.apply(clip, 2.0)
    assert out.frames == 2 * RATE
    spectrum = np.abs(np.fft.rfft(out.samples[0] * np.hanning(out.frames), 1 << 20))
    peak_hz = np.argmax(spectrum) * RATE / (1 << 20)
    assert peak_hz == pytest.approx(1000.0 * speed, rel=1e-4)
    # the song goes on to the last frame: the source was long enough
    assert np.abs(out.samples[0, -20:]).max() > 0.3


def test_a_tilt_is_a_straight_line_over_log_frequency() -> None:
    impulse = np.zeros((1, 1 << 16))
    impulse[0, 1 << 15] = 1.0
    out = Augmentation(tilt_db_per_octave=0.3).apply(Clip(impulse, RATE), impulse.size / RATE)
    level_db = 20.0 * np.log10(np.abs(np.fft.rfft(out.samples[0])))
    for hz in (250.0, 1000.0, 4000.0, 8000.0):
        expected = 0.3 * np.log2(hz / 1000.0)
        assert level_db[round(hz * (1 << 16) / RATE)] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("under", [1, 2])
def test_a_partner_is_added_at_its_level(channels: int, under: int) -> None:
    clip, partner = noise(channels=channels), noise(channels=under, seed=2)
    out = Augmentation(mix_gain_db=-20.0).apply(clip, 1.0, partner)
    assert out.channels == channels
    added = out.samples - clip.samples
    expected = 0.1 * (partner.samples if under == channels else partner.samples.mean(axis=0))
    np.testing.assert_allclose(added, np.broadcast_to(expected, added.shape), atol=1e-7)


def test_mixing_without_a_partner_is_an_error() -> None:
    with pytest.raises(ValueError, match="partner"):
        Augmentation(mix_gain_db=-6.0).apply(noise(), 1.0)


@given(st.integers(0, 2**32))
def test_draws_stay_within_the_settings(seed: int) -> None:
    settings = AugmentSettings(0.5, 3.0, 0.1, mix_probability=0.5, mix_gain_db=(-9.0, -8.0))
    drawn = draw_augmentation(np.random.default_rng(seed), settings)
    assert abs(np.log2(drawn.speed)) <= 0.5 / 12.0 + 1e-12
    assert abs(drawn.gain_db) <= 3.0
    assert abs(drawn.tilt_db_per_octave) <= 0.1
    assert drawn.mix_gain_db is None or -9.0 <= drawn.mix_gain_db <= -8.0
    assert drawn == draw_augmentation(np.random.default_rng(seed), settings)
