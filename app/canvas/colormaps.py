"""Perceptual colour maps, and colour tables that show a range of decibels."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


class ColorMap(StrEnum):
    """Maps whose lightness rises evenly, so that equal steps in dB look equal.

    Magma, inferno and viridis are those of S. van der Walt and N. Smith (CC0).
    """

    MAGMA = "magma"
    INFERNO = "inferno"
    VIRIDIS = "viridis"
    GREY = "grey"


@lru_cache
def lookup(color_map: ColorMap) -> NDArray[np.uint8]:
    """The map as ``[256, 3]`` RGB values from quiet to loud."""
    if color_map is ColorMap.GREY:
        return np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    # Here, because it takes a quarter of a second that first paint does not have.
    from pyqtgraph import colormap

    return np.asarray(colormap.get(color_map.value).getLookupTable(nPts=256), dtype=np.uint8)


def color_table(
    color_map: ColorMap, level_db: NDArray[np.floating], low_db: float, high_db: float
) -> list[int]:
    """The colour of every code of an 8-bit picture, for ``QImage.setColorTable``.

    Parameters
    ----------
    level_db
        What each code stands for, in dB.
    low_db, high_db
        The levels that get the map's first and last colour; others are clamped.

    Raises
    ------
    ValueError
        If the range is empty.
    """
    if high_db <= low_db:
        raise ValueError(f"a range from {low_db} to {high_db} dB is empty")
    share = np.clip((np.asarray(level_db) - low_db) / (high_db - low_db), 0.0, 1.0)
    colors = lookup(color_map)[np.rint(share * 255.0).astype(np.intp)].astype(np.uint32)
    packed = 0xFF000000 | colors[:, 0] << 16 | colors[:, 1] << 8 | colors[:, 2]
    return [int(value) for value in packed]
