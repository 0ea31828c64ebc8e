"""Keys, chord progressions, voicings and melodies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MODES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
}

NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

# Degrees counted from 0, one chord per step of the progression.
PROGRESSIONS: dict[str, tuple[tuple[int, ...], ...]] = {
    "pop": ((0, 4, 5, 3), (5, 3, 0, 4), (0, 5, 3, 4), (0, 3, 5, 4), (3, 4, 0, 5), (0, 2, 3, 4)),
    "rock": ((0, 6, 3, 0), (0, 3, 4, 3), (0, 5, 6, 0), (0, 0, 3, 4), (0, 2, 6, 3)),
    "jazz": ((1, 4, 0, 0), (1, 4, 0, 5), (2, 5, 1, 4), (0, 5, 1, 4), (3, 6, 2, 5, 1, 4, 0, 0)),
    "loop": ((0, 0, 0, 0), (0, 0, 5, 5), (0, 5), (0, 3), (0, 6), (0, 0, 6, 5)),
    "static": ((0,), (0, 0, 0, 3), (0, 1)),
    "classical": ((0, 3, 4, 0), (0, 4, 5, 2, 3, 0, 3, 4), (0, 1, 4, 0), (0, 5, 1, 4), (0, 4, 0, 4)),
}


@dataclass(frozen=True, slots=True)
class Key:
    """Tonic as pitch class 0-11 and the name of a mode."""

    tonic: int
    mode: str

    @classmethod
    def named(cls, tonic: str, mode: str) -> Key:
        """The key of a tonic's and a mode's name."""
        return cls(NAMES.index(tonic), mode)

    @property
    def name(self) -> str:
        """For people: ``F# dorian``."""
        return f"{NAMES[self.tonic]} {self.mode}"

    def pitch(self, degree: int, octave: int = 4) -> int:
        """MIDI pitch of a scale degree, counted from 0, in an octave (4 holds middle C)."""
        steps = MODES[self.mode]
        return 12 * (octave + 1 + degree // 7) + self.tonic + steps[degree % 7]

    def chord(self, degree: int, size: int) -> tuple[int, ...]:
        """Pitches of stacked thirds on a degree, in octave 3."""
        return tuple(self.pitch(degree + 2 * third, 3) for third in range(size))


def random_key(rng: np.random.Generator, modes: tuple[str, ...]) -> Key:
    """Any tonic in one of the modes."""
    return Key(int(rng.integers(12)), str(rng.choice(modes)))


def voicing(chord: tuple[int, ...], centre: float, before: tuple[int, ...]) -> tuple[int, ...]:
    """Chord tones near a centre pitch, each as close as it can be to the voicing before it."""
    anchors = before if len(before) == len(chord) else ()
    voices = []
    for index, pitch in enumerate(chord):
        near = anchors[index] if anchors else centre + 3.0 * (index - (len(chord) - 1) / 2.0)
        near = 0.8 * near + 0.2 * centre
        voices.append(pitch + 12 * round((near - pitch) / 12.0))
    return tuple(sorted(voices))


def motif(rng: np.random.Generator, beats: float, density: float) -> list[tuple[float, float]]:
    """A rhythm of (start, length) in beats; ``density`` is notes per beat, about."""
    found: list[tuple[float, float]] = []
    at = 0.0 if rng.random() < 0.6 else 0.5
    lengths = np.array([0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0])
    weights = np.exp(-2.0 * np.abs(np.log2(lengths * density)))
    weights /= weights.sum()
    while at < beats - 0.2:
        length = float(rng.choice(lengths, p=weights))
        if not found or rng.random() > 0.15:
            found.append((at, min(length, beats - at)))
        at += length
    return found


def melody(
    rng: np.random.Generator,
    key: Key,
    degrees: list[int],
    rhythm: list[tuple[float, float]],
    at: int,
) -> list[int]:
    """Scale degrees for a rhythm: mostly steps, drawn to chord tones, around degree ``at``.

    ``degrees`` holds the root of the chord under each note.
    """
    line, here = [], at
    for (_, length), root in zip(rhythm, degrees, strict=True):
        step = int(rng.choice((-4, -2, -1, -1, 0, 1, 1, 2, 4)))
        here += step + (-1 if here > at + 5 else 1 if here < at - 5 else 0)
        if length >= 1.0 and (here - root) % 7 not in (0, 2, 4):
            here += 1 if rng.random() < 0.5 else -1
        line.append(here)
    return line
