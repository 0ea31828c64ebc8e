"""TileLoader: spectrogram tiles, computed in a lane, kept in memory by a byte budget."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from engine.tasks import Context

BUDGET_BYTES = 192 * 2**20
BATCH = 4


class TileSource(Protocol):
    """Columns of spectrum in tiles of equal width, at levels that halve the columns.

    Attributes
    ----------
    bins, tile_columns, levels, hop, rate
        Rows of a tile, columns of a tile, number of levels, frames between the columns of
        level 0, and the sample rate in Hz. Bins are evenly spaced from 0 to half the rate.
    level_db
        What each of the 256 codes of a tile means.
    """

    bins: int
    tile_columns: int
    levels: int
    hop: int
    rate: int
    level_db: NDArray[np.float64]

    def tile(self, level: int, index: int) -> NDArray[np.uint8]:
        """Codes ``[bins, columns]``; the last tile of a level may be narrower."""
        ...


@dataclass(frozen=True, slots=True)
class TileKey:
    """Which tile: columns ``index * tile_columns ...`` of one level."""

    level: int
    index: int


@dataclass(frozen=True, slots=True)
class TileRequest:
    """What a job computes, and where it puts it."""

    source: TileSource
    keys: tuple[TileKey, ...]
    done: deque[tuple[TileKey, NDArray[np.uint8]]] = field(default_factory=deque)


def compute_tiles(request: TileRequest, context: Context) -> None:
    """The task: compute the tiles in order and say after each that it is there."""
    for count, key in enumerate(request.keys, start=1):
        context.checkpoint()
        tile = request.source.tile(key.level, key.index)
        request.done.append((key, tile))
        context.report(count, len(request.keys), "Spectrogram")


Submit = Callable[[Callable[[TileRequest, Context], None], TileRequest], Any]


class TileLoader(QObject):
    """Gives tiles that are there and gets those that are wanted.

    One job runs at a time, for a few tiles; when the view moves on, what it no longer wants is
    never begun.

    Parameters
    ----------
    submit
        Runs a task in a lane and gives its :class:`engine.lanes.Job`.

    Signals
    -------
    arrived()
        There are more tiles than before.
    failed(Failure)
        A tile could not be computed; it is not asked for again.
    """

    arrived = Signal()
    failed = Signal(object)

    def __init__(self, submit: Submit, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._submit = submit
        self._source: TileSource | None = None
        self._tiles: OrderedDict[TileKey, NDArray[np.uint8]] = OrderedDict()
        self._bytes = 0
        self._wanted: list[TileKey] = []
        self._request: TileRequest | None = None
        self._job: Any = None

    @property
    def source(self) -> TileSource | None:
        """Where tiles come from."""
        return self._source

    @property
    def busy(self) -> bool:
        """Whether tiles are being computed."""
        return self._job is not None

    def set_source(self, source: TileSource | None) -> None:
        """Take tiles from elsewhere; what was loaded is forgotten."""
        self._source = source
        self._tiles.clear()
        self._bytes = 0
        self._wanted = []
        self.cancel()

    def get(self, key: TileKey) -> NDArray[np.uint8] | None:
        """The tile if it is there."""
        tile = self._tiles.get(key)
        if tile is not None:
            self._tiles.move_to_end(key)
        return tile

    def want(self, keys: Sequence[TileKey]) -> None:
        """Get these next, in this order, and forget earlier wishes."""
        self._wanted = [key for key in keys if key not in self._tiles]
        if self._request is not None and not set(self._request.keys) & set(self._wanted):
            self.cancel()
        self._start()

    def cancel(self) -> None:
        """Stop what is being computed."""
        if self._job is not None:
            job, self._job, self._request = self._job, None, None
            job.cancel()

    def _start(self) -> None:
        if self._job is not None or self._source is None or not self._wanted:
            return
        request = TileRequest(self._source, tuple(self._wanted[:BATCH]))
        job = self._submit(compute_tiles, request)
        self._request, self._job = request, job
        job.progressed.connect(lambda _progress: self._take(request))
        job.ended.connect(lambda: self._end(request, job))

    def _take(self, request: TileRequest) -> None:
        took = False
        while request.done:
            key, tile = request.done.popleft()
            if request.source is self._source and key not in self._tiles:
                self._tiles[key] = tile
                self._bytes += tile.nbytes
                took = True
        while self._bytes > BUDGET_BYTES and len(self._tiles) > 1:
            self._bytes -= self._tiles.popitem(last=False)[1].nbytes
        if took:
            self.arrived.emit()

    def _end(self, request: TileRequest, job: Any) -> None:
        self._take(request)
        if request is not self._request:
            return
        self._request = self._job = None
        if job.failure is not None:
            self._wanted = []
            self.failed.emit(job.failure)
            return
        self._wanted = [key for key in self._wanted if key not in self._tiles]
        self._start()
