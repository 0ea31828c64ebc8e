"""What basses, chords and melodies play."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.mastering.data.music.arrangement import Bar
from engine.mastering.data.music.harmony import Key, melody, motif, voicing
from engine.mastering.data.music.note import Note

Bars = tuple[Bar, ...]
Player = Callable[[np.random.Generator, Key, Bars, float], list[Note]]

# Starts and lengths in beats, and which interval above the root (in scale thirds) to play.
_BASS_RHYTHMS: dict[str, tuple[tuple[tuple[float, float, int], ...], ...]] = {
    "long": (((0.0, 4.0, 0),), ((0.0, 2.0, 0), (2.0, 2.0, 0)), ((0.0, 3.0, 0), (3.0, 1.0, 2))),
    "eighths": (tuple((0.5 * k, 0.45, 0) for k in range(8)),),
    "offbeat": (
        tuple((k + 0.5, 0.4, 0) for k in range(4)),
        tuple((k + 0.25 * j, 0.22, 7 * (j == 3)) for k in range(4) for j in (1, 2, 3)),
    ),
    "syncopated": (
        ((0.0, 0.7, 0), (0.75, 0.7, 0), (1.5, 0.9, 0), (2.5, 0.45, 7), (3.0, 0.7, 2)),
        ((0.0, 1.2, 0), (1.5, 0.4, 0), (2.0, 0.9, 0), (3.5, 0.45, 4)),
        ((0.0, 0.4, 0), (1.75, 0.5, 0), (2.5, 1.2, 0)),
    ),
    "slides": (((0.0, 1.4, 0), (1.5, 0.9, 0), (2.5, 1.4, 0)), ((0.0, 2.4, 0), (2.75, 1.1, 7))),
}


def bass(style: str, centre: int = 36) -> Player:
    """A bass line on the roots, one rhythm per section."""

    def play(rng: np.random.Generator, key: Key, bars: Bars, human_s: float) -> list[Note]:
        rows = _BASS_RHYTHMS[style]
        row, notes = rows[int(rng.integers(len(rows)))], []
        for bar in bars:
            if bar.first:
                row = rows[int(rng.integers(len(rows)))]
            root = key.pitch(bar.degree, 2)
            root -= 12 * round((root - centre) / 12.0)
            for beat, length, above in row:
                if beat >= bar.beats:
                    continue
                pitch = root + (12 if above == 7 else key.pitch(bar.degree + above, 2) -
                                key.pitch(bar.degree, 2))  # fmt: skip
                notes.append(_note(rng, bar, beat, length, pitch, 0.75, human_s))
        return notes

    return play


def walking(rng: np.random.Generator, key: Key, bars: Bars, human_s: float) -> list[Note]:
    """Four to the bar, through chord tones, to the next root by step."""
    notes: list[Note] = []
    for index, bar in enumerate(bars):
        following = bars[(index + 1) % len(bars)].degree
        line = [bar.degree, bar.degree + 2, bar.degree + 4, following + int(rng.choice((-1, 1)))]
        for beat in range(bar.beats):
            pitch = key.pitch(line[beat % 4], 2)
            pitch -= 12 * round((pitch - 39) / 12.0)
            notes.append(_note(rng, bar, beat, 0.95, pitch, 0.7, human_s))
    return notes


_CHORD_RHYTHMS: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "held": (((0.0, 4.0),), ((0.0, 4.0),), ((0.0, 2.0), (2.0, 2.0))),
    "comp": (
        ((0.0, 0.9), (1.5, 0.4), (2.5, 1.2)),
        ((0.5, 0.4), (2.0, 0.4), (3.5, 0.4)),
        ((1.5, 0.3), (3.0, 0.8)),
    ),
    "strum": (
        tuple((0.5 * k, 0.48) for k in (0, 2, 3, 5, 6, 7)),
        tuple((0.5 * k, 0.48) for k in (0, 2, 4, 5, 6, 7)),
        ((0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (3.0, 1.0)),
    ),
    "stabs": (
        ((0.75, 0.2), (1.5, 0.2), (3.25, 0.2)),
        ((0.5, 0.2), (1.5, 0.2), (2.5, 0.2), (3.5, 0.2)),
        ((0.0, 0.2), (0.75, 0.2), (1.5, 0.2), (2.25, 0.2), (3.0, 0.2)),
    ),
    "power": (
        tuple((0.5 * k, 0.4) for k in range(8)),
        ((0.0, 1.4), (1.5, 1.4), (3.0, 0.9)),
        ((0.0, 3.8),),
    ),
    "pulse": (tuple((0.5 * k, 0.3) for k in range(8)), tuple((1.0 * k, 0.7) for k in range(4))),
}  # fmt: skip


def chord_player(style: str, centre: float = 60.0, size: int = 3, roll_s: float = 0.0) -> Player:
    """Chords in a rhythm; ``roll_s`` spreads the notes of each, strings up or down."""

    def play(rng: np.random.Generator, key: Key, bars: Bars, human_s: float) -> list[Note]:
        rows = _CHORD_RHYTHMS[style]
        row, notes = rows[int(rng.integers(len(rows)))], []
        before: tuple[int, ...] = ()
        for bar in bars:
            if bar.first:
                row = rows[int(rng.integers(len(rows)))]
            chord = key.chord(bar.degree, size)
            if style == "power":
                root = chord[0] - 12 * round((chord[0] - centre) / 12.0)
                voices: tuple[int, ...] = (root, root + 7, root + 12)
            else:
                voices = before = voicing(chord, centre, before)
                if roll_s > 0.02:
                    voices = tuple(sorted((*voices, voices[0] - 12, voices[-1] - 12)))
            for stroke, (beat, length) in enumerate(row):
                if beat >= bar.beats:
                    continue
                up = stroke % 2 == 1
                for order, pitch in enumerate(reversed(voices) if up else voices):
                    note = _note(rng, bar, beat, length, pitch, 0.65 - 0.1 * up, human_s)
                    late_s = order * roll_s * (0.5 if up else 1.0)
                    notes.append(Note(note.start_s + late_s, note.duration_s, pitch, note.velocity))
        return notes

    return play


def arpeggio(centre: float = 67.0, per_beat: int = 2, ring: float = 1.0) -> Player:
    """Broken chords; each note lasts ``ring`` steps."""

    def play(rng: np.random.Generator, key: Key, bars: Bars, human_s: float) -> list[Note]:
        order = (
            [int(v) for v in rng.integers(0, 6, 8)] if rng.random() < 0.5 else [0, 1, 2, 3, 2, 1]
        )
        notes: list[Note] = []
        before: tuple[int, ...] = ()
        for bar in bars:
            before = voicing(key.chord(bar.degree, 3), centre, before)
            ladder = (*before, *(pitch + 12 for pitch in before))
            for step in range(bar.beats * per_beat):
                if rng.random() < 0.06:
                    continue
                pitch = ladder[order[step % len(order)]]
                accent = 0.8 if step % per_beat == 0 else 0.6
                notes.append(
                    _note(rng, bar, step / per_beat, ring / per_beat, pitch, accent, human_s)
                )
        return notes

    return play


def tune(octave: int = 5, density: float = 1.2, rest: float = 0.25) -> Player:
    """A melody of two-bar motifs that come back; ``rest`` is the share of motifs left out."""

    def play(rng: np.random.Generator, key: Key, bars: Bars, human_s: float) -> list[Note]:
        beats = 2 * bars[0].beats
        motifs = [motif(rng, beats, density) for _ in range(3)]
        notes: list[Note] = []
        at, rested = 0, True
        for index in range(0, len(bars), 2):
            rested = not rested and rng.random() < rest
            if rested:
                continue
            pair = bars[index : index + 2]
            chosen = motifs[int(rng.choice((0, 0, 1, 2)))]
            rhythm = [(beat, length) for beat, length in chosen if beat < len(pair) * beats / 2]
            roots = [pair[int(beat >= pair[0].beats)].degree for beat, _ in rhythm]
            line = melody(rng, key, roots, rhythm, at)
            for (beat, length), degree in zip(rhythm, line, strict=True):
                pitch = key.pitch(degree, octave)
                notes.append(_note(rng, pair[0], beat, 0.93 * length, pitch, 0.7, human_s))
            at = line[-1] // 2 if line else 0
        return notes

    return play


def drone(centre: int = 48, bars_each: int = 4) -> Player:
    """Root and fifth (and more) held over several bars."""

    def play(rng: np.random.Generator, key: Key, bars: Bars, human_s: float) -> list[Note]:
        notes: list[Note] = []
        for index in range(0, len(bars), bars_each):
            bar = bars[index]
            length = bars_each * bar.beats * rng.uniform(0.9, 1.25)
            for degree in rng.choice((0, 4, 7, 9, 11, 1), int(rng.integers(1, 4)), replace=False):
                pitch = key.pitch(int(degree), 3)
                pitch -= 12 * round((pitch - centre) / 12.0) - 12 * (degree >= 7)
                notes.append(_note(rng, bar, rng.uniform(0.0, 2.0), length, pitch, 0.6, human_s))
        return notes

    return play


def _note(
    rng: np.random.Generator,
    bar: Bar,
    beat: float,
    length: float,
    pitch: float,
    velocity: float,
    human_s: float,
) -> Note:
    """A note at a beat of a bar, played by a human of that precision, louder with the energy."""
    when_s = max(bar.start_s + beat * bar.beat_s + human_s * rng.standard_normal(), 0.0)
    loud = velocity * (0.65 + 0.45 * bar.energy) * rng.uniform(0.85, 1.12)
    accent = 1.08 if beat % 2 == 0 else 1.0
    return Note(when_s, length * bar.beat_s, pitch, float(np.clip(loud * accent, 0.05, 1.0)))
