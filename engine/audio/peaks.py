"""Peaks: minimum, maximum and RMS of stored audio at every zoom, for drawing waveforms."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.cache import Cache, recipe_key
from engine.tasks import Context

if TYPE_CHECKING:
    from engine.audio.store import StoredAudio

BASE_BLOCK = 256
FACTOR = 8
FORMAT_VERSION = 1
CHUNK_FRAMES = 1 << 18
SUFFIX = ".npz"
_LARGEST = 60_000.0  # float16 ends at 65504

Columns = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class PeakLevel:
    """Extremes of blocks of one size, 5 bytes per block and channel.

    ``low`` and ``high`` are float16 ``[channels, blocks]`` (0.05 % of the value); ``crest`` is
    the RMS as a share of the block's larger extreme, uint8 in steps of 1/255.
    """

    block: int
    low: NDArray[np.float16]
    high: NDArray[np.float16]
    crest: NDArray[np.uint8]

    @property
    def mean_square(self) -> NDArray[np.float32]:
        """Mean square of each block, ``[channels, blocks]``."""
        peak = np.maximum(-self.low, self.high).astype(np.float32)
        return (peak * (self.crest * np.float32(1.0 / 255.0))) ** 2

    def part(self, start: int, stop: int) -> PeakLevel:
        """Blocks ``start`` to ``stop``, as views."""
        span = (slice(None), slice(start, stop))
        return PeakLevel(self.block, self.low[span], self.high[span], self.crest[span])


def _level(
    block: int, low: NDArray[np.floating], high: NDArray[np.floating], square: NDArray[np.floating]
) -> PeakLevel:
    low16 = np.clip(low, -_LARGEST, _LARGEST).astype(np.float16)
    high16 = np.clip(high, -_LARGEST, _LARGEST).astype(np.float16)
    peak = np.maximum(np.abs(low16), np.abs(high16)).astype(np.float32)
    share = np.divide(np.sqrt(square), peak, out=np.zeros_like(peak), where=peak > 0)
    return PeakLevel(block, low16, high16, np.rint(255.0 * np.minimum(share, 1.0)).astype(np.uint8))


def _reduce(samples: NDArray[np.floating], starts: NDArray[np.intp]) -> Columns:
    """Minimum, maximum and sum of squares of ``samples [channels, n]`` from each start to the next.

    Non-finite samples count as silence; they are looked for in the results only, which is cheap.
    """
    low = np.minimum.reduceat(samples, starts, axis=1)
    high = np.maximum.reduceat(samples, starts, axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        square = np.add.reduceat(np.square(samples, dtype=np.float32), starts, axis=1)
    if not (np.isfinite(square).all() and np.isfinite(low).all() and np.isfinite(high).all()):
        clean = np.where(np.isfinite(samples), np.clip(samples, -_LARGEST, _LARGEST), 0.0)
        return _reduce(clean.astype(np.float32), starts)
    return low, high, square


class PeakPyramid:
    """Minimum, maximum and RMS of a stored file, quick to read at any zoom.

    It never changes; while a file still decodes, :class:`PeakBuilder` gives a new, longer one.

    Parameters
    ----------
    stored
        The audio; read directly where a view is closer than the smallest block.
    levels
        Blocks of 256 frames, 2048 frames and so on.
    frames
        Frames that the levels cover.
    """

    def __init__(self, stored: StoredAudio, levels: Sequence[PeakLevel], frames: int) -> None:
        self.stored = stored
        self.levels = tuple(levels)
        self.frames = frames
        self._map: NDArray[np.float32] | None = None

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.stored.channels

    @property
    def nbytes(self) -> int:
        """Memory of the levels in bytes."""
        arrays = [array for level in self.levels for array in (level.low, level.high, level.crest)]
        return sum(array.nbytes for array in arrays)

    def columns(self, start_frame: float, stop_frame: float, columns: int) -> Columns:
        """Extremes and RMS of equal stretches of time, one per pixel column.

        Parameters
        ----------
        start_frame, stop_frame
            The stretch; may reach beyond the audio and need not be whole frames.
        columns
            Number of columns.

        Returns
        -------
        low, high, rms
            Float32 ``[channels, columns]``. Columns outside what is covered hold zeros. A column
            narrower than a frame holds the sample it lies in. From 256 frames per column on, a
            column includes the whole of the blocks that it touches.
        """
        width = (stop_frame - start_frame) / max(columns, 1)
        result = tuple(np.zeros((self.channels, columns), np.float32) for _ in range(3))
        edges = np.linspace(start_frame, stop_frame, columns + 1)
        first = int(np.searchsorted(edges[1:], 0.0, side="right"))
        last = int(np.searchsorted(edges[:-1], self.frames, side="left"))
        if width > 0.0 and first < last:
            inside = np.clip(edges[first : last + 1], 0, self.frames)
            found = self._read(inside) if width < BASE_BLOCK else self._collect(inside, width)
            for target, values in zip(result, found, strict=True):
                target[:, first : first + values.shape[1]] = values
        return result[0], result[1], result[2]

    def _read(self, edges: NDArray[np.float64]) -> Columns:
        if self._map is None:
            self._map = np.asarray(self.stored.map())
        frames = min(self.frames, self._map.shape[0])
        bounds = np.minimum(edges.astype(np.intp), frames)
        starts = bounds[:-1][bounds[:-1] < frames]
        if not starts.size:
            return (np.empty((self.channels, 0), np.float32),) * 3
        counts = np.maximum(np.diff(bounds)[: starts.size], 1)
        stop = max(int(bounds[starts.size]), int(starts[-1]) + 1)
        # reductions along contiguous channels are several times faster than across interleaved ones
        samples = np.ascontiguousarray(self._map[starts[0] : stop].T)
        low, high, square = _reduce(samples, starts - starts[0])
        return low, high, np.sqrt(square / counts.astype(np.float32))

    def _collect(self, edges: NDArray[np.float64], width: float) -> Columns:
        level = next(level for level in reversed(self.levels) if level.block <= width)
        blocks = level.low.shape[1]
        starts = (edges[:-1] / level.block).astype(np.intp)
        starts = starts[starts < blocks]
        if not starts.size:
            return (np.empty((self.channels, 0), np.float32),) * 3
        stops = np.ceil(edges[1 : starts.size + 1] / level.block).astype(np.intp)
        stops = np.maximum(np.minimum(stops, blocks), starts + 1)
        origin = int(starts[0])
        part = level.part(origin, int(stops[-1]))
        # reduceat takes pairs (start, stop) but no stop behind the last value: hence one more value
        pairs = np.column_stack([starts, stops]).ravel() - origin
        low, high, square = (
            reduce.reduceat(np.pad(values, ((0, 0), (0, 1))), pairs, axis=1)[:, ::2]
            for reduce, values in (
                (np.minimum, part.low.astype(np.float32)),
                (np.maximum, part.high.astype(np.float32)),
                (np.add, part.mean_square),
            )
        )
        return low, high, np.sqrt(square / (stops - starts).astype(np.float32))


class _Growing:
    """A level to which blocks are appended; earlier views stay valid."""

    def __init__(self, block: int, channels: int) -> None:
        self.block = block
        self.count = 0
        self._low = np.empty((channels, 256), np.float16)
        self._high = np.empty((channels, 256), np.float16)
        self._crest = np.empty((channels, 256), np.uint8)

    def view(self) -> PeakLevel:
        """What there is so far."""
        level = PeakLevel(self.block, self._low, self._high, self._crest)
        return level.part(0, self.count)

    def append(self, new: PeakLevel) -> None:
        """Add blocks of the same size."""
        count = self.count + new.low.shape[1]
        if count > self._low.shape[1]:
            room = max(count, 2 * self._low.shape[1]) - self._low.shape[1]
            wider = ((0, 0), (0, room))
            self._low, self._high = np.pad(self._low, wider), np.pad(self._high, wider)
            self._crest = np.pad(self._crest, wider)
        self._low[:, self.count : count] = new.low
        self._high[:, self.count : count] = new.high
        self._crest[:, self.count : count] = new.crest
        self.count = count


class PeakBuilder:
    """Builds a :class:`PeakPyramid` from blocks as they are decoded.

    Parameters
    ----------
    channels
        Number of channels.
    """

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self.frames = 0
        self._rest = np.empty((channels, 0), np.float32)
        self._levels = [_Growing(BASE_BLOCK, channels)]

    def append(self, block: NDArray[np.floating]) -> None:
        """Take the next samples, float ``[channels, n]``."""
        self.frames += block.shape[1]
        held = self._rest.shape[1]
        # filled, not concatenated: that would keep the frame order of an interleaved block
        samples = np.empty((self.channels, held + block.shape[1]), np.float32)
        samples[:, :held] = self._rest
        samples[:, held:] = block
        whole = samples.shape[1] - samples.shape[1] % BASE_BLOCK
        if whole:
            self._take(samples[:, :whole])
        self._rest = samples[:, whole:].copy()

    def _take(self, samples: NDArray[np.float32]) -> None:
        starts = np.arange(0, samples.shape[1], BASE_BLOCK, dtype=np.intp)
        low, high, square = _reduce(samples, starts)
        counts = np.diff(starts, append=samples.shape[1]).astype(np.float32)
        self._levels[0].append(_level(BASE_BLOCK, low, high, square / counts))
        self._raise(complete_only=True)

    def _raise(self, complete_only: bool) -> None:
        """Bring every level up to the one below it, adding levels while they are worth it."""
        index = 0
        while index < len(self._levels):
            below = self._levels[index]
            if index + 1 == len(self._levels):
                if below.count < FACTOR**2:
                    return
                self._levels.append(_Growing(below.block * FACTOR, self.channels))
            level = self._levels[index + 1]
            first, stop = level.count * FACTOR, below.count
            if complete_only:
                stop -= stop % FACTOR
            if stop > first:
                part = below.view().part(first, stop)
                starts = np.arange(0, stop - first, FACTOR, dtype=np.intp)
                counts = np.diff(starts, append=stop - first).astype(np.float32)
                low = np.minimum.reduceat(part.low, starts, axis=1)
                high = np.maximum.reduceat(part.high, starts, axis=1)
                square = np.add.reduceat(part.mean_square, starts, axis=1) / counts
                level.append(_level(level.block, low, high, square))
            index += 1

    def pyramid(self, stored: StoredAudio) -> PeakPyramid:
        """What there is so far; whole blocks only."""
        frames = self.frames - self._rest.shape[1]
        return PeakPyramid(stored, [level.view() for level in self._levels], frames)

    def finish(self, stored: StoredAudio) -> PeakPyramid:
        """The whole pyramid, with the last incomplete blocks; nothing can be appended after."""
        if self._rest.shape[1]:
            self._take(self._rest)
        self._raise(complete_only=False)
        self._rest = self._rest[:, :0]
        return self.pyramid(stored)


def peaks_key(stored: StoredAudio) -> str:
    """Cache key of the file's pyramid."""
    return recipe_key(kind="peaks", version=FORMAT_VERSION, source=stored.content_hash)


def save(pyramid: PeakPyramid, cache: Cache) -> None:
    """Keep a finished pyramid in the cache (numpy arrays only, nothing to unpickle)."""
    arrays: dict[str, NDArray[np.generic]] = {"frames": np.array(pyramid.frames)}
    for index, level in enumerate(pyramid.levels):
        arrays |= {f"low{index}": level.low, f"high{index}": level.high}
        arrays[f"crest{index}"] = level.crest
    data = io.BytesIO()
    np.savez(data, allow_pickle=False, **arrays)
    cache.put(peaks_key(stored=pyramid.stored), SUFFIX, data.getvalue())


def load(stored: StoredAudio, cache: Cache) -> PeakPyramid | None:
    """The pyramid of a file from the cache; None if it is not there or damaged."""
    key = peaks_key(stored)
    try:
        with (
            cache.path(key, SUFFIX).open("rb") as file,
            np.load(file, allow_pickle=False) as arrays,
        ):
            levels = [
                PeakLevel(
                    BASE_BLOCK * FACTOR**index,
                    arrays[f"low{index}"],
                    arrays[f"high{index}"],
                    arrays[f"crest{index}"],
                )
                for index in range((len(arrays.files) - 1) // 3)
            ]
            frames = int(arrays["frames"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    if not levels or frames != stored.frames or levels[0].low.shape[0] != stored.channels:
        return None
    cache.touch(key)
    return PeakPyramid(stored, levels, frames)


def build(stored: StoredAudio, cache: Cache, ctx: Context) -> PeakPyramid:
    """The pyramid of a file: from the cache, or made now and kept there.

    ``progress.partial`` is the pyramid of what has been read so far. Of audio that still grows,
    what is available is taken and nothing is kept.
    """
    found = load(stored, cache)
    if found is not None:
        return found
    builder = PeakBuilder(stored.channels)
    samples = stored.map()
    for start in range(0, stored.available_frames, CHUNK_FRAMES):
        ctx.checkpoint()
        done = min(start + CHUNK_FRAMES, stored.available_frames)
        builder.append(np.ascontiguousarray(samples[start:done].T))
        ctx.report(done, stored.frames, "Drawing the waveform", builder.pyramid(stored))
    pyramid = builder.finish(stored)
    if stored.complete:
        save(pyramid, cache)
    return pyramid
