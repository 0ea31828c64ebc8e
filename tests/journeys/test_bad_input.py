"""What happens when files, disks and folders are not what they should be: by command and window."""

from __future__ import annotations

import errno
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pytestqt.qtbot import QtBot

from app.bootstrap import Workbench
from app.export_request import ExportRequest, ExportWhat
from app.library import LoadedClip
from app.widgets.toast import Toast
from engine.audio.export_format import ExportFormat
from engine.audio.reader import read_clip
from engine.cli import run
from engine.lanes import JobState
from engine.mastering.parameters import ChainParameters
from tests.journeys import strange_files
from tests.journeys.strange_files import DAMAGED, REFUSED, Maker
from tests.journeys.waiting import wait_loaded

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of their own for what commands keep."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("AUDIOBENCH_HOME", str(folder))
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder that holds nothing but what was exported."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def numbers(tmp_path: Path) -> str:
    """Parameters to render by, where the fit is not what is tried."""
    path = tmp_path / "numbers.json"
    path.write_text(ChainParameters().with_band(5, gain_db=2.0).to_json())
    return str(path)


def told(workbench: Workbench) -> str:
    """What the message over the window says; empty when there is none."""
    toast = workbench.window.findChild(Toast)
    assert toast is not None
    return toast.text if toast.isVisible() else ""


# -- by command


@pytest.mark.parametrize(("maker", "words"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("command", ["info", "master"])
def test_a_command_refuses_in_one_line(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str], maker: Maker, words: str,
    command: str,
) -> None:  # fmt: skip
    path = maker(tmp_path / "take.wav")
    arguments = [command, str(path)] + ([str(out / "take.wav")] if command == "master" else [])
    assert run(arguments) == 1
    told = capsys.readouterr().err.strip()
    assert "“take.wav”" in told and words in told
    assert len(told.splitlines()) == 1
    assert "Traceback" not in told
    assert not any(out.iterdir())


@pytest.mark.parametrize(("maker", "words"), DAMAGED.values(), ids=DAMAGED)
def test_a_command_masters_what_is_there_and_says_what_is_wrong(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str], numbers: str, maker: Maker,
    words: str,
) -> None:  # fmt: skip
    path = maker(tmp_path / "take.wav")
    assert run(["master", str(path), str(out / "take.wav"), "--parameters", numbers]) == 0
    told = capsys.readouterr().err
    assert told.count(words) == 1, "said once, not for every step that read the file"
    samples, _ = soundfile.read(out / "take.wav")
    assert np.isfinite(samples).all()
    assert len(samples) == read_clip(path).frames


def test_a_name_of_another_format_is_no_trouble(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str], numbers: str
) -> None:
    path = strange_files.flac_called_wav(tmp_path / "take.wav")
    assert run(["master", str(path), str(out / "take.wav"), "--parameters", numbers]) == 0
    assert capsys.readouterr().err == ""


def test_silence_stays_silence_with_a_note(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = strange_files.silence(tmp_path / "take.wav")
    assert run(["master", str(path), str(out / "take.wav")]) == 0
    printed = capsys.readouterr()
    assert "Silent" in printed.out
    samples, _ = soundfile.read(out / "take.wav", dtype="int32")
    assert not samples.any()


@pytest.mark.parametrize(
    ("seconds", "channels", "rate"),
    [(2.0, 1, 44100), (2.0, 2, 8000), (2.0, 2, 192000), (2.0, 6, 48000), (0.05, 2, 44100)],
    ids=["mono", "8 kHz", "192 kHz", "six channels", "50 ms"],
)
def test_rate_channels_and_length_stay_as_they_are(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str], seconds: float, channels: int,
    rate: int,
) -> None:  # fmt: skip
    path = strange_files.pcm(tmp_path / "take.wav", seconds, channels, rate)
    report = out / "take.json"
    arguments = ["master", str(path), str(out / "take.wav"), "--report", str(report)]
    assert run(arguments) == 0, capsys.readouterr().err
    before, after = soundfile.info(path), soundfile.info(out / "take.wav")
    assert (after.samplerate, after.channels, after.frames) == (rate, channels, before.frames)
    lufs = json.loads(report.read_text())["after"]["integrated_lufs"]
    if seconds >= 0.4:
        assert lufs == pytest.approx(-14.0, abs=0.2)
    else:
        assert lufs is None, "too short to have a loudness"


def test_a_single_frame_is_passed_on(tmp_path: Path, out: Path) -> None:
    path = strange_files.one_sample(tmp_path / "take.wav")
    assert run(["master", str(path), str(out / "take.wav"), "--no-dither"]) == 0
    samples, _ = soundfile.read(out / "take.wav")
    np.testing.assert_allclose(samples, [[0.5, -0.5]], atol=1e-6)


def test_a_folder_without_audio_is_named(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "notes.txt").write_text("none")
    assert run(["master", str(tmp_path / "papers"), "--out-dir", str(out)]) == 1
    told = capsys.readouterr().err
    assert "no audio file in" in told and "papers" in told


def test_a_full_disk_leaves_the_old_file_and_no_half_one(
    tmp_path: Path, out: Path, numbers: str, home: Path
) -> None:
    """The limit on a file's size stands for the disk; the program runs as people start it."""
    path = strange_files.pcm(tmp_path / "take.wav", 4.0)
    target = out / "take.wav"
    target.write_bytes(b"an older master")
    words = [sys.executable, "-m", "app", "master", str(path)]
    # What is kept of the decoded track fits; the file that is written does not.
    first = subprocess.run(
        [*words, str(tmp_path / "first.wav"), "--parameters", numbers, "--keep-gain"],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert first.returncode == 0, first.stderr
    done = subprocess.run(
        [*words, str(target), "--parameters", numbers, "--keep-gain", "--overwrite", "--bits", "32",
         "--rate", "192000"],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000)),
    )  # fmt: skip
    assert done.returncode == 1
    assert "“take.wav” was not written" in done.stderr
    assert "Traceback" not in done.stderr
    assert target.read_bytes() == b"an older master"
    assert [each.name for each in out.iterdir()] == ["take.wav"]


# -- by window


@pytest.mark.parametrize(("maker", "words"), REFUSED.values(), ids=REFUSED)
def test_the_window_says_why_a_file_is_not_opened(
    workbench: Workbench, qtbot: QtBot, tmp_path: Path, maker: Maker, words: str
) -> None:
    workbench.open([maker(tmp_path / "take.wav")])
    qtbot.waitUntil(lambda: "take.wav" in told(workbench), timeout=20_000)
    assert words in told(workbench)
    assert workbench.services.session.state.clips == ()
    assert not workbench.services.session.dirty


@pytest.mark.parametrize(("maker", "words"), DAMAGED.values(), ids=DAMAGED)
def test_the_window_opens_a_damaged_file_and_says_what_is_wrong(
    workbench: Workbench, qtbot: QtBot, tmp_path: Path, maker: Maker, words: str
) -> None:
    workbench.open([maker(tmp_path / "take.wav")])
    loaded = wait_loaded(workbench, qtbot)
    qtbot.waitUntil(lambda: words in told(workbench), timeout=5_000)
    assert loaded.stored is not None and loaded.stored.frames > 0


def test_a_folder_without_audio_says_so(workbench: Workbench, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "papers").mkdir()
    workbench.open([tmp_path / "papers"])
    qtbot.waitUntil(lambda: "no audio" in told(workbench), timeout=20_000)


def test_several_bad_files_are_one_message_that_stays(
    workbench: Workbench, qtbot: QtBot, tmp_path: Path, song: Path
) -> None:
    bad = [maker(tmp_path / f"{name}.wav") for name, (maker, _) in REFUSED.items()]
    workbench.open([*bad, song])
    wait_loaded(workbench, qtbot)
    qtbot.waitUntil(lambda: "files could not be opened" in told(workbench), timeout=20_000)
    workbench.services.notify("Something else happened")
    assert "4 files could not be opened" in told(workbench), "a notice hides no failure"
    assert [clip.name for clip in workbench.services.session.state.clips] == ["song.wav"]


def test_silence_is_mastered_to_silence_and_said_so(
    workbench: Workbench, qtbot: QtBot, tmp_path: Path
) -> None:
    workbench.open([strange_files.silence(tmp_path / "take.wav")])
    wait_loaded(workbench, qtbot)
    services = workbench.services
    clip_id = services.session.state.current_id
    assert clip_id is not None
    job = services.masters.master(clip_id)
    assert job is not None
    qtbot.waitUntil(lambda: job.state.ended, timeout=120_000)
    assert job.failure is None, job.trace
    loaded = services.library.audio(clip_id)
    assert loaded is not None and loaded.rendering is not None
    assert not loaded.rendering.clip(0, loaded.rendering.frames).samples.any()
    assert "level is left as it is" in told(workbench)
    assert services.masters.status(clip_id) == "mastered"


def test_a_file_that_goes_away_while_it_is_open_can_still_be_mastered_and_exported(
    workbench: Workbench, qtbot: QtBot, open_song: Callable[[], LoadedClip], song: Path, out: Path
) -> None:
    open_song()
    song.unlink()
    job = export(workbench, out / "copy.wav")
    qtbot.waitUntil(lambda: job.state.ended, timeout=60_000)
    assert job.failure is None, job.trace
    assert soundfile.info(out / "copy.wav").frames == 8 * 44100


def test_an_export_that_finds_no_room_says_so_and_leaves_what_was_there(
    workbench: Workbench, qtbot: QtBot, open_song: Callable[[], LoadedClip], out: Path
) -> None:
    open_song()
    target = out / "copy.wav"
    target.write_bytes(b"an older copy")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, before[1]))
    try:
        job = export(workbench, target)
        qtbot.waitUntil(lambda: job.state.ended, timeout=60_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert job.state is JobState.FAILED
    assert "“copy.wav” was not written" in told(workbench)
    assert target.read_bytes() == b"an older copy"
    assert [each.name for each in out.iterdir()] == ["copy.wav"]


def test_an_export_into_a_place_that_is_read_only_names_the_file(
    workbench: Workbench,
    qtbot: QtBot,
    open_song: Callable[[], LoadedClip],
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Root may write anywhere, so the refusal of the disk is played."""
    open_song()

    def refusing(real: Callable[..., object]) -> Callable[..., object]:
        def refuse(path: Path, *rest: object, **more: object) -> object:
            if out in Path(path).parents and rest[:1] != ("rb",):
                raise OSError(errno.EROFS, "Read-only file system", str(path))
            return real(path, *rest, **more)

        return refuse

    monkeypatch.setattr(Path, "open", refusing(Path.open))
    monkeypatch.setattr(Path, "unlink", refusing(Path.unlink))
    job = export(workbench, out / "copy.wav")
    qtbot.waitUntil(lambda: job.state.ended, timeout=60_000)
    assert job.state is JobState.FAILED
    assert "“copy.wav”" in told(workbench)
    assert "read-only" in told(workbench).lower()
    assert not any(out.iterdir())


def export(workbench: Workbench, path: Path):  # type: ignore[no-untyped-def]
    """Write the original under another name."""
    clip_id = workbench.services.session.state.current_id
    assert clip_id is not None
    request = ExportRequest(ExportWhat.ORIGINAL, path, ExportFormat("wav", 24))
    job = workbench.services.masters.export(clip_id, request)
    assert job is not None
    return job
