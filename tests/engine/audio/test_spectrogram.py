"""Spectrogram tiles against a plain STFT."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import ShortTimeFFT, get_window

from engine.audio.spectrogram import (
    DB_PER_STEP,
    DISK_LEVEL,
    PREVIEW_LEVEL,
    TILE_COLUMNS,
    SpectrogramSettings,
    SpectrogramTiles,
    to_codes,
    to_db,
)
from engine.audio.store import StoredAudio
from engine.cache import Cache
from engine.tasks import Cancelled, Context

RATE = 48_000
SMALL = SpectrogramSettings(size=256, hop=128)


def store(folder: Path, samples: NDArray[np.floating]) -> StoredAudio:
    path = folder / "audio.f32"
    samples.T.astype(np.float32).tofile(path)
    return StoredAudio(path, RATE, samples.shape[0], samples.shape[1], "0123abcd")


def noise(frames: int, channels: int = 2) -> NDArray[np.float32]:
    rng = np.random.default_rng(frames)
    swell = 10.0 ** (-3.0 * np.linspace(0.0, 1.0, frames))
    return (0.3 * rng.standard_normal((channels, frames)) * swell).astype(np.float32)


def tiles_of(
    folder: Path,
    samples: NDArray[np.floating],
    settings: SpectrogramSettings = SMALL,
    memory_bytes: int = 1 << 26,
) -> SpectrogramTiles:
    cache = Cache(folder / "cache", 1 << 30)
    return SpectrogramTiles(store(folder, samples), settings, cache, memory_bytes)


def reference_db(mono: NDArray[np.floating], settings: SpectrogramSettings) -> NDArray[np.float64]:
    """SciPy's STFT, columns centred on multiples of the hop, a full-scale sine at 0 dB."""
    window = get_window(settings.window, settings.size)
    transform = ShortTimeFFT(window * 2.0 / window.sum(), settings.hop, fs=RATE)
    columns = -(-mono.size // settings.hop)
    spectra = transform.stft(mono.astype(np.float64), p0=0, p1=columns)
    return 20.0 * np.log10(np.maximum(np.abs(spectra), 1e-12))


@pytest.mark.parametrize(
    "settings",
    [
        SMALL,
        SpectrogramSettings(size=2048, hop=512),
        SpectrogramSettings("blackmanharris", 1024, 100),
        SpectrogramSettings("hamming", 4096, 4096),
    ],
)
def test_the_finest_level_is_the_stft(tmp_path: Path, settings: SpectrogramSettings) -> None:
    samples = noise(70_001)
    tiles = tiles_of(tmp_path, samples, settings)
    parts = [tiles.tile(0, index) for index in range(tiles.tile_count())]
    ours = np.concatenate(parts, axis=1)
    theirs = np.clip(reference_db(samples.mean(axis=0), settings), -140.0, 10.0)
    assert ours.shape == theirs.shape
    # half a step, and float32 transforms near the floor
    assert np.abs(to_db(ours) - theirs)[theirs > -115.0].max() <= 0.51 * DB_PER_STEP + 0.01


def test_coarser_levels_hold_the_maximum_of_the_finer_columns(tmp_path: Path) -> None:
    tiles = tiles_of(tmp_path, noise(300_000))
    finest = np.concatenate([tiles.tile(0, index) for index in range(tiles.tile_count())], axis=1)
    assert tiles.levels == 5
    for level in range(1, tiles.levels):
        parts = [tiles.tile(level, index) for index in range(tiles.tile_count(level))]
        ours = np.concatenate(parts, axis=1)
        starts = np.arange(0, finest.shape[1], 1 << level)
        assert np.array_equal(ours, np.maximum.reduceat(finest, starts, axis=1))
    assert tiles.tile_count(tiles.levels - 1) == 1


def test_a_click_is_seen_at_every_level(tmp_path: Path) -> None:
    samples = np.zeros((1, 600_000), np.float32)
    samples[0, 400_123] = 1.0
    tiles = tiles_of(tmp_path, samples)
    finest = max(int(tiles.tile(0, index).max()) for index in range(tiles.tile_count()))
    assert finest > 0
    for level in range(tiles.levels):
        column = round(400_123 / SMALL.hop) >> level
        near = tiles.tile(level, column // TILE_COLUMNS)[:, column % TILE_COLUMNS]
        assert near.max() >= finest - 12
        assert max(tiles.tile(level, i).max() for i in range(tiles.tile_count(level))) == finest


def test_a_sine_reads_its_level_at_its_frequency(tmp_path: Path) -> None:
    frames = 40_000
    wave = 0.1 * np.sin(2.0 * np.pi * 3000.0 * np.arange(frames) / RATE)
    tile = tiles_of(tmp_path, np.stack([wave, wave])).tile(0, 0)
    middle = to_db(tile[:, 100])
    assert middle.argmax() == 3000 * 256 // RATE
    assert middle.max() == pytest.approx(-20.0, abs=0.5 * DB_PER_STEP)


def test_channels_mix_and_side_are_looked_at_apart(tmp_path: Path) -> None:
    time_s = np.arange(20_000) / RATE
    left, right = np.sin(2 * np.pi * 3000 * time_s), np.sin(2 * np.pi * 6000 * time_s)
    samples = np.stack([left, right])
    found = {}
    for channel in (0, 1, "mix", "side"):
        tiles = tiles_of(tmp_path, samples, replace(SMALL, channel=channel))
        spectrum = to_db(tiles.tile(0, 0)[:, 60])
        found[channel] = (round(float(spectrum[16])), round(float(spectrum[32])))
    assert found[0][0] == 0 and found[0][1] < -90
    assert found[1][1] == 0 and found[1][0] < -90
    assert found["mix"] == found["side"] == (-6, -6)


def test_codes_are_within_half_a_step_and_end_at_both_limits() -> None:
    levels_db = np.linspace(-139.9, 9.9, 3001)
    codes = to_codes((10.0 ** (levels_db / 10.0)).astype(np.float32))
    assert np.abs(to_db(codes) - levels_db).max() <= 0.5 * DB_PER_STEP + 1e-3
    ends = to_codes(np.array([0.0, 1e-20, 1e5], np.float32))
    assert ends.tolist() == [0, 0, 255]


def test_a_coarse_tile_is_previewed_first_and_exact_afterwards(tmp_path: Path) -> None:
    tiles = tiles_of(tmp_path, noise(600_000))
    level = PREVIEW_LEVEL
    preview = tiles.look(level, 0)
    assert not preview.exact
    exact = tiles.tile(level, 0)
    assert np.all(preview.data <= exact)  # some of the columns whose maximum is exact
    assert np.mean(to_db(exact) - to_db(preview.data)) < 12.0
    again = tiles.look(level, 0)
    assert again.exact and np.array_equal(again.data, exact)


def test_a_fine_tile_is_exact_at_once(tmp_path: Path) -> None:
    assert tiles_of(tmp_path, noise(100_000)).look(PREVIEW_LEVEL - 1, 0).exact


def test_coarse_tiles_are_read_back_from_disk(tmp_path: Path) -> None:
    samples = noise(1_500_000, 1)
    first = tiles_of(tmp_path, samples).tile(DISK_LEVEL, 0)
    fresh = tiles_of(tmp_path, samples)
    found = fresh.look(DISK_LEVEL, 0)
    assert found.exact
    assert np.array_equal(found.data, first)
    other = tiles_of(tmp_path, samples, replace(SMALL, window="blackman"))
    assert not other.look(DISK_LEVEL, 0).exact


def test_a_damaged_tile_on_disk_is_made_anew(tmp_path: Path) -> None:
    samples = noise(1_000_000, 1)
    first = tiles_of(tmp_path, samples).tile(DISK_LEVEL, 0)
    damaged = list((tmp_path / "cache").rglob("*.u8"))
    assert damaged
    for path in damaged:
        path.write_bytes(b"short")
    assert np.array_equal(tiles_of(tmp_path, samples).tile(DISK_LEVEL, 0), first)


def test_memory_stays_within_its_budget(tmp_path: Path) -> None:
    tile_bytes = SMALL.bins * TILE_COLUMNS
    tiles = tiles_of(tmp_path, noise(600_000), memory_bytes=5 * tile_bytes)
    for level in range(tiles.levels):
        for index in range(tiles.tile_count(level)):
            tiles.tile(level, index)
    assert sum(tile.nbytes for tile in tiles._tiles.values()) <= 5 * tile_bytes


def test_making_a_coarse_tile_keeps_the_visible_fine_ones(tmp_path: Path) -> None:
    tiles = tiles_of(tmp_path, noise(1_000_000, 1), memory_bytes=8 * SMALL.bins * TILE_COLUMNS)
    fine = tiles.tile(0, 3)
    tiles.tile(3, 0)
    assert tiles.tile(0, 3) is fine


def test_threads_see_the_same_tiles(tmp_path: Path) -> None:
    tiles = tiles_of(tmp_path, noise(400_000), memory_bytes=1 << 18)
    expected = [tiles.tile(0, index).copy() for index in range(tiles.tile_count())]
    wrong: list[int] = []

    def work(seed: int) -> None:
        for index in np.random.default_rng(seed).integers(0, len(expected), 40):
            if not np.array_equal(tiles.tile(0, int(index)), expected[index]):
                wrong.append(int(index))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_growing_file_is_not_kept_before_it_is_there(tmp_path: Path) -> None:
    samples = noise(100_000)
    whole = store(tmp_path, samples)
    quiet = samples.copy()
    quiet[:, 40_000:] = 0.0
    growing = replace(store(tmp_path, quiet), complete=False, available_frames=40_000)
    tiles = SpectrogramTiles(growing, SMALL, Cache(tmp_path / "cache", 1 << 30))
    assert tiles.look(0, 0).exact
    early = tiles.look(0, 1)
    assert not early.exact
    store(tmp_path, samples)
    tiles.grow(whole)
    late = tiles.look(0, 1)
    assert late.exact
    assert late.data.mean() > early.data.mean()


def test_a_tile_is_not_final_while_the_audio_outgrows_its_estimate(tmp_path: Path) -> None:
    samples = noise(200_000)
    whole = store(tmp_path, samples)
    so_far = TILE_COLUMNS * SMALL.hop - 50  # the window of the last column reaches beyond
    growing = replace(whole, complete=False, frames=so_far, available_frames=so_far)
    tiles = SpectrogramTiles(growing, SMALL, Cache(tmp_path / "cache", 1 << 30))
    assert not tiles.look(0, 0).exact
    tiles.grow(whole)
    expected = tiles_of(tmp_path, samples).tile(0, 0)
    assert np.array_equal(tiles.look(0, 0).data, expected)


def test_a_tile_stops_when_asked_to(tmp_path: Path) -> None:
    tiles = tiles_of(tmp_path, noise(600_000))
    context = Context()
    context.cancel_event.set()
    with pytest.raises(Cancelled):
        tiles.tile(3, 0, context)


@pytest.mark.parametrize(
    "wrong",
    [{"size": 1000}, {"size": 128}, {"hop": 0}, {"hop": 4096}, {"window": "magic"}],
)
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        SpectrogramSettings(**wrong)  # type: ignore[arg-type]


def test_a_channel_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="channel"):
        tiles_of(tmp_path, noise(1000, 1), replace(SMALL, channel=1))
    with pytest.raises(ValueError, match="side"):
        tiles_of(tmp_path, noise(1000, 1), replace(SMALL, channel="side"))


@pytest.mark.parametrize(("level", "index"), [(0, 1), (0, -1), (-1, 0), (5, 1)])
def test_a_tile_that_is_not_there_is_refused(tmp_path: Path, level: int, index: int) -> None:
    tiles = tiles_of(tmp_path, noise(1000))
    with pytest.raises(IndexError):
        tiles.tile(level, index)
    with pytest.raises(IndexError):
        tiles.look(level, index)


def test_an_empty_file_has_no_tiles(tmp_path: Path) -> None:
    tiles = tiles_of(tmp_path, np.zeros((2, 0)))
    assert tiles.tile_count() == 0
    assert tiles.levels == 1


def test_one_sample_has_one_column(tmp_path: Path) -> None:
    assert tiles_of(tmp_path, np.ones((2, 1))).tile(0, 0).shape == (129, 1)
