"""Interrupts: a signal is heard by an idle event loop, and only while somebody listens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.document.recovery import Recovery
from app.interrupts import SIGNALS, interrupts

WINDOW = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from app import bootstrap, run
from app.document.state import ClipEntry

def go():
    bench = benches[0]
    clip = ClipEntry("one", "song.wav", Path("song.wav"), "unknown", 44100, 2, 0)
    session = bench.services.session
    session.edit("Open", session.state.with_clips(clip))
    print("edited", flush=True)

benches, build = [], bootstrap.build
bootstrap.build = lambda *arguments: benches.append(build(*arguments)) or benches[0]
QTimer.singleShot(0, lambda: None)
run.open_demo = lambda *_: QTimer.singleShot(500, go)
sys.exit(run.run_window([], demo=True))
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_heard_in_the_event_loop(qtbot: QtBot, number: int) -> None:
    heard: list[int] = []
    with interrupts(heard.append):
        os.kill(os.getpid(), number)
        qtbot.waitUntil(lambda: heard == [number], timeout=2000)


def test_afterwards_signals_do_what_they_did(qtbot: QtBot) -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with interrupts(lambda _number: None):
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_window_that_is_told_to_end_leaves_its_work_to_be_recovered(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "AUDIOBENCH_HOME": str(tmp_path),
    }
    child = subprocess.Popen(
        [sys.executable, "-c", WINDOW], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "edited"
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=20) == 128 + signal.SIGTERM
    finally:
        child.kill()
        child.communicate()
    recovery = Recovery.find(tmp_path / "data" / "recovery")
    assert recovery is not None
    assert [clip.name for clip in recovery.state.clips] == ["song.wav"]
    assert recovery.complete
