"""Follows one job at a time, whichever it is."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from engine.lanes import Job


class JobWatch(QObject):
    """Passes on what the watched job says; when another one is watched, the old one is let go.

    Signals
    -------
    progressed(Progress)
        News of the job.
    switched()
        There is another job now, or none any more.
    """

    progressed = Signal(object)
    switched = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.job: Job | None = None

    @property
    def running(self) -> bool:
        """Whether there is a job that has not ended."""
        return self.job is not None

    def watch(self, job: Job | None) -> None:
        """Follow a job, or none."""
        if job is self.job:
            return
        if self.job is not None:
            self.job.progressed.disconnect(self.progressed)
            self.job.ended.disconnect(self._end)
        self.job = job
        if job is not None:
            job.progressed.connect(self.progressed)
            job.ended.connect(self._end)
        self.switched.emit()

    def cancel(self) -> None:
        """Ask the job to stop."""
        if self.job is not None:
            self.job.cancel()

    def _end(self) -> None:
        self.watch(None)
