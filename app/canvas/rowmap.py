"""RowMap: from a spectrogram's bins to the pixel rows of a frequency axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.canvas.pitch import FrequencyScale


class RowMap:
    """Resamples 8-bit spectrogram columns along frequency.

    Where several bins fall on one row their maximum is shown, so that no partial is lost; where
    a bin is taller than a row, rows between two bins are interpolated.

    Parameters
    ----------
    bins
        Number of bins, evenly spaced from 0 to ``top_hz``.
    top_hz
        Frequency of the last bin and of the top of the picture.
    scale
        How the rows are spaced.
    height_px
        Number of rows.
    """

    def __init__(self, bins: int, top_hz: float, scale: FrequencyScale, height_px: int) -> None:
        self.height_px = height_px
        edges_hz = scale.frequency_hz(np.linspace(0.0, 1.0, height_px + 1), top_hz)
        edges = edges_hz / top_hz * (bins - 1)
        # Below, rows count from the bottom; apply() turns the picture over at the end.
        first = np.clip(np.ceil(edges[:-1]), 0, bins - 1).astype(np.intp)
        stop = np.clip(np.ceil(edges[1:]), 1, bins).astype(np.intp)
        self._dense = stop - first >= 2
        self._pairs = np.column_stack([first, stop])[self._dense].ravel()
        middle = np.clip((edges[:-1] + edges[1:]) / 2.0, 0.0, bins - 1)[~self._dense]
        lower = np.minimum(middle.astype(np.intp), max(bins - 2, 0))
        self._lower = lower
        self._upper = np.minimum(lower + 1, bins - 1)
        self._weight = np.rint((middle - lower) * 256.0).astype(np.uint16)[:, None]

    def apply(self, tile: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """``[bins, columns]`` -> ``[height_px, columns]``, the highest frequency first."""
        result = np.empty((self.height_px, tile.shape[1]), dtype=np.uint8)
        if self._pairs.size:
            # reduceat takes no stop behind the last row: hence one more row.
            padded = np.concatenate([tile, tile[-1:]])
            result[self._dense] = np.maximum.reduceat(padded, self._pairs, axis=0)[::2]
        lower = tile[self._lower].astype(np.uint16)
        upper = tile[self._upper].astype(np.uint16)
        mixed = lower * (256 - self._weight) + upper * self._weight
        result[~self._dense] = (mixed >> 8).astype(np.uint8)
        return result[::-1]
