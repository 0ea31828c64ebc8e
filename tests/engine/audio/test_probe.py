from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from engine.audio.probe import probe
from engine.audio.writer import ExportFormat, write_audio

EXPECTED = {
    "a.wav": ("wav", "pcm", "int16", 16),
    "b.wav": ("wav", "pcm", "float32", 32),
    "c.flac": ("flac", "flac", "int24", 24),
    "d.aiff": ("aiff", "pcm", "int16", 16),
    "e.ogg": ("ogg", "vorbis", "float32", None),
    "f.mp3": ("mp3", "mp3", "float32", None),
    "g.m4a": ("mp4", "aac", "float32", None),
    "h.opus": ("ogg", "opus", "float32", None),
    "i.mkv": ("matroska", "ac3", "float32", None),
    "j.m4a": ("mp4", "alac", "int24", 24),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_kind_of_file_is_told(small_files, name) -> None:
    info = probe(small_files[name])
    assert (info.container, info.codec, info.sample_format, info.bits) == EXPECTED[name]
    assert info.path == small_files[name]
    assert info.rate == (48_000 if name[0] in "hi" else 44_100)
    assert info.channels == 2
    assert info.damage == ""
    assert info.nonfinite_samples == 0


@pytest.mark.parametrize("name", ["a.wav", "b.wav", "c.flac", "d.aiff", "e.ogg", "f.mp3"])
def test_a_stated_length_is_told_exactly(small_files, name) -> None:
    info = probe(small_files[name])
    assert info.frames == 6000
    assert info.duration_s == pytest.approx(6000 / 44_100)


def test_other_lengths_are_estimates(small_files) -> None:
    for name in ("g.m4a", "h.opus", "i.mkv", "j.m4a"):
        info = probe(small_files[name])
        assert info.frames is None
        assert info.duration_s == pytest.approx(6000 / info.rate, abs=0.05)


def test_the_bit_rate_of_uncompressed_audio_is_rate_times_width(tmp_path: Path, noise) -> None:
    soundfile.write(tmp_path / "a.wav", noise(480_000).T, 48_000, subtype="PCM_24")
    assert probe(tmp_path / "a.wav").bit_rate == pytest.approx(48_000 * 2 * 24, rel=1e-3)


@pytest.mark.parametrize("format", [ExportFormat("mp3", bit_rate=128_000), ExportFormat("flac")])
def test_tags_have_lower_case_names_and_say_nothing_of_the_encoder(
    tmp_path: Path, noise, format
) -> None:
    path = tmp_path / "a"
    write_audio(path, [noise(5000)], 44_100, 2, format, {"TITLE": "A", "BPM": "120"})
    assert dict(probe(path).metadata) == {"title": "A", "bpm": "120"}


def test_the_information_cannot_be_changed(small_files) -> None:
    info = probe(small_files["a.wav"])
    with pytest.raises(AttributeError):
        info.rate = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        info.metadata["title"] = "x"  # type: ignore[index]
