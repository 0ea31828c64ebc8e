"""Where a read head goes: straight on, around a loop, forwards or backwards."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Motion:
    """How the playhead moves: frames per output frame, and the loop ``[start, end)`` if any."""

    speed: float = 1.0
    loop: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of the way without a jump: ``count`` output frames from ``position``."""

    position: float
    count: int


def route(
    position: float, count: int, motion: Motion, length: float = math.inf
) -> tuple[list[Leg], float]:
    """Split the next ``count`` output frames at the loop's seam and at the ends of the audio.

    Parameters
    ----------
    position
        Frame of the first output frame.
    count
        Output frames wanted.
    motion
        Speed (not 0) and loop.
    length
        Frames in the audio; infinite (and with no beginning either) for a head that reads ahead.

    Returns
    -------
    legs
        Parts of the way; together fewer than ``count`` frames where the audio ends.
    position
        Where the head is afterwards.
    """
    speed, legs = motion.speed, []
    while count > 0:
        jump_to = None
        if speed > 0:
            edge = length
            if motion.loop and position < motion.loop[1]:
                jump_to, edge = motion.loop
            room = math.ceil((edge - position) / speed) if math.isfinite(edge) else count
        else:
            edge = 0.0 if math.isfinite(length) else -math.inf
            if motion.loop and position >= motion.loop[0]:
                edge, jump_to = motion.loop
            room = math.floor((edge - position) / speed) + 1 if math.isfinite(edge) else count
        step = min(count, max(room, 0))
        if step:
            legs.append(Leg(position, step))
        position += step * speed
        count -= step
        if step < room or (count == 0 and jump_to is None):
            continue
        if jump_to is None:
            return legs, min(max(position, 0.0), length)
        position += jump_to - edge
    return legs, position
