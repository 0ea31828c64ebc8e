"""Ticks and their labels: time, frequency and level; pure functions and one way to draw them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from app.canvas.pitch import FrequencyScale

GUTTER_PX = 56
LEVEL_FLOOR_DB = -60.0

_STEPS_S = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0)
_FREQUENCIES_HZ = (
    (100.0, 1000.0, 10000.0),
    (20.0, 50.0, 200.0, 500.0, 2000.0, 5000.0, 20000.0),
    (30.0, 40.0, 70.0, 300.0, 700.0, 3000.0, 7000.0, 15000.0, 4000.0, 1500.0, 40000.0, 80000.0),
)
_LEVELS_DB = (0.0, -6.0, -12.0, -18.0, -24.0, -36.0, -48.0)


class TimeUnit(StrEnum):
    """What a time ruler counts."""

    CLOCK = "clock"
    SAMPLES = "samples"


class LevelScale(StrEnum):
    """How a sample's magnitude becomes a height: as it is, or in dB above -60 dBFS."""

    LINEAR = "linear"
    DB = "dB"

    def height(self, amplitude: NDArray[np.floating]) -> NDArray[np.float32]:
        """Amplitude (full scale 1) -> height in [-1, 1], the sign kept."""
        values = np.clip(np.asarray(amplitude, dtype=np.float32), -1.0, 1.0)
        if self is LevelScale.LINEAR:
            return values
        level_db = 20.0 * np.log10(np.maximum(np.abs(values), 1e-9))
        above = np.maximum(1.0 - level_db / LEVEL_FLOOR_DB, 0.0)
        return np.asarray(np.copysign(above, values), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis; minor ticks carry no label."""

    value: float
    label: str = ""


def time_text(seconds: float, decimals: int = 3) -> str:
    """Such as ``01:23.456``, from an hour on ``1:01:23.456``."""
    sign = "-" if seconds < 0 else ""
    ticks = round(abs(seconds) * 10**decimals)
    whole, part = divmod(ticks, 10**decimals)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute:02d}:{second:02d}"
    return f"{sign}{text}.{part:0{decimals}d}" if decimals else sign + text


def count_text(frames: float) -> str:
    """Such as ``1 234 567``, with thin no-break spaces."""
    return f"{round(frames):,}".replace(",", "\u202f")


def step_125(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below ``least``."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= least * (1 - 1e-9))


def time_ticks(
    start_frame: float,
    stop_frame: float,
    rate: int,
    width_px: float,
    unit: TimeUnit = TimeUnit.CLOCK,
    label_px: float = 96.0,
) -> list[Tick]:
    """Ticks between two frames; labelled ones at least ``label_px`` apart, values in frames."""
    span = stop_frame - start_frame
    if span <= 0.0 or width_px <= 0.0:
        return []
    least = span * label_px / width_px
    if unit is TimeUnit.SAMPLES:
        step = max(step_125(least), 1.0)
        decimals = 0
    else:
        step_s = least / rate
        step_s = (
            step_125(step_s)
            if step_s <= 1.0
            else next((s for s in _STEPS_S if s >= step_s), 3600.0 * math.ceil(step_s / 3600.0))
        )
        step = step_s * rate
        decimals = max(0, -math.floor(math.log10(step_s) + 1e-9))
    minor = 5 if width_px * step / span >= 120 else 2
    first = math.floor(start_frame / step) * minor
    last = math.ceil(stop_frame / step) * minor
    ticks = []
    for index in range(first, last + 1):
        frame = index * step / minor
        if not start_frame <= frame <= stop_frame:
            continue
        if index % minor:
            ticks.append(Tick(frame))
        elif unit is TimeUnit.SAMPLES:
            ticks.append(Tick(frame, count_text(frame)))
        else:
            ticks.append(Tick(frame, time_text(frame / rate, decimals)))
    return ticks


def frequency_ticks(
    scale: FrequencyScale, top_hz: float, height_px: float, label_px: float = 18.0
) -> list[Tick]:
    """Ticks from the bottom of the axis to ``top_hz``, labelled ones ``label_px`` apart."""
    if scale is FrequencyScale.LINEAR:
        step = step_125(top_hz * max(label_px * 1.6, 1.0) / max(height_px, 1.0))
        values = [index * step for index in range(int(top_hz / step) + 1)]
    else:
        values = [hz for group in _FREQUENCIES_HZ for hz in group]
    ticks: list[Tick] = []
    taken: list[float] = []
    for hz in values:
        y = scale.position(hz, top_hz) * height_px
        inside = label_px / 2 <= y <= height_px - label_px / 2
        if inside and all(abs(y - other) >= label_px for other in taken):
            taken.append(y)
            ticks.append(Tick(hz, f"{hz / 1000:g}k" if hz >= 1000.0 else f"{hz:g}"))
    return ticks


def level_ticks(
    scale: LevelScale, half_height_px: float, gain: float = 1.0, label_px: float = 14.0
) -> list[Tick]:
    """Ticks of the upper half of a lane that is drawn ``gain`` times as tall.

    Values are amplitudes, labels dBFS.
    """
    ticks: list[Tick] = []
    last = math.inf
    for level_db in _LEVELS_DB:
        amplitude = 10.0 ** (level_db / 20.0)
        if amplitude * gain > 1.0 + 1e-6:
            continue
        y = float(scale.height(np.array([amplitude * gain]))[0]) * half_height_px
        if y < label_px * 0.8 or last - y < label_px:
            continue
        last = y
        ticks.append(Tick(amplitude, f"{level_db:.0f}"))
    return ticks
