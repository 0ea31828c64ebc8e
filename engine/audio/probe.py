"""Look at a file without decoding all of it."""

from __future__ import annotations

from pathlib import Path

from engine.audio.info import AudioInfo
from engine.audio.reader import open_reader

__all__ = ["AudioInfo", "probe"]


def probe(path: Path | str) -> AudioInfo:
    """Say what kind of audio a file holds, by its content and not by its name.

    The first frames are decoded, so that a header without audio behind it is refused.

    Raises
    ------
    Failure
        If the file is missing, cannot be opened or holds no audio this program can read.
    """
    with open_reader(path) as reader:
        return reader.info
