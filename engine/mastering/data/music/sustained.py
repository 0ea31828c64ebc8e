"""Sustained instruments: bowed, blown, organs, pads, leads, synthesiser basses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from engine.mastering.data.music.timbre import Body, Numbers, Spectrum, Timbre, random_body


def _low_pass(hz: Numbers, cutoff_hz: float, order: float, resonance: float = 0.0) -> Numbers:
    ratio = hz / cutoff_hz
    peak = 1.0 + resonance * np.exp(-0.5 * (np.log2(np.maximum(ratio, 1e-6)) / 0.25) ** 2)
    return np.asarray(peak / np.sqrt(1.0 + ratio ** (2.0 * order)))


def _saw(low_hz: float, high_hz: float, order: float = 2.0, resonance: float = 0.0) -> Spectrum:
    """Sawtooth through a low-pass that brightness opens from one corner to the other."""

    def spectrum(n: Numbers, hz: Numbers, brightness: float) -> Numbers:
        cutoff_hz = low_hz * (high_hz / low_hz) ** brightness
        return _low_pass(hz, cutoff_hz, order, resonance) / n

    return spectrum


def _pulse(duty: float, low_hz: float, high_hz: float) -> Spectrum:
    def spectrum(n: Numbers, hz: Numbers, brightness: float) -> Numbers:
        cutoff_hz = low_hz * (high_hz / low_hz) ** brightness
        return np.asarray(np.abs(np.sin(np.pi * n * duty)) / n * _low_pass(hz, cutoff_hz, 2.0))

    return spectrum


def _falling(dark: float, bright: float, odd: float = 0.0, floor_hz: float = 0.0) -> Spectrum:
    """Harmonics as n ** -slope; brightness flattens the slope, ``odd`` weakens even ones."""

    def spectrum(n: Numbers, hz: Numbers, brightness: float) -> Numbers:
        slope = dark + (bright - dark) * brightness
        even = np.where(n % 2 == 0, 1.0 - odd, 1.0)
        low = 1.0 / (1.0 + (floor_hz / hz) ** 2)
        return np.asarray(n**-slope * even * low * _low_pass(hz, 7000.0, 1.5))

    return spectrum


def _brass(corner_hz: float) -> Spectrum:
    """Flat up to a corner that rises with the level, then falling: brass gets brighter."""

    def spectrum(n: Numbers, hz: Numbers, brightness: float) -> Numbers:
        edge_hz = corner_hz * 2.0 ** (3.0 * (brightness - 0.4))
        shelf = 1.0 / np.sqrt(1.0 + (hz / edge_hz) ** (4.5 - 1.5 * brightness))
        return np.asarray(shelf / n**0.25)

    return spectrum


def _drawbars(levels: tuple[float, ...]) -> Spectrum:
    places = (1, 2, 3, 4, 6, 8, 10, 12, 16)

    def spectrum(n: Numbers, hz: Numbers, brightness: float) -> Numbers:
        out = 0.003 / n
        for place, level in zip(places, levels, strict=True):
            if place <= len(n):
                out[place - 1] += level * (1.0 if place < 4 else 0.3 + 1.4 * brightness)
        return np.asarray(out)

    return spectrum


def _fm(ratio: int, index: float) -> Spectrum:
    """Two-operator frequency modulation; brightness is the index (Chowning, 1973)."""

    def spectrum(n: Numbers, hz: Numbers, brightness: float) -> Numbers:
        angle = 2 * np.pi * np.arange(2048) / 2048
        wave = np.sin(angle + index * (0.1 + 1.9 * brightness) * np.sin(ratio * angle))
        bins = np.abs(np.fft.rfft(wave)) / 1024
        return np.asarray(bins[n.astype(int)])

    return spectrum


def _violin_body(rng: np.random.Generator, size: float) -> Body:
    """Wood and air resonances of a bowed instrument; ``size`` 1 is a violin, 2.5 a cello."""
    centres = np.array([280.0, 460.0, 700.0, 1200.0, 2600.0, 4500.0]) / size
    centres[4:] *= size**0.6
    centres = centres * rng.uniform(0.85, 1.15, 6)
    gains = np.array([5.0, 6.0, 2.0, -4.0, 5.0, 1.0]) + rng.normal(0.0, 2.5, 6)
    return Body(
        tuple(float(c) for c in centres),
        tuple(float(g) for g in gains),
        (0.2, 0.2, 0.25, 0.4, 0.5, 0.4),
    )


def _bowed(rng: np.random.Generator, size: float, players: int) -> Timbre:
    solo = players == 1
    return Timbre(
        _falling(rng.uniform(1.5, 2.0), rng.uniform(0.8, 1.1)),
        attack_s=float(rng.uniform(0.05, 0.12) if solo else rng.uniform(0.09, 0.3)),
        sustain=0.85, release_s=float(rng.uniform(0.12, 0.35)),
        brightness=float(rng.uniform(0.3, 0.75)), brightness_by_velocity=0.5,
        vibrato_cents=float(rng.uniform(8.0, 28.0) if solo else rng.uniform(6.0, 14.0)),
        vibrato_hz=float(rng.uniform(4.6, 6.4)), jitter_cents=4.0,
        voices=players, detune_cents=0.0 if solo else float(rng.uniform(6.0, 14.0)),
        shimmer=float(rng.uniform(0.08, 0.25) if solo else rng.uniform(0.05, 0.12)),
        width=0.0 if solo else float(rng.uniform(0.3, 0.9)),
        noise=float(rng.uniform(0.01, 0.06)), body=_violin_body(rng, size),
    )  # fmt: skip


def _blown(rng: np.random.Generator, spectrum: Spectrum, breath: float) -> Timbre:
    return Timbre(
        spectrum, attack_s=float(rng.uniform(0.02, 0.07)), sustain=0.85, decay_s=0.2,
        release_s=float(rng.uniform(0.06, 0.15)), brightness=float(rng.uniform(0.35, 0.6)),
        brightness_by_velocity=0.8, vibrato_cents=float(rng.uniform(4.0, 18.0)),
        vibrato_delay_s=0.35, shimmer=float(rng.uniform(0.06, 0.2)),
        noise=breath * float(rng.uniform(0.4, 1.5)), jitter_cents=3.0,
        noise_hz=(1000.0, 5000.0), body=random_body(rng, 3.0), glide_s=0.015,
    )  # fmt: skip


def _pad(rng: np.random.Generator, spectrum: Spectrum) -> Timbre:
    return Timbre(
        spectrum, attack_s=float(rng.uniform(0.1, 0.9)), sustain=0.9,
        release_s=float(rng.uniform(0.3, 1.5)), brightness=float(rng.uniform(0.2, 0.7)),
        brightness_wander=float(rng.uniform(0.05, 0.25)), voices=int(rng.integers(2, 4)),
        detune_cents=float(rng.uniform(4.0, 14.0)), width=float(rng.uniform(0.4, 1.0)),
        body=random_body(rng, 2.0), noise=float(rng.choice([0.0, 0.03])),
    )  # fmt: skip


def _synth(rng: np.random.Generator, spectrum: Spectrum, players: int) -> Timbre:
    return Timbre(
        spectrum, attack_s=float(rng.uniform(0.003, 0.03)), decay_s=float(rng.uniform(0.1, 0.6)),
        sustain=float(rng.uniform(0.4, 0.9)), release_s=float(rng.uniform(0.05, 0.3)),
        brightness=float(rng.uniform(0.25, 0.55)), brightness_attack=float(rng.uniform(0.0, 0.5)),
        brightness_decay_s=float(rng.uniform(0.05, 0.4)), vibrato_cents=float(rng.uniform(0, 12)),
        voices=players, detune_cents=float(rng.uniform(3.0, 15.0)) if players > 1 else 0.0,
        width=float(rng.uniform(0.2, 1.0)) if players > 1 else 0.0,
        glide_s=float(rng.choice([0.0, 0.04])), body=random_body(rng, 1.5),
    )  # fmt: skip


def _bass(rng: np.random.Generator, spectrum: Spectrum) -> Timbre:
    return Timbre(
        spectrum, attack_s=0.004, decay_s=float(rng.uniform(0.15, 0.8)),
        sustain=float(rng.uniform(0.3, 0.9)), release_s=float(rng.uniform(0.03, 0.1)),
        brightness=float(rng.uniform(0.15, 0.5)), brightness_attack=float(rng.uniform(0.0, 0.5)),
        brightness_decay_s=float(rng.uniform(0.04, 0.3)), jitter_cents=1.0,
        random_phase=False,
    )  # fmt: skip


def _organ(rng: np.random.Generator) -> Timbre:
    levels = np.abs(rng.normal(0.0, 0.5, 9)) * np.array([1, 1, 0.9, 0.7, 0.5, 0.5, 0.3, 0.2, 0.3])
    levels[0] = 1.0
    bars = _drawbars(tuple(float(v) for v in levels))
    return Timbre(
        bars, attack_s=0.01, sustain=1.0, release_s=0.06, brightness=0.5, voices=2,
        detune_cents=float(rng.uniform(1.0, 5.0)), width=0.6, tremolo=float(rng.uniform(0.0, 0.25)),
        vibrato_cents=6.0, vibrato_hz=float(rng.choice([1.2, 6.6])), body=random_body(rng, 2.0),
    )  # fmt: skip


Maker = Callable[[np.random.Generator], Timbre]

SUSTAINED: dict[str, Maker] = {
    "strings": lambda g: _bowed(g, float(g.uniform(1.0, 1.8)), int(g.integers(3, 5))),
    "violin": lambda g: _bowed(g, 1.0, 1),
    "cello": lambda g: _bowed(g, 2.5, 1),
    "trumpet": lambda g: _blown(g, _brass(float(g.uniform(1000.0, 2600.0))), 0.02),
    "brass": lambda g: replace(
        _blown(g, _brass(float(g.uniform(500.0, 1000.0))), 0.02),
        voices=3, detune_cents=8.0, width=0.6, attack_s=float(g.uniform(0.04, 0.15)),
    ),
    "sax": lambda g: _blown(g, _falling(1.6, 0.7, 0.3), 0.06),
    "clarinet": lambda g: _blown(g, _falling(1.8, 0.9, 0.8), 0.03),
    "flute": lambda g: _blown(g, _falling(3.2, 1.7), 0.12),
    "organ": _organ,
    "warm pad": lambda g: _pad(g, _saw(200.0, 2500.0)),
    "bright pad": lambda g: _pad(g, _saw(500.0, 9000.0, 1.5)),
    "glass pad": lambda g: _pad(g, _fm(int(g.integers(2, 6)), 0.8)),
    "saw lead": lambda g: _synth(g, _saw(400.0, 12000.0, 2.0, 1.5), int(g.integers(1, 5))),
    "square lead": lambda g: _synth(g, _pulse(float(g.uniform(0.1, 0.5)), 400.0, 10000.0), 1),
    "fm lead": lambda g: _synth(g, _fm(int(g.integers(1, 4)), float(g.uniform(1.0, 3.0))), 1),
    "saw stab": lambda g: replace(_synth(g, _saw(300.0, 9000.0), 3), sustain=0.1),
    "sub bass": lambda g: _bass(g, _falling(6.0, float(g.uniform(1.8, 3.0)))),
    "saw bass": lambda g: _bass(g, _saw(90.0, 3500.0, 2.0, float(g.uniform(0.0, 2.0)))),
    "square bass": lambda g: _bass(g, _pulse(0.5, 90.0, 2500.0)),
    "fm bass": lambda g: _bass(g, _fm(1, float(g.uniform(0.5, 2.0)))),
    "reese bass": lambda g: replace(
        _bass(g, _saw(120.0, 3000.0)), voices=3, detune_cents=18.0, random_phase=True, sustain=0.9
    ),
}  # fmt: skip
