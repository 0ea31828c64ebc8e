"""Limits and units of every number of the chain: the map between normalised and physical values."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Range:
    """Limits of one parameter, whether it is spaced logarithmically, and its unit."""

    low: float
    high: float
    unit: str = ""
    logarithmic: bool = False

    def clamp(self, value: float) -> float:
        """The nearest value inside the range."""
        return min(max(value, self.low), self.high)

    def normalise(self, value: float) -> float:
        """Physical value -> [0, 1]."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def physical(self, position: float) -> float:
        """[0, 1] -> physical value, the inverse of :meth:`normalise`."""
        if self.logarithmic:
            return self.low * math.exp(position * math.log(self.high / self.low))
        return self.low + position * (self.high - self.low)


PARAM_RANGES: dict[str, Range] = {
    "band.frequency_hz": Range(20.0, 20000.0, "Hz", logarithmic=True),
    "band.gain_db": Range(-12.0, 12.0, "dB"),
    "band.q": Range(0.1, 18.0, "", logarithmic=True),
    "band.gate": Range(0.0, 1.0),
    "compressor.threshold_db": Range(-60.0, 0.0, "dB"),
    "compressor.ratio": Range(0.25, 20.0, ":1", logarithmic=True),
    "compressor.attack_ms": Range(0.1, 200.0, "ms", logarithmic=True),
    "compressor.release_ms": Range(5.0, 2000.0, "ms", logarithmic=True),
    "compressor.knee_db": Range(0.0, 24.0, "dB"),
    "compressor.makeup_db": Range(-12.0, 24.0, "dB"),
    "compressor.lookahead_ms": Range(0.0, 10.0, "ms"),
    "multiband.low_hz": Range(40.0, 500.0, "Hz", logarithmic=True),
    "multiband.high_hz": Range(1000.0, 10000.0, "Hz", logarithmic=True),
    "residual.amount": Range(0.0, 1.5),
    "saturator.drive_db": Range(0.0, 24.0, "dB"),
    "saturator.mix": Range(0.0, 1.0),
    "imager.width": Range(0.0, 2.0),
    "imager.mono_below_hz": Range(0.0, 300.0, "Hz"),
    "limiter.gain_db": Range(-24.0, 36.0, "dB"),
    "limiter.ceiling_dbtp": Range(-24.0, 0.0, "dBTP"),
    "limiter.lookahead_ms": Range(0.5, 10.0, "ms"),
    "limiter.release_ms": Range(10.0, 1000.0, "ms", logarithmic=True),
}
