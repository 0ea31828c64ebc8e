"""Recovery: what a window that was killed had not saved."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QLockFile

from app.document import store
from app.document.autosave import folder_lock, remove_folder
from app.document.journal import apply, decode_line
from app.document.serial import from_dict
from app.document.state import SessionState
from engine.tasks import Failure

# A window makes its folder, then its lock, then its first snapshot.
SETTLING_S = 60.0


@dataclass(frozen=True, slots=True)
class Recovery:
    """The newest unsaved state of a window that is gone.

    Parameters
    ----------
    state
        What was open.
    path
        The session file it belongs to, None if it was never saved.
    written_at
        When the last edit was written, seconds since the epoch.
    complete
        False if the journal is damaged and the last edits may be missing.

    The journal stays locked, so that no second window offers it too, until :meth:`discard`.
    """

    state: SessionState
    path: Path | None
    written_at: float
    complete: bool
    folder: Path
    lock: QLockFile

    @classmethod
    def find(cls, root: Path) -> Recovery | None:
        """The newest state to recover below ``root``; None when there is nothing to recover.

        Folders of living windows are left alone, and those of windows that had saved everything
        are removed. Older finds stay for the next call.
        """
        found: list[Recovery] = []
        for folder in sorted(path for path in root.glob("*") if path.is_dir()):
            lock = folder_lock(folder)
            if time.time() - folder.stat().st_mtime < SETTLING_S and not _snapshots(folder):
                continue
            if not lock.tryLock(0):
                continue
            read = _read(folder)
            if read is None and any(folder.glob("*-*.json*")):
                lock.unlock()  # damaged beyond us; a person may still read it
            elif read is None or not read.dirty:
                remove_folder(folder, lock)
            else:
                written_at = max(path.stat().st_mtime for path in folder.glob("*-*.json*"))
                found.append(cls(read.state, read.path, written_at, read.complete, folder, lock))
        found.sort(key=lambda recovery: recovery.written_at)
        for older in found[:-1]:
            older.lock.unlock()
        return found[-1] if found else None

    def discard(self) -> None:
        """Remove the journal: the user declined, or a new window's first snapshot holds it."""
        remove_folder(self.folder, self.lock)


@dataclass(frozen=True, slots=True)
class _Read:
    """What a folder says."""

    state: SessionState
    path: Path | None
    dirty: bool
    complete: bool


def _read(folder: Path) -> _Read | None:
    """Newest readable snapshot plus its journals, up to the first damaged line."""
    snapshots = _snapshots(folder)
    for number in reversed(snapshots):
        header = _lines(folder / f"snapshot-{number:06d}.json")[0][:1]
        if not header:
            continue
        record = header[0]
        document, complete = record["session"], True
        for later in range(number, snapshots[-1] + 1):
            edits, whole = _lines(folder / f"journal-{later:06d}.jsonl")
            for edit in edits:
                document = apply(document, edit.get("edit", {}))
                record = edit
            if not whole or (later < snapshots[-1] and not record.get("end")):
                complete = False
                break
        try:
            state = from_dict(document)
        except Failure:
            continue
        return _Read(state, _path(record), bool(record["dirty"]), complete)
    return _saved(folder, snapshots)


def _saved(folder: Path, snapshots: list[int]) -> _Read | None:
    """With no snapshot left: the session file the journal names, as it was saved."""
    for number in reversed(snapshots):
        for record in reversed(_lines(folder / f"journal-{number:06d}.jsonl")[0]):
            path = _path(record)
            if path is not None and path.is_file():
                try:
                    return _Read(store.load(path), path, dirty=True, complete=False)
                except Failure:
                    return None
    return None


def _path(record: dict[str, Any]) -> Path | None:
    return None if record["path"] is None else Path(record["path"])


def _snapshots(folder: Path) -> list[int]:
    return sorted(int(path.stem.rpartition("-")[2]) for path in folder.glob("snapshot-*.json"))


def _lines(path: Path) -> tuple[list[dict[str, Any]], bool]:
    """The records of a file up to the first damaged line, and whether there was none."""
    records: list[dict[str, Any]] = []
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                record = decode_line(line)
                if record is None:
                    return records, False
                records.append(record)
    except OSError:
        return records, False
    return records, True
