"""Strip: the spectrogram columns of a stretch of time, from whatever tiles are there."""

from __future__ import annotations

import math
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from app.canvas.rowmap import RowMap
from app.canvas.tiles import LoadedTile, TileLoader
from app.canvas.tilesource import TileKey, TileSource

# How far finer tiles are reduced, and how many mapped tiles are kept.
FINER_LEVELS = 2
MAPPED_TILES = 96


def level_for(source: TileSource, frames_per_px: float) -> int:
    """The finest level with at most about one column per pixel."""
    columns_per_px = frames_per_px / source.hop
    level = math.ceil(math.log2(max(columns_per_px, 1e-9)) - 0.25)
    return min(max(level, 0), source.levels - 1)


def keys_for(
    source: TileSource, level: int, start_frame: float, stop_frame: float
) -> list[TileKey]:
    """The tiles of a level that a window touches, those in its middle first."""
    width = source.tile_columns
    begin, end = source.column_at(start_frame, level), source.column_at(stop_frame, level)
    first = max(math.floor(begin / width), 0)
    stop = min(math.ceil(end / width), math.ceil(source.columns(level) / width))
    middle = (begin + end) / 2.0 / width - 0.5
    keys = (TileKey(level, index) for index in range(first, stop))
    return sorted(keys, key=lambda key: abs(key.index - middle))


class StripReader:
    """Reads picture columns out of a loader's tiles, each resampled to rows only once."""

    def __init__(self, loader: TileLoader) -> None:
        self._loader = loader
        self._rows: RowMap | None = None
        self._mapped: OrderedDict[TileKey, tuple[LoadedTile, NDArray[np.uint8]]] = OrderedDict()

    def set_rows(self, rows: RowMap | None) -> None:
        """Use another frequency axis, or another source."""
        self._rows = rows
        self._mapped.clear()

    def read(
        self, source: TileSource, level: int, first: int, stop: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Columns ``first`` to ``stop`` of a level.

        Where its tile is missing, a finer one is reduced or a coarser one is stretched.

        Returns
        -------
        picture, there
            ``[rows, stop - first]`` codes, and for each column whether anything is known.
        """
        if self._rows is None:
            raise ValueError("set_rows comes first")
        picture = np.zeros((self._rows.height_px, stop - first), dtype=np.uint8)
        there = np.zeros(stop - first, dtype=bool)
        width = source.tile_columns
        for index in range(max(first, 0) // width, max(stop - 1, 0) // width + 1):
            begin, end = max(first, index * width), min(stop, (index + 1) * width)
            if begin >= end:
                continue
            found, known = self._columns(source, level, begin, end)
            picture[:, begin - first : end - first] = found
            there[begin - first : end - first] = known
        return picture, there

    def _columns(
        self, source: TileSource, level: int, begin: int, end: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Columns inside one tile of ``level``, from the best tile there is."""
        finer = range(level - 1, max(level - FINER_LEVELS, 0) - 1, -1)
        for candidate in (level, *finer, *range(level + 1, source.levels)):
            if candidate > level:
                shift = candidate - level
                columns = np.arange(begin, end) >> shift
                tile = self._tile(source, candidate, int(columns[0]) // source.tile_columns)
                if tile is None:
                    continue
                local = columns - int(columns[0]) // source.tile_columns * source.tile_columns
                known = local < tile.shape[1]
                return tile[:, np.minimum(local, tile.shape[1] - 1)], known
            reduced = self._reduced(source, level, candidate, begin, end)
            if reduced is not None:
                return reduced
        rows = self._rows.height_px if self._rows else 0
        return np.zeros((rows, end - begin), np.uint8), np.zeros(end - begin, dtype=bool)

    def _reduced(
        self, source: TileSource, level: int, candidate: int, begin: int, end: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]] | None:
        """The columns as the maximum over those of a finer level (or of the level itself)."""
        factor = 1 << (level - candidate)
        width = source.tile_columns
        rows = self._rows.height_px if self._rows else 0
        fine = np.zeros((rows, (end - begin) * factor), np.uint8)
        known = np.zeros((end - begin) * factor, dtype=bool)
        for index in range(begin * factor // width, (end * factor - 1) // width + 1):
            tile = self._tile(source, candidate, index)
            if tile is None:
                return None
            left = max(begin * factor, index * width)
            right = min(end * factor, index * width + tile.shape[1])
            if left < right:
                target = slice(left - begin * factor, right - begin * factor)
                fine[:, target] = tile[:, left - index * width : right - index * width]
                known[target] = True
        if factor == 1:
            return fine, known
        shape = (end - begin, factor)
        any_known = np.asarray(known.reshape(shape).any(axis=1))
        return fine.reshape(rows, *shape).max(axis=2), any_known

    def _tile(self, source: TileSource, level: int, index: int) -> NDArray[np.uint8] | None:
        key = TileKey(level, index)
        tile = self._loader.get(key)
        if tile is None or self._rows is None or tile.data.shape[1] == 0:
            return None
        known = self._mapped.get(key)
        if known is not None and known[0] is tile:
            self._mapped.move_to_end(key)
            return known[1]
        mapped = self._rows.apply(tile.data)
        self._mapped[key] = (tile, mapped)
        if len(self._mapped) > MAPPED_TILES:
            self._mapped.popitem(last=False)
        return mapped
