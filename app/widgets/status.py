"""Status line: what runs in the background and where the sound goes."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QToolButton, QWidget

from app.audio.devices import CLOCK
from app.audio.player import Player
from app.commands import Commands
from engine.lanes import JobState, Lanes

REFRESH_MS = 250
# A job that ends sooner than this is nobody's business.
SHOWN_AFTER_S = 0.4


class StatusLine(QWidget):
    """The running job with its progress (a click opens the Jobs panel), and the output device."""

    def __init__(self, lanes: Lanes, player: Player, commands: Commands) -> None:
        super().__init__()
        self._lanes = lanes
        self._player = player
        self._job = QToolButton(self)
        self._job.setProperty("flat", True)
        self._job.setToolTip("Show the jobs")
        self._job.clicked.connect(lambda: commands.run("jobs.show"))
        self._bar = QProgressBar(self)
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._bar.setFixedSize(120, 8)
        self._bar.setAccessibleName("Progress of the running job")
        self._device = QLabel(self)
        self._device.setProperty("muted", True)
        self._device.setAccessibleName("Output device")
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 0, 10, 0)
        row.addWidget(self._job)
        row.addWidget(self._bar)
        row.addStretch(1)
        row.addWidget(self._device)
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        lanes.submitted.connect(lambda _job: self._timer.start())
        player.device_changed.connect(lambda _name: self._show_device())
        self.refresh()
        self._show_device()

    def refresh(self) -> None:
        """Show the longest-running job; stop looking when none is left."""
        running = [
            job
            for job in self._lanes.jobs
            if job.state is JobState.RUNNING and job.elapsed_s > SHOWN_AFTER_S
        ]
        waiting = sum(job.state is JobState.QUEUED for job in self._lanes.jobs)
        for widget in (self._job, self._bar):
            widget.setVisible(bool(running))
        if running:
            job = max(running, key=lambda each: each.elapsed_s)
            more = len(running) - 1 + waiting
            self._job.setText(job.title + (f"  and {more} more" if more else ""))
            known = job.progress.total > 0
            self._bar.setRange(0, 1000 if known else 0)
            self._bar.setValue(round(1000 * job.progress.fraction))
        elif not self._lanes.busy:
            self._timer.stop()

    def _show_device(self) -> None:
        device = self._player.device
        if device == CLOCK:
            text = "No audio device: playback is silent"
        else:
            text = f"Output: {device}" if device else "Opening the audio device…"
        self._device.setText(text)
