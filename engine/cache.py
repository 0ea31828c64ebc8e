"""Content-addressed disk cache with a byte budget, shared by every process of one user."""

from __future__ import annotations

import errno
import os
import re
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.file_hold import LOCKS_AVAILABLE, Hold, take_lock
from engine.recipe_key import recipe_key
from engine.tasks import Failure

__all__ = ["Cache", "Hold", "recipe_key", "unwritable"]

PARTIAL_FOLDER = "partial"
ABANDONED_AFTER_S = 6 * 3600.0
TRIM_TO = 0.9
RECOUNT_SHARE = 1 / 16
_KEY = re.compile(r"[0-9A-Za-z_-]{3,}")
_SUFFIX = re.compile(r"(\.[0-9A-Za-z_.-]+)?")


@dataclass(slots=True)
class _Entry:
    """The files of one key, their size and when they were last used."""

    key: str
    files: list[Path]
    size_bytes: int = 0
    used_at: float = 0.0


class Cache:
    """Files named by keys under one folder; the least recently used go when the budget is spent.

    A key may have several files that differ in their suffix (``.f32`` and ``.json``, say); they
    are trimmed together. Writers fill a :meth:`temporary` file and :meth:`commit` it, which is
    one rename: readers, also in other processes, see a whole file or none.

    Parameters
    ----------
    root
        The folder; made when missing.
    budget_bytes
        What the committed files may take together. One entry larger than that is still kept
        until the next one comes.

    Raises
    ------
    Failure
        If the folder cannot be made.
    """

    def __init__(self, root: Path | str, budget_bytes: int) -> None:
        self.root = Path(root)
        self.budget_bytes = budget_bytes
        self._lock = threading.RLock()
        self._counted_bytes: int | None = None
        self._added_bytes = 0
        self._make_folders()

    def _make_folders(self) -> None:
        try:
            (self.root / PARTIAL_FOLDER).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(self.root, error) from error

    def path(self, key: str, suffix: str = "") -> Path:
        """Where the file of ``key`` with ``suffix`` lies, or would lie."""
        if not _KEY.fullmatch(key) or not _SUFFIX.fullmatch(suffix):
            raise ValueError(f"not a cache key and suffix: {key!r}, {suffix!r}")
        return self.root / key[:2] / f"{key}{suffix}"

    def has(self, key: str, suffix: str | None = None) -> bool:
        """Whether ``key`` is here: any file of it, or the one with ``suffix``."""
        if suffix is not None:
            return self.path(key, suffix).is_file()
        return bool(self.files(key))

    def files(self, key: str) -> list[Path]:
        """Every committed file of ``key``."""
        plain = self.path(key)
        found = [plain] if plain.is_file() else []
        return found + sorted(plain.parent.glob(f"{key}.*"))

    def temporary(self, suffix: str = "") -> Path:
        """A new name inside the cache to write to; nobody else uses it."""
        self._make_folders()  # somebody may have emptied the cache by hand
        return self.root / PARTIAL_FOLDER / f"{uuid.uuid4().hex}{suffix}"

    def commit(self, temporary: Path | str, key: str, suffix: str | None = None) -> Path:
        """Turn a finished temporary file into the file of ``key``, atomically.

        Parameters
        ----------
        temporary
            The finished file, best made with :meth:`temporary`; it is gone afterwards.
        key
            Name of the entry.
        suffix
            The file's suffix; by default the one of ``temporary``.

        Returns
        -------
        Path
            The committed file.

        Raises
        ------
        Failure
            If the disk is full or the folder cannot be written.
        """
        source = Path(temporary)
        target = self.path(key, source.suffix if suffix is None else suffix)
        try:
            size = source.stat().st_size
            target.parent.mkdir(parents=True, exist_ok=True)
            self._move(source, target)
        except OSError as error:
            raise unwritable(self.root, error) from error
        self.account(key, size)
        return target

    def put(self, key: str, suffix: str, data: bytes) -> Path:
        """Commit ``data`` as the file of ``key`` with ``suffix``; raises like :meth:`commit`."""
        temporary = self.temporary(suffix)
        try:
            temporary.write_bytes(data)
            return self.commit(temporary, key, suffix)
        except OSError as error:
            raise unwritable(self.root, error) from error
        finally:
            temporary.unlink(missing_ok=True)

    def touch(self, key: str) -> None:
        """Mark ``key`` as used now; nothing happens if it is gone."""
        for path in self.files(key):
            try:
                os.utime(path)
            except FileNotFoundError:
                continue

    def hold(self, key: str) -> Hold:
        """Keep ``key`` from being trimmed while the returned :class:`Hold` lives."""
        return Hold(self.files(key))

    def remove(self, key: str) -> None:
        """Drop every file of ``key``."""
        for path in self.files(key):
            _unlink(path)

    @property
    def size_bytes(self) -> int:
        """What the committed files take together."""
        return sum(entry.size_bytes for entry in self._entries())

    def trim(self, keep: str | None = None) -> int:
        """Drop the least recently used keys until the budget is met.

        Held keys and ``keep`` stay. Temporary files that no writer has touched for hours (their
        process died) go as well.

        Returns
        -------
        int
            Bytes that are left.
        """
        self._make_folders()
        with self._lock:
            self._drop_abandoned()
            entries = sorted(self._entries(), key=lambda entry: entry.used_at)
            size = sum(entry.size_bytes for entry in entries)
            if size > self.budget_bytes:
                for entry in entries:
                    if size <= self.budget_bytes * TRIM_TO:
                        break
                    if entry.key != keep and self._drop(entry):
                        size -= entry.size_bytes
            self._counted_bytes, self._added_bytes = size, 0
            return size

    def clear(self) -> None:
        """Drop everything that is not held."""
        with self._lock:
            for entry in self._entries():
                self._drop(entry)
            self._counted_bytes = None

    def account(self, key: str, size_bytes: int) -> None:
        """Say that a file of ``key`` was written in its place, which may call for a trim."""
        # Listing the folder at each commit would make thousands of small tiles slow, so the size
        # is estimated between listings; other processes write too, hence the recount.
        with self._lock:
            self._added_bytes += size_bytes
            known = self._counted_bytes
            if (
                known is None
                or known + self._added_bytes > self.budget_bytes
                or self._added_bytes > self.budget_bytes * RECOUNT_SHARE
            ):
                self.trim(keep=key)

    def _move(self, source: Path, target: Path) -> None:
        try:
            source.replace(target)
        except PermissionError:
            # Windows refuses to replace a file somebody has open. Equal keys mean equal content,
            # so what is there serves.
            if not target.is_file():
                raise
            source.unlink()
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            near = self.temporary(target.suffix)
            try:
                shutil.copyfile(source, near)
                near.replace(target)
            finally:
                near.unlink(missing_ok=True)
            source.unlink()

    def _entries(self) -> list[_Entry]:
        entries: dict[str, _Entry] = {}
        for path, status in self._committed():
            key = path.name.split(".", 1)[0]
            entry = entries.setdefault(key, _Entry(key, []))
            entry.files.append(path)
            entry.size_bytes += _disk_bytes(status)
            entry.used_at = max(entry.used_at, status.st_mtime)
        return list(entries.values())

    def _committed(self) -> Iterator[tuple[Path, os.stat_result]]:
        for folder in self.root.iterdir() if self.root.is_dir() else ():
            if len(folder.name) != 2 or not folder.is_dir():
                continue
            for path in folder.iterdir():
                try:
                    yield path, path.stat()
                except FileNotFoundError:  # another process trimmed it meanwhile
                    continue

    def _drop(self, entry: _Entry) -> bool:
        """Delete an entry unless somebody holds it; True when it is gone."""
        locks: list[int] = []
        try:
            for path in entry.files:
                try:
                    locks.append(os.open(path, os.O_RDONLY))
                except (FileNotFoundError, PermissionError):
                    continue
                if not take_lock(locks[-1], shared=False):
                    return False
            if not LOCKS_AVAILABLE:  # there, an open file cannot be deleted
                while locks:
                    os.close(locks.pop())
            gone = [_unlink(path) for path in entry.files]  # no short circuit: try each
            return all(gone)
        finally:
            for descriptor in locks:
                os.close(descriptor)

    def _drop_abandoned(self) -> None:
        limit = time.time() - ABANDONED_AFTER_S
        for path in (self.root / PARTIAL_FOLDER).iterdir():
            try:
                if path.stat().st_mtime < limit:
                    path.unlink()
            except (FileNotFoundError, PermissionError):
                continue


def _disk_bytes(status: os.stat_result) -> int:
    # space reserved for audio that never came is a hole in the file and costs nothing
    blocks: int | None = getattr(status, "st_blocks", None)
    return status.st_size if blocks is None else min(status.st_size, 512 * blocks)


def _unlink(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except PermissionError:  # Windows, while somebody has it open
        return False
    return True


def unwritable(root: Path, error: OSError) -> Failure:
    """The :class:`Failure` for a cache that cannot take more."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Failure(
            "The cache is full to the last byte of the disk.",
            f"{root} could not take more: {error.strerror}.",
            "Free some disk space, or choose a smaller cache or another folder in Preferences.",
        )
    return Failure(
        "The cache could not be written.",
        f"{root}: {error.strerror or error}.",
        "Choose another cache folder in Preferences or give yourself the right to write there.",
    )
