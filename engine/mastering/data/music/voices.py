"""Singing: glottal harmonics under the formants of vowels, with breath and consonants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.mastering.data.music.kernels import Sound, place
from engine.mastering.data.music.note import Note
from engine.mastering.data.music.timbre import (
    Numbers,
    Timbre,
    noise_loop,
    random_body,
    render_tones,
)

# First four formants in Hz of an adult male, after Peterson and Barney (1952).
VOWELS: dict[str, tuple[float, float, float, float]] = {
    "a": (730.0, 1090.0, 2440.0, 3400.0),
    "e": (530.0, 1840.0, 2480.0, 3500.0),
    "i": (270.0, 2290.0, 3010.0, 3700.0),
    "o": (570.0, 840.0, 2410.0, 3300.0),
    "u": (300.0, 870.0, 2240.0, 3300.0),
}
_LEVELS_DB = (0.0, -5.0, -12.0, -16.0)
_WIDTHS_HZ = (80.0, 100.0, 140.0, 220.0)


def singer(rng: np.random.Generator, choir: bool = False) -> Timbre:
    """A voice: size of the throat, slope of the source, vowels it drifts through."""
    size = float(rng.uniform(0.95, 1.28))
    slope = float(rng.uniform(0.7, 1.4))
    ring_db = float(rng.uniform(-4.0, 8.0))
    path = [VOWELS[str(name)] for name in rng.permutation(list(VOWELS))[:3]]

    def spectrum(n: Numbers, hz: Numbers, brightness: float) -> Numbers:
        at = brightness * (len(path) - 1)
        low = min(int(at), len(path) - 2)
        here, there = path[low], path[low + 1]
        out = np.full_like(hz, 0.012)
        for index, (first, second) in enumerate(zip(here, there, strict=True)):
            centre = size * (first + (at - low) * (second - first))
            level = _LEVELS_DB[index] + (ring_db if index >= 2 else 0.0)
            half = _WIDTHS_HZ[index] * 0.9
            out += 10.0 ** (level / 20.0) / np.sqrt(1.0 + ((hz - centre) / half) ** 2)
        return np.asarray(out / n**slope)

    timbre = Timbre(
        spectrum, attack_s=float(rng.uniform(0.04, 0.1)), sustain=0.85, decay_s=0.3,
        release_s=float(rng.uniform(0.08, 0.2)), brightness=0.5, brightness_by_velocity=0.2,
        brightness_wander=0.3, vibrato_cents=float(rng.uniform(10.0, 55.0)),
        vibrato_hz=float(rng.uniform(4.8, 6.2)), vibrato_delay_s=float(rng.uniform(0.15, 0.5)),
        shimmer=0.15,
        jitter_cents=float(rng.uniform(4.0, 12.0)), glide_s=float(rng.uniform(0.02, 0.07)),
        noise=float(rng.uniform(0.01, 0.08)), noise_hz=(2000.0, 7000.0), random_phase=False,
        body=random_body(rng, 1.5),
    )  # fmt: skip
    if choir:
        return replace(
            timbre, voices=4, detune_cents=14.0, width=float(rng.uniform(0.4, 1.0)),
            attack_s=0.15, release_s=0.4, glide_s=0.0, random_phase=True,
        )  # fmt: skip
    return timbre


def render_voice(
    timbre: Timbre, notes: list[Note], channels: int, frames: int, rate: int, seed: int
) -> Sound:
    """Sing notes; syllables start with a hiss, a stop or nothing."""
    out = render_tones(timbre, notes, channels, frames, rate, seed)
    rng = np.random.default_rng(seed + 1)
    hiss = noise_loop(rng, rate, float(rng.uniform(4000.0, 6500.0)), 9000.0)
    stop = noise_loop(rng, rate, 1200.0, 4000.0)
    sibilance = float(rng.uniform(0.1, 0.4))
    for note in notes:
        kind = rng.random()
        if kind > 0.6:
            continue
        loop, seconds = (hiss, rng.uniform(0.06, 0.14)) if kind < 0.3 else (stop, 0.025)
        count = int(seconds * rate)
        offset = int(rng.integers(len(loop) - count))
        shape = np.sin(np.pi * np.arange(count) / count) ** (1.0 if kind < 0.3 else 0.5)
        shot = np.asarray(loop[offset : offset + count] * shape, dtype=np.float32)
        gain = sibilance * (0.4 + 0.6 * note.velocity)
        begin = int((note.start_s - 0.6 * seconds) * rate)
        place(out, begin, shot, gain, gain, count, 64)
    return out
