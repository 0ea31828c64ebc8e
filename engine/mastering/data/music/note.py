"""A note: what a player is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """One note or one hit.

    ``pitch`` is a MIDI number (60 = middle C) and may be fractional; drums are told apart by
    ``drum`` and ignore the pitch. ``velocity`` runs from 0 to 1.
    """

    start_s: float
    duration_s: float
    pitch: float
    velocity: float
    drum: str = ""


def frequency_hz(pitch: float) -> float:
    """Equal temperament, A4 = MIDI 69 = 440 Hz."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))
