"""Transitions (risers, booms, sub drops, reversed cymbals) and beds of noise."""

from __future__ import annotations

import numpy as np

from engine.mastering.data.music.arrangement import Bar
from engine.mastering.data.music.drums import make_kit
from engine.mastering.data.music.kernels import Sound, add_noise, place
from engine.mastering.data.music.timbre import noise_loop


def render_effects(name: str, bars: tuple[Bar, ...], frames: int, rate: int, seed: int) -> Sound:
    """Booms and crashes where sections begin, risers and reversed cymbals before them."""
    out = np.zeros((2, frames), dtype=np.float32)
    rng = np.random.default_rng(seed)
    kit = make_kit("orchestral", {"boom", "riser", "crash"}, rate, rng)
    boom, riser, crash = kit["boom"][0], kit["riser"][0], kit["crash"][0]
    for bar in bars:
        if not bar.first:
            continue
        at = int(bar.start_s * rate)
        if rng.random() < 0.7:
            place(out, at, boom, 0.7, 0.7, len(boom), 64)
        rising = riser if rng.random() < 0.5 else np.ascontiguousarray(crash[::-1])
        if rng.random() < 0.7:
            left = float(rng.uniform(0.2, 0.6))
            place(out, at - len(rising), rising, left, 0.8 - left, len(rising), 64)
    return out


def render_bed(name: str, bars: tuple[Bar, ...], frames: int, rate: int, seed: int) -> Sound:
    """A bed under the whole song: ``vinyl`` crackles, ``wind`` comes and goes."""
    out = np.zeros((2, frames), dtype=np.float32)
    rng = np.random.default_rng(seed)
    blocks = frames // 32 + 2
    low_hz, high_hz = (30.0, 900.0) if name == "vinyl" else (250.0, 2500.0)
    for channel in range(2):
        points = np.abs(rng.normal(1.0, 0.15 if name == "vinyl" else 0.6, 20))
        amplitude = np.interp(np.linspace(0, 19, blocks), np.arange(20), points)
        loop = noise_loop(rng, rate, low_hz, high_hz * float(rng.uniform(0.7, 1.5)))
        add_noise(out[channel : channel + 1], 0, loop, 0, amplitude.astype(np.float32), 1.0, 0.0)
    if name == "vinyl":
        for _ in range(int(rng.uniform(3.0, 25.0) * frames / rate)):
            length = int(rng.uniform(4, 40))
            click = rng.standard_normal(length).astype(np.float32) * float(rng.pareto(2.5) + 1.0)
            place(out, int(rng.integers(frames)), click, 1.5, 1.5 * rng.random(), length, 8)
    return out
