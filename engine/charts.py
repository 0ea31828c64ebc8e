"""Charts of the reports: curves over frequency as SVG paths, laid out for the templates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

LEFT, TOP, WIDTH, HEIGHT = 44.0, 10.0, 640.0, 220.0
LOWEST_HZ, HIGHEST_HZ = 20.0, 20000.0
FREQUENCY_TICKS = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)


@dataclass(frozen=True, slots=True)
class Tick:
    """A grid line: its position in the drawing and its label."""

    position: float
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """A curve: CSS class, legend, and the SVG path data."""

    kind: str
    label: str
    path: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot over logarithmic frequency, ready to be drawn by the template."""

    title: str
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    lines: tuple[Line, ...]
    left: float = LEFT
    top: float = TOP
    width: float = WIDTH
    height: float = HEIGHT


def frequency_chart(
    title: str,
    frequencies_hz: Sequence[float],
    curves: Iterable[tuple[str, str, np.ndarray[Any, np.dtype[np.float64]]]],
    range_db: tuple[float, float],
    step_db: float,
) -> Chart:
    """Lay out curves over logarithmic frequency.

    Parameters
    ----------
    title
        What stands above the plot.
    frequencies_hz
        Where the curves are known.
    curves
        CSS class, legend and levels in dB at those frequencies; levels outside the range are
        drawn at its edge.
    range_db, step_db
        Lowest and highest level, and the distance of the grid lines.
    """
    low_db, high_db = range_db

    def across(frequency_hz: float) -> float:
        share = math.log(frequency_hz / LOWEST_HZ) / math.log(HIGHEST_HZ / LOWEST_HZ)
        return round(LEFT + WIDTH * share, 1)

    def up(level_db: float) -> float:
        inside = min(max(level_db, low_db), high_db)
        return round(TOP + HEIGHT * (high_db - inside) / (high_db - low_db), 1)

    lines = tuple(
        Line(
            kind,
            label,
            "M"
            + " L".join(
                f"{across(hz)} {up(float(level))}"
                for hz, level in zip(frequencies_hz, levels, strict=True)
            ),
        )
        for kind, label, levels in curves
    )
    levels_db = np.arange(low_db, high_db + 0.5 * step_db, step_db)
    return Chart(
        title,
        tuple(
            Tick(across(hz), f"{hz // 1000} k" if hz >= 1000 else str(hz)) for hz in FREQUENCY_TICKS
        ),
        tuple(Tick(up(float(level)), f"{level:.0f}".replace("-", "−")) for level in levels_db),
        lines,
    )
