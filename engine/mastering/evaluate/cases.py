"""Cases: which song, what was done to it, and what a method may listen to.

Everything about a case follows from its name, the seed and the song: leaving out kinds, methods or
other songs changes no case that is left.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.audio.clip import Clip
from engine.mastering.data.degradation import Degradation, Kind, Tier, draw
from engine.mastering.data.songs import Songs
from engine.tasks import Failure

LEAST_S = 3.0
THREE_BANDS = "eq_three_bands"
THREE = 3
KINDS: tuple[str, ...] = (*Kind, THREE_BANDS)
"""What may be wrong: the six kinds, and an equalizer of three bands to count active bands on."""


class Listening(StrEnum):
    """What a method has beside the degraded recording."""

    NONE = "none"
    SAME_SONG = "same-song"
    OTHER_SONG = "other-song"
    PERFECT = "perfect"


@dataclass(frozen=True, slots=True)
class Case:
    """One song, one thing done to it."""

    song: str
    kind: str
    tier: Tier
    repeat: int

    def degradation(self, seed: int, channels: int) -> Degradation:
        """What is done, drawn from the case's own random numbers."""
        words = [zlib.crc32(text.encode()) for text in (self.song, self.kind, self.tier)]
        rng = np.random.default_rng([seed, *words, self.repeat])
        if self.kind == THREE_BANDS:
            return draw(rng, Kind.EQ, self.tier, channels, bands=THREE)
        return draw(rng, Kind(self.kind), self.tier, channels)


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Two passages of one song: ``a`` is degraded, ``b`` is never heard by it."""

    a: Clip
    b: Clip


def passages(songs: Songs, name: str, seconds: float, rate: int) -> Parts:
    """The middle of each half of a song, at most ``seconds`` long.

    Raises
    ------
    Failure
        If a half is shorter than 3 s, a passage is silent, or the file cannot be read.
    """
    half_s = songs.duration_s(name) / 2.0
    length_s = min(half_s, seconds)
    if length_s < LEAST_S:
        raise Failure(f"“{name}” is too short: it takes {2 * LEAST_S:.0f} s.")
    start_s = (half_s - length_s) / 2.0
    found = Parts(
        songs.part(name, start_s, length_s, rate),
        songs.part(name, half_s + start_s, length_s, rate),
    )
    if not (found.a.samples.any() and found.b.samples.any()):
        raise Failure(f"“{name}” is silent where it would be listened to.")
    return found


def another(songs: Songs, name: str, seconds: float, rate: int) -> Clip | None:
    """A passage of the next song of another group, the same for every choice of songs."""
    names = songs.names
    index = names.index(name)
    for candidate in (*names[index + 1 :], *names[:index]):
        if songs.group(candidate) == songs.group(name):
            continue
        try:
            return passages(songs, candidate, seconds, rate).b
        except Failure:
            continue
    return None
