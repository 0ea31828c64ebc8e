"""Which files are meant, and what outputs are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli.paths import audio_files, outputs_in
from engine.tasks import Failure


def test_folders_and_patterns_are_expanded_once_each(tmp_path):
    for name in ("b.wav", "a.flac", "note.txt", "sub/c.mp3"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    everything = [tmp_path / "a.flac", tmp_path / "b.wav", tmp_path / "sub" / "c.mp3"]
    assert audio_files([str(tmp_path)]) == everything
    assert audio_files([str(tmp_path / "*.wav"), str(tmp_path / "b.wav")]) == [tmp_path / "b.wav"]
    assert audio_files([str(tmp_path / "note.txt")]) == [tmp_path / "note.txt"]
    for nothing in (tmp_path / "*.ogg", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(Failure, match="no audio file"):
            audio_files([str(nothing)])


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path):
    path = tmp_path / "take [2].wav"
    path.write_bytes(b"x")
    assert audio_files([str(path)]) == [path]


def test_outputs_never_share_a_name(tmp_path):
    inputs = [Path("x/a.wav"), Path("y/A.flac"), Path("z/b.wav"), Path("w/a.mp3")]
    names = [path.name for path in outputs_in(tmp_path, inputs, ".mp3")]
    assert names == ["a.mp3", "A-2.mp3", "b.mp3", "a-3.mp3"]
