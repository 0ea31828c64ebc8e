"""The logarithmic frequency axis and the decibel axis of an equalizer graph."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LOW_HZ = 20.0
HIGH_HZ = 20000.0
LABELLED_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)
LINES_HZ = tuple(step * 10**decade for decade in (1, 2, 3, 4) for step in range(1, 10))
_SPAN = math.log(HIGH_HZ / LOW_HZ)


def label_hz(frequency_hz: float) -> str:
    """The short form on an axis: "50", "2k"."""
    return f"{frequency_hz / 1000:g}k" if frequency_hz >= 1000 else f"{frequency_hz:g}"


def log_spaced(count: int) -> NDArray[np.float64]:
    """``count`` frequencies in Hz from one end of the axis to the other."""
    return np.geomspace(LOW_HZ, HIGH_HZ, count)


@dataclass(frozen=True, slots=True)
class Plot:
    """Where frequency and gain lie inside a rectangle of the widget (pixels)."""

    left: float
    top: float
    width: float
    height: float
    range_db: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.top + self.height

    def x(self, frequency_hz: float) -> float:
        """Pixel of a frequency."""
        return self.left + self.width * math.log(frequency_hz / LOW_HZ) / _SPAN

    def frequency_hz(self, x: float) -> float:
        """Frequency at a pixel, kept on the axis."""
        share = min(max((x - self.left) / max(self.width, 1.0), 0.0), 1.0)
        return LOW_HZ * math.exp(share * _SPAN)

    def y(self, gain_db: float) -> float:
        """Pixel of a gain; values beyond the range lie beyond the rectangle."""
        return self.top + self.height * (0.5 - 0.5 * gain_db / self.range_db)

    def gain_db(self, y: float) -> float:
        """Gain at a pixel."""
        return (0.5 - (y - self.top) / max(self.height, 1.0)) * 2.0 * self.range_db
