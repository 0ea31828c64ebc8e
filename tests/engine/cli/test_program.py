"""The program itself, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

RATE = 44100
ROOT = Path(__file__).resolve().parents[3]


def test_the_program_itself_prints_info(song, process):
    with process("info", song(), "--json") as running:
        out, error = running.communicate(timeout=60)
    assert (running.returncode, error) == (0, "")
    assert json.loads(out)["files"][0]["rate"] == RATE


def test_the_program_itself_fails_with_one_line(tmp_path, process):
    with process("info", tmp_path / "gone.wav") as running:
        out, error = running.communicate(timeout=60)
    assert running.returncode == 1 and out == ""
    assert error.startswith("audiobench: ") and error.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are a POSIX thing")
def test_progress_is_shown_on_a_terminal_and_results_stay_clean(song):
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "app", "info", song(seconds=120.0)]
    environment = os.environ | {"TERM": "xterm"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, text=True, cwd=ROOT, env=environment
    ) as running:
        os.close(theirs)
        shown = ""
        with contextlib.suppress(OSError):  # what Linux says when nobody writes there any more
            while part := os.read(ours, 1 << 16):
                shown += part.decode(errors="replace")
        out = running.communicate()[0]
    os.close(ours)
    assert "song.wav" in shown and "%" in shown
    assert "\x1b" not in out and out.startswith("File")


def test_a_closed_pipe_is_no_crash(song):
    code = f"{sys.executable} -m app info {song()} {song('b.wav')} | head -1"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stderr == "" and done.stdout.startswith("File")


def test_ctrl_c_leaves_no_half_file_and_the_old_one(song, tmp_path, home, process):
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
