from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.cli import Command, run
from engine.cli.command import UsageError
from engine.cli.paths import audio_files, outputs_in
from engine.cli.terminal import Terminal, decibels, duration
from engine.mastering.parameters import ChainParameters, Limiter
from engine.plain_json import finite
from engine.tasks import Cancelled, Failure

ROOT = Path(__file__).resolve().parents[2]
RATE = 44100


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """A place of their own for cache and settings."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("AUDIOBENCH_HOME", str(folder))
    return folder


@pytest.fixture
def song(tmp_path):
    """Write a few seconds of stereo noise with a tilt and a beat; gives its maker."""

    def make(name: str = "song.wav", seconds: float = 3.0, level: float = 0.2) -> Path:
        rng = np.random.default_rng(7)
        frames = int(seconds * RATE)
        noise = np.cumsum(rng.standard_normal((frames, 2)), axis=0)
        noise -= np.linspace(0, 1, frames)[:, None] * noise[-1]
        noise = np.diff(noise, axis=0, prepend=0) + 0.02 * noise / np.abs(noise).max()
        beat = 0.5 + 0.5 * np.sin(2 * np.pi * 2 * np.arange(frames) / RATE)[:, None]
        audio = level * noise * beat / np.abs(noise * beat).max()
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, audio, RATE, subtype="PCM_24")
        return path

    return make


@pytest.fixture
def parameters(tmp_path):
    """A file of parameters, so that nothing need be fitted."""
    path = tmp_path / "p.json"
    path.write_text(ChainParameters().with_band(5, gain_db=3.0).to_json())
    return str(path)


def command(task) -> Command:
    """A command that runs ``task(terminal)``."""
    return Command("try", "for tests", lambda parser: None, lambda arguments, t: task(t))


def process(*arguments: object, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "app", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **options,
    )


# ---- the frame


def test_no_command_is_wrong_usage(capsys):
    assert run([]) == 2
    assert run(["sing"]) == 2
    assert "usage" in capsys.readouterr().err


def test_help_is_no_failure(capsys):
    for arguments in (["info", "--help"], ["master", "--help"], ["doctor", "--help"], ["--help"]):
        assert run(arguments) == 0
        text = capsys.readouterr().out
        assert text.startswith("usage: audiobench")
    assert "130 cancelled" in text and all(name in text for name in ("info", "master", "doctor"))
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("audiobench 0.")


def fail_with(error: BaseException) -> Command:
    def task(terminal: Terminal) -> int:
        raise error

    return command(task)


def test_a_failure_is_one_line_without_a_traceback(capsys):
    failure = Failure("It\nbroke.", "It was old.", "Buy a new one.")
    assert run(["try"], extra=[fail_with(failure)]) == 1
    captured = capsys.readouterr()
    assert captured.err == "audiobench: It broke. It was old. Buy a new one.\n"
    assert captured.out == ""


def test_a_failure_in_json_is_json(capsys):
    failure = Failure("It broke.", "It was old.", "Buy a new one.")
    assert run(["try", "--json"], extra=[fail_with(failure)]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "error": {"what": "It broke.", "why": "It was old.", "remedy": "Buy a new one."}
    }


def test_an_unexpected_error_is_one_line_and_a_traceback_only_in_debug(capsys):
    extra = [fail_with(ZeroDivisionError("by nothing"))]
    assert run(["try"], extra=extra) == 1
    plain = capsys.readouterr().err
    assert "ZeroDivisionError: by nothing" in plain and plain.count("\n") == 1
    assert run(["try", "--debug"], extra=extra) == 1
    assert "Traceback" in capsys.readouterr().err


def test_wrong_usage_found_late_is_told_like_any(capsys):
    assert run(["try"], extra=[fail_with(UsageError("a and b exclude each other"))]) == 2
    error = capsys.readouterr().err
    assert error.startswith("usage: audiobench try") and "a and b exclude each other" in error


@pytest.mark.parametrize("error", [Cancelled(), KeyboardInterrupt()])
def test_a_cancel_is_130(error, capsys):
    assert run(["try"], extra=[fail_with(error)]) == 130
    assert "cancelled" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_heard_at_the_next_checkpoint(number, capsys):
    cleaned = []

    def task(terminal: Terminal) -> int:
        with terminal.context("Working") as context:
            try:
                os.kill(os.getpid(), number)
                for _ in range(1000):
                    time.sleep(0.001)
                    context.checkpoint()
            finally:
                cleaned.append(True)
        return 0

    before = signal.getsignal(signal.SIGINT)
    assert run(["try"], extra=[command(task)]) == 130
    assert cleaned == [True]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_interrupt_does_not_wait_for_a_checkpoint():
    def task(terminal: Terminal) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
        return 0

    began = time.monotonic()
    assert run(["try"], extra=[command(task)]) == 130
    assert time.monotonic() - began < 3


def test_there_is_no_progress_where_nobody_looks(capsys):
    def task(terminal: Terminal) -> int:
        with terminal.context("Working") as context:
            for number in range(10):
                context.report(number, 10)
        terminal.say("done")
        return 0

    assert run(["try"], extra=[command(task)]) == 0
    assert capsys.readouterr() == ("done\n", "")


# ---- words and numbers


def test_infinities_become_null():
    document = {"a": float("-inf"), "b": [1.0, float("nan")], "c": {"d": "x", "e": (1, None)}}
    assert finite(document) == {"a": None, "b": [1.0, None], "c": {"d": "x", "e": [1, None]}}
    json.loads(json.dumps(finite(document), allow_nan=False))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00.000"), (59.9996, "1:00.000"), (187.25, "3:07.250"), (3661.5, "1:01:01.500")],
)
def test_lengths_are_written_for_people(seconds, text):
    assert duration(seconds) == text


def test_levels_are_written_for_people():
    assert decibels(-14.04, "LUFS") == "-14.0 LUFS"
    assert decibels(float("-inf"), "LUFS") == "-inf LUFS"
    assert decibels(-0.04, "dBTP") == "0.0 dBTP"


def test_a_table_is_as_wide_as_its_cells(capsys):
    Terminal().table([("a", "1"), ("long name", "200")], right=frozenset((1,)))
    assert capsys.readouterr().out == "a            1\nlong name  200\n"


# ---- paths


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


# ---- info


def test_info_agrees_with_the_closed_form_of_a_sine(tmp_path, capsys):
    # BS.1770: a 997 Hz sine at -20 dBFS in both channels reads -20 + 3.01 - 3.01 = -20.0 LUFS.
    time_s = np.arange(5 * 48000) / 48000
    sine = 0.1 * np.sin(2 * np.pi * 997 * time_s)
    path = tmp_path / "sine.wav"
    soundfile.write(path, np.stack([sine, sine], axis=1), 48000, subtype="FLOAT")
    assert run(["info", str(path), "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)["files"]
    assert record["integrated_lufs"] == pytest.approx(-20.0, abs=0.05)
    assert record["true_peak_dbtp"] == pytest.approx(-20.0, abs=0.1)
    assert record["sample_peak_dbfs"] == pytest.approx(-20.0, abs=0.01)
    assert record["range_lu"] == pytest.approx(0.0, abs=0.05)
    assert (record["rate"], record["channels"], record["frames"]) == (48000, 2, 240000)
    assert run(["info", str(path)]) == 0
    text = capsys.readouterr().out
    for part in ("48000 Hz", "0:05.000", "-20.0 LUFS", "-20.0 dBTP", "FLOAT32"):
        assert part in text or part.lower() in text


def test_silence_has_no_loudness_and_is_valid_json(tmp_path, capsys):
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(RATE), RATE)
    assert run(["info", str(path), "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)["files"]
    assert record["integrated_lufs"] is None and record["true_peak_dbtp"] is None
    assert record["note"]


def test_info_goes_on_after_a_bad_file(song, tmp_path, capsys):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no audio")
    good = song()
    assert run(["info", str(bad), str(tmp_path / "gone.wav"), str(good), "--json"]) == 1
    captured = capsys.readouterr()
    files = json.loads(captured.out)["files"]
    assert ["error" in record for record in files] == [True, True, False]
    assert captured.err.count("\n") == 2


def test_info_of_real_music(shared_audio, capsys):
    path = sorted((shared_audio / "music").iterdir())[0]
    assert run(["info", str(path), "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)["files"]
    assert -60 < record["integrated_lufs"] < 0 and record["frames"] > 0


# ---- master


def test_a_song_is_mastered_to_its_target(song, tmp_path, capsys):
    source, output, report = song(), tmp_path / "out.flac", tmp_path / "r.json"
    arguments = ["master", str(source), str(output), "--lufs", "-18", "--ceiling", "-2"]
    assert run([*arguments, "--report", str(report), "--bits", "16"]) == 0
    assert "Wrote" in capsys.readouterr().out
    info = soundfile.info(output)
    assert (info.frames, info.channels, info.subtype) == (3 * RATE, 2, "PCM_16")
    assert run(["info", str(output), "--json"]) == 0
    (measured,) = json.loads(capsys.readouterr().out)["files"]
    assert measured["integrated_lufs"] == pytest.approx(-18.0, abs=0.2)
    assert measured["true_peak_dbtp"] <= -2.0 + 0.05
    document = json.loads(report.read_text())
    assert document["after"]["integrated_lufs"] == pytest.approx(-18.0, abs=0.2)
    # The report is a recipe: its parameters give the same master again.
    again = tmp_path / "again.flac"
    arguments = ["master", str(source), str(again), "--parameters", str(report), "--bits", "16"]
    assert run([*arguments, "--lufs", "-18", "--ceiling", "-2"]) == 0
    first, second = soundfile.read(output)[0], soundfile.read(again)[0]
    assert np.abs(first - second).max() < 1e-3


def test_the_same_command_writes_the_same_samples(song, tmp_path, parameters):
    source = song()
    outputs = [tmp_path / f"{number}.wav" for number in range(3)]
    for output, seed in zip(outputs, ("5", "5", "6"), strict=True):
        arguments = ["master", str(source), str(output), "--parameters", parameters, "--bits", "16"]
        assert run([*arguments, "--seed", seed]) == 0
    first, second, other = (soundfile.read(output)[0] for output in outputs)
    assert np.array_equal(first, second) and not np.array_equal(first, other)


def test_keep_gain_keeps_the_limiter_as_it_is(song, tmp_path):
    recipe = tmp_path / "p.json"
    recipe.write_text(ChainParameters(limiter=Limiter(gain_db=-6.0)).to_json())
    source, output = song(), tmp_path / "out.wav"
    arguments = ["master", str(source), str(output), "--parameters", str(recipe), "--keep-gain"]
    assert run([*arguments, "--bits", "32"]) == 0
    before, after = soundfile.read(source)[0], soundfile.read(output)[0]
    assert np.abs(after - before * 10 ** (-6 / 20)).max() < 1e-5


def test_a_batch_goes_on_after_a_failure_and_ends_with_1(song, tmp_path, parameters, capsys):
    song("in/a.wav"), song("in/b.wav")
    (tmp_path / "in" / "bad.wav").write_bytes(b"no audio")
    out = tmp_path / "out" / "deep"
    arguments = ["master", str(tmp_path / "in"), "--out-dir", str(out), "--parameters", parameters]
    assert run([*arguments, "--format", "mp3", "--report", "html"]) == 1
    captured = capsys.readouterr()
    assert "2 of 3 mastered" in captured.out and "bad.wav" in captured.err
    assert sorted(path.name for path in out.iterdir()) == ["a.html", "a.mp3", "b.html", "b.mp3"]
    assert "<html" in (out / "a.html").read_text(encoding="utf-8").lower()


def test_a_batch_in_json_has_a_record_for_every_file(song, tmp_path, parameters, capsys):
    good, gone = song(), tmp_path / "gone.wav"
    arguments = ["master", str(gone), str(good), "-o", str(tmp_path / "out"), "--json"]
    assert run([*arguments, "--parameters", parameters]) == 1
    files = json.loads(capsys.readouterr().out)["files"]
    assert [record["source"] for record in files] == [str(gone), str(good)]
    assert "error" in files[0] and files[1]["output"].endswith("song.wav")


def test_an_existing_output_needs_overwrite(song, tmp_path, parameters, capsys):
    source, output = song(), tmp_path / "out.wav"
    output.write_bytes(b"precious")
    arguments = ["master", str(source), str(output), "--parameters", parameters]
    assert run(arguments) == 1
    assert "--overwrite" in capsys.readouterr().err and output.read_bytes() == b"precious"
    assert run([*arguments, "--overwrite"]) == 0
    assert soundfile.info(output).frames == 3 * RATE


def test_an_input_is_never_overwritten(song, tmp_path, parameters, capsys):
    source = song()
    before = source.read_bytes()
    link = tmp_path / "link.wav"
    link.symlink_to(source)
    for output in (source, link):
        arguments = ["master", str(source), str(output), "--parameters", parameters]
        assert run([*arguments, "--overwrite"]) == 1
    arguments = ["master", str(source), "-o", str(tmp_path), "--parameters", parameters]
    assert run([*arguments, "--overwrite"]) == 1
    assert source.read_bytes() == before and capsys.readouterr().err.count("input itself") == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["master"],
        ["master", "a.wav"],
        ["master", "a.wav", "b.wav", "c.wav"],
        ["master", "-o", "out"],
        ["master", "a.wav", "b.wav", "--lufs", "3"],
        ["master", "a.wav", "b.wav", "--lufs", "nan"],
        ["master", "a.wav", "b.wav", "--amount", "2"],
        ["master", "a.wav", "b.wav", "--bits", "20"],
        ["master", "a.wav", "b.wav", "--report", "r.txt"],
        ["master", "a.wav", "-o", "out", "--report", "r.html"],
        ["master", "a.wav", "b.wav", "--keep-gain"],
        ["master", "a.wav", "b.wav", "--bit-rate", "fast"],
    ],
)
def test_arguments_that_make_no_sense_are_wrong_usage(arguments, capsys):
    assert run(arguments) == 2
    assert capsys.readouterr().err.startswith("usage: audiobench master")


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--preset", "nonsense"], "nonsense"),
        (["--parameters", "{tmp}/gone.json"], "gone.json"),
        (["--parameters", "{tmp}/song.wav"], "song.wav"),
        (["--reference", "{tmp}/gone.wav"], "gone.wav"),
        (["--format", "mp3", "--rate", "12345"], "12345"),
    ],
)
def test_what_is_not_there_is_a_failure_that_names_it(extra, words, song, tmp_path, capsys):
    arguments = ["master", str(song()), str(tmp_path / "out.wav")]
    assert run([*arguments, *(part.format(tmp=tmp_path) for part in extra)]) == 1
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1 and not (tmp_path / "out.wav").exists()


def test_an_output_without_a_folder_is_told_before_the_work(song, tmp_path, capsys):
    assert run(["master", str(song()), str(tmp_path / "no" / "out.wav")]) == 1
    assert "no folder" in capsys.readouterr().err


def test_a_peak_over_the_ceiling_in_the_file_is_told(tmp_path, parameters, capsys):
    # A square wave limited to the ceiling overshoots it once a codec drops its upper partials.
    source = tmp_path / "square.wav"
    square = np.sign(np.sin(2 * np.pi * 441 * (np.arange(2 * RATE) + 0.5) / RATE))
    soundfile.write(source, 0.5 * square, RATE, subtype="FLOAT")
    arguments = ["master", str(source), str(tmp_path / "out.mp3"), "--bit-rate", "64k", "--json"]
    assert run([*arguments, "--parameters", parameters, "--lufs", "-1"]) == 0
    (record,) = json.loads(capsys.readouterr().out)["files"]
    assert record["after"]["true_peak_dbtp"] <= -0.95 < record["delivered"]["true_peak_dbtp"]
    assert any("over the ceiling" in text for text in record["warnings"])


def test_the_presets_are_listed(capsys):
    assert run(["master", "--list-presets", "--json"]) == 0
    names = [preset["name"] for preset in json.loads(capsys.readouterr().out)["presets"]]
    assert names[0] == "balanced" and len(set(names)) == len(names) > 1


# ---- real processes


def test_the_program_itself_prints_info(song):
    with process("info", song(), "--json") as running:
        out, error = running.communicate(timeout=60)
    assert (running.returncode, error) == (0, "")
    assert json.loads(out)["files"][0]["rate"] == RATE


def test_the_program_itself_fails_with_one_line(tmp_path):
    with process("info", tmp_path / "gone.wav") as running:
        out, error = running.communicate(timeout=60)
    assert running.returncode == 1 and out == ""
    assert error.startswith("audiobench: ") and error.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are a POSIX thing")
def test_progress_is_shown_on_a_terminal_and_results_stay_clean(song):
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "app", "info", song(seconds=120.0)]
    environment = os.environ | {"TERM": "xterm"}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=theirs, text=True, cwd=ROOT, env=environment
    )
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "song.wav" in shown and "%" in shown
    assert "\x1b" not in done.stdout and done.stdout.startswith("File")


def test_a_closed_pipe_is_no_crash(song):
    code = f"{sys.executable} -m app info {song()} {song('b.wav')} | head -1"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stderr == "" and done.stdout.startswith("File")


def test_ctrl_c_leaves_no_half_file_and_the_old_one(song, tmp_path, home):
    source = song("long.wav", seconds=240.0)
    output = tmp_path / "out" / "master.wav"
    output.parent.mkdir()
    output.write_bytes(b"precious")
    running = process("master", source, output, "--overwrite")
    deadline = time.monotonic() + 60
    while not any((home / "cache").rglob("*.f32")) and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    asked = time.monotonic()
    _out, error = running.communicate(timeout=60)
    assert running.returncode == 130 and time.monotonic() - asked < 10
    assert error == "audiobench: cancelled; nothing half-written was left.\n"
    assert [path.name for path in output.parent.iterdir()] == ["master.wav"]
    assert output.read_bytes() == b"precious"
