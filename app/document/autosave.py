"""Autosave: what was edited since the last save survives a kill."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, Qt, QTimer, Signal, Slot

from app.document.journal import Journal, Moment
from app.document.session import Session
from engine.tasks import Failure

SNAPSHOT_INTERVAL_MS = 30_000
SYNC_INTERVAL_MS = 1_000
LOCK_NAME = "lock"


def folder_lock(folder: Path) -> QLockFile:
    """The lock of one window's folder; stale as soon as the process that took it is gone."""
    lock = QLockFile(str(folder / LOCK_NAME))
    lock.setStaleLockTime(0)
    return lock


def remove_folder(folder: Path, lock: QLockFile) -> None:
    """Remove a folder whose lock we hold, and let the lock go between its files and itself.

    A window that comes by in that moment finds nothing to recover; what cannot be removed stays.
    """
    for path in folder.glob("*"):
        if path.name != LOCK_NAME:
            with contextlib.suppress(OSError):
                path.unlink()
    lock.unlock()
    shutil.rmtree(folder, ignore_errors=True)


class Autosave(QObject):
    """Keeps the journal of one session in a folder of its own below ``root``.

    Writing happens in a thread, in order: a slow disk never holds a frame up.

    Parameters
    ----------
    session
        What to keep safe.
    root
        The recovery folder all windows of this user share.

    Signals: ``troubled(Failure)`` once when the disk stops taking edits; it is tried again at
    every snapshot.
    """

    troubled = Signal(object)
    _failed = Signal(object)

    def __init__(
        self,
        session: Session,
        root: Path,
        *,
        snapshot_interval_ms: int = SNAPSHOT_INTERVAL_MS,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._folder = root / uuid.uuid4().hex
        # Without a folder the first snapshot fails, and that is told.
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True)
        self._lock = folder_lock(self._folder)
        self._lock.tryLock(0)
        self._journal = Journal(self._folder)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="autosave")
        self._appended = False
        self._failing = False  # the writer's
        self._failed.connect(self._tell, Qt.ConnectionType.QueuedConnection)
        self._timers = [
            self._every(snapshot_interval_ms, self.snapshot),
            self._every(SYNC_INTERVAL_MS, self._sync),
        ]
        session.opened.connect(self.snapshot)
        session.changed.connect(self._append)
        session.status_changed.connect(self._append)
        self.snapshot()

    @property
    def folder(self) -> Path:
        """Where this session's journal lies."""
        return self._folder

    def snapshot(self) -> None:
        """Write the whole state now; an unchanged one is not written again."""
        self._submit(self._journal.snapshot, self._moment())

    def flush(self) -> None:
        """Wait until everything edited so far is with the operating system."""
        self._writer.submit(int).result()

    def close(self) -> None:
        """End in order: nothing is left to recover."""
        for timer in self._timers:
            timer.stop()
        self._session.opened.disconnect(self.snapshot)
        self._session.changed.disconnect(self._append)
        self._session.status_changed.disconnect(self._append)
        self._writer.shutdown()
        self._journal.close()
        remove_folder(self._folder, self._lock)

    def _moment(self) -> Moment:
        session = self._session
        return Moment(session.state, session.path, session.dirty)

    def _append(self) -> None:
        self._appended = True
        self._submit(self._journal.append, self._moment())

    def _sync(self) -> None:
        if self._appended:
            self._appended = False
            self._submit(self._journal.sync)

    def _submit(self, write: Callable[..., None], *arguments: Moment) -> None:
        def attempt() -> None:
            try:
                write(*arguments)
            except OSError as error:
                if not self._failing:
                    self._failed.emit(error)
                self._failing = True
            else:
                self._failing = self._failing and not self._journal.writing

        self._writer.submit(attempt)

    @Slot(object)
    def _tell(self, error: OSError) -> None:
        self.troubled.emit(
            Failure(
                "Your edits are not being kept safe against a crash.",
                f"{self._folder} cannot be written: {error.strerror or error}.",
                "Free some disk space, and save the session yourself meanwhile.",
            )
        )

    def _every(self, interval_ms: int, run: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.timeout.connect(run)
        timer.start(interval_ms)
        return timer
