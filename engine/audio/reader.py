"""Streaming reader: any audio file as blocks of float32, in bounded memory."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

import numpy as np

from engine.audio.base_reader import Reader
from engine.audio.clip import Clip
from engine.audio.info import unreadable
from engine.tasks import Failure

# libsndfile is exact and fast for what is stored uncompressed and for Vorbis; FFmpeg knows the
# rest. It takes FLAC too: equally fast, and it goes on after damage where libsndfile gives up.
_SOUNDFILE_MAGIC = (b"RIFF", b"RF64", b"FORM", b".snd", b"riff", b"OggS", b"NIST")


def open_reader(path: Path | str) -> Reader:
    """Open an audio file, whatever its name ends in.

    Raises
    ------
    Failure
        If the file is missing, cannot be opened or holds no audio this program can read.
    """
    # here, because both build on this module; and FFmpeg's libraries take a while to load
    from engine.audio.av_reader import AvReader
    from engine.audio.soundfile_reader import SoundFileReader

    path = Path(path)
    magic = _first_bytes(path)
    if magic.startswith(_SOUNDFILE_MAGIC):
        reader = SoundFileReader.open(path)
        if reader is not None:
            return reader
    if _is_aea(path, magic):
        return AvReader.open(path, "aea")
    try:
        return AvReader.open(path)
    except Failure:
        # FFmpeg lets a wrong ending overrule the weak signature of bare MPEG frames
        bare = _bare_mpeg(magic)
        if bare is None:
            raise
        return AvReader.open(path, bare)


def read_clip(path: Path | str) -> Clip:
    """Read a whole file into memory, exactly as long as what was encoded.

    Returns
    -------
    Clip
        Float32, at the file's own rate; samples that are no numbers are replaced by 0.

    Raises
    ------
    Failure
        As :func:`open_reader`, and when the file does not fit into memory.
    """
    with open_reader(path) as reader:
        try:
            return Clip(np.concatenate(list(reader.blocks()), axis=1), reader.info.rate)
        except MemoryError as error:
            raise Failure(
                f"“{Path(path).name}” does not fit into memory.",
                "It is too long to be worked on in one piece.",
                "Cut it into shorter parts, or close other programs.",
            ) from error


def _first_bytes(path: Path) -> bytes:
    """The first bytes of the file, or the :class:`Failure` that says why there are none."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # opening a pipe could wait for ever
            raise unreadable(path, "It is no ordinary file but a pipe or a device")
        with path.open("rb") as file:
            magic = file.read(16)
    except FileNotFoundError as error:
        raise Failure(
            f"“{path.name}” is not there.",
            f"Nothing was found at {path}.",
            "It may have been moved or renamed; locate it again.",
        ) from error
    except IsADirectoryError as error:
        raise Failure(
            f"“{path.name}” is a folder.", "Audio is read from files.", "Choose a file inside it."
        ) from error
    except PermissionError as error:
        raise Failure(
            f"“{path.name}” may not be read.",
            "Your account has no right to read this file.",
            "Change its permissions or copy it to a folder of your own.",
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = errno.errorcode.get(getattr(error, "errno", None) or 0, str(error))
        raise unreadable(path, f"The system could not open it ({why})") from error
    if not magic:
        raise unreadable(path, "The file is empty")
    return magic


def _is_aea(path: Path, magic: bytes) -> bool:
    # FFmpeg takes some ATRAC1 files for MPEG-4 video; 2048 is the length AEA headers state first.
    return path.suffix.lower() == ".aea" and magic[:4] == b"\x00\x08\x00\x00"


def _bare_mpeg(magic: bytes) -> str | None:
    """FFmpeg's name of the format if ``magic`` is an ID3 tag or the head of an MPEG frame."""
    if magic.startswith(b"ID3"):
        return "mp3"
    if len(magic) < 2 or magic[0] != 0xFF or magic[1] & 0xE0 != 0xE0:
        return None
    layer = magic[1] >> 1 & 3
    return "mp3" if layer else "aac"
