"""Intake: everything a view needs to know of a file, made in one reading and shown as it comes."""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from engine.audio import peaks
from engine.audio.loudness import Loudness, LoudnessMeter
from engine.audio.peaks import PeakBuilder, PeakPyramid
from engine.audio.store import StoredAudio, decode
from engine.cache import Cache, recipe_key
from engine.tasks import Context, Progress

BLOCK_FRAMES = 1 << 18
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class IntakeSpec:
    """Which file to take in, and where decoded audio is kept."""

    path: Path
    cache: Cache


@dataclass(frozen=True, slots=True)
class Intake:
    """What is known of a file so far.

    Parameters
    ----------
    stored
        Decoded audio; it grows until it is complete.
    peaks
        Pyramid of what is there.
    loudness
        Known once the whole file was read.
    """

    stored: StoredAudio
    peaks: PeakPyramid
    loudness: Loudness | None = None


class _Follower:
    """Reads every decoded frame once, into the peaks and the loudness meter."""

    def __init__(self, stored: StoredAudio) -> None:
        self._peaks = PeakBuilder(stored.channels)
        self._meter = LoudnessMeter(stored.rate, stored.channels)
        self._frame = 0

    def catch_up(self, stored: StoredAudio, context: Context) -> Intake:
        """Read on to the last frame there is."""
        frames = stored.map()
        while self._frame < stored.available_frames:
            context.checkpoint()
            stop = min(self._frame + BLOCK_FRAMES, stored.available_frames)
            block = frames[self._frame : stop].T
            self._peaks.append(block)
            self._meter.push(block)
            self._frame = stop
            if stored.complete:
                context.report(stop, stored.frames, "measuring")
        return Intake(stored, self._peaks.pyramid(stored))

    def finish(self, stored: StoredAudio) -> Intake:
        """What only the whole file tells."""
        return Intake(stored, self._peaks.finish(stored), self._meter.result())


class _Pursuit:
    """Follows a decode in a thread of its own: decoding and measuring then take a core each."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._worker = ThreadPoolExecutor(1, "intake")
        self._follower: _Follower | None = None
        self._running: Future[Intake] | None = None
        self._latest: Intake | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._worker.shutdown()

    def see(self, stored: StoredAudio) -> Intake | None:
        """Take notice of what is decoded by now; the newest summary there is."""
        if self._follower is None:
            # The first picture is waited for: it should not come a report late.
            self._follower = _Follower(stored)
            self._latest = self._follower.catch_up(stored, self._context)
        elif self._running is None or self._running.done():
            if self._running is not None:
                self._latest = self._running.result()
            self._running = self._worker.submit(self._follower.catch_up, stored, self._context)
        return self._latest

    def end(self) -> _Follower | None:
        """Wait for what runs; the follower, None if there was nothing to follow."""
        if self._running is not None:
            self._running.result()
        return self._follower


def take_in(spec: IntakeSpec, context: Context) -> Intake:
    """Decode a file into the cache and summarise it; progress carries an :class:`Intake`.

    Raises
    ------
    Failure
        If the file cannot be read.
    Cancelled
        If it was cancelled; what was decoded is dropped.
    """

    def follow(progress: Progress) -> None:
        intake, stored = None, progress.partial
        # What is complete may be summarised in the cache; if not, it is read below.
        if isinstance(stored, StoredAudio) and not stored.complete:
            intake = pursuit.see(stored)
        context.report(progress.done, progress.total, progress.text, intake)

    decoding = Context(follow, context.cancel_event, warnings=context.warnings)
    with _Pursuit(decoding) as pursuit:
        stored = decode(spec.path, spec.cache, decoding)
        return summarise(stored, spec.cache, context, pursuit.end())


def summarise(
    stored: StoredAudio, cache: Cache, context: Context, follower: _Follower | None = None
) -> Intake:
    """Peaks and loudness of stored audio, from the cache or made now.

    ``follower`` has read the beginning already.
    """
    known = _recall(stored, cache)
    if known is not None:
        return known
    follower = follower or _Follower(stored)
    follower.catch_up(stored, context)
    intake = follower.finish(stored)
    _remember(intake, cache)
    return intake


def _loudness_key(stored: StoredAudio) -> str:
    return recipe_key(kind="loudness", version=FORMAT_VERSION, source=stored.content_hash)


def _recall(stored: StoredAudio, cache: Cache) -> Intake | None:
    """Peaks and loudness from an earlier intake; None when either is gone or damaged."""
    key = _loudness_key(stored)
    pyramid = peaks.load(stored, cache)
    try:
        values = json.loads(cache.path(key, ".json").read_text(encoding="utf-8"))
        loudness = Loudness(**{name: float(value) for name, value in values.items()})
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return Intake(stored, pyramid, loudness) if pyramid is not None else None


def _remember(intake: Intake, cache: Cache) -> None:
    peaks.save(intake.peaks, cache)
    if intake.loudness is not None:
        data = json.dumps(asdict(intake.loudness)).encode()
        cache.put(_loudness_key(intake.stored), ".json", data)
