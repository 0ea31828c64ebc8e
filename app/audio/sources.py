"""Mapped audio files and how they become two channels at any speed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.audio.route import Leg

SAMPLE_BYTES = 4
_SIDE = math.sqrt(0.5)

# ITU-R BS.775: centre and surrounds at -3 dB, LFE left out, front level kept.
# Columns follow WAVE order: L R C LFE, back or side pairs; one weight for (left, right) each.
_LEFT, _RIGHT, _CENTRE, _OFF = (1.0, 0.0), (0.0, 1.0), (_SIDE, _SIDE), (0.0, 0.0)
_SIDE_LEFT, _SIDE_RIGHT, _BACK = (_SIDE, 0.0), (0.0, _SIDE), (0.5, 0.5)
_PAIR = (_SIDE_LEFT, _SIDE_RIGHT)
_DOWNMIX = {
    3: (_LEFT, _RIGHT, _CENTRE),
    4: (_LEFT, _RIGHT, *_PAIR),
    5: (_LEFT, _RIGHT, _CENTRE, *_PAIR),
    6: (_LEFT, _RIGHT, _CENTRE, _OFF, *_PAIR),
    7: (_LEFT, _RIGHT, _CENTRE, _OFF, _BACK, *_PAIR),
    8: (_LEFT, _RIGHT, _CENTRE, _OFF, *_PAIR, *_PAIR),
}


def to_stereo(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """Two channels ``[frames, 2]`` from any number.

    Mono goes to both sides at its own level, stereo stays as it is, three to eight channels are
    mixed by ITU-R BS.775 (centre and surrounds -3 dB, no LFE, front level unchanged). Of more
    channels the first two are heard.
    """
    channels = block.shape[1]
    if channels == 2:
        return block
    if channels == 1:
        return np.repeat(block, 2, axis=1)
    if channels not in _DOWNMIX:
        return block[:, :2]
    return block @ np.array(_DOWNMIX[channels], np.float32)


class Source:
    """A raw float32 file of interleaved frames, mapped, which may still grow.

    Parameters
    ----------
    path
        The file.
    channels
        Channels per frame.
    growing
        Whether more frames will follow: playback then waits at the end instead of stopping.
    """

    def __init__(self, path: Path, channels: int, growing: bool = False) -> None:
        self.path = path
        self.channels = channels
        self.growing = growing
        self.available = 0
        self._file = path.open("rb", buffering=0)
        self._samples: NDArray[np.float32] = np.zeros((0, channels), np.float32)

    def extend(self, available: int) -> None:
        """Make the first ``available`` frames readable, as far as the file has them."""
        if available > len(self._samples):
            size = self.path.stat().st_size // (SAMPLE_BYTES * self.channels)
            if size > len(self._samples):
                self._samples = np.memmap(
                    self._file, np.float32, "r", shape=(size, self.channels)
                ).view(np.ndarray)
        self.available = min(available, len(self._samples))

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Frames ``start`` to ``stop``, zeros outside of what is there; ``[frames, channels]``."""
        available = self.available
        if start >= 0 and stop <= available:
            return self._samples[start:stop]
        block = np.zeros((stop - start, self.channels), np.float32)
        first, last = max(start, 0), min(stop, available)
        if first < last:
            block[first - start : last - start] = self._samples[first:last]
        return block

    def follow(self, legs: Sequence[Leg], speed: float) -> NDArray[np.float32]:
        """Read along a way of :func:`app.audio.route.route`; ``[frames, channels]``."""
        blocks = [self._leg(leg, speed) for leg in legs]
        if len(blocks) == 1:
            return blocks[0]
        return np.concatenate(blocks) if blocks else np.zeros((0, self.channels), np.float32)

    def _leg(self, leg: Leg, speed: float) -> NDArray[np.float32]:
        if speed == 1.0:
            start = round(leg.position)
            return self.read(start, start + leg.count)
        # Catmull-Rom through the four frames around each position.
        positions = leg.position + speed * np.arange(leg.count)
        whole = np.floor(positions).astype(np.int64)
        low = int(whole.min()) - 1
        window = self.read(low, int(whole.max()) + 3)
        at = whole - low
        t = (positions - whole).astype(np.float32)[:, None]
        a, b, c, d = (window[at + offset] for offset in (-1, 0, 1, 2))
        slope = np.float32(0.5) * (c - a)
        bend = a - np.float32(2.5) * b + 2 * c - np.float32(0.5) * d
        twist = np.float32(1.5) * (b - c) + np.float32(0.5) * (d - a)
        curve: NDArray[np.float32] = b + t * (slope + t * (bend + t * twist))
        return curve

    def warm(self, start: int, stop: int, scratch: bytearray) -> None:
        """Read frames from disk so that the system holds them in memory.

        Reading the file, unlike touching the map, lets other threads run meanwhile.
        """
        frame_bytes = SAMPLE_BYTES * self.channels
        at = max(start, 0) * frame_bytes
        end = min(stop, self.available) * frame_bytes
        view = memoryview(scratch)
        self._file.seek(at)
        while at < end:
            got = self._file.readinto(view[: min(len(scratch), end - at)])
            if not got:
                return
            at += got

    def close(self) -> None:
        """Give the map and the file back."""
        self._samples = np.zeros((0, self.channels), np.float32)
        self.available = 0
        self._file.close()
