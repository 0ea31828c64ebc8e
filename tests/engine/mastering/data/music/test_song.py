"""A song from its seed, described and composed."""

from __future__ import annotations

import time
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.audio.clip import Clip
from engine.audio.loudness import measure
from engine.mastering.data.music import song as song_module
from engine.mastering.data.music.song import SongDescription, compose, describe
from engine.mastering.data.music.styles import STYLES

RATE = 44100
CENTRES_HZ = 1000.0 * 2.0 ** (np.arange(-12, 13) / 3.0)


@cache
def composed(seed: int, duration_s: float = 12.0) -> Clip:
    return compose(seed, duration_s)


def seeds_of(style: str, count: int) -> list[int]:
    return [seed for seed in range(500) if describe(seed).style == style][:count]


def balance_db(clip: Clip) -> NDArray[np.float64]:
    """Third octaves from 62 Hz to 16 kHz relative to their mean, by one long transform."""
    power = np.sum(np.abs(np.fft.rfft(clip.samples)) ** 2, axis=0)
    hz = np.fft.rfftfreq(clip.frames, 1.0 / clip.rate)
    bands = [
        power[(hz >= centre / 2 ** (1 / 6)) & (hz < centre * 2 ** (1 / 6))].sum()
        for centre in CENTRES_HZ
    ]
    level_db = 10.0 * np.log10(np.array(bands) + 1e-12)
    return np.asarray(level_db - level_db.mean())


def test_the_same_seed_gives_the_same_bits() -> None:
    again = compose(11, 12.0)
    assert np.array_equal(composed(11).samples, again.samples)


def test_another_seed_is_another_song() -> None:
    assert not np.array_equal(composed(11).samples, composed(12).samples)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**31), duration_s=st.floats(3.0, 14.0))
def test_any_song_is_a_finished_mix(seed: int, duration_s: float) -> None:
    clip = compose(seed, duration_s)
    assert clip.samples.shape == (2, round(duration_s * RATE))
    assert clip.samples.dtype == np.float32
    assert np.all(np.isfinite(clip.samples))
    peak = float(np.max(np.abs(clip.samples)))
    assert peak <= 1.0
    assert -23.5 <= measure(clip).integrated_lufs <= -8.5
    assert np.all(np.abs(clip.samples.mean(axis=1)) < 2e-3)
    assert 5.0 < 20.0 * np.log10(peak / np.sqrt(np.mean(clip.samples**2))) < 32.0


def test_every_style_appears_among_two_hundred_seeds() -> None:
    drawn = {describe(seed).style for seed in range(200)}
    assert drawn == {style.name for style in STYLES}
    assert len(drawn) >= 12


def test_describing_does_not_render(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("rendered")

    monkeypatch.setattr(song_module, "render_parts", refuse)
    assert isinstance(describe(3), SongDescription)


def test_songs_differ_in_balance_by_decibels() -> None:
    curves = [balance_db(composed(seed)) for seed in range(20, 29)]
    apart = [
        np.sqrt(np.mean((one - other) ** 2))
        for index, one in enumerate(curves)
        for other in curves[:index]
    ]
    assert np.median(apart) > 5.0
    assert min(apart) > 1.0


def test_pop_falls_towards_the_top_as_commercial_mixes_do() -> None:
    slopes = []
    middle = (CENTRES_HZ > 90.0) & (CENTRES_HZ < 4200.0)
    for seed in seeds_of("pop", 4) + seeds_of("rock", 3):
        level_db = balance_db(composed(seed))
        slopes.append(np.polyfit(np.log2(CENTRES_HZ[middle]), level_db[middle], 1)[0])
    # 5 dB per octave of density is 2 dB per octave in third octaves.
    assert -3.5 < np.mean(slopes) < -0.5


def test_about_a_sixth_of_the_songs_are_mono() -> None:
    share = np.mean([describe(seed).mix.mono for seed in range(600)])
    assert 0.10 < share < 0.25


@pytest.mark.parametrize("mono", [True, False])
def test_a_song_is_mono_exactly_when_it_says_so(mono: bool) -> None:
    seed = next(seed for seed in range(100) if describe(seed).mix.mono == mono)
    left, right = composed(seed).samples
    assert np.array_equal(left, right) == mono


def test_techno_beats_at_the_tempo_it_says() -> None:
    for seed in seeds_of("techno", 3):
        clip = composed(seed, 20.0)
        hop = 256
        frames = clip.frames // hop
        low = np.fft.rfft(clip.samples.mean(axis=0))
        low[np.fft.rfftfreq(clip.frames, 1.0 / RATE) > 150.0] = 0.0
        power = np.fft.irfft(low, clip.frames)[: frames * hop].reshape(frames, hop) ** 2
        onsets = np.maximum(np.diff(np.log(power.mean(axis=1) + 1e-7)), 0.0)
        strength = np.abs(np.fft.rfft(onsets - onsets.mean(), 8 * frames))
        turns_bpm = 60.0 * np.fft.rfftfreq(8 * frames, hop / RATE)
        # No tempo between these has its half or double there as well.
        tempi_bpm = np.arange(118.0, 150.0, 0.1)
        fits = sum(np.interp(k * tempi_bpm, turns_bpm, strength) for k in range(1, 7))
        heard_bpm = tempi_bpm[np.argmax(fits)]
        assert heard_bpm == pytest.approx(describe(seed).tempo_bpm, rel=0.01)


def test_a_walled_song_has_nothing_above_its_wall() -> None:
    seed = next(
        seed
        for seed in range(300)
        if describe(seed).mix.wall
        and describe(seed).mix.top_hz < 16500.0
        and describe(seed).mix.noise_floor_db < -100.0
    )
    clip = composed(seed)
    power = np.sum(np.abs(np.fft.rfft(clip.samples)) ** 2, axis=0)
    hz = np.fft.rfftfreq(clip.frames, 1.0 / RATE)
    top_hz = describe(seed).mix.top_hz
    above, below = power[hz > 1.12 * top_hz].mean(), power[hz < top_hz].mean()
    assert 10.0 * np.log10(above / below) < -45.0


def test_a_fade_in_is_a_fade_in() -> None:
    seed = next(seed for seed in range(300) if describe(seed).mix.fade_in_s > 2.0)
    samples = composed(seed).samples
    assert np.abs(samples[:, :100]).max() < 1e-3
    assert np.abs(samples[:, : RATE // 5]).max() < 0.2 * np.abs(samples).max()


def test_no_song_goes_silent_for_long() -> None:
    for seed in range(20, 29):
        samples = composed(seed).samples
        half_seconds = samples[:, : samples.shape[1] // 22050 * 22050].reshape(2, -1, 22050)
        loud = np.abs(half_seconds).max(axis=(0, 2)) > 1e-3
        gaps = np.diff(np.flatnonzero(np.concatenate([[True], loud, [True]])))
        assert gaps.max() * 0.5 <= 7.5


@pytest.mark.parametrize("rate", [22050, 48000])
def test_other_rates_give_songs_too(rate: int) -> None:
    clip = compose(5, 6.0, rate)
    assert clip.rate == rate
    assert clip.frames == 6 * rate


@pytest.mark.parametrize(("duration_s", "rate"), [(2.0, 44100), (10.0, 4000)])
def test_what_cannot_be_a_song_is_refused(duration_s: float, rate: int) -> None:
    with pytest.raises(ValueError, match="at least"):
        compose(1, duration_s, rate)


@pytest.mark.perf
def test_composing_is_twenty_five_times_faster_than_playing() -> None:
    compose(0, 4.0)
    seeds = range(60, 80)
    started_s = time.process_time()
    for seed in seeds:
        compose(seed)
    each_s = (time.process_time() - started_s) / len(seeds)
    print(f"40 s of stereo music: {each_s:.2f} s of one core, {40.0 / each_s:.0f} x real time")
    assert each_s <= 40.0 / 25.0
