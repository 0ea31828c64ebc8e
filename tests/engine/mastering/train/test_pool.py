"""The pool: what is stored is what is heard of the songs, made once, and made anew when due."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.audio.clip import Clip
from engine.mastering.data.songs import ProceduralSongs
from engine.mastering.models.features import BANDS, SUBFRAMES, extract
from engine.mastering.models.hearing import STATISTICS, statistics
from engine.mastering.train.pool import RATE, TRUTHS, build_pool, cut_song
from engine.tasks import Cancelled, Context, Failure
from tests.engine.mastering.train.conftest import SMALL, mixture


def test_clean_windows_are_those_of_the_song(songs, pool) -> None:
    for number, start in enumerate(np.linspace(0.0, 13.0, 4)):
        heard = extract(songs.part(pool[1].name, float(start), 3.0, RATE))
        features, found = pool[1].clean(number)
        loud = heard.mel_db > -100.0
        assert np.abs(features.mel_db - heard.mel_db)[loud].max() < 0.04  # halves
        assert np.abs(features.envelope_db - heard.envelope_db).max() < 0.04
        assert np.abs(features.fast_db - heard.fast_db).max() < 0.04
        assert found.rows == pytest.approx(statistics(heard).rows, abs=1e-3)


def test_shapes_are_as_documented(pool) -> None:
    for song in pool:
        frames = song.mel.shape[-1]
        assert song.mel.shape == (4, 2, BANDS, frames)
        assert song.envelope.shape == (4, frames * SUBFRAMES)
        assert song.fast.shape == (4, frames)
        assert song.statistics.shape == (4, STATISTICS, BANDS)
        assert song.spoilt_mel.shape == song.mel.shape
        assert song.truth.shape == (4, TRUTHS)
        assert song.excerpt.shape == (2, RATE)


def test_the_truth_is_known_where_something_compressed_and_only_there(pool) -> None:
    for song in pool:
        pressed = ~np.isnan(song.truth[:, 1])
        assert pressed.tolist() == [True, True, False, False]
        assert np.isnan(song.truth[~pressed, 1:5]).all()
        assert np.isfinite(song.truth[pressed, 1:5]).all()
        assert np.isfinite(song.truth[:, 5]).all()
        assert (song.truth[pressed, 2] < 0.0).all()  # it was compressed: expand
        assert set(song.truth[:, 0].astype(int)) <= set(range(4))


def test_a_width_is_undone_by_its_inverse(pool) -> None:
    for song in pool:
        wide = 2  # of SPOILING
        source = int(song.truth[wide, 0])
        before, after = song.clean(source)[0].mel_db, song.spoilt(wide)[0].mel_db
        loud = before[1] > -80.0
        change = np.median((after - before)[1][loud])
        assert song.truth[wide, 5] == pytest.approx(-change, abs=0.05)
        assert np.abs(after - before)[0].max() < 0.07


def test_compression_made_the_loud_frames_quieter(pool) -> None:
    for song in pool:
        source = int(song.truth[0, 0])
        before, after = song.clean(source)[0], song.spoilt(0)[0]
        assert after.lufs < before.lufs + 0.05


def test_the_excerpt_is_the_middle_of_the_first_window(songs, pool) -> None:
    clip = songs.part(pool[2].name, 0.0, 3.0, RATE)
    middle = clip.samples[:, RATE : 2 * RATE]
    assert np.abs(pool[2].excerpt / 32767.0 - middle).max() < 1.0 / 32767.0


def test_the_same_song_is_cut_alike_whatever_others_there_are(songs) -> None:
    alone = ProceduralSongs(range(1, 2), 16.0, compose=mixture, version="test")
    one, other = (cut_song(s, "seed-000001", SMALL) for s in (songs, alone))
    assert all(np.array_equal(one[key], other[key], equal_nan=True) for key in one)
    again = cut_song(songs, "seed-000001", replace(SMALL, seed=5))
    assert np.array_equal(one["mel"], again["mel"])
    assert not np.array_equal(one["truth"], again["truth"], equal_nan=True)


def test_mono_has_no_width_in_its_truth_and_two_channels_in_its_excerpt() -> None:
    def mono(seed: int, duration_s: float, rate: int) -> Clip:
        return Clip(mixture(seed, duration_s, rate).samples[:1], rate)

    arrays = cut_song(ProceduralSongs(range(1), 16.0, compose=mono, version="m"), "seed-000000",
                      SMALL)  # fmt: skip
    assert np.isnan(arrays["truth"][:, 5]).all()
    assert np.array_equal(arrays["excerpt"][0], arrays["excerpt"][1])
    assert arrays["mel"][:, 1].max() <= -119.9


class Counted(ProceduralSongs):
    """Counts what is composed."""

    def __init__(self, seeds: range, composed: list[int]) -> None:
        def compose(seed: int, duration_s: float, rate: int) -> Clip:
            composed.append(seed)
            clip = mixture(seed, duration_s, rate)
            return Clip(clip.samples * np.float32(0.0 if seed == 7 else 1.0), rate)

        super().__init__(seeds, 12.0, kept=1, compose=compose, version="test")


def test_a_song_is_made_once_and_anew_when_it_or_the_cut_changes(tmp_path) -> None:
    composed: list[int] = []

    def build(seeds: range, settings=SMALL, identity: str = "a") -> None:
        songs = Counted(seeds, composed)
        build_pool(songs, songs.names, settings, tmp_path, lambda _: identity, Context())

    build(range(2))
    assert composed == [0, 1]
    build(range(3))  # a new song leaves those before it
    assert composed == [0, 1, 2]
    build(range(1), identity="b")
    build(range(1), replace(SMALL, spoilt=0))
    assert composed == [0, 1, 2, 0, 0]
    assert len(list(tmp_path.iterdir())) == 5


def test_only_the_named_songs_are_taken(tmp_path) -> None:
    composed: list[int] = []
    songs = Counted(range(4), composed)
    names = ("seed-000003", "seed-000001")
    made = build_pool(songs, names, SMALL, tmp_path, lambda _: "a", Context())
    assert tuple(song.name for song in made) == names
    assert composed == [3, 1]


def test_silent_songs_are_left_out(tmp_path) -> None:
    songs = Counted(range(6, 8), [])
    made = build_pool(songs, songs.names, SMALL, tmp_path, lambda _: "a", Context())
    assert [song.name for song in made] == ["seed-000006"]
    silent = Counted(range(7, 8), [])
    with pytest.raises(Failure, match="nothing to train on"):
        build_pool(silent, silent.names, SMALL, tmp_path, lambda _: "a", Context())


def test_a_cancelled_pool_goes_on_where_it_was(tmp_path) -> None:
    composed: list[int] = []
    songs = Counted(range(3), composed)
    context = Context(interval_s=0.0)
    context.on_progress = lambda p: context.cancel_event.set() if p.done == 2 else None
    with pytest.raises(Cancelled):
        build_pool(songs, songs.names, SMALL, tmp_path, lambda _: "a", context)
    assert composed == [0, 1]
    build_pool(songs, songs.names, SMALL, tmp_path, lambda _: "a", Context())
    assert composed == [0, 1, 2]


def test_processes_that_train_together_share_the_work(tmp_path, monkeypatch) -> None:
    """The second of two begins in the middle, and makes nothing that the first has made."""
    composed: list[int] = []
    songs = Counted(range(4), composed)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")

    def first_process(progress) -> None:
        if progress.done == 1:
            with monkeypatch.context() as other:
                other.setenv("RANK", "0")
                mine = Counted(range(4), [])
                build_pool(mine, mine.names[:2], SMALL, tmp_path, lambda _: "a", Context())

    context = Context(interval_s=0.0)
    context.on_progress = first_process
    pool = build_pool(songs, songs.names, SMALL, tmp_path, lambda _: "a", context)
    assert composed == [2, 3]
    assert [song.name for song in pool] == list(songs.names)


def test_other_processes_make_the_same_songs(songs, pool, tmp_path) -> None:
    names = songs.names[:1]
    fresh = ProceduralSongs(range(3), 16.0, compose=mixture, version="test")
    made = build_pool(fresh, names, SMALL, tmp_path, lambda _: "test", Context(), workers=1)
    assert np.array_equal(made[0].spoilt_mel, pool[0].spoilt_mel)
    assert np.array_equal(made[0].truth, pool[0].truth, equal_nan=True)
