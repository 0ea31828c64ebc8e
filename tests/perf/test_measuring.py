"""How long measuring and summarising an hour of stereo takes."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pyloudnorm
import pytest
from numpy.typing import NDArray

from engine.audio.clip import Clip
from engine.audio.loudness import measure
from engine.audio.peaks import PeakPyramid, build, load
from engine.audio.spectrogram import SpectrogramSettings, SpectrogramTiles
from engine.audio.store import StoredAudio
from engine.cache import Cache
from engine.tasks import Context

RATE = 44_100
MINUTES = 60


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Shortest of some runs."""
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def minute() -> NDArray[np.float32]:
    """Noise that swells, so that neither silence nor a constant level makes it easy."""
    rng = np.random.default_rng(0)
    swell = 0.05 + 0.4 * np.abs(np.sin(np.arange(60 * RATE) / 30_000.0))
    noise = 0.3 * rng.standard_normal((2, 60 * RATE)) * swell
    return noise.astype(np.float32)


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> StoredAudio:
    path = tmp_path_factory.mktemp("hour") / "hour.f32"
    block = np.ascontiguousarray(minute().T)
    with path.open("wb") as file:
        for _ in range(MINUTES):
            block.tofile(file)
    return StoredAudio(path, RATE, 2, MINUTES * 60 * RATE, "hour")


def ffmpeg_ebur128(samples: NDArray[np.float32]) -> None:
    graph = av.filter.Graph()
    source = graph.add_abuffer(
        sample_rate=RATE, format="fltp", layout="stereo", time_base=Fraction(1, RATE)
    )
    meter = graph.add("ebur128", "metadata=1:peak=true")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    for start in range(0, samples.shape[1], RATE):
        part = np.ascontiguousarray(samples[:, start : start + RATE])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = RATE, start
        graph.push(frame)
        while True:
            try:
                graph.pull()
            except av.error.BlockingIOError:
                break


def pyloudnorm_integrated(samples: NDArray[np.float64]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyloudnorm.Meter(RATE).integrated_loudness(samples)


@pytest.mark.perf
def test_loudness_is_measured_faster_than_by_ffmpeg() -> None:
    samples = minute()
    clip, frames_first = Clip(samples, RATE), samples.T.astype(np.float64)
    measure(clip)
    ours = seconds(lambda: measure(clip))
    ffmpeg = seconds(lambda: ffmpeg_ebur128(samples))
    other = seconds(lambda: pyloudnorm_integrated(frames_first))
    print(f"\nloudness and true peak of a minute: {1e3 * ours:.0f} ms, {60 / ours:.0f} x real time")
    print(f"  FFmpeg ebur128 takes {ffmpeg / ours:.1f} times as long")
    print(f"  pyloudnorm (integrated loudness only) takes {other / ours:.1f} times as long")
    assert ours < ffmpeg


@pytest.mark.perf
def test_the_waveform_of_an_hour_is_drawn_within_a_frame(hour: StoredAudio, tmp_path: Path) -> None:
    cache = Cache(tmp_path, 1 << 30)
    begun = time.perf_counter()
    pyramid = build(hour, cache, Context())
    print(f"\npeaks of an hour: {time.perf_counter() - begun:.2f} s, {pyramid.nbytes / 1e6:.1f} MB")
    print(f"  from the cache {1e3 * seconds(lambda: load(hour, cache)):.1f} ms")

    def view(pyramid: PeakPyramid, width: float) -> float:
        return seconds(lambda: pyramid.columns(1000.0, 1000.0 + 2000 * width, 2000), 15)

    for width in (0.1, 1.0, 10.0, 100.0, 255.0, 256.0, 2047.0, 16_383.0, hour.frames / 2000):
        taken = view(pyramid, width)
        print(f"  2000 columns of {width:8.1f} frames: {1e3 * taken:.2f} ms")
        assert taken < 0.016


@pytest.mark.perf
def test_the_spectrogram_of_an_hour_is_there_at_once(hour: StoredAudio, tmp_path: Path) -> None:
    settings, cache = SpectrogramSettings(), Cache(tmp_path, 1 << 30)
    tiles = SpectrogramTiles(hour, settings, cache)
    tiles.tile(0, 0)
    level = math.floor(math.log2(hour.frames / 2000 / settings.hop))
    indices = range(tiles.tile_count(level))
    preview = seconds(lambda: [tiles.look(level, index) for index in indices], 1)
    exact = seconds(lambda: [tiles.tile(level, index) for index in indices], 1)
    fresh = SpectrogramTiles(hour, settings, cache)
    stored = seconds(lambda: [fresh.look(level, index) for index in indices], 1)
    finest = seconds(lambda: [fresh.tile(0, index) for index in range(100, 120)], 1) / 20
    print(f"\nspectrogram of an hour in {len(indices)} tiles: preview {1e3 * preview:.0f} ms")
    print(f"  exact {exact:.2f} s, from disk {1e3 * stored:.1f} ms, finest {1e3 * finest:.2f} ms")
    assert preview < 1.0
