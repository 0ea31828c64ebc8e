"""Starts the playback process and starts it again when it dies or hangs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.audio.layout import Block

CHECK_MS = 100
HANG_S = 1.5
BUSY_S = 15.0
START_S = 8.0
RESTARTS = 4
RESTART_WINDOW_S = 10.0
PAUSE_S = 5.0
END_S = 1.0


def host_command(block: Block) -> list[str]:
    """Command line of the playback process; a frozen program calls itself."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "--audio-host", str(block.path)]
    return [sys.executable, "-m", "app.audio.host", str(block.path)]


class Watchdog(QObject):
    """Keeps one playback process alive.

    A process that is gone, or whose heartbeat stands still, is replaced at once; after four
    within ten seconds the next one waits a while. The new process finds in the block
    everything it needs to go on.
    """

    restarted = Signal(str)
    """Why a new process was started."""

    def __init__(self, block: Block, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._block = block
        self._process: subprocess.Popen[bytes] | None = None
        self._heartbeat = 0
        self._alive_at = 0.0
        self._answered = False
        self._restarts: list[float] = []
        self._start_at = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(CHECK_MS)
        self._timer.timeout.connect(self.check)

    @property
    def pid(self) -> int | None:
        """Process id while one runs."""
        return self._process.pid if self._process else None

    @property
    def gave_up(self) -> bool:
        """Whether the next start waits because the last ones failed too soon."""
        return self._process is None and time.monotonic() < self._start_at

    def start(self) -> None:
        """Start the process unless it runs already."""
        if self._process is None:
            self._launch()
            self._timer.start()

    def stop(self) -> None:
        """End the process: ask, wait, then kill."""
        self._timer.stop()
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(END_S)

    def check(self) -> None:
        """Look after the process; called by a timer."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._start_at:
                self._launch()
            return
        code = self._process.poll()
        if code is not None:
            self._replace(f"the playback process ended with code {code}")
            return
        heartbeat = int(self._block.state["heartbeat"][0])
        if heartbeat != self._heartbeat:
            self._heartbeat, self._alive_at, self._answered = heartbeat, now, True
        allowed = HANG_S if self._answered else START_S
        if self._block.state["busy"][0]:
            allowed = BUSY_S
        if now - self._alive_at > allowed:
            self._process.kill()
            self._replace("the playback process did not answer")

    def _replace(self, reason: str) -> None:
        process, self._process = self._process, None
        if process and process.stdin:
            process.stdin.close()
        now = time.monotonic()
        self._restarts = [at for at in self._restarts if now - at < RESTART_WINDOW_S] + [now]
        if len(self._restarts) > RESTARTS:
            self._restarts.clear()
            self._start_at = now + PAUSE_S
        else:
            self._launch()
        self.restarted.emit(reason)

    def _launch(self) -> None:
        self._block.state["busy"][0] = 0
        self._block.state["stream_rate"][0] = 0
        self._heartbeat = int(self._block.state["heartbeat"][0])
        self._alive_at, self._answered = time.monotonic(), False
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONSAFEPATH": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        self._process = subprocess.Popen(
            host_command(self._block),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            creationflags=getattr(subprocess, "HIGH_PRIORITY_CLASS", 0),
        )
