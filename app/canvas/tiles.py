"""TileLoader: spectrogram tiles, computed in a lane, kept in memory by a byte budget."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.canvas.tilesource import TileKey, TileSource
from engine.lanes import JobState
from engine.tasks import Context

BUDGET_BYTES = 128 * 2**20
# A tile that was looked at while its file decodes is looked at again when that much more is there.
GROWTH = 1.1


@dataclass(frozen=True, slots=True)
class LoadedTile:
    """Codes ``[bins, columns]``; ``exact`` is False for a preview or where audio is missing."""

    key: TileKey
    data: NDArray[np.uint8]
    exact: bool
    available_frames: int


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What a job computes, and where it puts it."""

    source: TileSource
    keys: tuple[TileKey, ...]
    done: deque[LoadedTile] = field(default_factory=deque)


def load_tiles(request: LoadRequest, context: Context) -> None:
    """The task: first every tile as well as it can be had at once, then the exact ones."""
    source, keys = request.source, request.keys
    inexact = []
    for count, key in enumerate(keys):
        context.checkpoint()
        available = source.available_frames
        tile = source.look(key)
        request.done.append(LoadedTile(key, tile.data, tile.exact, available))
        if not tile.exact and source.covers(key):
            inexact.append(key)
        context.report(count, 2 * len(keys), "Spectrogram")
    for count, key in enumerate(inexact):
        available = source.available_frames
        data = source.exact(key, context)
        request.done.append(LoadedTile(key, data, True, available))
        context.report(len(keys) + count, len(keys) + len(inexact), "Spectrogram")


Submit = Callable[[Callable[[LoadRequest, Context], None], LoadRequest], Any]


class TileLoader(QObject):
    """Gives tiles that are there and gets those that are wanted.

    One job runs at a time. When the view moves on to where nothing of it is wanted any more, it
    is cancelled.

    Parameters
    ----------
    submit
        Runs a task in a lane and gives its :class:`engine.lanes.Job`.

    Signals
    -------
    arrived()
        There are more or better tiles than before.
    failed(Failure)
        A tile could not be computed; nothing more is asked for until the next wish, as after the
        user has cancelled the job.
    """

    arrived = Signal()
    failed = Signal(object)

    def __init__(self, submit: Submit, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._submit = submit
        self._source: TileSource | None = None
        self._tiles: OrderedDict[TileKey, LoadedTile] = OrderedDict()
        self._bytes = 0
        self._wanted: tuple[TileKey, ...] = ()
        self._request: LoadRequest | None = None
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
        self.cancel()
        self._source = source
        self._tiles.clear()
        self._bytes = 0
        self._wanted = ()

    def get(self, key: TileKey) -> LoadedTile | None:
        """The tile if it is there."""
        tile = self._tiles.get(key)
        if tile is not None:
            self._tiles.move_to_end(key)
        return tile

    def want(self, keys: Sequence[TileKey]) -> None:
        """Get these next, in this order, and forget earlier wishes."""
        self._wanted = tuple(keys)
        if self._request is not None and not set(self._request.keys) & set(keys):
            self.cancel()
        self._start()

    def cancel(self) -> None:
        """Stop what is being computed."""
        if self._job is not None:
            job, self._job, self._request = self._job, None, None
            job.cancel()

    def _missing(self) -> tuple[TileKey, ...]:
        source = self._source
        if source is None:
            return ()
        keys = []
        for key in self._wanted:
            tile = self._tiles.get(key)
            if tile is None or (
                not tile.exact
                and (source.covers(key) or source.available_frames > GROWTH * tile.available_frames)
            ):
                keys.append(key)
        return tuple(keys)

    def _start(self) -> None:
        missing = self._missing()
        if self._job is not None or self._source is None or not missing:
            return
        request = LoadRequest(self._source, missing)
        job = self._submit(load_tiles, request)
        self._request, self._job = request, job
        job.progressed.connect(lambda _progress: self._take(request))
        job.ended.connect(lambda: self._end(request, job))

    def _take(self, request: LoadRequest) -> None:
        took = False
        while request.done:
            tile = request.done.popleft()
            if request.source is self._source:
                old = self._tiles.pop(tile.key, None)
                self._tiles[tile.key] = tile
                self._bytes += tile.data.nbytes - (old.data.nbytes if old else 0)
                took = True
        while self._bytes > BUDGET_BYTES and len(self._tiles) > 1:
            self._bytes -= self._tiles.popitem(last=False)[1].data.nbytes
        if took:
            self.arrived.emit()

    def _end(self, request: LoadRequest, job: Any) -> None:
        current = request is self._request
        if current:
            self._request = self._job = None
        self._take(request)
        if not current:
            return
        if job.state is not JobState.DONE:
            self._wanted = ()
            if job.failure is not None:
                self.failed.emit(job.failure)
            return
        self._start()
