"""Files that are either the old one or the new one, never half of either."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` and rename it to ``path`` when the block succeeds.

    The new file is on the disk before it takes the place of the old one, whose permissions it
    keeps. When the block fails the temporary file is removed and ``path`` is as it was. The
    temporary name keeps the suffix, by which writers choose a format.
    """
    path = path.resolve()  # a link keeps pointing at the file it pointed at
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except BaseException:
        # On a read-only disk removing fails, too, and would hide what is wrong.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically; raises :class:`OSError` and leaves an older file alone."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
