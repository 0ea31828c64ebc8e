"""Drum kits and hand percussion: one-shots made once per song, then placed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import fft

from engine.mastering.data.music.kernels import Sound, place, ring
from engine.mastering.data.music.note import Note
from engine.mastering.data.music.struck import finish
from engine.mastering.data.music.timbre import Numbers

Kit = dict[str, tuple[Sound, ...]]
Shot = Callable[[np.random.Generator, int], Numbers]

VARIANTS = 3
PAN: dict[str, float] = {
    "kick": 0.0, "snare": 0.0, "clap": 0.0, "rim": 0.1, "hat": 0.35, "open hat": 0.35,
    "ride": -0.4, "crash": -0.55, "crash 2": 0.6, "low tom": -0.45, "mid tom": 0.0,
    "high tom": 0.4, "shaker": -0.5, "tambourine": 0.5, "conga low": -0.35, "conga high": 0.25,
    "block": 0.6, "brush": 0.1, "boom": 0.0, "riser": 0.0, "snap": -0.1,
}  # fmt: skip


def _time(seconds: float, rate: int) -> Numbers:
    return np.arange(int(seconds * rate)) / rate


def _hiss(
    rng: np.random.Generator, t: Numbers, rate: int, low_hz: float, high_hz: float
) -> Numbers:
    """Noise between two corners, 12 and 6 dB per octave."""
    frames = int(fft.next_fast_len(len(t), real=True))
    hz = np.arange(frames // 2 + 1) * (rate / frames)
    shape = 1.0 / (1.0 + (low_hz / np.maximum(hz, 1.0)) ** 2)
    shape = (shape / np.sqrt(1.0 + (hz / high_hz) ** 2)).astype(np.float32)
    white = fft.rfft(rng.standard_normal(frames, dtype=np.float32))
    noise = fft.irfft(white * shape, frames)[: len(t)]
    return np.asarray(noise / (np.std(noise) + 1e-12), dtype=np.float64)


def _skin(
    t: Numbers, hz: float, bend: float, bend_s: float, ring_s: float, attack_s: float = 0.001
) -> Numbers:
    """A membrane: a sine that falls to its pitch and dies."""
    phase = 2 * np.pi * hz * (t + bend * bend_s * (1.0 - np.exp(-t / bend_s)))
    return np.asarray(np.sin(phase) * np.exp(-t / ring_s) * np.minimum(t / attack_s, 1.0))


def _kick(rng: np.random.Generator, style: str) -> Shot:
    hz = float(rng.uniform(42.0, 66.0))
    electronic = style in ("electronic", "808")
    ring_s = float(rng.uniform(0.3, 0.7) if style == "808" else rng.uniform(0.07, 0.22))
    bend = float(rng.uniform(2.0, 5.0) if electronic else rng.uniform(0.5, 2.0))
    bend_s = float(rng.uniform(0.015, 0.05))
    click = float(rng.uniform(0.05, 0.5))
    click_hz = float(rng.uniform(1500.0, 5000.0))

    def shot(take: np.random.Generator, rate: int) -> Numbers:
        t = _time(max(4.0 * ring_s, 0.3), rate)
        beater = _hiss(take, t, rate, 0.4 * click_hz, click_hz) * np.exp(-t / 0.006)
        room = _hiss(take, t, rate, 80.0, 400.0) * np.exp(-t / (0.6 * ring_s))
        body = _skin(t, hz, bend, bend_s, ring_s)
        return body + 0.25 * click * beater + (0.0 if electronic else 0.06) * room

    return shot


def _snare(rng: np.random.Generator, style: str) -> Shot:
    hz = float(rng.uniform(150.0, 240.0))
    wires = float(rng.uniform(0.15, 0.5))
    wires_s = float(rng.uniform(0.04, 0.16))
    low_hz, high_hz = float(rng.uniform(500.0, 2500.0)), float(rng.uniform(3500.0, 9000.0))
    ring_s = float(rng.uniform(0.03, 0.12))

    def shot(take: np.random.Generator, rate: int) -> Numbers:
        t = _time(0.5, rate)
        modes = sum(
            level * _skin(t, hz * ratio * take.uniform(0.99, 1.01), 0.15, 0.02, ring_s / ratio**0.5)
            for ratio, level in ((1.0, 0.7), (1.59, 0.5), (2.3, 0.2))
        )
        rattle = _hiss(take, t, rate, low_hz, high_hz) * np.exp(-t / wires_s)
        return np.asarray(modes + wires * rattle * np.minimum(t / 0.0008, 1.0))

    return shot


def _clap(rng: np.random.Generator) -> Shot:
    gaps = np.cumsum(rng.uniform(0.006, 0.014, 3))
    tail_s = float(rng.uniform(0.04, 0.16))
    low_hz = float(rng.uniform(600.0, 1400.0))

    def shot(take: np.random.Generator, rate: int) -> Numbers:
        t = _time(0.45, rate)
        noise = _hiss(take, t, rate, low_hz, 4500.0)
        shape = sum(np.where(t >= gap, np.exp(-(t - gap).clip(0) / 0.005), 0.0) for gap in gaps)
        return np.asarray(noise * (shape + 0.6 * np.exp(-t / tail_s) * (t > gaps[-1])))

    return shot


def _metal(
    rng: np.random.Generator, low_hz: float, ring_s: float, wash: float, bright_hz: float
) -> Shot:
    """Cymbals: noise whose bands die at their own speeds, over a cluster of modes."""
    modes_hz = low_hz * 2.0 ** rng.uniform(-0.7, 1.6, 14)
    attack_s = float(rng.uniform(0.0005, 0.002))

    def shot(take: np.random.Generator, rate: int) -> Numbers:
        t = _time(min(3.5 * ring_s, 4.0), rate)
        low = _hiss(take, t, rate, 0.5 * low_hz, 1.2 * low_hz) * np.exp(-t / ring_s)
        high = _hiss(take, t, rate, low_hz, bright_hz) * np.exp(-t / (0.5 * ring_s))
        top = _hiss(take, t, rate, 2.0 * low_hz, 2.0 * bright_hz) * np.exp(-t / (0.2 * ring_s))
        angle = 2 * np.pi * modes_hz[modes_hz < 0.46 * rate] / rate
        shrink = np.exp(-1.0 / (0.4 * ring_s * rate))
        phases = take.uniform(0.0, 2 * np.pi, len(angle))
        bell = np.empty(len(t), dtype=np.float32)
        ring(
            bell,
            np.cos(phases),
            np.sin(phases),
            shrink * np.cos(angle),
            shrink * np.sin(angle),
        )
        mix = 0.3 * low + 0.6 * high + 0.7 * top + (1.0 - wash) * 0.3 * bell
        return np.asarray(mix * np.minimum(t / attack_s, 1.0))

    return shot


def _drum(hz: float, ring_s: float, slap: float, bend: float = 0.3) -> Shot:
    """A tuned skin with the first modes of a circular membrane and the noise of the hit."""

    def shot(take: np.random.Generator, rate: int) -> Numbers:
        t = _time(min(5.0 * ring_s, 2.0), rate)
        tuned = hz * take.uniform(0.985, 1.015)
        body = _skin(t, tuned, bend, 0.03, ring_s)
        for ratio, level in ((1.59, 0.5), (2.14, 0.35), (2.3, 0.3), (2.65, 0.25), (3.5, 0.2)):
            off = take.uniform(0.98, 1.02)
            body += level * _skin(t, off * ratio * tuned, 0.1, 0.02, ring_s / ratio**1.5)
        hit = _hiss(take, t, rate, 700.0, 4000.0) * np.exp(-t / 0.008)
        return body + 0.3 * slap * hit

    return shot


def _wood(hz: float, ring_s: float, slap: float) -> Shot:
    """A short knock: many damped modes close together, over noise around them."""

    def shot(take: np.random.Generator, rate: int) -> Numbers:
        t = _time(8.0 * ring_s, rate)
        modes = hz * np.array([1.0, 1.27, 1.66, 2.19, 2.63, 3.4]) * take.uniform(0.97, 1.03, 6)
        body = sum(
            take.uniform(0.3, 1.0) * _skin(t, mode, 0.0, 0.01, ring_s * hz / mode) for mode in modes
        )
        noise = _hiss(take, t, rate, 0.7 * hz, 3.0 * hz) * np.exp(-t / (0.5 * ring_s))
        return np.asarray(body + slap * noise)

    return shot


def _grain(low_hz: float, rise_s: float, fall_s: float) -> Shot:
    """Shakers, brushes: noise that swells and dies."""

    def shot(take: np.random.Generator, rate: int) -> Numbers:
        t = _time(rise_s + 5.0 * fall_s, rate)
        noise = _hiss(take, t, rate, low_hz, 10000.0)
        fall = np.exp(-np.maximum(t - rise_s, 0.0) / fall_s)
        return np.asarray(noise * np.minimum(t / rise_s, 1.0) ** 2 * fall)

    return shot


def _riser(rng: np.random.Generator) -> Shot:
    seconds = float(rng.uniform(1.5, 4.0))

    def shot(take: np.random.Generator, rate: int) -> Numbers:
        t = _time(seconds, rate)
        dark, bright = _hiss(take, t, rate, 300.0, 900.0), _hiss(take, t, rate, 2500.0, 9000.0)
        rise = (t / seconds) ** 2
        return np.asarray(rise * ((1.0 - rise) * dark + rise * bright))

    return shot


def make_kit(style: str, names: set[str], rate: int, rng: np.random.Generator) -> Kit:
    """One-shots by drum name, several takes each, of the drums that are played.

    Parameters
    ----------
    style
        ``acoustic``, ``electronic``, ``808``, ``lofi`` or ``orchestral``: how the kick is built
        and how long things ring.
    """
    electronic = style in ("electronic", "808")
    tom_hz = float(rng.uniform(70.0, 110.0))
    hat_hz = float(rng.uniform(4500.0, 9000.0))
    tom_s = float(rng.uniform(0.1, 0.4))
    skin_hz = float(rng.uniform(150.0, 260.0))
    closed_s, open_s = float(rng.uniform(0.015, 0.05)), float(rng.uniform(0.1, 0.3))
    crash_s = float(rng.uniform(0.5, 1.4))
    shots: dict[str, Shot] = {
        "kick": _kick(rng, style),
        "snare": _snare(rng, style),
        "clap": _clap(rng),
        "rim": _wood(float(rng.uniform(400.0, 1500.0)), float(rng.uniform(0.006, 0.02)), 0.7),
        "snap": _wood(float(rng.uniform(1200.0, 2200.0)), 0.01, 1.5),
        "hat": _metal(rng, hat_hz, closed_s, 0.8 if not electronic else 0.5, 9000.0),
        "open hat": _metal(rng, hat_hz, open_s, 0.8, 8000.0),
        "ride": _metal(rng, 3500.0, float(rng.uniform(0.5, 1.0)), 0.3, 7000.0),
        "crash": _metal(rng, 2500.0, crash_s, 0.95, 7000.0),
        "crash 2": _metal(rng, 3000.0, 0.8 * crash_s, 0.95, 8000.0),
        "low tom": _drum(tom_hz, tom_s, 0.5),
        "mid tom": _drum(1.35 * tom_hz, tom_s, 0.5),
        "high tom": _drum(1.8 * tom_hz, 0.8 * tom_s, 0.5),
        "shaker": _grain(float(rng.uniform(3000.0, 6500.0)), 0.03, 0.025),
        "tambourine": _metal(rng, 6500.0, 0.09, 0.3, 10000.0),
        "conga low": _drum(skin_hz, float(rng.uniform(0.08, 0.25)), 0.8, 0.1),
        "conga high": _drum(1.5 * skin_hz, float(rng.uniform(0.05, 0.15)), 1.2, 0.1),
        "block": _wood(float(rng.uniform(600.0, 2500.0)), float(rng.uniform(0.01, 0.03)), 0.4),
        "brush": _grain(float(rng.uniform(1000.0, 2500.0)), 0.08, 0.09),
        "boom": _drum(float(rng.uniform(28.0, 50.0)), float(rng.uniform(0.5, 1.2)), 0.4, 1.5),
        "riser": _riser(rng),
    }
    return {
        name: tuple(
            finish(np.asarray(shot(rng, rate), dtype=np.float32), rate, 0.02)
            for _ in range(VARIANTS if len(name) < 7 else 1)
        )
        for name, shot in shots.items()
        if name in names
    }


def render_drums(
    kit: Kit, notes: list[Note], channels: int, frames: int, rate: int, seed: int, width: float
) -> Sound:
    """Place the hits; two-channel tracks pan each drum as seen from the audience."""
    out = np.zeros((channels, frames), dtype=np.float32)
    rng = np.random.default_rng(seed)
    flip = 1.0 if rng.random() < 0.5 else -1.0
    for note in notes:
        takes = kit[note.drum]
        shot = takes[int(rng.integers(len(takes)))]
        angle = (1.0 + flip * width * PAN[note.drum]) * np.pi / 4.0
        gain = note.velocity**1.5
        hold = len(shot)
        if note.drum == "open hat":
            hold = min(hold, int(note.duration_s * rate))
        place(
            out, int(note.start_s * rate), shot, gain * float(np.cos(angle)),
            gain * float(np.sin(angle)), hold, int(0.03 * rate),
        )  # fmt: skip
    return out
