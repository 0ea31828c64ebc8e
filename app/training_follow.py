"""Follows one run folder for a view: at most four times a second, in a lane."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from app.training_news import RunReader, read_news
from engine.lanes import Job, JobState, Lanes
from engine.training.run_folder import RunFolder

BUSY_MS, QUIET_MS = 250, 2000


class RunFollower(QObject):
    """Tells what is new in a run, whoever trains it.

    Signals
    -------
    news(News)
        Something was read; the first time all there is.
    """

    news = Signal(object)

    def __init__(self, lanes: Lanes, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lanes = lanes
        self._reader: RunReader | None = None
        self._job: Job | None = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._read)

    @property
    def folder(self) -> RunFolder | None:
        """The run that is followed."""
        return self._reader.folder if self._reader else None

    def follow(self, folder: RunFolder | None) -> None:
        """Follow another run from its beginning, or none."""
        if folder == self.folder:
            return
        self._reader = RunReader(folder) if folder else None
        self._job = None
        if folder is None:
            self._timer.stop()
        else:
            self._timer.start(BUSY_MS)
            self._read()

    def wake(self) -> None:
        """Look often: something began."""
        if self._reader is not None:
            self._timer.start(BUSY_MS)

    def sleep(self) -> None:
        """Look at nothing until :meth:`wake`: nobody sees it."""
        self._timer.stop()

    def _read(self) -> None:
        if self._reader is None or self._job is not None:
            return
        reader = self._reader
        job = self._lanes.submit("Follow the training", read_news, reader, quiet=True)
        self._job = job

        def take() -> None:
            if reader is not self._reader:
                return
            self._job = None
            if job.state is JobState.DONE:
                status = job.result.status
                ended = status is not None and status.ended
                if self._timer.isActive():
                    self._timer.setInterval(QUIET_MS if ended else BUSY_MS)
                self.news.emit(job.result)

        job.ended.connect(take)
