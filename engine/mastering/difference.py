"""Listening to what one stage changes: its output less its input, in time with the chain's output.

Every stage's difference is kept up to date, so that choosing another is a crossfade of 20 ms
between signals that are all aligned.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.mastering.chain import STAGES
from engine.mastering.delay import delay, line
from engine.mastering.smoothing import Ramp, advance

CHOICES = (*STAGES, "all")
"""What can be listened to; "all" is the whole chain but for the limiter."""

_BEFORE_LIMITER = STAGES[-2]


class Difference:
    """Differences of all stages of a chain, of which one may be heard instead of its output.

    Parameters
    ----------
    rate
        Sample rate in Hz.
    channels
        Number of channels.
    latencies_frames
        Latency of every stage, in the chain's order.
    """

    def __init__(self, rate: int, channels: int, latencies_frames: Mapping[str, int]) -> None:
        own, rest = {}, {}
        passed, total = 0, sum(latencies_frames.values())
        for name, frames in latencies_frames.items():
            passed += frames
            own[name], rest[name] = frames, total - passed
        rest["all"] = rest[_BEFORE_LIMITER]
        own["all"] = total - rest["all"]
        self._latencies = {name: (own[name], rest[name]) for name in CHOICES}
        self._lines = {
            name: (line(channels, own[name]), line(channels, rest[name])) for name in CHOICES
        }
        self._shares = Ramp.at(rate, self._targets(None))
        self._entering = np.zeros((channels, 0))
        self._changes = np.zeros((len(CHOICES), channels, 0))

    @staticmethod
    def _targets(choice: str | None) -> list[float]:
        """Shares of the differences, then of the chain's output."""
        return [float(choice == name) for name in (*CHOICES, None)]

    def select(self, choice: str | None) -> None:
        """Fade to the difference of one of ``CHOICES``, or with None to the chain's output."""
        self._shares.move_to(self._targets(choice))

    def reset(self) -> None:
        """Forget the audio so far and be at the choice that was made."""
        self._shares.finish()
        for lines in self._lines.values():
            for past in lines:
                past[:] = 0.0

    def watch(self, name: str, before: NDArray[np.float64], after: NDArray[np.float64]) -> None:
        """Take in what a stage did to a block; :class:`Chain` calls it for each."""
        if name == CHOICES[0]:
            self._entering = before
            self._changes = np.empty((len(CHOICES), *before.shape))
        if name in self._lines:
            self._take(name, before, after)
        if name == _BEFORE_LIMITER:
            self._take("all", self._entering, after)

    def _take(self, name: str, before: NDArray[np.float64], after: NDArray[np.float64]) -> None:
        change = self._changes[CHOICES.index(name)]
        change[:] = before
        own, rest = self._latencies[name]
        own_line, rest_line = self._lines[name]
        delay(change, own_line, own)
        np.subtract(after, change, out=change)
        delay(change, rest_line, rest)

    def choose(self, out: NDArray[np.float64]) -> NDArray[np.float64]:
        """Make the chain's output, in place, what is to be heard."""
        if not self._shares.resting or self._shares.now[-1] != 1.0:
            _mix(out, self._changes, self._shares)
        return out


@njit(cache=True, nogil=True)
def _mix(out: NDArray[np.float64], changes: NDArray[np.float64], shares: Ramp) -> None:
    choices, channels, frames = changes.shape
    for n in range(frames):
        if shares.left[0] > 0:
            advance(shares)
        for channel in range(channels):
            heard = shares.now[choices] * out[channel, n]
            for choice in range(choices):
                heard += shares.now[choice] * changes[choice, channel, n]
            out[channel, n] = heard
