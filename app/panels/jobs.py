"""Jobs panel: what runs, what waits, what ended; progress, time left, cancel, retry."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.commands import Command
from app.panels.base import Panel, Services
from engine.lanes import Job, JobState, Lane

STATE_WORDS = {
    JobState.QUEUED: "waiting",
    JobState.RUNNING: "running",
    JobState.DONE: "done",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
}
REFRESH_MS = 500


def time_left(seconds: float | None) -> str:
    """ "about 12 s left", empty while unknown."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"about {max(round(seconds), 1)} s left"
    return f"about {round(seconds / 60)} min left"


class JobRow(QFrame):
    """One job."""

    def __init__(self, job: Job, services: Services) -> None:
        super().__init__()
        self.job = job
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._title = QLabel(job.title, self)
        self._detail = QLabel(self)
        for label in (self._title, self._detail):  # a file may be called "<b>.wav"
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._detail.setProperty("muted", True)
        self._detail.setWordWrap(True)
        self._bar = QProgressBar(self)
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._bar.setMaximumHeight(8)
        self._bar.setAccessibleName(f"Progress of {job.title}")
        self._cancel = QToolButton(self)
        self._cancel.setText("Cancel")
        self._cancel.setAccessibleName(f"Cancel {job.title}")
        self._cancel.clicked.connect(job.cancel)
        self._retry = QToolButton(self)
        self._retry.setText("Retry")
        self._retry.setAccessibleName(f"Retry {job.title}")
        self._retry.clicked.connect(lambda: services.masters.retry(job))
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self._cancel)
        head.addWidget(self._retry)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.setSpacing(3)
        layout.addLayout(head)
        layout.addWidget(self._bar)
        layout.addWidget(self._detail)
        job.changed.connect(self.refresh)
        job.progressed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the job as it is now."""
        job = self.job
        running = job.state is JobState.RUNNING
        self._bar.setVisible(not job.state.ended)
        self._bar.setRange(0, 0 if running and job.progress.total <= 0 else 1000)
        self._bar.setValue(round(1000 * job.progress.fraction))
        self._cancel.setVisible(not job.state.ended)
        self._cancel.setEnabled(not job.cancelling)
        self._retry.setVisible(job.state in (JobState.FAILED, JobState.CANCELLED))
        device = "CPU" if job.lane in tuple(Lane) else job.lane
        words = ["stopping…" if job.cancelling else STATE_WORDS[job.state], f"on {device}"]
        if running:
            words += [job.progress.text, time_left(job.time_left_s)]
        elif job.state.ended:
            words.append(f"{job.elapsed_s:.1f} s")
        detail = " · ".join(word for word in words if word)
        if job.failure is not None:
            detail += f"\n{job.failure}"
        for warning in job.warnings:
            detail += f"\n{warning}"
        self._detail.setText(detail)


class JobsPanel(Panel):
    """All jobs, newest first."""

    panel_id = "jobs"
    title = "Jobs"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self._rows: dict[int, JobRow] = {}
        content = QWidget(self)
        self._list = QVBoxLayout(content)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(4)
        self._list.addStretch(1)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setWidget(content)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._empty = QLabel("Nothing is running.", self)
        self._empty.setProperty("muted", True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        clear = QPushButton("Clear ended", self)
        clear.clicked.connect(services.lanes.clear_ended)
        cancel = QPushButton("Cancel all", self)
        cancel.clicked.connect(lambda: services.commands.run("jobs.cancel_all"))
        buttons = QHBoxLayout()
        buttons.addWidget(cancel)
        buttons.addWidget(clear)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self._empty)
        layout.addWidget(scroll, 1)
        layout.addLayout(buttons)
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self._refresh_running)
        self._timer.start()
        services.lanes.submitted.connect(self._add)
        services.lanes.removed.connect(self._remove)
        for job in services.lanes.jobs:
            self._add(job)

    def commands(self) -> list[Command]:
        """What one can do with jobs."""
        lanes = self.services.lanes
        return [
            Command("jobs.cancel_all", "Cancel all jobs", self._cancel_all, (), "Clip",
                    lambda: lanes.busy),
            Command("jobs.clear", "Clear ended jobs", lanes.clear_ended, (), "Clip"),
        ]  # fmt: skip

    def _cancel_all(self) -> None:
        for job in self.services.lanes.jobs:
            job.cancel()

    def _add(self, job: Job) -> None:
        row = JobRow(job, self.services)
        self._rows[job.id] = row
        self._list.insertWidget(0, row)
        self._empty.hide()

    def _remove(self, job: Job) -> None:
        row = self._rows.pop(job.id, None)
        if row is not None:
            self._list.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._empty.setVisible(not self._rows)

    def _refresh_running(self) -> None:
        if self.isVisible():
            for row in self._rows.values():
                if row.job.state is JobState.RUNNING:
                    row.refresh()
