"""Frequencies on a spectrogram's axis, and frequencies as notes."""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

NOTE_NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
A4_HZ = 440.0
LOG_LOWEST_HZ = 20.0


class FrequencyScale(StrEnum):
    """How frequencies are spaced from the bottom of a view to its top.

    ``MEL`` is the scale of O'Shaughnessy, Speech Communication (1987):
    ``2595 log10(1 + f / 700)``. ``LOG`` begins at 20 Hz, the others at 0.
    """

    LINEAR = "linear"
    LOG = "log"
    MEL = "mel"

    def lowest_hz(self, top_hz: float) -> float:
        """The frequency at the bottom of a view whose top is ``top_hz``."""
        return min(LOG_LOWEST_HZ, top_hz / 2.0) if self is FrequencyScale.LOG else 0.0

    def position(self, frequency_hz: float, top_hz: float) -> float:
        """Hz -> height in [0, 1] from the bottom; below 0 for what lies under the view."""
        if self is FrequencyScale.LOG:
            low = self.lowest_hz(top_hz)
            return math.log(max(frequency_hz, 1e-6) / low) / math.log(top_hz / low)
        if self is FrequencyScale.MEL:
            return math.log1p(frequency_hz / 700.0) / math.log1p(top_hz / 700.0)
        return frequency_hz / top_hz

    def frequency_hz(
        self, position: float | NDArray[np.float64], top_hz: float
    ) -> NDArray[np.float64]:
        """Height in [0, 1] -> Hz, the inverse of :meth:`position`; also for arrays."""
        height = np.asarray(position, dtype=np.float64)
        if self is FrequencyScale.LOG:
            low = self.lowest_hz(top_hz)
            return low * np.exp(height * math.log(top_hz / low))
        if self is FrequencyScale.MEL:
            return 700.0 * np.expm1(height * math.log1p(top_hz / 700.0))
        return height * top_hz


def note_of(frequency_hz: float) -> tuple[str, float] | None:
    """The nearest equal-tempered note (A4 = 440 Hz) and how far off, in cents (-50 to 50).

    None for frequencies that are not positive.
    """
    if frequency_hz <= 0.0:
        return None
    semitones = 12.0 * math.log2(frequency_hz / A4_HZ) + 69.0
    nearest = math.floor(semitones + 0.5)
    return f"{NOTE_NAMES[nearest % 12]}{nearest // 12 - 1}", 100.0 * (semitones - nearest)


def note_text(frequency_hz: float) -> str:
    """Such as ``A4 +3 ct``; empty when there is no note."""
    note = note_of(frequency_hz)
    return f"{note[0]} {round(note[1]):+d} ct" if note else ""


def frequency_text(frequency_hz: float) -> str:
    """Such as ``440 Hz`` or ``12.50 kHz``."""
    if frequency_hz < 1000.0:
        return f"{frequency_hz:.1f} Hz" if frequency_hz < 100.0 else f"{frequency_hz:.0f} Hz"
    return f"{frequency_hz / 1000.0:.2f} kHz"
