"""The curves of an equalizer graph, and the words for a band."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.canvas.frequency import HIGH_HZ, LOW_HZ, log_spaced
from engine.mastering.parameters import Band, BandKind

POINTS = 360
_KEPT = 256


class Curves:
    """Response of each band in dB at log-spaced frequencies; only bands that changed are computed.

    A drag changes one band of ten, so nine come from the memory.
    """

    def __init__(self, points: int = POINTS) -> None:
        self.frequencies_hz = log_spaced(points)
        self._known: dict[tuple[Band, int], NDArray[np.float64]] = {}

    def band_db(self, band: Band, rate: int) -> NDArray[np.float64]:
        """Response of one band with its gate; 0 dB everywhere when it does nothing."""
        if not band.active:
            return np.zeros(len(self.frequencies_hz))
        key = (band, rate)
        if key not in self._known:
            from engine.mastering.biquad import response_db

            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[key] = response_db([band], self.frequencies_hz, rate)
        return self._known[key]

    def total_db(self, bands: Sequence[Band], rate: int) -> NDArray[np.float64]:
        """Response of all bands together."""
        total = np.zeros(len(self.frequencies_hz))
        for band in bands:
            total = total + self.band_db(band, rate)
        return total


def describe(index: int, band: Band) -> str:
    """A band in words: "Band 3, bell, 1250 Hz, gain +2.0 dB, Q 0.71, gate 80 %"."""
    parts = [f"Band {index + 1}", band.kind.value.replace("_", " "), f"{band.frequency_hz:.0f} Hz"]
    if band.kind.has_gain:
        parts.append(f"gain {band.gain_db:+.1f} dB")
    parts += [f"Q {band.q:.2f}", f"gate {band.gate:.0%}"]
    if not band.enabled:
        parts.append("bypassed")
    return ", ".join(parts)


def height_db(band: Band) -> float:
    """Where a handle sits: at the gain, or for a pass filter at its level at the cutoff (Q)."""
    return band.gain_db if band.kind.has_gain else 20.0 * math.log10(band.q)


def at_height(band: Band, height_db: float) -> dict[str, float]:
    """What moving a handle to a height means for a band."""
    if band.kind.has_gain:
        return {"gain_db": height_db}
    return {"q": 10.0 ** (height_db / 20.0)}


def heard_alone_hz(band: Band) -> tuple[float, float]:
    """The range a soloed band leaves: between its -3 dB points, a shelf's side of its corner."""
    if band.kind in (BandKind.LOW_SHELF, BandKind.LOW_PASS):
        return LOW_HZ, band.frequency_hz
    if band.kind in (BandKind.HIGH_SHELF, BandKind.HIGH_PASS):
        return band.frequency_hz, HIGH_HZ
    half = 1.0 / (2.0 * band.q)
    width = math.sqrt(1.0 + half * half)
    return band.frequency_hz * (width - half), band.frequency_hz * (width + half)
