"""Frequency axes: from the bins of a spectrum to the rows of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Scale = Literal["linear", "log", "mel"]
SCALES: tuple[Scale, ...] = ("linear", "log", "mel")


def to_scale(frequency_hz: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    """Place of frequencies on an axis, in its own unit (Hz, octaves or mel)."""
    if scale == "log":
        return np.asarray(np.log2(frequency_hz))
    if scale == "mel":  # O'Shaughnessy, "Speech Communication", 1987
        return np.asarray(2595.0 * np.log10(1.0 + frequency_hz / 700.0))
    return frequency_hz


def from_scale(position: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    """Frequencies in Hz at places on an axis; the inverse of :func:`to_scale`."""
    if scale == "log":
        return np.asarray(np.exp2(position))
    if scale == "mel":
        return np.asarray(700.0 * (10.0 ** (position / 2595.0) - 1.0))
    return position


def row_edges_hz(
    rows: int, low_hz: float, high_hz: float, scale: Scale = "linear"
) -> NDArray[np.float64]:
    """Frequencies that bound the rows of a picture, highest first, ``[rows + 1]``.

    Raises
    ------
    ValueError
        If a logarithmic axis would begin at 0 Hz or the range is empty.
    """
    if not low_hz < high_hz or (scale == "log" and low_hz <= 0.0):
        raise ValueError(f"no {scale} axis from {low_hz} to {high_hz} Hz")
    ends = to_scale(np.array([high_hz, low_hz]), scale)
    return from_scale(np.linspace(ends[0], ends[1], rows + 1), scale)


@dataclass(frozen=True, slots=True, eq=False)
class RowTable:
    """Which bins make up each row of a picture; row 0 is the top, the highest frequency.

    A row that spans several bins shows their maximum, so that no line is lost. A row narrower than
    a bin shows the value interpolated between the two nearest, so that low notes are no stairs.
    """

    pairs: NDArray[np.intp]
    narrow: NDArray[np.intp]
    below: NDArray[np.intp]
    share: NDArray[np.float32]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.pairs.size // 2

    def apply(self, tile: NDArray[np.generic]) -> NDArray[np.generic]:
        """Turn ``[bins, columns]`` into ``[rows, columns]`` of the same type."""
        guarded = np.concatenate([tile, tile[-1:]])
        picture = np.maximum.reduceat(guarded, self.pairs, axis=0)[::2]
        if self.narrow.size:
            lower = tile[self.below].astype(np.float32)
            upper = guarded[self.below + 1].astype(np.float32)
            mixed = lower + self.share * (upper - lower)
            whole = np.issubdtype(tile.dtype, np.integer)
            picture[self.narrow] = np.rint(mixed) if whole else mixed
        return np.asarray(picture)


def row_table(
    bins: int, rate: int, rows: int, low_hz: float, high_hz: float, scale: Scale = "linear"
) -> RowTable:
    """Precompute the rows of a picture of spectra.

    Parameters
    ----------
    bins
        Number of bins, 0 Hz to half the sample rate.
    rate
        Sample rate in Hz.
    rows
        Height of the picture.
    low_hz, high_hz
        Ends of the axis; above half the sample rate the last bin is repeated.
    scale
        "linear", "log" or "mel".
    """
    edges = row_edges_hz(rows, low_hz, high_hz, scale) * (2.0 * (bins - 1) / rate)
    upper, lower = edges[:-1], edges[1:]
    starts = np.clip(np.ceil(lower), 0, bins - 1).astype(np.intp)
    stops = np.clip(np.ceil(upper), starts + 1, bins).astype(np.intp)
    narrow = np.flatnonzero((upper - lower < 1.0) & (upper <= bins - 1))
    centres = np.clip(0.5 * (upper + lower)[narrow], 0.0, bins - 1.0)
    below = centres.astype(np.intp)
    return RowTable(
        pairs=np.column_stack([starts, stops]).ravel(),
        narrow=narrow.astype(np.intp),
        below=below,
        share=(centres - below).astype(np.float32)[:, None],
    )
