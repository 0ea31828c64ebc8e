"""Library: it follows the session, and never shows what is not there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from app import bootstrap
from app.document import store
from app.document.state import ClipEntry, MasteringEntry, SessionState
from app.library import Library
from app.settings import MasterDefaults, Settings
from engine.audio.clip import Clip
from engine.audio.loudness import measure
from engine.lanes import Job, JobState
from engine.mastering.parameters import Amounts
from engine.tasks import Failure
from tests.app.conftest import RATE, Rooms, WriteSong


def entry_of(path: Path) -> ClipEntry:
    """A clip as a session file names it, before it is read."""
    return ClipEntry("one", path.name, path, "unknown", RATE, 2, 0)


def read_job(rooms: Rooms) -> Job:
    return next(job for job in rooms.lanes.jobs if job.title.startswith("Read"))


def test_an_opened_file_is_decoded_measured_and_current(
    rooms: Rooms, write_song: WriteSong
) -> None:
    path = write_song()
    (clip,) = rooms.open(path)
    samples, _ = soundfile.read(path, dtype="float32")
    loaded = rooms.loaded(clip.id)
    assert loaded.stored is not None
    np.testing.assert_array_equal(loaded.stored.map(), samples)
    assert loaded.loudness is not None
    expected = measure(Clip(samples.T, RATE)).integrated_lufs
    assert loaded.loudness.integrated_lufs == pytest.approx(expected, abs=0.01)
    assert rooms.session.state.current == clip
    assert (clip.frames, clip.rate, clip.channels) == (len(samples), RATE, 2)


def test_undo_of_open_closes_and_redo_opens_again(rooms: Rooms, write_song: WriteSong) -> None:
    (clip,) = rooms.open(write_song())
    rooms.session.undo()
    assert rooms.session.state.clips == ()
    assert rooms.library.audio(clip.id) is None
    rooms.session.redo()
    rooms.wait()
    assert rooms.loaded(clip.id).loudness is not None


def test_files_opened_together_are_one_step(rooms: Rooms, write_song: WriteSong) -> None:
    rooms.open(write_song("a.wav"), write_song("b.wav", seed=2))
    assert rooms.session.undo_label == "Open 2 files"
    rooms.session.undo()
    assert not rooms.session.state.clips


def test_what_is_listened_to_stays_on_screen(rooms: Rooms, write_song: WriteSong) -> None:
    playing = Library(rooms.session, rooms.lanes, rooms.cache, keep_current=lambda: True)
    (first,) = rooms.open(write_song("a.wav"))
    playing.add([write_song("b.wav", seed=2)])
    rooms.wait()
    assert len(rooms.session.state.clips) == 2
    assert rooms.session.state.current == first


def test_closing_a_clip_cancels_its_decoding(rooms: Rooms, write_song: WriteSong) -> None:
    path = write_song(seconds=60.0)
    rooms.session.edit("Open", SessionState().with_clips(entry_of(path)))
    job = read_job(rooms)
    rooms.session.undo()
    rooms.qtbot.waitUntil(lambda: job.state.ended)
    assert job.state is JobState.CANCELLED
    assert rooms.said == []


def test_a_clip_starts_with_the_mastering_of_the_settings(
    rooms: Rooms, write_song: WriteSong
) -> None:
    settings = Settings(master=MasterDefaults("warm", -11.0, -2.0, 0.5))
    library = Library(
        rooms.session,
        rooms.lanes,
        rooms.cache,
        lambda: False,
        lambda: bootstrap.mastering_of(settings),
    )
    library.add([write_song()])
    rooms.wait()
    assert rooms.session.state.clips[0].mastering == MasteringEntry(
        target="warm", lufs=-11.0, ceiling_dbtp=-2.0, amounts=Amounts(overall=0.5)
    )


def test_a_missing_file_is_told_and_read_once_it_is_located(
    rooms: Rooms, write_song: WriteSong, tmp_path: Path
) -> None:
    path = write_song()
    rooms.session.open(SessionState().with_clips(entry_of(tmp_path / "gone.wav")))
    rooms.wait()
    assert rooms.loaded("one").failure is not None
    assert rooms.masters.status("one") == "cannot be read"
    assert len(rooms.said) == 1
    state = store.relocate(rooms.session.state, "one", path)
    rooms.session.edit("Locate", state)
    rooms.wait()
    loaded = rooms.loaded("one")
    assert loaded.failure is None
    assert loaded.loudness is not None
    assert rooms.session.state.clips[0].frames == 2 * RATE


def test_another_recording_in_its_place_has_no_master(rooms: Rooms, write_song: WriteSong) -> None:
    (clip,) = rooms.open(write_song())
    mastered = rooms.session.state.with_mastering(clip.id, rendering_key="of-the-first-one")
    rooms.session.edit("Master", mastered)
    rooms.wait()
    other = write_song("other.wav", seed=9)
    rooms.session.edit("Locate", store.relocate(rooms.session.state, clip.id, other))
    rooms.wait()
    assert rooms.session.state.clips[0].mastering.rendering_key is None


def test_a_file_that_failed_is_read_when_it_is_retried(
    rooms: Rooms, write_song: WriteSong, tmp_path: Path
) -> None:
    path = tmp_path / "late.wav"
    rooms.session.open(SessionState().with_clips(entry_of(path)))
    rooms.wait()
    job = read_job(rooms)
    assert job.state is JobState.FAILED
    write_song("late.wav")
    assert rooms.masters.retry(job) is not None
    assert rooms.loaded("one").failure is None
    rooms.wait()
    assert rooms.loaded("one").loudness is not None


def test_a_cancelled_reading_says_so_and_can_be_retried(
    rooms: Rooms, write_song: WriteSong
) -> None:
    path = write_song(seconds=60.0)
    rooms.session.open(SessionState().with_clips(entry_of(path)))
    job = read_job(rooms)
    job.cancel()
    rooms.wait()
    assert rooms.masters.status("one") == "cannot be read"
    assert rooms.loaded("one").stored is None
    rooms.masters.retry(job)
    rooms.wait()
    assert rooms.loaded("one").loudness is not None


def test_several_files_that_fail_are_one_message(rooms: Rooms, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.wav" for number in range(3)]
    rooms.library.add(paths)
    rooms.wait()
    assert rooms.session.state.clips == ()
    (failure,) = rooms.said
    assert isinstance(failure, Failure)
    assert failure.what.startswith("3 files")
    assert "0.wav" in failure.why


def test_damage_is_told_once_a_file_is_opened(rooms: Rooms, tmp_path: Path) -> None:
    samples = np.full((RATE, 2), 0.1, dtype=np.float32)
    samples[10:12] = np.nan
    path = tmp_path / "broken.wav"
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    rooms.open(path)
    (notice,) = rooms.said
    assert "broken.wav" in str(notice)
    assert "4 samples" in str(notice)


def test_the_cache_keeps_what_is_on_screen(rooms: Rooms, write_song: WriteSong) -> None:
    first, second = rooms.open(write_song("a.wav"), write_song("b.wav", seed=2))
    shown, other = rooms.loaded(first.id).stored, rooms.loaded(second.id).stored
    assert shown is not None
    assert other is not None
    rooms.cache.clear()
    assert shown.path.is_file()
    assert not other.path.is_file()


def test_a_clip_the_cache_dropped_is_read_again_when_it_is_shown(
    rooms: Rooms, write_song: WriteSong
) -> None:
    first, second = rooms.open(write_song("a.wav"), write_song("b.wav", seed=2))
    rooms.cache.clear()
    rooms.session.adjust(lambda state: state.with_current(second.id))
    rooms.wait()
    stored = rooms.loaded(second.id).stored
    assert stored is not None
    assert stored.path.is_file()
    rooms.cache.clear()
    dropped = rooms.loaded(first.id).stored
    assert dropped is not None
    assert not dropped.path.is_file()


def test_a_closed_clip_is_no_longer_kept(rooms: Rooms, write_song: WriteSong) -> None:
    (clip,) = rooms.open(write_song())
    stored = rooms.loaded(clip.id).stored
    assert stored is not None
    rooms.session.edit("Close", rooms.session.state.without_clip(clip.id))
    rooms.cache.clear()
    assert not stored.path.is_file()


def test_a_renamed_clip_is_not_read_again(rooms: Rooms, write_song: WriteSong) -> None:
    (clip,) = rooms.open(write_song())
    jobs = rooms.lanes.jobs
    clips = (replace(clip, name="other"),)
    rooms.session.edit("Rename", replace(rooms.session.state, clips=clips))
    assert rooms.lanes.jobs == jobs
