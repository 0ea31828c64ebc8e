"""The form of a song: bars with an energy, grouped in sections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.mastering.data.music.harmony import Key

# Energies of consecutive sections; a song is an excerpt of one of these, from any place.
FORMS: dict[str, tuple[float, ...]] = {
    "steady": (0.8,),
    "loop": (1.0,),
    "verse and chorus": (0.3, 0.6, 0.95, 0.6, 1.0, 0.35, 1.0),
    "build": (0.15, 0.35, 0.6, 0.8, 1.0),
    "break": (0.9, 0.95, 0.25, 0.4, 1.0),
    "waves": (0.3, 0.7, 0.4, 0.9, 0.5, 1.0, 0.2),
    "ending": (1.0, 0.9, 0.6, 0.3),
    "sparse": (0.25, 0.35, 0.5, 0.3),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: when, over which chord, how much happens.

    ``section`` counts sections; ``first`` and ``last`` mark its ends.
    """

    start_s: float
    beats: int
    beat_s: float
    degree: int
    energy: float
    section: int
    first: bool
    last: bool


def arrange(
    rng: np.random.Generator,
    form: str,
    progression: tuple[int, ...],
    tempo_bpm: float,
    beats: int,
    duration_s: float,
) -> tuple[Bar, ...]:
    """Bars that fill the duration; sections are 2 to 8 bars long."""
    energies = FORMS[form]
    beat_s = 60.0 / tempo_bpm
    bar_s = beats * beat_s
    at = int(rng.integers(len(energies)))
    bars: list[Bar] = []
    start_s, section = 0.0, 0
    usual = max(2, 2 * round(0.5 * duration_s / 3.5 / bar_s))
    while start_s < duration_s:
        length = int(np.clip(usual + 2 * rng.integers(-1, 2), 2, 12))
        energy = float(np.clip(energies[at % len(energies)] + rng.normal(0.0, 0.07), 0.05, 1.0))
        for number in range(length):
            bars.append(
                Bar(
                    start_s, beats, beat_s, progression[len(bars) % len(progression)], energy,
                    section, number == 0, number == length - 1,
                )
            )  # fmt: skip
            start_s += bar_s
            if start_s >= duration_s:
                break
        at, section = at + 1, section + 1
    return tuple(bars)


def chords(key: Key, bars: tuple[Bar, ...], size: int) -> tuple[tuple[int, ...], ...]:
    """The chord of each bar."""
    return tuple(key.chord(bar.degree, size) for bar in bars)
