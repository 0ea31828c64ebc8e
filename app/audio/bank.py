"""Audio at the rate of the stream: what has another one is converted beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from engine.cache import Cache, recipe_key
from engine.lanes import Job, JobState, Lane, Lanes
from engine.tasks import Context

if TYPE_CHECKING:
    from engine.audio.store import StoredAudio

BLOCK_FRAMES = 1 << 16
VERSION = 1


@dataclass(frozen=True, slots=True)
class Conversion:
    """Audio, the rate it shall have in Hz, and where the result goes."""

    stored: StoredAudio
    rate: int
    cache: Cache

    @property
    def key(self) -> str:
        """Name of the result in the cache."""
        return recipe_key(
            task="resample", source=self.stored.content_hash, rate=self.rate, version=VERSION
        )


def convert(conversion: Conversion, context: Context) -> StoredAudio:
    """Resample stored audio (soxr VHQ) into the cache, once; a task.

    Progress carries the growing result, which can be played at once.

    Raises
    ------
    Failure
        If the audio is no longer in the cache or the disk is full.
    Cancelled
        If it was cancelled.
    """
    from engine.audio.resample import StreamResampler, resampled_frames
    from engine.audio.store import StoreWriter, find

    stored, rate, cache = conversion.stored, conversion.rate, conversion.cache
    done = find(cache, conversion.key)
    if done is not None:
        return done
    stream = StreamResampler(stored.rate, rate, stored.channels)
    frames = resampled_frames(stored.frames, stored.rate, rate)
    samples = stored.map()
    with StoreWriter(cache, conversion.key, rate, stored.channels, frames) as writer:
        for start in range(0, max(stored.frames, 1), BLOCK_FRAMES):
            context.checkpoint()
            stop = start + BLOCK_FRAMES
            writer.append(stream.process(samples[start:stop].T, last=stop >= stored.frames))
            context.report(min(stop, stored.frames), stored.frames, "resampling", writer.partial)
        return writer.finish()


class Bank(QObject):
    """Keeps converted audio and makes it in a lane.

    Signals
    -------
    ready()
        More converted audio is there: ask again.
    failed(Failure)
        A conversion failed.
    """

    ready = Signal()
    failed = Signal(object)

    def __init__(self, lanes: Lanes, cache: Cache, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lanes = lanes
        self._cache = cache
        self._converted: dict[str, StoredAudio] = {}
        self._jobs: dict[str, Job] = {}

    def at_rate(self, stored: StoredAudio, rate: int) -> StoredAudio | None:
        """The audio at that rate, as far as there is some; starts the conversion if need be."""
        if stored.rate == rate:
            return stored
        if not stored.complete:
            return None  # converted when it has been decoded
        conversion = Conversion(stored, rate, self._cache)
        key = conversion.key
        if key not in self._converted and key not in self._jobs:
            title = f"Resample to {rate / 1000:g} kHz"
            job = self._lanes.submit(title, convert, conversion, lane=Lane.LIGHT)
            self._jobs[key] = job
            job.progressed.connect(lambda progress: self._keep(key, progress.partial))
            job.ended.connect(lambda: self._end(key, job))
        return self._converted.get(key)

    def _keep(self, key: str, stored: StoredAudio | None) -> None:
        if stored is not None:
            self._converted[key] = stored
            self.ready.emit()

    def _end(self, key: str, job: Job) -> None:
        if job.state is JobState.DONE:
            self._keep(key, job.result)
            return
        self._converted.pop(key, None)
        if job.failure is not None:
            self.failed.emit(job.failure)
