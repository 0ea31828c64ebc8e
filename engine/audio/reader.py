"""Streaming reader: any audio file as blocks of float32, in bounded memory."""

from __future__ import annotations

import errno
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.audio.clip import Clip
from engine.audio.info import AudioInfo, unreadable
from engine.tasks import Failure

BLOCK_FRAMES = 65536

# libsndfile is exact and fast for what is stored uncompressed and for Vorbis; FFmpeg knows the
# rest. It takes FLAC too: equally fast, and it goes on after damage where libsndfile gives up.
_SOUNDFILE_MAGIC = (b"RIFF", b"RF64", b"FORM", b".snd", b"riff", b"OggS", b"NIST")


class Reader(ABC):
    """An open audio file; a context manager.

    Subclasses deliver pieces of any length; this class makes blocks of them, replaces samples
    that are no numbers by 0 and keeps :attr:`info` true.
    """

    def __init__(self, info: AudioInfo) -> None:
        self._info = info
        self._started = False

    @property
    def info(self) -> AudioInfo:
        """What is known of the file; ``frames`` is exact once :meth:`blocks` has ended."""
        return self._info

    @abstractmethod
    def _pieces(self, frames: int) -> Iterator[NDArray[np.float32]]:
        """Yield float32 ``[channels, n]`` of any n, about ``frames`` at a time where possible."""

    @abstractmethod
    def close(self) -> None:
        """Let the file go; closing twice does nothing."""

    def blocks(self, block_frames: int = BLOCK_FRAMES) -> Iterator[NDArray[np.float32]]:
        """Read to the end, once; open the file again to read it again.

        Yields
        ------
        ndarray
            Float32 ``[channels, block_frames]``, contiguous; the last block may be shorter.

        Raises
        ------
        Failure
            If there is no audio in the file after all, or the disk cannot be read.
        """
        if self._started:
            raise RuntimeError("blocks() reads a file once")
        self._started = True
        held: list[NDArray[np.float32]] = []
        held_frames = total_frames = 0
        try:
            for piece in self._pieces(block_frames):
                held.append(piece)
                held_frames += piece.shape[1]
                total_frames += piece.shape[1]
                if held_frames < block_frames:
                    continue
                joined = held[0] if len(held) == 1 else np.concatenate(held, axis=1)
                start = 0
                while held_frames - start >= block_frames:
                    yield self._clean(joined[:, start : start + block_frames])
                    start += block_frames
                held, held_frames = [joined[:, start:]], held_frames - start
        except OSError as error:
            raise unreadable(self._info.path, error.strerror or str(error)) from error
        if held_frames:
            yield self._clean(np.concatenate(held, axis=1))
        if total_frames == 0:
            raise unreadable(self._info.path, "It holds no samples")
        self._finish(total_frames)

    def _finish(self, frames: int) -> None:
        """Note the length that was really read, and what was missing of the promised one."""
        info = self._info
        if info.frames is not None and frames < info.frames:
            missing = f"It ends early: {frames} of {info.frames} sample frames are there."
            info = replace(info, damage=f"{info.damage} {missing}".strip())
        self._info = replace(info, frames=frames, duration_s=frames / info.rate)

    def _clean(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        block = np.ascontiguousarray(block)
        finite = np.isfinite(block)
        bad = int(block.size - np.count_nonzero(finite))
        if bad:
            total = self._info.nonfinite_samples + bad
            self._info = replace(self._info, nonfinite_samples=total)
            block = np.where(finite, block, np.float32(0.0))
        return block

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


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
