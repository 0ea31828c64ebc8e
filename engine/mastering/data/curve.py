"""Tone curves that no handful of bells makes, rendered by a filter that delays nothing.

A :class:`SmoothCurve` is drawn by points over log frequency, a tilt and one reflection. It is
applied by a symmetric finite impulse response around the present sample, so that the audio keeps
its place; :meth:`SmoothCurve.response_db` is the response of that very filter, not of the drawing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import irfft, next_fast_len
from scipy.interpolate import PchipInterpolator
from scipy.signal import oaconvolve

from engine.tasks import Failure

PIVOT_HZ = 1000.0
LOWEST_HZ, HIGHEST_HZ = 30.0, 16000.0
FILTER_S = 0.18
"""Length of the filter: its window blurs the curve by about 11 Hz."""
LIMIT_DB = 40.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SmoothCurve:
    """A gain over frequency.

    Parameters
    ----------
    points
        ``(frequency_hz, gain_db)`` in ascending frequency, joined over log frequency by a cubic
        curve that never goes beyond them (PCHIP; Fritsch and Carlson, *Monotone Piecewise Cubic
        Interpolation*, SIAM J. Numer. Anal. 17, 1980) and held at the ends.
    tilt_db_per_octave
        Added slope between 30 Hz and 16 kHz, 0 dB at 1 kHz.
    reflection_ms, reflection_gain
        A second path of the sound, later and weaker than the first: the comb of a cabinet or a
        table top, ``|1 + gain exp(-j 2 pi f delay)|``.

    Raises
    ------
    Failure
        If the points do not ascend, a number is not finite or the reflection is as strong as the
        direct sound.
    """

    points: tuple[tuple[float, float], ...] = ()
    tilt_db_per_octave: float = 0.0
    reflection_ms: float = 0.0
    reflection_gain: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", tuple((float(hz), float(db)) for hz, db in self.points))
        frequencies = [hz for hz, _ in self.points]
        scalars = (self.tilt_db_per_octave, self.reflection_ms, self.reflection_gain)
        numbers = [*scalars, *(number for point in self.points for number in point)]
        ascending = all(a < b for a, b in pairwise(frequencies))
        if (
            not all(math.isfinite(number) for number in numbers)
            or not ascending
            or any(hz <= 0.0 for hz in frequencies)
            or not 0.0 <= self.reflection_gain < 1.0
            or self.reflection_ms < 0.0
        ):
            raise Failure(
                "A tone curve is not valid.",
                "Its points must ascend in frequency, its numbers be finite and its reflection be "
                "weaker than the direct sound.",
            )

    def drawn_db(self, frequencies_hz: ArrayLike) -> Floats:
        """The curve as drawn, in dB, same shape as ``frequencies_hz``, within +-40 dB."""
        frequencies = np.asarray(frequencies_hz, dtype=np.float64)
        octave = np.log2(np.clip(frequencies, LOWEST_HZ, HIGHEST_HZ) / PIVOT_HZ)
        curve = self.tilt_db_per_octave * octave
        if len(self.points) == 1:
            curve = curve + self.points[0][1]
        elif self.points:
            at, gain_db = np.array(self.points).T
            inside = np.clip(frequencies, at[0], at[-1])
            curve = curve + PchipInterpolator(np.log2(at), gain_db)(np.log2(inside))
        phase = 2e-3 * np.pi * frequencies * self.reflection_ms
        power = 1.0 + self.reflection_gain * (self.reflection_gain + 2.0 * np.cos(phase))
        curve = curve + 10.0 * np.log10(power)
        return np.asarray(np.clip(curve, -LIMIT_DB, LIMIT_DB))

    def response_db(self, frequencies_hz: ArrayLike, rate: float) -> Floats:
        """Gain in dB of the filter that :meth:`apply` uses; above Nyquist, the one at Nyquist."""
        frequencies = np.minimum(np.asarray(frequencies_hz, dtype=np.float64), 0.5 * rate)
        half = _half_filter(self, rate)
        angles = 2.0 * np.pi * frequencies.reshape(-1, 1) / rate * np.arange(1, half.size)
        response = half[0] + 2.0 * (np.cos(angles) @ half[1:])
        magnitude = np.maximum(np.abs(response), 1e-300)
        return np.asarray(20.0 * np.log10(magnitude).reshape(frequencies.shape))

    def apply(self, samples: NDArray[np.floating], rate: float) -> Floats:
        """Filter ``[channels, frames]`` into a new array of that shape, in float64."""
        if not samples.shape[1]:
            return samples.astype(np.float64)
        half = _half_filter(self, rate)
        whole = np.concatenate([half[:0:-1], half])
        filtered = oaconvolve(samples.astype(np.float64), whole[None], axes=1)
        return np.asarray(filtered[:, half.size - 1 : half.size - 1 + samples.shape[1]])

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> SmoothCurve:
        """Read what ``dataclasses.asdict`` made of a curve.

        Raises
        ------
        TypeError, ValueError, Failure
            If it is none.
        """
        points = tuple((float(hz), float(db)) for hz, db in data["points"])
        return cls(**{**data, "points": points})


@lru_cache(maxsize=16)
def _half_filter(curve: SmoothCurve, rate: float) -> Floats:
    """The symmetric impulse response from its centre on: the curve sampled, then windowed."""
    half = next_fast_len(round(0.5 * FILTER_S * rate), real=True)
    grid_hz = np.arange(half + 1) * rate / (2 * half)
    grid_hz[0] = grid_hz[1] * 0.5  # the drawing has no value at 0 Hz
    impulse = irfft(10.0 ** (curve.drawn_db(grid_hz) / 20.0), 2 * half)[:half]
    window = 0.5 + 0.5 * np.cos(np.pi * np.arange(half) / half)
    filtered: Floats = impulse * window
    filtered.flags.writeable = False  # it is shared by everyone who asks
    return filtered
