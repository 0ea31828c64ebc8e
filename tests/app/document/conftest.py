"""Small documents for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.document.state import ClipEntry
from engine.audio.hashing import content_hash


@pytest.fixture
def make_clip(tmp_path: Path) -> Callable[..., ClipEntry]:
    """Make a clip entry whose file exists."""

    def make(name: str = "song", folder: Path = tmp_path) -> ClipEntry:
        path = folder / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"RIFF" + name.encode())
        return ClipEntry(f"id-{name}", name, path, content_hash(path), 44100, 2, 88200)

    return make
