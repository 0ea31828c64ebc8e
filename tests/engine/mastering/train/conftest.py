"""Small pools, made once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.audio.clip import Clip
from engine.mastering.data.songs import ProceduralSongs
from engine.mastering.train.pool import PooledSong, PoolSettings, build_pool
from engine.mastering.train.tones import ToneBank
from engine.tasks import Context

SMALL = PoolSettings(window_s=3.0, windows=4, spoilt=4, excerpt_s=1.0)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def mixture(seed: int, duration_s: float, rate: int) -> Clip:
    """Chords, noise and a beat: quick to make, and no two seeds alike."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(duration_s * rate)) / rate
    beat = np.exp(-((time * rng.uniform(1.5, 3.0)) % 1.0) * 6.0)
    tones = sum(
        np.sin(2.0 * np.pi * hz * time) / (i + 1) ** 0.5
        for i, hz in enumerate(rng.uniform(50.0, 6000.0, 8))
    )
    noise = rng.standard_normal((2, len(time)))
    slow = 0.6 + 0.4 * np.sin(2.0 * np.pi * 0.1 * time + seed)
    samples = 0.05 * slow * (tones * (0.3 + beat) + 0.5 * noise * (0.1 + beat))
    return Clip(samples.astype(np.float32), rate)


@pytest.fixture(scope="session")
def songs() -> ProceduralSongs:
    """Three songs of 16 s."""
    return ProceduralSongs(range(3), 16.0, kept=3, compose=mixture, version="test")


@pytest.fixture(scope="session")
def pool(songs, tmp_path_factory) -> tuple[PooledSong, ...]:
    folder = tmp_path_factory.mktemp("pool")
    return build_pool(songs, songs.names, SMALL, folder, lambda _: "test", Context())


@pytest.fixture(scope="session")
def bank() -> ToneBank:
    return ToneBank(4, 1)
