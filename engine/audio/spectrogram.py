"""Spectrograms in tiles: exact columns, coarser levels by maximum, kept in memory and on disk."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from engine.audio.stft import WINDOWS, power
from engine.cache import Cache, recipe_key
from engine.tasks import Context, Failure

if TYPE_CHECKING:
    from engine.audio.store import StoredAudio

TILE_COLUMNS = 256
LOWEST_DB = -140.0
HIGHEST_DB = 10.0
DB_PER_STEP = (HIGHEST_DB - LOWEST_DB) / 255.0
FORMAT_VERSION = 1
SUFFIX = ".u8"
# A finest tile is computed in about the time it takes to read it back, so only tiles made of at
# least 16 of them are worth a file.
DISK_LEVEL = 4
# Up to four finest tiles are computed at once; above that a sampled preview comes first.
PREVIEW_LEVEL = 3
PREVIEW_SAMPLES = 2
MEMORY_BYTES = 128 << 20

TileArray = NDArray[np.uint8]
Channel = int | Literal["mix", "side"]


@dataclass(frozen=True, slots=True)
class SpectrogramSettings:
    """How a spectrogram is made.

    Parameters
    ----------
    window
        One of :data:`engine.audio.stft.WINDOWS`.
    size
        Window and transform length: a power of two from 256 to 16384.
    hop
        Samples between columns of the finest level, 1 to ``size``.
    channel
        Number of a channel, "mix" (the mean of all) or "side" (half of left minus right).
    """

    window: str = "hann"
    size: int = 2048
    hop: int = 512
    channel: Channel = "mix"

    def __post_init__(self) -> None:
        if self.window not in WINDOWS:
            raise ValueError(f"no window is called {self.window!r}")
        if self.size not in {1 << power_of_two for power_of_two in range(8, 15)}:
            raise ValueError(f"size must be a power of two from 256 to 16384, got {self.size}")
        if not 1 <= self.hop <= self.size:
            raise ValueError(f"hop must lie between 1 and the size, got {self.hop}")

    @property
    def bins(self) -> int:
        """Number of frequencies, 0 Hz to half the sample rate."""
        return self.size // 2 + 1


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A piece of a spectrogram.

    Parameters
    ----------
    level, index
        Its place: column ``c`` stands for the finest columns from
        ``(index * TILE_COLUMNS + c) << level`` on, ``1 << level`` of them.
    data
        Uint8 ``[bins, columns]``; see :func:`to_db`. The last tile may be narrower.
    exact
        False for a preview sampled at some of the columns, or where audio is still missing.
    """

    level: int
    index: int
    data: TileArray
    exact: bool


def to_codes(spectra: NDArray[np.float32]) -> TileArray:
    """Power to uint8: 0 is -140 dB or less, 255 is +10 dB or more, steps of 0.588 dB between.

    A code is the nearest step, so it is off by at most 0.3 dB; one byte can be drawn as an indexed
    picture as it is, whose colour table then sets the visible range.
    """
    codes = np.maximum(spectra, np.float32(10.0 ** (LOWEST_DB / 10.0)))
    np.log10(codes, out=codes)
    codes *= 10.0 / DB_PER_STEP
    codes += 0.5 - LOWEST_DB / DB_PER_STEP
    return np.minimum(codes, 255.0, out=codes).astype(np.uint8)


def to_db(codes: TileArray) -> NDArray[np.float32]:
    """Level in dB re a full-scale sine of what a tile holds."""
    return (codes * np.float32(DB_PER_STEP) + np.float32(LOWEST_DB)).astype(np.float32)


class SpectrogramTiles:
    """The spectrogram of a stored file, computed where it is looked at.

    Safe to use from several threads at once.

    Parameters
    ----------
    stored
        The audio, which may still grow (:meth:`grow`).
    settings
        How the spectrogram is made.
    cache
        Where coarse tiles are kept.
    memory_bytes
        What the tiles in memory may take.
    """

    def __init__(
        self,
        stored: StoredAudio,
        settings: SpectrogramSettings,
        cache: Cache,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        if isinstance(settings.channel, int) and not 0 <= settings.channel < stored.channels:
            raise ValueError(f"the audio has no channel {settings.channel}")
        if settings.channel == "side" and stored.channels != 2:
            raise ValueError("only stereo has a side")
        self.settings = settings
        self.stored = stored
        self._cache = cache
        self._use_disk = True
        self._memory_bytes = memory_bytes
        self._held_bytes = 0
        self._tiles: OrderedDict[tuple[int, int], TileArray] = OrderedDict()
        self._lock = threading.Lock()
        self._map = np.asarray(stored.map())  # slicing a memmap is slow

    def grow(self, stored: StoredAudio) -> None:
        """Take note that more of the audio is there."""
        self._map = np.asarray(stored.map())
        self.stored = stored

    # Geometry

    def columns(self, level: int = 0) -> int:
        """Number of columns of a level; column 0 is centred on frame 0."""
        return -(-self.stored.frames // self.frames_per_column(level))

    def tile_count(self, level: int = 0) -> int:
        """Number of tiles of a level."""
        return -(-self.columns(level) // TILE_COLUMNS)

    def width(self, level: int, index: int) -> int:
        """Number of columns of a tile."""
        return min(TILE_COLUMNS, self.columns(level) - index * TILE_COLUMNS)

    @property
    def levels(self) -> int:
        """Number of levels; the last one is a single tile."""
        level = 0
        while self.tile_count(level) > 1:
            level += 1
        return level + 1

    def frames_per_column(self, level: int) -> int:
        """Frames from one column of a level to the next."""
        return self.settings.hop << level

    # Tiles

    def tile(self, level: int, index: int, ctx: Context | None = None) -> TileArray:
        """The exact tile, computed if need be.

        Parameters
        ----------
        level, index
            Which one.
        ctx
            Asked between finest tiles whether to stop.

        Returns
        -------
        ndarray
            Uint8 ``[bins, columns]``, row 0 is 0 Hz. Read-only.

        Raises
        ------
        IndexError
            If there is no such tile.
        Cancelled
            If the context was asked to stop.
        """
        self._check(level, index)
        return self._make(level, index, ctx, keep=True)

    def _check(self, level: int, index: int) -> None:
        if level < 0 or not 0 <= index < self.tile_count(level):
            raise IndexError(f"no tile {index} on level {level}")

    def _make(self, level: int, index: int, ctx: Context | None, keep: bool) -> TileArray:
        found = self._find(level, index)
        if found is not None:
            return found
        if ctx is not None:
            ctx.checkpoint()
        whole = self.is_available(level, index)
        data = self._finest(index) if level == 0 else self._merge(level, index, ctx)
        data.setflags(write=False)
        if whole and level >= DISK_LEVEL:
            self._save(level, index, data)
        # what a coarse tile is made of would push the visible tiles out of memory
        if whole and (keep or level >= DISK_LEVEL):
            self._remember(level, index, data)
        return data

    def look(self, level: int, index: int) -> Tile:
        """The tile as well as it can be had within a few milliseconds.

        Exact if it is in memory, on disk or quickly computed; else a preview that samples some
        columns; :meth:`tile` then makes the exact one.
        """
        self._check(level, index)
        found = self._find(level, index)
        if found is not None:
            return Tile(level, index, found, True)
        if level >= PREVIEW_LEVEL:
            return Tile(level, index, self._preview(level, index), False)
        exact = self.is_available(level, index)
        return Tile(level, index, self.tile(level, index), exact)

    # Computing

    def is_available(self, level: int, index: int) -> bool:
        """Whether all the audio that a tile shows is there already."""
        if self.stored.complete:
            return True
        # What follows the last frame so far may be audio: the length is an estimate until the end.
        stop = min((index + 1) * TILE_COLUMNS << level, self.columns())
        needed = (stop - 1) * self.settings.hop + self.settings.size // 2
        return self.stored.available_frames >= needed

    def _samples(self, start: int, stop: int) -> NDArray[np.float32]:
        """Mono float32 ``[stop - start]``; zero outside the audio."""
        frames = self._map.shape[0]
        inner = self._map[max(start, 0) : max(min(stop, frames), 0)]
        channel = self.settings.channel
        if isinstance(channel, int):
            mono = inner[:, channel]
        elif channel == "side":
            mono = 0.5 * (inner[:, 0] - inner[:, 1])
        elif inner.shape[1] == 2:
            mono = 0.5 * (inner[:, 0] + inner[:, 1])
        else:
            mono = inner.mean(axis=1)
        samples = np.zeros(stop - start, np.float32)
        samples[max(-start, 0) : max(-start, 0) + mono.size] = mono
        return samples

    def _finest(self, index: int) -> TileArray:
        hop, size = self.settings.hop, self.settings.size
        count = self.width(0, index)
        start = index * TILE_COLUMNS * hop - size // 2
        samples = self._samples(start, start + (count - 1) * hop + size)
        codes = to_codes(power(sliding_window_view(samples, size)[::hop], self.settings.window))
        return np.ascontiguousarray(codes.T)

    def _spectra(self, centres: NDArray[np.intp]) -> NDArray[np.float32]:
        half = self.settings.size // 2
        windows = [self._samples(int(centre) - half, int(centre) + half) for centre in centres]
        return power(np.stack(windows), self.settings.window)

    def _preview(self, level: int, index: int) -> TileArray:
        first, count = index * TILE_COLUMNS, self.width(level, index)
        step = 1 << level
        offsets = (np.arange(PREVIEW_SAMPLES) + 0.5) / PREVIEW_SAMPLES * step
        finest = ((first + np.arange(count))[:, None] * step + offsets).astype(np.intp)
        finest = np.minimum(finest, self.columns() - 1)
        codes = to_codes(self._spectra((finest * self.settings.hop).ravel()))
        shaped = codes.reshape(count, PREVIEW_SAMPLES, -1).max(axis=1)
        return np.ascontiguousarray(shaped.T)

    def _merge(self, level: int, index: int, ctx: Context | None) -> TileArray:
        last = self.tile_count(level - 1)
        children = (child for child in (2 * index, 2 * index + 1) if child < last)
        parts = [self._make(level - 1, child, ctx, keep=False) for child in children]
        fine = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        even, odd = fine[:, ::2], fine[:, 1::2]
        coarse = even.copy()
        np.maximum(even[:, : odd.shape[1]], odd, out=coarse[:, : odd.shape[1]])
        return coarse

    # Keeping

    def _key(self, level: int, index: int) -> str:
        return recipe_key(
            kind="spectrogram",
            version=FORMAT_VERSION,
            source=self.stored.content_hash,
            settings=self.settings,
            level=level,
            index=index,
        )

    def _find(self, level: int, index: int) -> TileArray | None:
        count = self.width(level, index)
        with self._lock:
            found = self._tiles.get((level, index))
            if found is not None and found.shape[1] == count:
                self._tiles.move_to_end((level, index))
                return found
        if level < DISK_LEVEL:
            return None
        key = self._key(level, index)
        try:
            data = np.fromfile(self._cache.path(key, SUFFIX), np.uint8)
        except OSError:
            return None
        if data.size != self.settings.bins * count:
            return None
        self._cache.touch(key)
        tile = data.reshape(self.settings.bins, count)
        tile.setflags(write=False)
        self._remember(level, index, tile)
        return tile

    def _remember(self, level: int, index: int, data: TileArray) -> None:
        with self._lock:
            known = self._tiles.pop((level, index), None)
            self._held_bytes -= known.nbytes if known is not None else 0
            self._tiles[level, index] = data
            self._held_bytes += data.nbytes
            while self._held_bytes > self._memory_bytes and len(self._tiles) > 1:
                self._held_bytes -= self._tiles.popitem(last=False)[1].nbytes

    def _save(self, level: int, index: int, data: TileArray) -> None:
        if not self._use_disk:
            return
        try:
            self._cache.put(self._key(level, index), SUFFIX, data.tobytes())
        except Failure:  # a full disk costs speed, not the picture
            self._use_disk = False
