"""Parts of songs, composed and recorded."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.audio.clip import Clip
from engine.audio.resample import resample
from engine.cache import Cache
from engine.mastering.data.songs import ProceduralSongs, Recordings, Together, composer_version
from engine.tasks import Failure

RATE = 44100


class Composer:
    """Noise from a seed, counting how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, seed: int, duration_s: float, rate: int) -> Clip:
        self.asked.append(seed)
        rng = np.random.default_rng(seed)
        samples = rng.normal(size=(2, round(duration_s * rate))).astype(np.float32)
        return Clip(0.1 * samples, rate)


def write(path: Path, seconds: float, seed: int = 0, channels: int = 2, rate: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    soundfile.write(path, 0.1 * rng.normal(size=(round(seconds * rate), channels)), rate, "FLOAT")


def test_a_part_is_that_part_of_the_song() -> None:
    composer = Composer()
    songs = ProceduralSongs(range(3), 4.0, compose=composer)
    whole = Composer()(1, 4.0, RATE)
    part = songs.part(songs.names[1], 1.5, 2.0, RATE)
    assert np.array_equal(part.samples, whole.samples[:, 66150 : 66150 + 88200])


def test_a_part_at_another_rate_is_the_same_stretch_of_sound() -> None:
    songs = ProceduralSongs(range(1), 4.0, compose=Composer())
    whole = resample(Composer()(0, 4.0, RATE), 32000)
    part = songs.part(songs.names[0], 1.5, 2.0, 32000)
    assert part.samples.shape == (2, 64000)
    difference = part.samples - whole.samples[:, 48000 : 48000 + 64000]
    assert np.abs(difference).max() < 1e-3 * np.abs(part.samples).max()


def test_the_last_songs_stay_in_memory() -> None:
    composer = Composer()
    songs = ProceduralSongs(range(3), 1.0, kept=2, compose=composer)
    for index in (0, 1, 0, 1, 2, 1, 0):
        songs.part(songs.names[index], 0.0, 0.5, RATE)
    assert composer.asked == [0, 1, 2, 0]


def test_a_cache_keeps_what_was_rendered_for_the_next_process(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 10**9)
    first, second = Composer(), Composer()
    one = ProceduralSongs(range(2), 1.0, cache, compose=first, version="a")
    two = ProceduralSongs(range(2), 1.0, cache, compose=second, version="a")
    part = one.part(one.names[1], 0.2, 0.5, RATE)
    assert np.array_equal(part.samples, two.part(two.names[1], 0.2, 0.5, RATE).samples)
    assert (first.asked, second.asked) == ([1], [])


@pytest.mark.parametrize(("start_s", "duration_s"), [(-0.1, 1.0), (3.5, 1.0), (0.0, 0.0)])
def test_a_part_outside_the_song_is_refused(start_s: float, duration_s: float) -> None:
    songs = ProceduralSongs(range(1), 4.0, compose=Composer())
    with pytest.raises(ValueError, match="inside"):
        songs.part(songs.names[0], start_s, duration_s, RATE)


def test_a_folder_gives_its_songs_in_groups(tmp_path: Path) -> None:
    write(tmp_path / "ann_one.wav", 6.0, 1)
    write(tmp_path / "ann_two.wav", 6.0, 2)
    write(tmp_path / "solo.wav", 6.0, 3)
    write(tmp_path / "album" / "ann_three.wav", 6.0, 4)
    songs = Recordings(tmp_path, groups={"solo.wav": "given"})
    assert {name: songs.group(name) for name in songs.names} == {
        "album/ann_three.wav": "album",
        "ann_one.wav": "ann",
        "ann_two.wav": "ann",
        "solo.wav": "given",
    }
    assert songs.duration_s("solo.wav") == 6.0
    with pytest.raises(KeyError):
        songs.group("nobody.wav")


def test_what_cannot_be_used_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    write(tmp_path / "good.wav", 6.0, 1)
    write(tmp_path / "short.wav", 1.0, 2)
    (tmp_path / "zcopy.wav").write_bytes((tmp_path / "good.wav").read_bytes())
    (tmp_path / "bad.wav").write_bytes(b"RIFFnonsense")
    (tmp_path / "notes.txt").write_text("no audio")
    songs = Recordings(tmp_path)
    assert songs.names == ("good.wav",)
    assert songs.too_short == {"short.wav": 1.0}
    assert songs.duplicates == {"zcopy.wav": "good.wav"}
    assert len(songs.failures) == 1
    assert "bad.wav" in str(songs.failures[0])


def test_a_folder_without_songs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure):
        Recordings(tmp_path)
    write(tmp_path / "short.wav", 1.0)
    with pytest.raises(Failure, match="shorter"):
        Recordings(tmp_path)
    with pytest.raises(Failure):
        Recordings(tmp_path / "nowhere")


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("rate", [RATE, 48000])
def test_streaming_and_the_cache_give_the_same_part(
    tmp_path: Path, cached: bool, rate: int
) -> None:
    folder = tmp_path / "songs"
    write(folder / "a.wav", 7.0, 5)
    songs = Recordings(folder, cache=Cache(tmp_path / "cache", 10**9) if cached else None)
    whole, _ = soundfile.read(folder / "a.wav", dtype="float32", always_2d=True)
    expected = resample(Clip(np.ascontiguousarray(whole.T), RATE), rate)
    start = 2 * rate
    part = songs.part("a.wav", 2.0, 3.0, rate)
    assert part.rate == rate
    difference = part.samples - expected.samples[:, start : start + 3 * rate]
    assert np.abs(difference).max() <= (0.0 if rate == RATE else 1e-3)


def test_more_than_two_channels_become_two_and_mono_stays_mono(tmp_path: Path) -> None:
    write(tmp_path / "four.wav", 6.0, 1, channels=4)
    write(tmp_path / "one.wav", 6.0, 1, channels=1)
    songs = Recordings(tmp_path)
    assert songs.part("four.wav", 0.0, 1.0, RATE).channels == 2
    assert songs.part("one.wav", 0.0, 1.0, RATE).channels == 1


def test_real_files_of_many_formats_are_read(shared_audio: Path) -> None:
    songs = Recordings(shared_audio / "music", shortest_s=10.0)
    assert not songs.failures
    for name in songs.names[:4]:
        part = songs.part(name, songs.duration_s(name) - 3.0, 3.0, RATE)
        assert part.samples.shape[1] == 3 * RATE
        assert np.abs(part.samples).max() > 0.0


def test_collections_together_keep_their_songs_and_groups(tmp_path: Path) -> None:
    write(tmp_path / "ann_one.wav", 6.0, 1)
    composed = ProceduralSongs(range(2), 4.0, compose=Composer())
    recorded = Recordings(tmp_path)
    both = Together(composed, recorded)
    assert both.names == (*composed.names, *recorded.names)
    assert both.group("ann_one.wav") == "ann"
    assert [both.duration_s(name) for name in both.names] == [4.0, 4.0, 6.0]
    for songs in (composed, recorded):
        name = songs.names[0]
        part = both.part(name, 1.0, 1.0, RATE)
        assert np.array_equal(part.samples, songs.part(name, 1.0, 1.0, RATE).samples)
    with pytest.raises(Failure, match="same name"):
        Together(composed, composed)


def test_the_projects_own_composer_is_used_where_no_other_is_given() -> None:
    songs = ProceduralSongs(range(5, 6), 3.0)
    part = songs.part("seed-000005", 0.5, 1.0, 22050)
    assert part.samples.shape == (2, 22050)
    assert songs.seed("seed-000005") == 5
    assert composer_version() == composer_version()
    with pytest.raises(KeyError):
        songs.part("seed-000006", 0.0, 1.0, 22050)


def test_workers_can_be_handed_a_searched_folder(tmp_path: Path) -> None:
    write(tmp_path / "ann_one.wav", 6.0, 1)
    (tmp_path / "bad.wav").write_bytes(b"RIFFnonsense")
    songs = Recordings(tmp_path)
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        part = executor.submit(songs.part, "ann_one.wav", 1.0, 2.0, RATE).result()
    assert np.array_equal(part.samples, songs.part("ann_one.wav", 1.0, 2.0, RATE).samples)
