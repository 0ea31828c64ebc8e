"""Holds: advisory locks that keep files from being deleted while somebody needs them."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be deleted anyway
    fcntl = None  # type: ignore[assignment]

LOCKS_AVAILABLE = fcntl is not None


class Hold:
    """Keeps one key from being trimmed, in every process, until released or garbage."""

    def __init__(self, paths: list[Path]) -> None:
        self._descriptors: list[int] = []
        for path in paths:
            try:
                descriptor = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                continue
            self._descriptors.append(descriptor)
            take_lock(descriptor, shared=True)

    def release(self) -> None:
        """Let the key go; releasing twice does nothing."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def __enter__(self) -> Hold:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()


def take_lock(descriptor: int, *, shared: bool) -> bool:
    """Take an advisory lock, which ends with the descriptor; False if another one forbids it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems have no locks; then nothing is held there
        return True
    return True
