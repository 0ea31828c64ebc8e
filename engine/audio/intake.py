"""Intake: everything a view needs to know of a file, made in one reading and shown as it comes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from engine.audio.loudness import Loudness, LoudnessMeter
from engine.audio.peaks import PeakBuilder, PeakPyramid
from engine.audio.store import StoredAudio, decode
from engine.cache import Cache
from engine.tasks import Context, Progress

BLOCK_FRAMES = 1 << 18


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
        Decoded audio; while it is being decoded, ``available_frames`` of it are there.
    peaks
        Pyramid of what is there.
    loudness
        Known once the whole file was read.
    """

    stored: StoredAudio
    available_frames: int
    peaks: PeakPyramid
    loudness: Loudness | None = None


class _Follower:
    """Reads every decoded frame once, into the peaks and the loudness meter."""

    def __init__(self, stored: StoredAudio) -> None:
        self._peaks = PeakBuilder(stored.channels)
        self._meter = LoudnessMeter(stored.rate, stored.channels)
        self._frame = 0

    def catch_up(self, stored: StoredAudio, stop_frame: int, context: Context) -> Intake:
        """Read on to ``stop_frame``."""
        frames = stored.map()
        while self._frame < stop_frame:
            context.checkpoint()
            stop = min(self._frame + BLOCK_FRAMES, stop_frame)
            block = frames[self._frame : stop].T
            self._peaks.append(block)
            self._meter.push(block)
            self._frame = stop
            if stop_frame == stored.frames:
                context.report(stop, stop_frame, "measuring")
        return Intake(stored, self._frame, self._peaks.pyramid())

    def finish(self, intake: Intake) -> Intake:
        """Add what only the whole file tells."""
        return replace(intake, loudness=self._meter.result())


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
        part = progress.partial
        if not isinstance(part, StoredAudio):
            context.report(progress.done, progress.total, progress.text)
            return
        if not followers:
            followers.append(_Follower(part))
        stop_frame = min(int(progress.done), part.frames)
        intake = followers[0].catch_up(part, stop_frame, decoding)
        context.report(progress.done, progress.total, "decoding", intake)

    decoding = Context(follow, context.cancel_event)
    stored = decode(spec.path, spec.cache, decoding)
    follower = followers[0] if followers else _Follower(stored)
    return follower.finish(follower.catch_up(stored, stored.frames, context))
