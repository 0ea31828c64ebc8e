from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.audio.clip import Clip
from engine.audio.export_format import CONTAINERS
from engine.audio.probe import probe
from engine.audio.reader import open_reader, read_clip
from engine.audio.resample import resample
from engine.audio.writer import ExportFormat, write_audio
from engine.tasks import Cancelled, Context, Failure

RATE = 48_000
TAGS = {
    "title": "Tïtle ♪",
    "artist": "An Artist",
    "album": "An Album",
    "date": "2026",
    "comment": "by hand",
    "genre": "Test",
    "track": "3/7",
}
FORMATS = [
    ExportFormat("wav", 16),
    ExportFormat("wav", 24),
    ExportFormat("wav", 32),
    ExportFormat("flac", 16),
    ExportFormat("flac", 24),
    ExportFormat("mp3"),
    ExportFormat("opus"),
    ExportFormat("aac"),
]


def name_of(format: ExportFormat) -> str:
    return f"{format.container}-{format.bits}"


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_sixteen_bit_audio_survives_every_lossless_format(tmp_path: Path, noise) -> None:
    samples = np.round(noise(30_001) * 2**15) / np.float32(2**15)
    for format in FORMATS[:5]:
        path = tmp_path / f"a{format.suffix}"
        written = write_audio(path, [samples], RATE, 2, format)
        np.testing.assert_array_equal(read_clip(path).samples, samples, name_of(format))
        assert (written.frames, written.clipped_samples) == (30_001, 0)


@pytest.mark.parametrize(("bits", "subtype"), [(16, "PCM_16"), (24, "PCM_24"), (32, "FLOAT")])
def test_another_library_reads_the_same_integers(tmp_path: Path, noise, bits, subtype) -> None:
    samples = noise(5000) if bits == 32 else np.round(noise(5000) * 2**15) / np.float32(2**15)
    path = tmp_path / "a.wav"
    write_audio(path, [samples], RATE, 2, ExportFormat("wav", bits))
    assert soundfile.info(path).subtype == subtype
    read, rate = soundfile.read(path, dtype="float64", always_2d=True)
    assert rate == RATE
    np.testing.assert_array_equal(read.T, samples)


@pytest.mark.parametrize("format", FORMATS, ids=name_of)
@pytest.mark.parametrize("frames", [47, 960, 1024, 1025, 30_001])
def test_the_length_and_place_are_exact_in_every_format(
    tmp_path: Path, noise, format, frames
) -> None:
    samples = noise(frames)
    path = tmp_path / f"a{format.suffix}"
    write_audio(path, np.array_split(samples, 7, axis=1), RATE, 2, format)
    read = read_clip(path)
    assert (read.rate, read.channels, read.frames) == (RATE, 2, frames)
    if frames > 5000:
        own = float(np.mean(read.samples * samples))
        for lag in (-2, -1, 1, 2):
            assert own > float(np.mean(np.roll(read.samples, lag, axis=1) * samples)), lag


@pytest.mark.parametrize("rate", [22_050, 44_100])
def test_mp3_padding_of_more_than_a_packet_is_taken_off(tmp_path: Path, noise, rate) -> None:
    for frames in [*range(1140, 1210, 7), 11_520 + 20, 11_520 + 47]:
        samples = noise(frames)
        write_audio(tmp_path / "a.mp3", [samples], rate, 2, ExportFormat("mp3"))
        assert read_clip(tmp_path / "a.mp3").frames == frames
        assert soundfile.info(tmp_path / "a.mp3").frames == frames


@pytest.mark.parametrize("format", FORMATS, ids=name_of)
def test_audio_is_resampled_where_asked_or_needed(tmp_path: Path, noise, format) -> None:
    samples = noise(44_100)
    wish = ExportFormat(format.container, format.bits, rate=48_000)
    path = tmp_path / f"a{format.suffix}"
    assert write_audio(path, [samples[:, :9999], samples[:, 9999:]], 44_100, 2, wish).rate == 48_000
    read = read_clip(path)
    assert (read.rate, read.frames) == (48_000, 48_000)
    if format.kind.bits:
        expected = resample(Clip(samples, 44_100), 48_000).samples
        assert np.abs(read.samples - expected).max() < 2.0 ** (2 - min(format.bits, 20))


@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("container", ["wav", "flac", "opus", "aac"])
def test_one_to_eight_channels_keep_their_order(tmp_path: Path, container, channels) -> None:
    """A tone of its own frequency in each channel, low enough for an effects channel."""
    tones_hz = 60 + 10 * np.arange(channels)
    phase = 2 * np.pi * tones_hz[:, None] * np.arange(RATE) / RATE
    path = tmp_path / "a"
    write_audio(path, [0.1 * np.sin(phase)], RATE, channels, ExportFormat(container, 16))
    spectra = np.abs(np.fft.rfft(read_clip(path).samples, axis=1))
    np.testing.assert_array_equal(spectra.argmax(axis=1), tones_hz)


@pytest.mark.parametrize("format", FORMATS, ids=name_of)
def test_tags_are_kept(tmp_path: Path, noise, format) -> None:
    path = tmp_path / f"a{format.suffix}"
    write_audio(path, [noise(3000)], RATE, 2, format, TAGS)
    info = probe(path)
    assert dict(info.metadata) == TAGS
    assert info.codec in (format.container, "pcm")
    assert info.bits == (format.bits if format.kind.bits else None)


def test_samples_above_full_scale_are_clipped_and_reported(tmp_path: Path) -> None:
    samples = np.full((2, 1000), 0.5)
    samples[0, 10], samples[1, 20], samples[0, 30] = 1.5, -2.0, 1.0
    context = Context()
    written = write_audio(
        tmp_path / "a.wav", [samples], RATE, 2, ExportFormat("wav", 16), context=context
    )
    assert written.clipped_samples == 2
    assert len(context.warnings) == 1
    read = read_clip(tmp_path / "a.wav").samples
    assert read[0, 10] == np.float32(32767 / 32768)
    assert read[1, 20] == -1.0
    written = write_audio(tmp_path / "b.wav", [samples], RATE, 2, ExportFormat("wav", 32))
    assert written.clipped_samples == 0
    assert read_clip(tmp_path / "b.wav").samples.max() == 1.5


def test_the_same_seed_writes_the_same_file(tmp_path: Path, noise) -> None:
    samples = noise(20_000)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_audio(
            tmp_path / name, [samples], RATE, 2, ExportFormat("wav", 16), context=Context(seed=seed)
        )
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()


class BrokenError(Exception):
    """What a source of blocks may raise."""


@pytest.mark.parametrize("format", FORMATS, ids=name_of)
@pytest.mark.parametrize("existing", [True, False])
def test_a_failure_half_way_leaves_the_folder_as_it_was(
    tmp_path: Path, noise, format, existing
) -> None:
    target = tmp_path / f"a{format.suffix}"
    if existing:
        target.write_bytes(b"precious")

    def blocks():
        yield noise(50_000)
        raise BrokenError

    with pytest.raises(BrokenError):
        write_audio(target, blocks(), RATE, 2, format)
    assert files_in(tmp_path) == ([target.name] if existing else [])
    if existing:
        assert target.read_bytes() == b"precious"


def test_cancelling_leaves_the_folder_as_it_was(tmp_path: Path, noise) -> None:
    (tmp_path / "a.flac").write_bytes(b"precious")
    context = Context()

    def blocks():
        yield noise(10_000)
        context.cancel_event.set()
        yield noise(10_000)

    with pytest.raises(Cancelled):
        write_audio(tmp_path / "a.flac", blocks(), RATE, 2, ExportFormat("flac"), context=context)
    assert files_in(tmp_path) == ["a.flac"]
    assert (tmp_path / "a.flac").read_bytes() == b"precious"


FILL_DISK = """
import resource, signal, sys
import numpy as np
from engine.audio.writer import ExportFormat, write_audio
from engine.tasks import Failure
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
noise = np.random.default_rng(0).normal(0, 0.2, (2, 48_000))
try:
    write_audio(sys.argv[1], [noise] * 40, 48_000, 2, ExportFormat(sys.argv[2], 16))
except Failure as failure:
    print(failure)
"""


@pytest.mark.parametrize("container", list(CONTAINERS))
def test_a_full_disk_is_a_failure_that_destroys_nothing(tmp_path: Path, container) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"precious")
    done = subprocess.run(
        [sys.executable, "-c", FILL_DISK, str(target), container],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "no room left" in done.stdout, done.stdout + done.stderr
    assert files_in(tmp_path) == ["a.bin"]
    assert target.read_bytes() == b"precious"


def test_a_write_protected_file_is_left_alone(tmp_path: Path, noise) -> None:
    target = tmp_path / "a.wav"
    target.write_bytes(b"precious")
    target.chmod(stat.S_IRUSR)
    with pytest.raises(Failure, match="write-protected"):
        write_audio(target, [noise(10)], RATE, 2, ExportFormat())
    assert target.read_bytes() == b"precious"


def test_a_place_that_cannot_be_written_is_a_failure(
    tmp_path: Path, noise, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Failure, match="There is no folder"):
        write_audio(tmp_path / "missing" / "a.wav", [noise(10)], RATE, 2, ExportFormat())
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(Failure, match="is a folder"):
        write_audio(tmp_path / "a.wav", [noise(10)], RATE, 2, ExportFormat())

    def refuse(self: Path, mode: str) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(Failure, match="Read-only file system"):
        write_audio(tmp_path / "b.wav", [noise(10)], RATE, 2, ExportFormat())


def test_audio_that_cannot_be_written_is_refused(tmp_path: Path, noise) -> None:
    bad = noise(100)
    bad[0, 50] = np.nan
    with pytest.raises(Failure, match="no numbers"):
        write_audio(tmp_path / "a.wav", [bad], RATE, 2, ExportFormat())
    with pytest.raises(Failure, match="nothing to write"):
        write_audio(tmp_path / "a.wav", [], RATE, 2, ExportFormat())
    with pytest.raises(Failure, match="MP3 cannot hold 3 channels"):
        write_audio(tmp_path / "a.mp3", [noise(100, 3)], RATE, 3, ExportFormat("mp3"))
    with pytest.raises(ValueError, match="blocks"):
        write_audio(tmp_path / "a.wav", [noise(100, 1)], RATE, 2, ExportFormat())
    assert files_in(tmp_path) == []


def test_a_file_may_be_written_over_itself_while_it_is_read(tmp_path: Path, noise) -> None:
    samples = np.round(noise(200_000) * 2**15) / np.float32(2**15)
    path = tmp_path / "a.wav"
    soundfile.write(path, samples.T, RATE, subtype="PCM_16")
    with open_reader(path) as reader:
        write_audio(path, (-block for block in reader.blocks(1000)), RATE, 2, ExportFormat())
    np.testing.assert_array_equal(read_clip(path).samples, -samples)


def test_a_link_stays_a_link(tmp_path: Path, noise) -> None:
    (tmp_path / "real.wav").write_bytes(b"old")
    (tmp_path / "link.wav").symlink_to(tmp_path / "real.wav")
    write_audio(tmp_path / "link.wav", [noise(100)], RATE, 2, ExportFormat())
    assert (tmp_path / "link.wav").is_symlink()
    assert read_clip(tmp_path / "real.wav").frames == 100


def test_progress_counts_frames(tmp_path: Path, noise) -> None:
    seen: list[float] = []
    context = Context(lambda progress: seen.append(progress.done), interval_s=0.0)
    blocks = [noise(1000), noise(500), noise(250)]
    write_audio(tmp_path / "a.wav", blocks, RATE, 2, ExportFormat(), None, context, 1750)
    assert seen == [1000, 1500, 1750]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"container": "xyz"}, "no format"),
        ({"container": "wav", "bits": 20}, "20 bits"),
        ({"container": "flac", "bits": 32}, "32 bits"),
        ({"container": "opus", "rate": 44_100}, "44100 Hz"),
        ({"container": "mp3", "rate": 96_000}, "96000 Hz"),
        ({"container": "mp3", "bit_rate": 3}, "bit/s"),
    ],
)
def test_formats_that_do_not_exist_are_refused(arguments, message) -> None:
    with pytest.raises(Failure, match=message):
        ExportFormat(**arguments)


def test_a_format_is_known_by_the_ending_of_a_name() -> None:
    for container, kind in CONTAINERS.items():
        assert ExportFormat.for_path(f"x/A{kind.suffix.upper()}").container == container
    assert ExportFormat.for_path("a.flac", bits=16) == ExportFormat("flac", 16)
    with pytest.raises(Failure, match="known format"):
        ExportFormat.for_path("a.txt")


@pytest.mark.parametrize(
    ("container", "rate", "expected"),
    [
        ("wav", 96_000, 96_000),
        ("mp3", 96_000, 48_000),
        ("mp3", 88_200, 44_100),
        ("mp3", 44_100, 44_100),
        ("aac", 192_000, 96_000),
        ("aac", 176_400, 88_200),
        ("opus", 44_100, 48_000),
        ("mp3", 10_000, 11_025),
    ],
)
def test_the_nearest_fitting_rate_is_taken(container, rate, expected) -> None:
    assert ExportFormat(container).rate_for(rate) == expected


def test_wav_leaves_room_to_become_rf64(tmp_path: Path, noise) -> None:
    """A file that grows beyond 4 GiB gets its ds64 chunk where the reserved one lies."""
    write_audio(tmp_path / "a.wav", [noise(100)], RATE, 2, ExportFormat())
    head = (tmp_path / "a.wav").read_bytes()[:48]
    assert head[:4] == b"RIFF"
    assert head[12:16] == b"JUNK"
    assert int.from_bytes(head[16:20], "little") >= 28


def test_new_files_have_the_rights_the_user_gives_new_files(tmp_path: Path, noise) -> None:
    write_audio(tmp_path / "a.wav", [noise(100)], RATE, 2, ExportFormat())
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / "a.wav").stat().st_mode == (tmp_path / "plain").stat().st_mode
