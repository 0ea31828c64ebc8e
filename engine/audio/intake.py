"""Intake: everything a view needs to know of a file, made in one reading and shown as it comes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

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


def take_in(spec: IntakeSpec, context: Context) -> Intake:
    """Decode a file into the cache and summarise it; progress carries an :class:`Intake`.

    Raises
    ------
    Failure
        If the file cannot be read.
    Cancelled
        If it was cancelled; what was decoded is dropped.
    """
    followers: list[_Follower] = []

    def follow(progress: Progress) -> None:
        intake, stored = None, progress.partial
        # What is complete may be summarised in the cache; if not, it is read below.
        if isinstance(stored, StoredAudio) and not stored.complete:
            if not followers:
                followers.append(_Follower(stored))
            intake = followers[0].catch_up(stored, decoding)
        context.report(progress.done, progress.total, progress.text, intake)

    decoding = Context(follow, context.cancel_event, warnings=context.warnings)
    stored = decode(spec.path, spec.cache, decoding)
    return summarise(stored, spec.cache, context, followers[0] if followers else None)


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
