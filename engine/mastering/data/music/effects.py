"""Transitions (risers, booms, sub drops, reversed cymbals) and beds of noise."""

from __future__ import annotations

import numpy as np

from engine.mastering.data.music.arrangement import Bar
from engine.mastering.data.music.drums import make_kit
from engine.mastering.data.music.kernels import Sound, add_noise, place
from engine.mastering.data.music.timbre import noise_loop

_BANDS_HZ = (80.0, 250.0, 700.0, 2000.0, 5500.0)


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
    """A bed under the whole song: ``vinyl`` crackles, ``wind`` sweeps."""
    out = np.zeros((2, frames), dtype=np.float32)
    rng = np.random.default_rng(seed)
    blocks = frames // 32 + 2
    moves_db = 1.5 if name == "vinyl" else float(rng.uniform(3.0, 14.0))
    points = max(int(frames / rate / float(rng.uniform(2.0, 8.0))), 2) + 1
    tilt_db = 5.0 if name == "vinyl" else float(rng.uniform(0.0, 6.0))
    for index, centre_hz in enumerate(_BANDS_HZ):
        curve_db = moves_db * np.cumsum(rng.standard_normal(points)) * 0.7
        curve_db -= curve_db.mean() + tilt_db * index
        grid = np.linspace(0, points - 1, blocks)
        gains = 10.0 ** (np.interp(grid, np.arange(points), curve_db) / 20.0)
        for channel in range(2):
            loop = noise_loop(rng, rate, 0.6 * centre_hz, 1.6 * centre_hz)
            track = out[channel : channel + 1]
            add_noise(track, 0, loop, 0, gains.astype(np.float32), 1.0, 0.0)
    if name == "vinyl":
        for _ in range(int(rng.uniform(3.0, 25.0) * frames / rate)):
            length = int(rng.uniform(4, 40))
            click = rng.standard_normal(length).astype(np.float32) * float(rng.pareto(2.5) + 1.0)
            place(out, int(rng.integers(frames)), click, 1.5, 1.5 * rng.random(), length, 8)
    return out
