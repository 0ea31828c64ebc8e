"""Reader: what every open audio file can do, whichever library reads it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.audio.info import AudioInfo, unreadable

BLOCK_FRAMES = 65536


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
