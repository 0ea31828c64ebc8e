"""Two short songs that need no file."""

from __future__ import annotations

import numpy as np
import pytest

from engine.audio.clip import Clip
from engine.tasks import Failure

RATE = 44100


class NoiseSongs:
    """Pink noise that swells, ``[2, 6.4 s]`` each; a name with "short" is 2 s, "broken" fails."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.read: list[str] = []

    def group(self, name: str) -> str:
        return name.split("-")[0]

    def duration_s(self, name: str) -> float:
        return 2.0 if "short" in name else 6.4

    def part(self, name: str, start_s: float, duration_s: float, rate: int) -> Clip:
        self.read.append(name)
        if "broken" in name:
            raise Failure(f"“{name}” cannot be read.")
        if "silent" in name:
            return Clip(np.zeros((2, round(duration_s * rate)), np.float32), rate)
        rng = np.random.default_rng(sum(name.encode()))
        frames = round(self.duration_s(name) * rate)
        spectrum = np.fft.rfft(rng.standard_normal((2, frames)))
        spectrum /= np.sqrt(np.maximum(np.arange(spectrum.shape[1]), 1.0))
        samples = np.fft.irfft(spectrum, n=frames)
        samples *= 0.1 / samples.std() * (0.7 + 0.3 * np.sin(np.arange(frames) / rate * 7.0))
        start = round(start_s * rate)
        return Clip(samples[:, start : start + round(duration_s * rate)].astype(np.float32), rate)


@pytest.fixture
def songs() -> NoiseSongs:
    return NoiseSongs("one", "two")


@pytest.fixture
def make_songs() -> type[NoiseSongs]:
    return NoiseSongs
