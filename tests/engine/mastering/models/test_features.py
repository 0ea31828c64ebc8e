"""Features: calibrated, the same at every rate, and equalized as the audio would be."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import sosfilt

from engine.audio.clip import Clip
from engine.audio.loudness import LoudnessMeter, k_sections
from engine.audio.resample import resample
from engine.mastering.biquad import response_db, sections
from engine.mastering.data.music.song import compose
from engine.mastering.models.features import (
    BANDS,
    FLOOR_DB,
    HOP_S,
    SUBFRAMES,
    Features,
    amplified,
    centres_hz,
    equalized,
    extract,
    filters,
    gated_mean,
)
from engine.mastering.parameters import Band, BandKind

RATE = 44100
TONE = (
    Band(BandKind.LOW_SHELF, 120.0, 5.0, 0.7),
    Band(BandKind.BELL, 900.0, -6.0, 0.8),
    Band(BandKind.HIGH_SHELF, 6000.0, 4.0, 0.7),
)


@pytest.fixture(scope="module")
def song() -> Clip:
    return compose(3, 20.0, RATE).part(5 * RATE, 15 * RATE)


def noise(seconds: float = 6.0, rate: int = RATE, gain: float = 0.1) -> Clip:
    samples = gain * np.random.default_rng(1).standard_normal((2, round(seconds * rate)))
    return Clip(samples.astype(np.float32), rate)


def below_18_khz(clip: Clip) -> Clip:
    """What lies above is no music, and the bands end at 21 kHz."""
    spectrum = np.fft.rfft(clip.samples, axis=1)
    spectrum[:, np.fft.rfftfreq(clip.frames, 1.0 / clip.rate) > 18000.0] = 0.0
    return Clip(np.fft.irfft(spectrum, clip.frames, axis=1).astype(np.float32), clip.rate)


def sine(hz: float, amplitude: float, seconds: float = 3.0, rate: int = RATE) -> Clip:
    wave = amplitude * np.sin(2.0 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return Clip(np.stack([wave, wave]).astype(np.float32), rate)


def lufs(clip: Clip) -> float:
    meter = LoudnessMeter(clip.rate, clip.channels)
    meter.push(clip.samples)
    return meter.integrated_lufs


def power(rows: np.ndarray) -> np.ndarray:
    return 10.0 ** (rows.astype(np.float64) / 10.0)


def equalize(clip: Clip, bands: tuple[Band, ...]) -> Clip:
    filtered = sosfilt(sections(bands, clip.rate), clip.samples.astype(np.float64), axis=1)
    return Clip(filtered.astype(np.float32), clip.rate)


def test_the_bands_add_up_to_the_mean_square() -> None:
    clip = noise()
    left, right = clip.samples.astype(np.float64)
    mid, side = 0.5 * (left + right), 0.5 * (left - right)
    found = power(extract(clip).mel_db).sum(axis=1).mean(axis=-1)
    inside = (21000.0 - 10.0) / (0.5 * RATE)  # what the bands cover of white noise
    expected = np.array([np.mean(mid**2), np.mean(side**2)]) * inside
    assert 10.0 * np.log10(found / expected) == pytest.approx([0.0, 0.0], abs=0.05)


@pytest.mark.parametrize("hz", [60.0, 440.0, 3000.0, 12000.0])
def test_a_sine_has_its_mean_square_around_its_own_band(hz: float) -> None:
    mel = power(extract(sine(hz, 0.5)).mel_db[0]).mean(axis=-1)
    assert 10.0 * np.log10(mel.sum() / 0.125) == pytest.approx(0.0, abs=0.02)
    centre = float(np.sum(mel * np.arange(BANDS)) / mel.sum())
    assert centre == pytest.approx(np.interp(hz, centres_hz(), np.arange(BANDS)), abs=0.5)


def test_every_bin_between_the_edges_is_shared_out_exactly_once() -> None:
    for rate in (22050, 44100, 96000):
        bank = filters(rate)
        bins_hz = np.fft.rfftfreq(2 * (bank.shape[1] - 1), 1.0 / rate)
        inside = (bins_hz >= 20.0) & (bins_hz <= 20000.0)
        assert bank[:, inside].sum(axis=0) == pytest.approx(1.0, abs=1e-6)


def test_loudness_before_the_gates_is_that_of_the_k_weighted_audio(song: Clip) -> None:
    for clip in (song, below_18_khz(noise())):
        weighted = sosfilt(k_sections(RATE), clip.samples.astype(np.float64), axis=1)
        expected = -0.691 + 10.0 * np.log10(np.sum(np.mean(weighted**2, axis=1)))
        mean = 10.0 * np.log10(np.mean(power(extract(clip).loudness)))
        assert mean == pytest.approx(expected, abs=0.15)


def test_loudness_is_near_that_of_the_meter(song: Clip) -> None:
    steady = below_18_khz(noise())
    assert extract(steady).lufs == pytest.approx(lufs(steady), abs=0.1)
    # Frames are shorter than the meter's blocks, so the gate takes out the gaps of a rhythm.
    assert -0.1 < extract(song).lufs - lufs(song) < 1.5


def test_the_gated_mean_follows_the_two_gates() -> None:
    quiet = np.full(50, -80.0, np.float32)
    assert gated_mean(quiet) == -np.inf
    loud = np.full(100, -20.0, np.float32)
    assert gated_mean(np.concatenate((loud, quiet))) == pytest.approx(-20.0, abs=1e-4)
    # 12 LU below the mean of those over -70 LUFS does not count, 8 LU below does
    assert gated_mean(np.concatenate((loud, loud - 20.0))) == pytest.approx(-20.0, abs=1e-4)
    both = 10.0 * np.log10(0.5 * (1.0 + 10.0**-0.8)) - 20.0
    assert gated_mean(np.concatenate((loud, loud - 8.0))) == pytest.approx(both, abs=1e-4)


def test_peaks_are_those_of_the_samples() -> None:
    samples = np.zeros((2, 2 * RATE), np.float32)
    at = RATE // 2
    samples[1, at] = -0.5
    features = extract(Clip(samples, RATE))
    hop = round(HOP_S * RATE)
    assert features.envelope_db.shape == (features.frames * SUBFRAMES,)
    assert features.peak_db.argmax() == at // hop
    assert features.envelope_db.argmax() == at * SUBFRAMES // hop
    assert features.peak_db.max() == pytest.approx(20.0 * np.log10(0.5), abs=1e-3)
    assert np.sum(features.envelope_db > FLOOR_DB) == 1


def test_the_loudest_5_ms_of_a_steady_tone_are_its_mean_square() -> None:
    fast = extract(sine(1000.0, 0.5)).fast_db
    assert fast == pytest.approx(10.0 * np.log10(2 * 0.125), abs=0.05)  # both channels


def test_features_of_equalized_audio_are_equalized_features(song: Clip) -> None:
    curve_db = response_db(TONE, np.maximum(centres_hz(), 1.0), RATE)
    before = extract(song)
    heard, guessed = extract(equalize(song, TONE)), equalized(before, curve_db)
    mean = [10.0 * np.log10(power(f.mel_db[0]).mean(axis=-1)) for f in (heard, guessed)]
    difference = np.abs(mean[0] - mean[1])
    assert np.percentile(difference, 95) < 0.3
    assert difference.max() < 0.6  # in the bass a band is as wide as the slope of the shelf
    assert heard.lufs == pytest.approx(guessed.lufs, abs=0.1)


def test_an_equalizer_leaves_silence_silent(song: Clip) -> None:
    mono = Clip(song.samples[:1], RATE)
    after = equalized(extract(mono), np.full(BANDS, 12.0))
    assert np.all(after.mel_db[1] <= FLOOR_DB)
    assert after.lufs == pytest.approx(extract(mono).lufs + 12.0, abs=1e-3)


def test_a_gain_is_an_equalizer_that_is_the_same_everywhere(song: Clip) -> None:
    features = extract(song)
    louder, guessed = amplified(features, 3.0), equalized(features, np.full(BANDS, 3.0))
    heard = features.mel_db > FLOOR_DB
    assert louder.mel_db[heard] == pytest.approx(guessed.mel_db[heard], abs=1e-4)
    assert louder.envelope_db == pytest.approx(guessed.envelope_db, abs=1e-3)
    real = extract(Clip(song.samples * np.float32(10.0 ** (3.0 / 20.0)), RATE))
    loud = features.mel_db > -100.0
    assert np.abs(real.mel_db - louder.mel_db)[loud].max() < 0.01


@pytest.mark.parametrize("rate", [22050, 48000, 96000])
def test_every_rate_gives_the_same_picture(song: Clip, rate: int) -> None:
    one, other = extract(song), extract(resample(song, rate))
    assert abs(one.frames - other.frames) <= 1
    audible = (centres_hz() > 40.0) & (centres_hz() < 0.42 * min(rate, RATE))
    long_term = [10.0 * np.log10(power(f.mel_db[0]).mean(axis=-1)) for f in (one, other)]
    assert np.abs(long_term[0] - long_term[1])[audible].max() < 0.3
    if rate > RATE:  # half the rate has no treble to be loud with
        assert other.lufs == pytest.approx(one.lufs, abs=0.1)
    frames = min(one.frames, other.frames)
    difference = one.loudness[:frames] - other.loudness[:frames]
    assert np.percentile(np.abs(difference), 90) < 0.6


def test_mono_reads_as_two_equal_channels(song: Clip) -> None:
    mono = Clip(song.samples[:1], RATE)
    twice = Clip(np.concatenate((mono.samples, mono.samples)), RATE)
    one, two = extract(mono), extract(twice)
    assert np.array_equal(one.mel_db, two.mel_db)
    assert np.array_equal(one.envelope_db, two.envelope_db)
    assert np.all(one.mel_db[1] <= FLOOR_DB)


@pytest.mark.parametrize("frames", [0, 1, 2205])
@pytest.mark.parametrize("rate", [8000, RATE, 192000])
def test_very_short_clips_have_one_finite_frame(frames: int, rate: int) -> None:
    features = extract(Clip(np.full((2, frames), 0.1, np.float32), rate))
    assert features.frames >= 1
    assert_finite(features)


def test_silence_has_no_loudness_and_no_infinities() -> None:
    features = extract(Clip(np.zeros((2, RATE), np.float32), RATE))
    assert features.lufs == -np.inf
    assert_finite(features)
    assert_finite(equalized(features, np.full(BANDS, 12.0)))


def assert_finite(features: Features) -> None:
    tracks = (features.mel_db, features.envelope_db, features.fast_db, features.loudness)
    assert all(np.isfinite(track).all() for track in tracks)
