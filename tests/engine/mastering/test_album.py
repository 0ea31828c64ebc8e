"""An album is mastered as one: its tracks keep their distance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.audio.clip import Clip
from engine.audio.loudness import measure
from engine.audio.store import StoredAudio, StoreWriter
from engine.cache import Cache
from engine.mastering.album import AlbumSpec, master_album
from engine.mastering.biquad import response_db
from engine.mastering.master import MasterSpec
from engine.mastering.parameters import Amounts, Band, ChainParameters
from engine.tasks import Context, Failure

torch.set_num_threads(1)

RATE = 44100
HZ = np.geomspace(60.0, 12000.0, 100)
LEVELS = (0.05, 0.1, 0.2)


def song(seed: int, level: float, falloff_db: float = 4.5, seconds: float = 6.0) -> np.ndarray:
    """Falling noise of a given RMS, ``[2, frames]``."""
    rng = np.random.default_rng(seed)
    frames = int(seconds * RATE)
    hz = np.fft.rfftfreq(frames, 1.0 / RATE)
    slope = 10.0 ** (-falloff_db * np.log2(np.maximum(hz, 80.0) / 80.0) / 20.0)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal((2, frames))) * slope, n=frames)
    return (level * 0.3 * noise / np.sqrt(np.mean(noise**2))).astype(np.float32)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("cache"), 1 << 30)


def stored(cache: Cache, samples: np.ndarray, key: str) -> StoredAudio:
    with StoreWriter(cache, key, RATE, 2) as writer:
        writer.append(samples)
        return writer.finish()


def specs(cache: Cache, songs: list[np.ndarray], key: str, **options: object) -> AlbumSpec:
    tracks = [stored(cache, each, f"{key}{index}abc") for index, each in enumerate(songs)]
    return AlbumSpec(tuple(MasterSpec(track, cache, **options) for track in tracks))


def test_tracks_keep_their_mutual_loudness_and_their_lengths(cache: Cache) -> None:
    songs = [song(seed, level, 3.0 + 1.5 * seed) for seed, level in enumerate(LEVELS)]
    result = master_album(specs(cache, songs, "levels", lufs=-20.0))
    before = [track.before.integrated_lufs for track in result.tracks]
    after = [track.after.integrated_lufs for track in result.tracks]
    moved = np.array(after) - np.array(before)
    assert np.abs(moved - moved.mean()).max() < 0.2
    assert [track.rendered.frames for track in result.tracks] == [each.shape[1] for each in songs]
    assert result.note == ""


def test_the_whole_album_has_the_loudness_asked_for(cache: Cache) -> None:
    songs = [song(seed, level) for seed, level in enumerate(LEVELS)]
    result = master_album(specs(cache, songs, "whole", lufs=-19.0))
    joined = np.concatenate([track.rendered.clip().samples for track in result.tracks], axis=1)
    assert measure(Clip(joined, RATE)).integrated_lufs == pytest.approx(-19.0, abs=0.1)
    assert result.after_lufs == pytest.approx(-19.0, abs=0.1)


def test_every_track_stays_under_the_ceiling(cache: Cache) -> None:
    songs = [song(seed, level) for seed, level in enumerate(LEVELS)]
    result = master_album(specs(cache, songs, "ceiling", lufs=-12.0, ceiling_dbtp=-2.0))
    assert all(track.after.true_peak_dbtp <= -2.0 + 0.05 for track in result.tracks)


def test_one_track_with_high_peaks_holds_the_album_back_and_it_is_said(cache: Cache) -> None:
    peaky = song(1, 0.1)
    peaky[:, :: RATE // 2] = 0.9
    result = master_album(specs(cache, [song(0, 0.1), peaky], "peaky", lufs=-12.0))
    assert result.after_lufs < -13.0
    assert "peaks of" in result.note
    assert all(result.note in track.warnings for track in result.tracks)
    assert all(track.limiter_reduction_db <= 6.01 for track in result.tracks)


def curves(result: object) -> list[np.ndarray]:
    return [response_db(track.applied.bands, HZ, RATE) for track in result.tracks]


def test_tone_is_pulled_to_the_album_by_as_much_as_asked(cache: Cache) -> None:
    songs = [song(0, 0.1, 3.0), song(1, 0.1, 8.0)]
    spec = specs(cache, songs, "tone", target="bright")
    apart = [
        float(np.abs(np.subtract(*curves(master_album(replace(spec, track_tone=own))))).max())
        for own in (0.0, 0.5, 1.0)
    ]
    assert apart[0] < 0.01
    assert apart[1] < 0.8 * apart[2]


def test_an_amount_of_zero_changes_the_level_only(cache: Cache) -> None:
    songs = [song(0, 0.05, 3.0), song(1, 0.1, 8.0)]
    result = master_album(specs(cache, songs, "level", amounts=Amounts(overall=0.0), lufs=-25.0))
    gains = []
    for track, before in zip(result.tracks, songs, strict=True):
        after = track.rendered.clip().samples
        gains.append(float(np.vdot(after, before) / np.vdot(before, before)))
        assert np.abs(after - gains[-1] * before).max() < 1e-5
    assert gains[0] == pytest.approx(gains[1], rel=1e-3)


def test_a_silent_track_stays_silent(cache: Cache) -> None:
    silence = np.zeros((2, 2 * RATE), np.float32)
    result = master_album(specs(cache, [song(0, 0.1), silence], "silence", lufs=-20.0))
    assert not result.tracks[1].rendered.clip().samples.any()
    assert result.tracks[0].after.integrated_lufs == pytest.approx(-20.0, abs=0.2)
    quiet = master_album(specs(cache, [silence], "nothing"))
    assert quiet.gain_db == 0.0 and "level is kept" in quiet.note


def test_progress_runs_forward(cache: Cache) -> None:
    seen: list[float] = []
    context = Context(lambda progress: seen.append(progress.fraction))
    master_album(specs(cache, [song(5, 0.1), song(6, 0.1)], "progress"), context)
    assert seen == sorted(seen)


def test_nonsense_is_refused(cache: Cache, tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no tracks"):
        AlbumSpec(())
    spec = MasterSpec(tmp_path / "a.wav", cache)
    with pytest.raises(Failure, match="share"):
        AlbumSpec((spec,), track_tone=2.0)
    given = replace(spec, parameters=ChainParameters(bands=(Band(gain_db=3.0),)))
    with pytest.raises(Failure, match="finds its parameters"):
        AlbumSpec((given,))
