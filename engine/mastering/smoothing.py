"""Parameters that move to a new value along a straight line instead of jumping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

RAMP_S = 0.02
"""Time a parameter takes to its new value."""


class Ramp(NamedTuple):
    """A few numbers that move together, one step per audio frame.

    Compiled kernels call :func:`advance` once per frame while ``left[0]`` is above 0. The line
    starts at the frame the target was set, so the way a stream is cut into blocks cannot change
    it.
    """

    now: NDArray[np.float64]
    goal: NDArray[np.float64]
    step: NDArray[np.float64]
    left: NDArray[np.int64]
    frames: int

    @classmethod
    def at(cls, rate: int, values: Sequence[float]) -> Ramp:
        """A ramp that rests at ``values``; ``rate`` is the sample rate in Hz."""
        now = np.array(values, dtype=np.float64)
        left = np.zeros(1, dtype=np.int64)
        return cls(now, now.copy(), np.zeros_like(now), left, max(round(RAMP_S * rate), 1))

    @property
    def resting(self) -> bool:
        """Whether the target is reached."""
        return bool(self.left[0] == 0)

    def move_to(self, values: Sequence[float]) -> None:
        """Start towards ``values``; they are reached exactly, ``RAMP_S`` from now."""
        if not self.resting and np.array_equal(self.goal, values):
            return
        self.goal[:] = values
        self.left[0] = 0 if np.array_equal(self.goal, self.now) else self.frames
        self.step[:] = (self.goal - self.now) / self.frames

    def finish(self) -> None:
        """Be at the target now."""
        self.now[:] = self.goal
        self.left[0] = 0


@njit(cache=True, nogil=True)
def advance(ramp: Ramp) -> None:
    """Move one frame along the line; the last step lands exactly on the goal."""
    ramp.left[0] -= 1
    for i in range(ramp.now.shape[0]):
        ramp.now[i] = ramp.goal[i] if ramp.left[0] == 0 else ramp.now[i] + ramp.step[i]
