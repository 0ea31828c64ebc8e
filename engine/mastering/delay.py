"""Delay lines of the compiled processors: the past, then room for one chunk.

A kernel writes a chunk behind the past, reads what it needs at any age, and shifts. Everything
lies in one stretch of memory, so windows are plain slices.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

CHUNK_FRAMES = 512
"""Frames a kernel handles at once: its working set stays in the fast caches."""


def line(channels: int, past: int) -> NDArray[np.float64]:
    """A silent line ``[channels, past + CHUNK_FRAMES]``."""
    return np.zeros((channels, past + CHUNK_FRAMES))


def working_copy(block: NDArray[np.floating], channels: int) -> NDArray[np.float64]:
    """A contiguous float64 copy of ``[channels, frames]`` that a kernel may write to.

    Raises
    ------
    ValueError
        If the block has another number of channels; compiled code does not check its indices.
    """
    if block.ndim != 2 or block.shape[0] != channels:
        raise ValueError(f"the block is {block.shape}, expected [{channels}, frames]")
    return np.array(block, dtype=np.float64, order="C")


@njit(cache=True, nogil=True)
def shift(row: NDArray[Any], size: int) -> None:
    """Drop the oldest ``size`` frames of one channel."""
    for n in range(row.shape[0] - CHUNK_FRAMES):
        row[n] = row[n + size]


@njit(cache=True, nogil=True)
def delay(block: NDArray[np.float64], lines: NDArray[np.float64], latency: int) -> None:
    """Swap a block ``[channels, frames]`` for what went in ``latency`` frames ago."""
    channels, frames = block.shape
    past = lines.shape[1] - CHUNK_FRAMES
    for start in range(0, frames, CHUNK_FRAMES):
        size = min(CHUNK_FRAMES, frames - start)
        for channel in range(channels):
            row = lines[channel]
            row[past : past + size] = block[channel, start : start + size]
            block[channel, start : start + size] = row[past - latency : past - latency + size]
            shift(row, size)
