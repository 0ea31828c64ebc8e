"""Audition: how loud the chain will be, told from the loudest part of a track."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.audio.loudness import measure
from engine.audio.store import StoredAudio, StoreWriter
from engine.cache import Cache
from engine.mastering.audition import (
    EXCERPT_S,
    AuditionSpec,
    loudest_part,
    loudness_change_lu,
)
from engine.mastering.chain import render
from engine.mastering.parameters import Band, BandKind, ChainParameters, Limiter, Residual
from engine.tasks import Cancelled, Context

RATE = 16000


def stored(tmp_path: Path, samples: np.ndarray) -> StoredAudio:
    with StoreWriter(Cache(tmp_path, 10**9), "audio", RATE, samples.shape[0]) as writer:
        writer.append(samples.astype(np.float32))
        return writer.finish()


def noise(seconds: float, level: float = 0.02) -> np.ndarray:
    return level * np.random.default_rng(5).standard_normal((2, round(seconds * RATE)))


def test_no_change_changes_no_loudness(tmp_path: Path) -> None:
    spec = AuditionSpec(stored(tmp_path, noise(4)), ChainParameters())
    assert loudness_change_lu(spec, Context()) == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("gain_db", [-6.0, 3.0, 6.0])
def test_a_gain_without_limiting_is_read_as_that_gain(tmp_path: Path, gain_db: float) -> None:
    spec = AuditionSpec(stored(tmp_path, noise(4)), ChainParameters(limiter=Limiter(gain_db)))
    assert loudness_change_lu(spec, Context()) == pytest.approx(gain_db, abs=0.05)


def test_a_short_track_is_measured_whole(tmp_path: Path) -> None:
    audio = stored(tmp_path, noise(4))
    band = Band(kind=BandKind.BELL, frequency_hz=800.0, gain_db=9.0, q=0.7, gate=1.0)
    parameters = ChainParameters(bands=(band,))
    whole = audio.clip()
    expected = measure(render(whole, parameters)).integrated_lufs - measure(whole).integrated_lufs
    assert expected > 1.0
    found = loudness_change_lu(AuditionSpec(audio, parameters), Context())
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_loudest_part_of_a_long_track_is_found(tmp_path: Path) -> None:
    samples = noise(40, 0.005)
    samples[:, 20 * RATE : 32 * RATE] *= 10
    part = loudest_part(stored(tmp_path, samples))
    assert part.samples.shape[1] == round(EXCERPT_S * RATE)
    np.testing.assert_array_equal(
        part.samples, samples[:, 20 * RATE : 32 * RATE].astype(np.float32)
    )


def test_silence_stays_where_it_is(tmp_path: Path) -> None:
    spec = AuditionSpec(
        stored(tmp_path, np.zeros((2, 2 * RATE))), ChainParameters(limiter=Limiter(6.0))
    )
    assert loudness_change_lu(spec, Context()) == 0.0


def test_a_residual_is_left_out_as_it_is_live(tmp_path: Path) -> None:
    parameters = ChainParameters(residual=Residual("abc123", 1.0), limiter=Limiter(3.0))
    spec = AuditionSpec(stored(tmp_path, noise(4)), parameters)
    assert loudness_change_lu(spec, Context()) == pytest.approx(3.0, abs=0.05)


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    context = Context()
    context.cancel_event.set()
    with pytest.raises(Cancelled):
        loudness_change_lu(AuditionSpec(stored(tmp_path, noise(1)), ChainParameters()), context)
