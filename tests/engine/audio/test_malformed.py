"""Files that lie, end early or hold no audio: a clear failure or audio, never a crash or a hang."""

from __future__ import annotations

import os
import struct
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.audio.probe import probe
from engine.audio.reader import open_reader, read_clip
from engine.audio.store import decode
from engine.cache import Cache
from engine.tasks import Context, Failure


def wav(
    data: bytes = b"\1\0" * 2000,
    *,
    channels: int = 2,
    rate: int = 44_100,
    bits: int = 16,
    tag: int = 1,
    size: int | None = None,
    align: int | None = None,
) -> bytes:
    """A WAV file by hand, so that its header may say anything."""
    size = len(data) if size is None else size
    align = channels * bits // 8 if align is None else align
    byte_rate = rate * align & 0xFFFFFFFF
    head = struct.pack("<HHIIHH", tag, channels, rate, byte_rate, align & 0xFFFF, bits)
    return (
        b"RIFF"
        + struct.pack("<I", min(36 + size, 2**32 - 1))
        + b"WAVEfmt \x10\0\0\0"
        + head
        + b"data"
        + struct.pack("<I", size)
        + data
    )


def rf64(claimed_bytes: int, data: bytes) -> bytes:
    """An RF64 file that says it holds ``claimed_bytes``."""
    sizes = struct.pack("<QQQI", claimed_bytes + 72, claimed_bytes, claimed_bytes // 4, 0)
    head = struct.pack("<HHIIHH", 1, 2, 44_100, 176_400, 4, 16)
    return (
        b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0"
        + sizes
        + b"fmt \x10\0\0\0"
        + head
        + b"data\xff\xff\xff\xff"
        + data
    )


NO_AUDIO: dict[str, bytes] = {
    "zero bytes": b"",
    "one byte": b"R",
    "text": b"Dear diary, today I was renamed to .wav.\n" * 50,
    "only a RIFF head": wav()[:30],
    "no samples": wav(b""),
    "0 Hz": wav(rate=0),
    "4 GHz": wav(rate=2**32 - 1),
    "5 Hz": wav(rate=5),
    "0 channels": wav(channels=0, align=2),
    "9 channels": wav(channels=9),
    "100 channels": wav(b"\0" * 20_000, channels=100),
    "65535 channels": wav(b"\0" * 20_000, channels=65_535, align=0),
    "0 bits": wav(bits=0, align=4),
    "unknown codec": wav(tag=0x7777),
    "a FLAC mark and text": b"fLaC" + b"nonsense " * 100,
    "an Ogg mark and zeros": b"OggS" + bytes(5000),
    "an ID3 tag alone": b"ID3\x04\0\0\0\0\0\x0a" + bytes(10),
    "an MP4 head alone": b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42",
    "a picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0\x1f\x15\xc4\x89",
    "a playlist": b"#EXTM3U\n#EXTINF:10,\nhttp://example.com/a.mp3\n",
    "a zip": b"PK\x03\x04" + bytes(200),
}


@pytest.mark.parametrize("name", NO_AUDIO)
@pytest.mark.parametrize("ending", ["wav", "mp3", "flac", "bin"])
def test_what_is_no_audio_is_refused_whatever_its_name(tmp_path: Path, name, ending) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_bytes(NO_AUDIO[name])
    with pytest.raises(Failure) as caught:
        read_clip(path)
    assert path.name in caught.value.what
    assert caught.value.why
    assert caught.value.remedy


def test_too_many_channels_are_named_in_the_message(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(NO_AUDIO["100 channels"])
    with pytest.raises(Failure, match=r"100 channels.*1 to 8"):
        probe(tmp_path / "a.wav")


@pytest.mark.parametrize(
    "data",
    [wav(size=2**32 - 10), wav(size=2**31), rf64(2**44, b"\1\0" * 2000)],
    ids=["4 GB", "2 GB", "16 TB"],
)
def test_a_claimed_size_allocates_nothing(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    cache = Cache(tmp_path / "cache", 10**9)
    tracemalloc.start()
    stored = decode(path, cache, Context())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert stored.frames == 1000
    assert peak < 20e6
    assert stored.path.stat().st_size < 20e6


def test_a_flac_that_claims_days_reserves_little(tmp_path: Path, small_files) -> None:
    data = bytearray(small_files["c.flac"].read_bytes())
    data[21] |= 0x0F  # the 36 bits of the length: 2**36 - 1 frames
    data[22:26] = b"\xff" * 4
    path = tmp_path / "a.flac"
    path.write_bytes(data)
    stored = decode(path, Cache(tmp_path / "cache", 10**9), Context())
    assert stored.frames == 6000
    assert "ends early" in stored.damage
    assert stored.path.stat().st_size <= len(data) * 64 * 8


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_a_single_sample_is_audio(tmp_path: Path, bits, channels) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(b"\0" * (channels * bits // 8), channels=channels, bits=bits))
    assert read_clip(path).samples.shape == (channels, 1)


def test_all_nan_reads_as_silence(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(np.full(2000, np.nan, "<f4").tobytes(), bits=32, tag=3))
    with open_reader(path) as reader:
        assert not np.concatenate(list(reader.blocks()), axis=1).any()
        assert reader.info.nonfinite_samples == 2000


def test_a_file_cut_short_gives_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(size=8000))
    with open_reader(tmp_path / "a.wav") as reader:
        assert sum(block.shape[1] for block in reader.blocks()) == 1000
        assert "4000 of 8000" in reader.info.damage


def test_a_place_without_a_file_is_refused(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path / "missing.wav", "is not there"),
        (tmp_path, "is a folder"),
        (tmp_path / ("x" * 300 + ".wav"), "could not be read"),
        (tmp_path / "nul\0.wav", "could not be read"),
        (tmp_path / "missing" / "a.wav", "is not there"),
    ):
        with pytest.raises(Failure, match=words):
            probe(path)


def test_a_file_that_may_not_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.wav").write_bytes(wav())
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(Failure, match="may not be read"):
        probe(tmp_path / "a.wav")


def test_a_pipe_nobody_writes_to_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(Failure, match="no ordinary file"):
        probe(tmp_path / "a.wav")


def test_names_of_every_script_are_read(tmp_path: Path, small_files) -> None:
    for source in ("a.wav", "f.mp3"):
        for name in ("Grüße ♪.bin", "-dash", "100%.wav", "a:b", "pipe:0", "concat:x|y", "日本"):
            path = tmp_path / name
            path.write_bytes(small_files[source].read_bytes())
            assert read_clip(path).frames == 6000, name


def read_or_fail(path: Path) -> None:
    """Read to the end; anything but audio or a :class:`Failure` is a fault of the reader."""
    started = time.monotonic()
    try:
        clip = read_clip(path)
    except Failure:
        pass
    else:
        assert clip.frames > 0
        assert 1 <= clip.channels <= 8
        assert np.isfinite(clip.samples).all()
    assert time.monotonic() - started < 10


FUZZ = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
HEADS = [b"", b"RIFF\xff\xff\0\0WAVEfmt ", b"fLaC\0\0\0\x22", b"OggS\0\2", b"ID3\3\0", b"\xff\xfb"]


@FUZZ
@given(head=st.sampled_from(HEADS), tail=st.binary(max_size=4000))
def test_random_bytes_are_audio_or_a_failure(tmp_path: Path, head, tail) -> None:
    path = tmp_path / "random.bin"
    path.write_bytes(head + tail)
    read_or_fail(path)


@FUZZ
@given(data=st.data())
def test_a_file_cut_anywhere_is_audio_or_a_failure(tmp_path: Path, small_files, data) -> None:
    whole = small_files[data.draw(st.sampled_from(sorted(small_files)))].read_bytes()
    path = tmp_path / "cut.bin"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    read_or_fail(path)


@FUZZ
@given(data=st.data())
def test_a_file_with_flipped_bits_is_audio_or_a_failure(tmp_path: Path, small_files, data) -> None:
    whole = bytearray(small_files[data.draw(st.sampled_from(sorted(small_files)))].read_bytes())
    # headers decide how all the rest is taken, so half of the flips go there
    place = st.integers(0, min(200, len(whole) - 1)) | st.integers(0, len(whole) - 1)
    for position in data.draw(st.lists(place, min_size=1, max_size=20)):
        whole[position] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / "flipped.bin"
    path.write_bytes(whole)
    read_or_fail(path)


def test_one_broken_file_after_another_leaks_no_handles(tmp_path: Path, small_files) -> None:
    handles: Callable[[], int] = lambda: len(os.listdir("/proc/self/fd"))  # noqa: E731, PTH208
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not list open handles under /proc")
    for name, content in NO_AUDIO.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "cut.flac").write_bytes(small_files["c.flac"].read_bytes()[:3000])
    before = handles()
    for _ in range(3):
        for path in sorted(tmp_path.iterdir()):
            read_or_fail(path)
    assert handles() <= before + 1
