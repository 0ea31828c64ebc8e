"""TileSource: the engine's spectrogram tiles as a view asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.tasks import Context

if TYPE_CHECKING:
    from engine.audio.spectrogram import Channel, SpectrogramSettings, SpectrogramTiles, Tile
    from engine.audio.store import StoredAudio
    from engine.cache import Cache


@dataclass(frozen=True, slots=True)
class TileKey:
    """Which tile: columns ``index * tile_columns ...`` of one level."""

    level: int
    index: int


class TileSource:
    """Tiles of one file at one setting.

    Attributes
    ----------
    tile_columns
        Columns of a tile; the last one of a level may be narrower.
    bins, hop, rate, levels
        Rows of a tile (0 Hz to half the rate), frames between the columns of level 0, sample
        rate in Hz, number of levels.
    level_db
        What each of the 256 codes of a tile means.
    """

    def __init__(self, tiles: SpectrogramTiles) -> None:
        # Here, because the engine's audio modules load kernels that first paint must not wait for.
        from engine.audio.spectrogram import TILE_COLUMNS, to_db

        self._tiles = tiles
        self.tile_columns = TILE_COLUMNS
        self.bins = tiles.settings.bins
        self.hop = tiles.settings.hop
        self.rate = tiles.stored.rate
        self.levels = tiles.levels
        self.level_db: NDArray[np.floating] = to_db(np.arange(256, dtype=np.uint8))

    @property
    def available_frames(self) -> int:
        """Frames of the audio that are decoded."""
        return self._tiles.stored.available_frames

    def grow(self, stored: StoredAudio) -> None:
        """Take note that more of the audio is there."""
        self._tiles.grow(stored)
        self.levels = self._tiles.levels

    def columns(self, level: int) -> int:
        """Number of columns of a level."""
        return self._tiles.columns(level)

    def column_at(self, frame: float, level: int) -> float:
        """Where a frame lies among a level's columns; column 0 of level 0 is around frame 0."""
        return (frame / self.hop + 0.5) / (1 << level)

    def covers(self, key: TileKey) -> bool:
        """Whether all audio of a tile is decoded, so that it can be exact."""
        return self._tiles.is_available(key.level, key.index)

    def look(self, key: TileKey) -> Tile:
        """The tile as well as it can be had at once."""
        return self._tiles.look(key.level, key.index)

    def exact(self, key: TileKey, context: Context) -> NDArray[np.uint8]:
        """The exact tile ``[bins, columns]``; raises Cancelled if the context was asked to."""
        return self._tiles.tile(key.level, key.index, context)


def open_tiles(stored: StoredAudio, settings: SpectrogramSettings, cache: Cache) -> TileSource:
    """The spectrogram of a stored file."""
    from engine.audio.spectrogram import SpectrogramTiles

    return TileSource(SpectrogramTiles(stored, settings, cache))


def channel_names(channels: int) -> tuple[str, ...]:
    """What a spectrogram of this many channels can be made of."""
    if channels == 1:
        return ("mix",)
    if channels == 2:
        return ("mix", "side", "left", "right")
    return ("mix", *(str(index + 1) for index in range(channels)))


def channel_of(name: str, channels: int) -> Channel:
    """The engine's word for one of :func:`channel_names`; the mix for any other name."""
    names = channel_names(channels)
    if name == "side" and name in names:
        return "side"
    single = names[2:] if channels == 2 else names[1:]
    return single.index(name) if name in single else "mix"
