"""A reference is known as the same recording whatever an equalizer or a compressor did to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.audio.clip import Clip
from engine.mastering.analysis import analyse
from engine.mastering.data.degradation import Kind, Tier, draw
from engine.mastering.targets import from_references, same_recording

RATE = 44100


def song(seed: int, seconds: float = 8.0) -> Clip:
    """Notes of different pitch, length and level over noise: no two seconds are alike."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    total = 0.003 * rng.standard_normal((2, t.size))
    for start in np.arange(0.0, seconds, 0.25):
        note = 55.0 * 2.0 ** (rng.integers(0, 60) / 12.0)
        envelope = np.where(t >= start, np.exp(-(t - start) * rng.uniform(1.0, 8.0)), 0.0)
        level, pan = rng.uniform(0.02, 0.1), rng.uniform(0.3, 0.7)
        tone = sum(np.sin(2 * np.pi * note * k * t) / k for k in (1, 2, 3, 5))
        total += level * envelope * tone * np.array([[pan], [1.0 - pan]])
    return Clip(total.astype(np.float32), RATE)


@pytest.mark.parametrize("kind", list(Kind))
def test_whatever_was_done_to_it_a_recording_is_known(kind: Kind) -> None:
    clip = song(1)
    clean = analyse(clip)
    for seed in range(2):
        harm = draw(np.random.default_rng(seed), kind, Tier.STRONG)
        assert same_recording(analyse(harm.apply(clip)), clean)


def test_another_recording_of_the_same_length_is_not() -> None:
    first = analyse(song(1))
    assert not any(same_recording(first, analyse(song(seed))) for seed in range(2, 6))


def test_the_other_half_of_a_song_is_not() -> None:
    whole = song(1, 16.0)
    halves = [whole.part(0, 8 * RATE), whole.part(8 * RATE, 16 * RATE)]
    assert not same_recording(*(analyse(half) for half in halves))


def test_a_different_length_or_silence_is_not() -> None:
    clip = song(1)
    clean = analyse(clip)
    assert not same_recording(clean, analyse(clip.part(0, 7 * RATE)))
    assert not same_recording(clean, analyse(replace(clip, samples=0.0 * clip.samples)))


def test_two_noises_of_one_spectrum_are_not() -> None:
    noises = [0.1 * np.random.default_rng(seed).standard_normal((2, 8 * RATE)) for seed in range(2)]
    assert not same_recording(*(analyse(Clip(noise, RATE)) for noise in noises))


def test_the_same_recording_is_followed_more_closely_than_another() -> None:
    clean = analyse(song(1))
    harm = draw(np.random.default_rng(0), Kind.EQ, Tier.STRONG)
    degraded = analyse(harm.apply(song(1)))
    own = from_references(degraded, [clean])
    other = from_references(degraded, [analyse(song(2))])
    assert max(own.detail_tolerance_db) <= 1.0 < min(other.detail_tolerance_db)
