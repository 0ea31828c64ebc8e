"""Finder: what is dropped becomes audio files, and what cannot be opened is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.audio import finder
from engine.audio.finder import find_audio
from engine.audio.hashing import content_hash
from engine.tasks import Cancelled, Context


def write(path: Path, frames: int = 4410, rate: int = 44100, channels: int = 2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full((frames, channels), 0.1), rate)
    return path


def names(paths: tuple[Path, ...]) -> list[str]:
    return [each.path.name for each in find_audio(paths, Context()).found]


def test_a_file_is_described(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", 1234, 22050, 1)
    (found,) = find_audio((path,), Context()).found
    assert (found.rate, found.channels, found.frames) == (22050, 1, 1234)
    assert found.content_hash == content_hash(path)


def test_a_folder_is_searched_to_its_depth_in_order(tmp_path: Path) -> None:
    for name in ("b.wav", "a.flac", "deep/deeper/c.WAV"):
        write(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no audio")
    assert names((tmp_path,)) == ["a.flac", "b.wav", "c.WAV"]


def test_hidden_files_of_other_systems_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "song.wav")
    (tmp_path / "._song.wav").write_bytes(b"\0\5\x16\7")
    result = find_audio((tmp_path,), Context())
    assert [each.path.name for each in result.found] == ["song.wav"]
    assert not result.failures


def test_a_file_that_is_named_is_tried_whatever_its_suffix(tmp_path: Path) -> None:
    path = write(tmp_path / "song.wav").rename(tmp_path / "song.take7")
    assert names((path,)) == ["song.take7"]


def test_a_file_dropped_with_its_folder_comes_once(tmp_path: Path) -> None:
    path = write(tmp_path / "song.wav")
    assert names((path, tmp_path)) == ["song.wav"]


def test_one_bad_file_does_not_keep_the_others_out(tmp_path: Path) -> None:
    good, bad = write(tmp_path / "good.wav"), tmp_path / "bad.wav"
    bad.write_bytes(b"nothing")
    gone = tmp_path / "gone.wav"
    result = find_audio((bad, gone, good), Context())
    assert [each.path.name for each in result.found] == ["good.wav"]
    assert [failure.what.count(path.name) for failure, path in
            zip(result.failures, (bad, gone), strict=True)] == [1, 1]  # fmt: skip


def test_a_folder_without_audio_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear reader")
    result = find_audio((tmp_path,), Context())
    assert not result.found
    assert len(result.failures) == 1
    assert result.failures[0].remedy


def test_more_files_than_are_opened_at_once_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(5):
        write(tmp_path / f"{index}.wav", 16)
    monkeypatch.setattr(finder, "MOST_FILES", 2)
    result = find_audio((tmp_path,), Context())
    assert [each.path.name for each in result.found] == ["0.wav", "1.wav"]
    assert result.failures[0].what.startswith("3 files")


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    context = Context()
    context.cancel_event.set()
    with pytest.raises(Cancelled):
        find_audio((write(tmp_path / "a.wav"),), context)
