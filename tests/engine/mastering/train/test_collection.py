"""Collections: what is validated on is never trained on, from seeds and from folders."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.audio.clip import Clip
from engine.locations import HOME_VARIABLE
from engine.mastering.data.songs import Recordings
from engine.mastering.data.split import Split, divide, split_of
from engine.mastering.train import collection
from engine.mastering.train.collection import VALIDATION_SEED, collect
from engine.mastering.train.pool import RATE, PoolSettings
from engine.mastering.train.settings import DataSettings
from engine.tasks import Context, Failure
from tests.engine.mastering.train.conftest import mixture

CUT = PoolSettings(window_s=3.0, windows=2, spoilt=1, excerpt_s=0.5)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def seeds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Quick songs in place of composed ones; tells which seeds were asked for."""
    asked: list[int] = []

    class Quick(collection.ProceduralSongs):
        def __init__(self, span: range, duration_s: float, kept: int) -> None:
            def compose(seed: int, duration_s: float, rate: int) -> Clip:
                asked.append(seed)
                return mixture(seed, duration_s, rate)

            super().__init__(span, duration_s, kept=kept, compose=compose, version="test")

    monkeypatch.setattr(collection, "ProceduralSongs", Quick)
    return asked


def data(**changes) -> DataSettings:
    return DataSettings(**({"songs": 3, "validation_songs": 2, "seconds": 20.0} | changes))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Albums of which some are for training, some for validation and some for the test."""
    root = tmp_path_factory.mktemp("music")
    wanted = {Split.TRAIN: 2, Split.VALIDATION: 1, Split.TEST: 1}
    number = 0
    while any(wanted.values()):
        number += 1
        album = f"album {number}"
        kind = split_of(album)
        if wanted[kind]:
            wanted[kind] -= 1
            (root / album).mkdir()
            for title in range(2):
                samples = mixture(2 * number + title, 8.0, RATE).samples
                soundfile.write(root / album / f"{title}.wav", samples.T, RATE)
    return root


def test_training_and_validation_have_other_seeds(seeds: list[int]) -> None:
    found = collect(data(first_seed=5), CUT, Context())
    assert seeds == [5, 6, 7, VALIDATION_SEED, VALIDATION_SEED + 1]
    assert [song.name for song in found.train] == [f"seed-{n:06d}" for n in (5, 6, 7)]
    assert not {song.name for song in found.train} & {song.name for song in found.validation}
    assert "3 songs" in found.description


def test_nothing_is_made_twice(seeds: list[int]) -> None:
    collect(data(), CUT, Context())
    made = len(seeds)
    collect(data(), CUT, Context())
    assert len(seeds) == made


def test_no_training_reaches_the_seeds_of_the_validation(seeds: list[int]) -> None:
    with pytest.raises(Failure, match="reach the seeds"):
        collect(data(first_seed=VALIDATION_SEED - 2), CUT, Context())
    assert seeds == []


def test_songs_to_validate_on_are_needed(seeds: list[int]) -> None:
    with pytest.raises(Failure, match="too few songs"):
        collect(data(validation_songs=0), CUT, Context())


def test_the_audio_of_a_song_is_its_middle(seeds: list[int]) -> None:
    found = collect(data(), CUT, Context())
    clip = found.audio("seed-000001", 4.0)
    whole = mixture(1, 20.0, RATE)
    assert np.array_equal(clip.samples, whole.samples[:, 8 * RATE : 12 * RATE])
    assert found.audio("seed-000001", 90.0).frames == 20 * RATE


def test_a_folder_is_split_by_album(folder: Path) -> None:
    found = collect(data(songs=0, folder=folder), CUT, Context())
    parts = divide(Recordings(folder))
    assert {song.name for song in found.train} == set(parts[Split.TRAIN])
    assert {song.name for song in found.validation} == set(parts[Split.VALIDATION])
    albums = [{name.split("/")[0] for name in names} for names in parts.values()]
    assert not albums[0] & albums[1]
    assert "6 recordings" in found.description


def test_a_folder_and_composed_songs_come_together(folder: Path, seeds: list[int]) -> None:
    found = collect(data(folder=folder), CUT, Context())
    assert (len(found.train), len(found.validation)) == (3 + 4, 2 + 2)
    name = next(song.name for song in found.train if "/" in song.name)
    assert found.audio(name, 2.0).frames == 2 * RATE


def test_validation_may_come_from_the_folder_alone(folder: Path, seeds: list[int]) -> None:
    found = collect(data(validation_songs=0, folder=folder), CUT, Context())
    assert len(found.train) == 3 + 4
    assert all("/" in song.name for song in found.validation)


def test_only_a_changed_recording_is_cut_again(folder: Path, home: Path) -> None:
    collect(data(songs=0, folder=folder), CUT, Context())
    pools = home / "cache" / "pools"
    before = {path.name for path in pools.iterdir()}
    assert len(before) == 6
    changed = next(path for path in folder.glob("*/0.wav") if trained(path))
    os.utime(changed, ns=(1, changed.stat().st_mtime_ns + 1))
    collect(data(songs=0, folder=folder), CUT, Context())
    after = {path.name for path in pools.iterdir()}
    assert before <= after
    assert len(after - before) == 1


def trained(path: Path) -> bool:
    return split_of(path.parent.name) is Split.TRAIN


def test_a_folder_is_searched_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    class Told(Recordings):
        def __init__(self, folder: Path, **options) -> None:
            made.append(folder)
            super().__init__(folder, **options)

    monkeypatch.setattr(collection, "Recordings", Told)
    collect(data(songs=0, folder=folder), CUT, Context())
    assert made == [folder]
