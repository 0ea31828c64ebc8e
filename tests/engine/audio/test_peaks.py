"""The peak pyramid against plain minima, maxima and RMS of the samples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.audio.peaks import BASE_BLOCK, PeakBuilder, PeakPyramid, build, load, peaks_key
from engine.audio.store import StoredAudio
from engine.cache import Cache
from engine.tasks import Cancelled, Context, Progress


def store(folder: Path, samples: NDArray[np.floating]) -> StoredAudio:
    """Write samples ``[channels, frames]`` where the pyramid can map them."""
    path = folder / "audio.f32"
    samples.T.astype(np.float32).tofile(path)
    return StoredAudio(path, 48_000, samples.shape[0], samples.shape[1], "0123abcd")


def noise(frames: int, channels: int = 2, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    swell = 0.05 + 0.5 * np.abs(np.sin(np.arange(frames) / 3000.0))
    return (rng.uniform(-1.0, 1.0, (channels, frames)) * swell).astype(np.float32)


def cache_in(folder: Path) -> Cache:
    return Cache(folder / "cache", 1 << 30)


def pyramid_of(folder: Path, samples: NDArray[np.floating], piece: int = 10_000) -> PeakPyramid:
    builder = PeakBuilder(samples.shape[0])
    for start in range(0, samples.shape[1], piece):
        builder.append(samples[:, start : start + piece])
    return builder.finish(store(folder, samples))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(start=st.floats(0.0, 4000.0), width=st.floats(1.0, 255.9), columns=st.integers(1, 60))
def test_close_views_show_the_samples_themselves(
    tmp_path: Path, start: float, width: float, columns: int
) -> None:
    samples = noise(30_000)
    low, high, rms = pyramid_of(tmp_path, samples).columns(start, start + width * columns, columns)
    edges = np.floor(np.linspace(start, start + width * columns, columns + 1)).astype(int)
    for column in range(columns):
        part = samples[:, edges[column] : max(edges[column + 1], edges[column] + 1)]
        # an edge that falls on a frame may round to either side of it
        wide = samples[:, max(edges[column] - 1, 0) : edges[column + 1] + 1]
        assert np.all(low[:, column] >= wide.min(1))
        assert np.all(high[:, column] <= wide.max(1))
        if 1e-6 < (start + width * column) % 1.0 < 1.0 - 1e-6:
            assert np.all(low[:, column] <= part.min(1))
    assert np.all(rms <= np.maximum(-low, high) + 1e-6)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    start=st.integers(0, 100_000),
    width=st.floats(256.0, 40_000.0),
    columns=st.integers(1, 10),
    frames=st.integers(1, 600_000),
)
def test_far_views_miss_nothing_and_add_only_the_blocks_they_touch(
    tmp_path: Path, start: int, width: float, columns: int, frames: int
) -> None:
    samples = noise(frames)
    pyramid = pyramid_of(tmp_path, samples)
    low, high, rms = pyramid.columns(start, start + width * columns, columns)
    edges = np.linspace(start, start + width * columns, columns + 1)
    block = max(level.block for level in pyramid.levels if level.block <= width)
    for column in range(columns):
        inner = samples[:, int(np.ceil(edges[column])) : int(edges[column + 1])]
        first = int(edges[column] // block) * block
        outer = samples[:, first : int(np.ceil(edges[column + 1] / block)) * block]
        if not inner.shape[1]:
            continue
        close = {"rel": 1e-3, "abs": 1e-4}
        for channel in range(2):
            slack = 1e-3 * np.abs(outer[channel]).max() + 1e-6
            assert low[channel, column] <= inner[channel].min() + slack
            assert low[channel, column] == pytest.approx(outer[channel].min(), **close)
            assert high[channel, column] >= inner[channel].max() - slack
            assert high[channel, column] == pytest.approx(outer[channel].max(), **close)
            if outer.shape[1] % block == 0:
                expected = np.sqrt(np.mean(outer[channel].astype(float) ** 2))
                assert rms[channel, column] == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("frames", [1, 255, 256, 257, 2047, 2049, 16_384 * 8 + 1, 500_000])
def test_the_whole_of_a_file_of_any_length_is_covered(tmp_path: Path, frames: int) -> None:
    samples = noise(frames, channels=1)
    samples[0, 0] = -0.98
    samples[0, -1] = 0.97
    pyramid = pyramid_of(tmp_path, samples)
    assert pyramid.frames == frames
    for columns in (1, 2, 7, 100, 2000):
        low, high, _ = pyramid.columns(0, frames, columns)
        assert low.min() == pytest.approx(-0.98, rel=1e-3) or frames == 1
        assert high.max() == pytest.approx(0.97, rel=1e-3)
        assert high[0, -1] == pytest.approx(0.97, rel=1e-3)


def test_a_view_closer_than_a_frame_repeats_the_sample_it_lies_in(tmp_path: Path) -> None:
    samples = noise(1000, channels=1)
    low, high, rms = pyramid_of(tmp_path, samples).columns(100, 110, 100)
    expected = np.repeat(samples[0, 100:110], 10)
    changes = np.arange(9, 100, 10)  # rounding decides on which side of an edge a column lies
    assert np.delete(low[0], changes) == pytest.approx(np.delete(expected, changes))
    assert np.array_equal(low, high)
    assert rms == pytest.approx(np.abs(low), rel=1e-6)


@pytest.mark.parametrize("width", [0.25, 10.0, 300.0, 5000.0])
def test_columns_outside_the_audio_are_zero(tmp_path: Path, width: float) -> None:
    samples = np.full((2, 100_000), 0.5, np.float32)
    pyramid = pyramid_of(tmp_path, samples)
    low, high, rms = pyramid.columns(-50 * width, 50 * width, 100)
    for values in (low, high, rms):
        assert np.all(values[:, :50] == 0.0)
        within = (np.arange(50) + 1) * width <= 100_000
        assert values[:, 50:][:, within] == pytest.approx(0.5, abs=0.003)
    end = pyramid.columns(100_000 - 5 * width, 100_000 + 5 * width, 10)
    assert all(np.all(values[:, 6:] == 0.0) for values in end)
    assert all(values[:, :4] == pytest.approx(0.5, abs=0.003) for values in end)
    beyond = pyramid.columns(200_000, 200_000 + 100 * width, 100)
    assert all(not values.any() for values in beyond)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pieces=st.lists(st.integers(1, 5000), min_size=1, max_size=30))
def test_any_partition_into_blocks_gives_the_same_pyramid(
    tmp_path: Path, pieces: list[int]
) -> None:
    samples = noise(sum(pieces))
    whole = pyramid_of(tmp_path, samples, samples.shape[1])
    builder = PeakBuilder(2)
    start = 0
    for size in pieces:
        builder.append(samples[:, start : start + size])
        start += size
    parts = builder.finish(whole.stored)
    assert len(parts.levels) == len(whole.levels)
    for ours, theirs in zip(parts.levels, whole.levels, strict=True):
        assert np.array_equal(ours.low, theirs.low)
        assert np.array_equal(ours.high, theirs.high)
        assert np.array_equal(ours.crest, theirs.crest)


def test_a_growing_file_shows_what_there_is(tmp_path: Path) -> None:
    samples = np.full((1, 200_000), 0.25, np.float32)
    stored = store(tmp_path, samples)
    builder = PeakBuilder(1)
    builder.append(samples[:, :100_100])
    early = builder.pyramid(stored)
    assert 100_100 - BASE_BLOCK < early.frames <= 100_100
    builder.append(-samples[:, 100_100:])
    _, high, _ = early.columns(0, 200_000, 20)
    assert np.all(high[0, :9] == 0.25)
    assert np.all(high[0, 11:] == 0.0)
    low, _, _ = builder.finish(stored).columns(0, 200_000, 20)
    assert np.all(low[0, 11:] == -0.25)


def test_broken_samples_draw_as_silence(tmp_path: Path) -> None:
    samples = np.full((2, 50_000), 0.5, np.float32)
    samples[0, 1000] = np.nan
    samples[1, 2000] = np.inf
    samples[1, 3000] = 1e30
    pyramid = pyramid_of(tmp_path, samples)
    for width in (10.0, 400.0):
        for values in pyramid.columns(0, 50_000, int(50_000 / width)):
            assert np.isfinite(values).all()
        assert pyramid.columns(0, 50_000, int(50_000 / width))[1][0].max() == 0.5


def test_build_reports_growing_pyramids_and_keeps_the_last_in_the_cache(tmp_path: Path) -> None:
    samples = noise(1_000_000)
    stored, cache = store(tmp_path, samples), cache_in(tmp_path)
    seen: list[Progress] = []
    built = build(stored, cache, Context(on_progress=seen.append))
    assert seen and seen[0].partial.frames <= 1_000_000
    assert cache.has(peaks_key(stored), ".npz")
    again: list[Progress] = []
    loaded = build(stored, cache, Context(on_progress=again.append))
    assert not again
    for ours, theirs in zip(
        loaded.columns(0, 1_000_000, 500), built.columns(0, 1_000_000, 500), strict=True
    ):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not a zip", b"\x80\x04pickle"])
def test_a_damaged_cache_file_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    stored, cache = store(tmp_path, noise(5000)), cache_in(tmp_path)
    cache.put(peaks_key(stored), ".npz", damage)
    assert load(stored, cache) is None
    assert build(stored, cache, Context()).frames == 5000
    assert load(stored, cache) is not None


def test_a_pyramid_of_another_length_is_not_taken(tmp_path: Path) -> None:
    stored, cache = store(tmp_path, noise(5000)), cache_in(tmp_path)
    build(stored, cache, Context())
    assert load(replace(stored, frames=4000), cache) is None


def test_a_cancelled_build_leaves_nothing_behind(tmp_path: Path) -> None:
    stored, cache = store(tmp_path, noise(5000)), cache_in(tmp_path)
    context = Context()
    context.cancel_event.set()
    with pytest.raises(Cancelled):
        build(stored, cache, context)
    assert not cache.has(peaks_key(stored))


def test_audio_that_still_grows_is_drawn_but_not_kept(tmp_path: Path) -> None:
    stored, cache = store(tmp_path, noise(5000)), cache_in(tmp_path)
    growing = replace(stored, complete=False, available_frames=3000)
    assert build(growing, cache, Context()).frames == 3000
    assert not cache.has(peaks_key(stored))


def test_an_empty_file_has_an_empty_pyramid(tmp_path: Path) -> None:
    pyramid = PeakBuilder(2).finish(replace(store(tmp_path, noise(10)), frames=0))
    assert all(not values.any() for values in pyramid.columns(0, 1000, 10))


def test_an_hour_of_stereo_takes_seven_megabytes(tmp_path: Path) -> None:
    minutes = 2
    pyramid = pyramid_of(tmp_path, noise(minutes * 60 * 44_100), 1 << 18)
    assert pyramid.nbytes * 60 / minutes < 7.2e6
