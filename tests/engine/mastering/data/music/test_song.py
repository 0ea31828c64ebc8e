"""Songs from seeds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.audio.loudness import measure
from engine.mastering.data.music.song import compose, describe


def test_the_same_seed_gives_the_same_bits() -> None:
    first, second = compose(11, 8.0), compose(11, 8.0)
    assert np.array_equal(first.samples, second.samples)


@settings(max_examples=12)
@given(seed=st.integers(0, 2**31))
def test_any_song_is_a_finished_mix(seed: int) -> None:
    song = compose(seed, 12.0)
    assert song.samples.shape == (2, round(12.0 * 44100))
    assert song.samples.dtype == np.float32
    assert np.all(np.isfinite(song.samples))
    assert np.max(np.abs(song.samples)) <= 1.0
    assert -23.5 <= measure(song).integrated_lufs <= -8.5
    assert np.all(np.abs(song.samples.mean(axis=1)) < 2e-3)


def test_all_styles_appear_among_two_hundred_seeds() -> None:
    assert len({describe(seed).style for seed in range(200)}) >= 12


@pytest.mark.parametrize("rate", [22050, 48000])
def test_other_rates_work(rate: int) -> None:
    song = compose(5, 6.0, rate)
    assert song.rate == rate and song.frames == 6 * rate
