"""Struck and plucked strings, bars and tines: one-shots per pitch and velocity, then placed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.mastering.data.music.kernels import Sound, place, pluck, ring
from engine.mastering.data.music.note import Note, frequency_hz
from engine.mastering.data.music.timbre import Numbers, random_body

LAYERS = 3

# (pitch, loudness 0..1, rate, rng) -> mono one-shot
Strike = Callable[[float, float, int, np.random.Generator], Sound]


@dataclass(frozen=True, slots=True)
class Struck:
    """An instrument that is hit or plucked and rings; ``damped_s`` is the fade when let go.

    ``by_pitch`` lays low notes left and high ones right, as in front of a piano.
    """

    strike: Strike
    damped_s: float = 0.12
    by_pitch: float = 0.0
    doubled: bool = False


def render_struck(
    instrument: Struck, notes: list[Note], channels: int, frames: int, rate: int, seed: int
) -> Sound:
    """Play notes into a new track; a doubled instrument is played twice, left and right."""
    out = np.zeros((channels, frames), dtype=np.float32)
    rng = np.random.default_rng(seed)
    known: dict[tuple[int, int, int], Sound] = {}
    takes = 2 if instrument.doubled and channels == 2 else 1
    release = max(int(instrument.damped_s * rate), 64)
    for note in notes:
        layer = min(int(note.velocity * LAYERS), LAYERS - 1)
        for take in range(takes):
            key = (round(note.pitch), layer, take)
            if key not in known:
                loudness = (layer + 0.5) / LAYERS
                known[key] = instrument.strike(note.pitch, loudness, rate, rng)
            spread = instrument.by_pitch * np.clip((note.pitch - 62.0) / 24.0, -1.0, 1.0)
            spread += 0.9 * (2 * take - 1) if takes == 2 else 0.0
            angle = (1.0 + float(np.clip(spread, -1.0, 1.0))) * np.pi / 4.0
            gain = (0.25 + 0.75 * note.velocity) * float(rng.uniform(0.9, 1.1))
            late = int(rng.uniform(0.0, 0.012) * rate) if take else 0
            place(
                out, int(note.start_s * rate) + late, known[key], gain * float(np.cos(angle)),
                gain * float(np.sin(angle)), int(note.duration_s * rate), release,
            )  # fmt: skip
    return out


def _ringing(
    hz: Numbers, amplitudes: Numbers, decays_s: Numbers, seconds: float, rate: int
) -> Sound:
    """Partials that start in sine phase and fall by 60 dB in ``decays_s``."""
    heard = (hz < 0.46 * rate) & (hz > 15.0) & (np.abs(amplitudes) > 1e-5)
    hz, amplitudes, decays_s = hz[heard], amplitudes[heard], decays_s[heard]
    shrink = 10.0 ** (-3.0 / (decays_s * rate))
    angle = 2 * np.pi * hz / rate
    out = np.empty(int(seconds * rate), dtype=np.float32)
    ring(out, amplitudes.copy(), np.zeros(len(hz)), shrink * np.cos(angle), shrink * np.sin(angle))
    return finish(out, rate)


def finish(shot: Sound, rate: int, fade_s: float = 0.05) -> Sound:
    """Fade the end of a one-shot and bring it to a peak of 1."""
    fade = min(int(fade_s * rate), len(shot))
    shot[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32) ** 2
    return np.asarray(shot / (np.max(np.abs(shot)) + 1e-9), dtype=np.float32)


def _piano(rng: np.random.Generator) -> Struck:
    body = random_body(rng, 2.5)
    hardness = float(rng.uniform(0.6, 1.6))
    stiffness = float(rng.uniform(0.7, 1.5))
    felt = bool(rng.random() < 0.2)

    def strike(pitch: float, loudness: float, rate: int, take: np.random.Generator) -> Sound:
        base_hz = frequency_hz(pitch)
        inharmonicity = stiffness * 1.2e-4 * 2.0 ** ((pitch - 49.0) / 12.0)
        count = int(np.clip(7000.0 / base_hz, 3, 32))
        n = np.arange(1, count + 1, dtype=np.float64)
        hz = n * base_hz * np.sqrt(1.0 + inharmonicity * n * n)
        corner_hz = (200.0 + 250.0 * loudness if felt else 500.0 + 2200.0 * loudness) * hardness
        amplitudes = np.abs(np.sin(np.pi * n / 8.3)) + 0.05
        amplitudes *= body.gain(hz) / n**0.6 / (1.0 + (hz / corner_hz) ** 2)
        decays = 14.0 * 2.0 ** (-(pitch - 40.0) / 14.0) / (1.0 + 0.35 * n)
        slow = np.concatenate([hz, hz * (1.0 + take.normal(0.0, 4e-4, count))])
        shot = _ringing(
            slow,
            np.concatenate([amplitudes, 0.5 * amplitudes]),
            np.concatenate([decays * 0.6, decays * 1.6]) + 0.05,
            2.8,
            rate,
        )
        knock = np.convolve(take.standard_normal(int(0.03 * rate)), np.ones(24) / 24, "same")
        decay = np.exp(-np.arange(len(knock)) / (0.006 * rate))
        shot[: len(knock)] += (0.25 * loudness * knock * decay).astype(np.float32)
        return shot

    return Struck(strike, float(rng.uniform(0.08, 0.4)), by_pitch=float(rng.uniform(0.0, 0.8)))


def _modal(ratios: tuple[float, ...], tilt: float, ring_s: float, bell: float) -> Struck:
    """Bars, bells and tines: a few partials at fixed ratios; ``bell`` is their brightness."""

    def strike(pitch: float, loudness: float, rate: int, take: np.random.Generator) -> Sound:
        base_hz = frequency_hz(pitch)
        ratio = np.array(ratios)
        amplitudes = ratio**-tilt * np.where(ratio > 1.5, bell * (0.3 + 1.2 * loudness), 1.0)
        decays = ring_s * 2.0 ** (-(pitch - 60.0) / 24.0) / ratio**0.7
        wobble = 1.0 + take.normal(0.0, 5e-4, len(ratio))
        return _ringing(ratio * base_hz * wobble, amplitudes, decays, min(ring_s, 2.5), rate)

    return Struck(strike, 0.15, by_pitch=0.4)


def _string(
    rng: np.random.Generator,
    softness: tuple[float, float],
    ring_s: tuple[float, float],
    corner_hz: tuple[float, float],
    body_db: float,
    doubled: bool = False,
) -> Struck:
    """A plucked string with a body; how hard it is plucked opens the burst's low-pass."""
    body = random_body(rng, body_db)
    loss = float(rng.uniform(*softness))
    seconds = float(rng.uniform(*ring_s))
    edge_hz = float(rng.uniform(*corner_hz))
    place_on_string = float(rng.uniform(0.08, 0.35))

    def strike(pitch: float, loudness: float, rate: int, take: np.random.Generator) -> Sound:
        base_hz = frequency_hz(pitch)
        period = rate / base_hz
        frames = max(int(period), 8)
        burst = take.standard_normal(2 * frames)[: frames + frames // 2]
        burst[frames:] = 0.0
        spectrum = np.fft.rfft(burst, 4096)
        hz = np.arange(2049, dtype=np.float64) * (rate / 4096)
        spectrum /= 1.0 + (hz / (edge_hz * (0.4 + 1.2 * loudness))) ** 2
        spectrum *= 1.0 - 0.9 * np.exp(-2j * np.pi * hz * place_on_string / base_hz)
        spectrum *= body.gain(hz) * (hz > 30.0)
        burst = np.fft.irfft(spectrum)
        burst -= burst.mean()
        length_s = seconds * float(np.clip(2.0 ** (-(pitch - 52.0) / 18.0), 0.4, 1.6))
        out = np.zeros(int(min(length_s, 3.0) * rate), dtype=np.float32)
        feedback = 10.0 ** (-3.0 / (length_s * base_hz))
        pluck(out, burst.astype(np.float32), period, loss, feedback)
        return finish(out, rate)

    return Struck(strike, 0.06, by_pitch=0.2, doubled=doubled)


def _rhodes(g: np.random.Generator) -> Struck:
    return _modal((1.0, 2.0, 3.0, 4.0, 7.1, 11.3), 1.3, float(g.uniform(2.0, 5.0)), 0.6)


STRUCK: dict[str, Callable[[np.random.Generator], Struck]] = {
    "piano": _piano,
    "e-piano": _rhodes,
    "vibraphone": lambda g: _modal((1.0, 4.0, 10.1), 0.6, float(g.uniform(3.0, 6.0)), 0.3),
    "marimba": lambda g: _modal((1.0, 3.9, 9.2), 0.8, float(g.uniform(0.4, 0.9)), 0.5),
    "bells": lambda g: _modal((0.5, 1.0, 1.19, 1.56, 2.0, 2.51, 3.01, 4.1), 0.7, 4.0, 0.8),
    "glockenspiel": lambda g: _modal((1.0, 2.76, 5.4, 8.9), 0.5, 2.0, 0.5),
    "nylon guitar": lambda g: _string(g, (0.25, 0.45), (1.2, 2.5), (900, 2500), 4.0),
    "steel guitar": lambda g: _string(g, (0.05, 0.25), (2.0, 4.0), (2000, 7000), 4.0),
    "strummed guitar": lambda g: _string(g, (0.05, 0.3), (1.0, 2.5), (2000, 8000), 4.0, True),
    "clean guitar": lambda g: _string(g, (0.15, 0.4), (1.5, 4.0), (1200, 5000), 2.0),
    "distorted guitar": lambda g: _string(g, (0.1, 0.4), (3.0, 6.0), (1500, 5000), 2.0, True),
    "harp": lambda g: _string(g, (0.2, 0.4), (2.0, 4.0), (1500, 4000), 2.0),
    "banjo": lambda g: _string(g, (0.05, 0.2), (0.4, 0.9), (3000, 8000), 6.0),
    "pizzicato": lambda g: _string(g, (0.4, 0.5), (0.3, 0.8), (600, 1800), 4.0),
    "picked bass": lambda g: _string(g, (0.1, 0.4), (2.0, 5.0), (900, 3500), 2.0),
    "finger bass": lambda g: _string(g, (0.3, 0.5), (1.5, 4.0), (300, 1100), 2.0),
    "upright bass": lambda g: _string(g, (0.4, 0.5), (0.9, 2.0), (250, 900), 4.0),
}
