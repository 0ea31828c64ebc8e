"""The instruments of the demo track; each returns a mono float64 note.

Pitched notes come back again and again, so they are kept; callers must not change them.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float64]


def _time_s(duration_s: float, rate: int) -> Sound:
    return np.arange(int(duration_s * rate)) / rate


def _fade(note: Sound, rate: int, attack_s: float, release_s: float) -> Sound:
    """Raised-cosine attack and release so that no note clicks."""
    attack = max(int(attack_s * rate), 1)
    release = max(min(int(release_s * rate), len(note) - attack), 1)
    shaped = note.copy()
    shaped[:attack] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(attack) / attack)
    shaped[-release:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(release) / release)
    return shaped


def frequency_hz(midi_note: float) -> float:
    """Equal temperament, A4 = 440 Hz."""
    return float(440.0 * 2.0 ** ((midi_note - 69.0) / 12.0))


@cache
def pad(midi_note: int, duration_s: float, rate: int, detune_cents: float) -> Sound:
    """A soft additive string sound whose harmonics fall as 1 / n ** 1.5."""
    t = _time_s(duration_s, rate)
    base_hz = frequency_hz(midi_note + detune_cents / 100.0)
    vibrato = 0.0015 * np.sin(2 * np.pi * 4.7 * t)
    phase = 2 * np.pi * base_hz * (t + vibrato / (2 * np.pi * 4.7))
    count = min(int(9000.0 / base_hz), 24)
    note = sum(np.sin(n * phase + 0.7 * n * n) / n**1.5 for n in range(1, count + 1))
    return _fade(np.asarray(note), rate, 0.35, 0.5)


@cache
def bass(midi_note: int, duration_s: float, rate: int) -> Sound:
    """A round bass: a few harmonics that decay faster the higher they are."""
    t = _time_s(duration_s, rate)
    base_hz = frequency_hz(midi_note)
    note = sum(
        np.sin(2 * np.pi * n * base_hz * t) * np.exp(-(1.2 + 1.5 * n) * t) / n for n in range(1, 7)
    )
    return _fade(np.asarray(note), rate, 0.004, 0.06)


@cache
def pluck(midi_note: int, duration_s: float, rate: int) -> Sound:
    """A plucked string: harmonics with frequency-dependent decay."""
    t = _time_s(duration_s, rate)
    base_hz = frequency_hz(midi_note)
    count = min(int(14000.0 / base_hz), 20)
    note = sum(
        np.sin(2 * np.pi * n * base_hz * t) * np.exp(-(2.5 + 0.9 * n) * t) * np.sin(n * 0.9) / n
        for n in range(1, count + 1)
    )
    return _fade(np.asarray(note), rate, 0.002, 0.05)


@cache
def lead(midi_note: int, duration_s: float, rate: int) -> Sound:
    """A flute-like lead with late vibrato and a little breath."""
    t = _time_s(duration_s, rate)
    depth = 0.004 * np.clip((t - 0.25) / 0.3, 0.0, 1.0)
    phase = 2 * np.pi * frequency_hz(midi_note) * np.cumsum(1 + depth * np.sin(34.0 * t)) / rate
    note = np.sin(phase) + 0.35 * np.sin(2 * phase) + 0.12 * np.sin(3 * phase)
    breath = np.random.default_rng(midi_note).standard_normal(len(t)) * 0.03
    return _fade(note + breath, rate, 0.04, 0.12)


def kick(rate: int) -> Sound:
    """A sine that falls from 150 to 48 Hz."""
    t = _time_s(0.35, rate)
    hz = 48.0 + 102.0 * np.exp(-t / 0.03)
    return _fade(np.sin(2 * np.pi * np.cumsum(hz) / rate) * np.exp(-t / 0.11), rate, 0.001, 0.05)


def snare(rate: int, rng: np.random.Generator) -> Sound:
    """Two drum modes and a burst of noise."""
    t = _time_s(0.22, rate)
    modes = np.sin(2 * np.pi * 185 * t) + 0.6 * np.sin(2 * np.pi * 331 * t)
    noise = rng.standard_normal(len(t))
    return _fade(
        0.6 * modes * np.exp(-t / 0.05) + 0.5 * noise * np.exp(-t / 0.07), rate, 0.001, 0.03
    )


def hat(rate: int, rng: np.random.Generator, decay_s: float) -> Sound:
    """Twice-differenced noise: what is left is above 8 kHz."""
    t = _time_s(0.12, rate)
    noise = np.diff(rng.standard_normal(len(t) + 2), 2)
    return _fade(0.4 * noise * np.exp(-t / decay_s), rate, 0.0005, 0.02)
