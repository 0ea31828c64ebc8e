"""Mix and mix bus."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal

from engine.audio.clip import Clip
from engine.audio.loudness import k_weighting, measure
from engine.mastering.data.music import finishing
from engine.mastering.data.music.kernels import drive
from engine.mastering.data.music.mixing import Desk, Track, commercial_db, k_weight
from engine.mastering.data.music.timbre import Body

RATE = 44100


def noise(seconds: float, channels: int = 2, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((channels, int(seconds * RATE))).astype(np.float32) * 0.1


def desk_with(samples: NDArray[np.float32], pan: float = 0.0) -> Desk:
    desk = Desk(samples.shape[1], RATE, 0.0)
    desk.add(Track("lead", samples, 0.0, pan, -90.0, Body()))
    return desk


def test_the_k_weight_is_the_meters_filter() -> None:
    hz = np.geomspace(30.0, 10000.0, 40)
    expected = np.ones(40)
    for b0, b1, b2, a1, a2 in k_weighting(48000):
        _, response = signal.freqz([b0, b1, b2], [1.0, a1, a2], hz, fs=48000)
        expected *= np.abs(response) ** 2
    assert np.abs(10.0 * np.log10(k_weight(hz) / expected)).max() < 1.0


def test_the_commercial_curve_falls_by_five_decibels_per_octave_of_density() -> None:
    low_db, high_db = commercial_db(np.array([100.0, 4000.0]))
    third_octave_slope = (high_db - low_db) / np.log2(40.0)
    assert third_octave_slope - 3.01 == pytest.approx(-5.3, abs=0.5)


def test_two_tracks_of_one_level_are_equally_loud_in_the_mix() -> None:
    quiet, loud = noise(4.0, 1), 7.0 * noise(4.0, 1)
    mixes = [desk_with(samples).samples(4 * RATE) for samples in (quiet, loud)]
    assert np.allclose(mixes[0], mixes[1], atol=1e-5)


def test_a_mix_leaves_the_desk_at_minus_23_lufs() -> None:
    mix = desk_with(noise(6.0)).samples(6 * RATE)
    assert measure(Clip(mix, RATE)).integrated_lufs == pytest.approx(-23.0, abs=0.5)
    assert np.abs(mix.mean(axis=1)).max() < 1e-5


@pytest.mark.parametrize("side_db", [-20.0, -10.0, -3.0])
def test_the_image_gets_the_side_level_it_is_asked_for(side_db: float) -> None:
    desk = desk_with(noise(4.0))
    desk.shape_image(side_db, 0.0, 0.0)
    left, right = (np.fft.rfft(channel) for channel in desk.samples(4 * RATE))
    heard = slice(4 * 200, 4 * 6000)
    ratio = np.sum(np.abs(left - right)[heard] ** 2) / np.sum(np.abs(left + right)[heard] ** 2)
    assert 10.0 * np.log10(ratio) == pytest.approx(side_db, abs=0.5)


def test_minus_infinity_is_mono() -> None:
    desk = desk_with(noise(2.0))
    desk.shape_image(-np.inf, 1.0, 100.0)
    left, right = desk.samples(2 * RATE)
    assert np.array_equal(left, right)


def test_mastering_that_follows_fully_reaches_the_target() -> None:
    desk = desk_with(noise(6.0))
    desk.master_tone(np.zeros(6), np.zeros(6), 1.0, most_db=40.0)
    centres, level_db = desk.band_db()
    heard = (centres > 80.0) & (centres < 9000.0)
    off_db = (level_db - commercial_db(centres))[heard]
    assert np.std(off_db) < 1.5


def test_mastering_that_does_not_follow_changes_nothing() -> None:
    desk = desk_with(noise(2.0))
    before = desk.mix.copy()
    desk.master_tone(np.array([6.0, 3.0, 0.0, 0.0, -3.0, -6.0]), np.zeros(6), 0.0)
    assert np.allclose(desk.mix, before)


def test_what_is_special_about_a_song_comes_on_top() -> None:
    plain, special = desk_with(noise(2.0)), desk_with(noise(2.0))
    plain.master_tone(np.zeros(6), np.zeros(6), 0.5)
    special.master_tone(np.zeros(6), np.full(6, 3.0), 0.5)
    assert np.allclose(special.mix, plain.mix * 10.0 ** (3.0 / 20.0), rtol=1e-4)


@given(gain_db=st.floats(-10.0, 24.0), ceiling=st.floats(0.3, 1.0), seed=st.integers(0, 50))
def test_the_limiter_never_passes_its_ceiling(gain_db: float, ceiling: float, seed: int) -> None:
    track = noise(0.3, seed=seed) * np.float32(10.0 ** (gain_db / 20.0))
    quiet = np.abs(track).max() <= ceiling
    before = track.copy()
    finishing.limit(track, RATE, ceiling, 0.06)
    assert np.abs(track).max() <= ceiling * (1.0 + 1e-5)
    if quiet:
        assert np.array_equal(track, before)


def test_compression_takes_crest_away() -> None:
    t = np.arange(4 * RATE) / RATE
    loud = np.where((t % 1.0) < 0.3, 1.0, 0.1)
    track = (loud * np.sin(2 * np.pi * 300.0 * t)).astype(np.float32)[None].repeat(2, axis=0)
    before = np.abs(track).max() / np.std(track)
    finishing.compress(track, RATE, 18.0, 4.0, 0.005, 0.05)
    levels_db = [20.0 * np.log10(np.std(track[0, int(s * RATE) :][:4000])) for s in (3.2, 3.9)]
    # 20 dB apart before; what is over the threshold shrinks by 4:1.
    assert 3.0 < levels_db[0] - levels_db[1] < 10.0
    assert np.abs(track[:, RATE:]).max() / np.std(track[:, RATE:]) < before + 6.0


@pytest.mark.parametrize("lufs", [-20.0, -14.0])
def test_a_mix_is_brought_to_the_loudness_asked_for(lufs: float) -> None:
    track = noise(5.0)
    finishing.make_loud(track, RATE, lufs, 1.0, 0.98)
    assert measure(Clip(track, RATE)).integrated_lufs == pytest.approx(lufs, abs=1.0)
    assert np.abs(track).max() <= 0.98 * (1.0 + 1e-5)


@pytest.mark.parametrize("mono", [True, False])
def test_the_floor_has_the_level_it_says(mono: bool) -> None:
    track = np.zeros((2, 3 * RATE), dtype=np.float32)
    finishing.add_floor(track, RATE, -60.0, mono, np.random.default_rng(3))
    assert 20.0 * np.log10(np.std(track)) == pytest.approx(-60.0, abs=0.2)
    assert np.array_equal(track[0], track[1]) == mono


def test_overdrive_bends_slow_signals_by_tanh() -> None:
    t = np.arange(RATE) / RATE
    track = (0.5 * np.sin(2 * np.pi * 20.0 * t)).astype(np.float32)[None]
    expected = np.tanh(3.0 * track[0] + 0.2) - np.tanh(0.2)
    drive(track, 3.0, 0.2)
    assert np.abs(track[0, 10:] - expected[10:]).max() < 0.01
