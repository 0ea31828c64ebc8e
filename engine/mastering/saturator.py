"""Oversampled soft clipper: ``tanh(g x) / g`` with ``g**2 = drive**2 - 1``.

Small signals keep their level, and a drive of 0 dB is the straight line that the curve tends to
as it is turned down; driven hard, ``g`` is the drive and the peaks come out that much lower.

Only what the curve adds, ``tanh(g x) / g - x``, goes through the decimating filter and is
added to the untouched signal. A quiet passage thereby keeps every bit of its top octave, and a
mix below 1 needs no second delay.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.mastering.delay import CHUNK_FRAMES, delay, line, shift, working_copy
from engine.mastering.oversample import HalfBands, downsample, half_bands, upsample
from engine.mastering.parameters import Saturator
from engine.mastering.smoothing import Ramp, advance

LEAST_CURVATURE = 1e-3
"""Below this the curve is 130 dB under a straight line, and dividing by it would show rounding."""
_C2, _C3, _C4, _C5, _C6, _C7 = (1.0 / math.factorial(n) for n in range(2, 8))


def oversampling(rate: int) -> int:
    """How many times the rate is raised: 8 up to 48 kHz, 4 up to 96 kHz, 2 above."""
    return 8 if rate <= 48000 else 4 if rate <= 96000 else 2


def curvature(drive_db: float) -> float:
    """The ``g`` of the curve ``tanh(g x) / g`` for a drive in dB."""
    squared = math.expm1(drive_db * math.log(10.0) / 10.0)
    return math.sqrt(max(squared, LEAST_CURVATURE**2))


class SaturatorProcessor:
    """Soft clipper with linear-phase oversampling and an integer latency.

    Parameters
    ----------
    rate
        Sample rate in Hz.
    channels
        Number of channels, each shaped on its own.
    parameters
        Drive and mix.
    """

    def __init__(self, rate: int, channels: int, parameters: Saturator) -> None:
        self._bands = half_bands(oversampling(rate), 40, 10.0)
        margin = self._bands.margin
        self.latency_frames = 2 * margin
        self._ramp = Ramp.at(rate, self._targets(parameters, LEAST_CURVATURE))
        self._buffers = _Buffers(
            audio=line(channels, 4 * margin),
            curvatures=np.full(4 * margin + CHUNK_FRAMES, self._ramp.now[0]),
            mixes=np.zeros(CHUNK_FRAMES),
            rows=np.zeros(self._bands.factor * (4 * margin + CHUNK_FRAMES)),
        )

    @staticmethod
    def _targets(parameters: Saturator, present: float) -> tuple[float, float]:
        """Curvature and mix; out of use it keeps its curvature and fades its mix."""
        if not parameters.active:
            return present, 0.0
        return curvature(parameters.drive_db), parameters.mix

    def set_parameters(self, parameters: Saturator) -> None:
        """Move to these settings without a click."""
        self._ramp.move_to(self._targets(parameters, float(self._ramp.goal[0])))

    def reset(self) -> None:
        """Forget the audio so far and be at the settings that were asked for."""
        self._ramp.finish()
        self._buffers.audio[:] = 0.0
        self._buffers.curvatures[:] = self._ramp.now[0]

    def process(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shape a block ``[channels, frames]``; the result is ``latency_frames`` late."""
        out = working_copy(block, len(self._buffers.audio))
        if self._ramp.resting and self._ramp.now[1] == 0.0:
            self._buffers.curvatures[:] = self._ramp.now[0]
            delay(out, self._buffers.audio, self.latency_frames)
        else:
            _saturate(out, self._buffers, self._bands, self._ramp)
        return out


class _Buffers(NamedTuple):
    """What the kernel works on: lines of audio and curvature, and the oversampled rows."""

    audio: NDArray[np.float64]
    curvatures: NDArray[np.float64]
    mixes: NDArray[np.float64]
    rows: NDArray[np.float64]


@njit(cache=True, nogil=True, error_model="numpy")
def _shape(row: NDArray[np.float64], curvatures: NDArray[np.float64]) -> None:
    """Replace samples by what the curve adds to them.

    ``tanh`` from ``exp(-2 |v|)``, whose series at a 1024th of the argument is squared ten times:
    within 1e-12, and unlike the library's it compiles to vector instructions.
    """
    for n in range(row.shape[0]):
        x = row[n]
        v = curvatures[n] * x
        t = max(-2.0 * abs(v), -40.0) * (1.0 / 1024.0)
        e = 1.0 + t * (1.0 + t * (_C2 + t * (_C3 + t * (_C4 + t * (_C5 + t * (_C6 + t * _C7))))))
        e = e * e
        e = e * e
        e = e * e
        e = e * e
        e = e * e
        e = e * e
        e = e * e
        e = e * e
        e = e * e
        e = e * e
        row[n] = math.copysign((1.0 - e) / (1.0 + e), v) / curvatures[n] - x


@njit(cache=True, nogil=True)
def _saturate(block: NDArray[np.float64], buffers: _Buffers, bands: HalfBands, ramp: Ramp) -> None:
    channels, frames = block.shape
    audio, curvatures, mixes = buffers.audio, buffers.curvatures, buffers.mixes
    margin = bands.margin
    past = 4 * margin
    for start in range(0, frames, CHUNK_FRAMES):
        size = min(CHUNK_FRAMES, frames - start)
        width = past + size
        for n in range(size):
            if ramp.left[0] > 0:
                advance(ramp)
            curvatures[past + n] = ramp.now[0]
            mixes[n] = ramp.now[1]
        rows = buffers.rows[: bands.factor * width].reshape(bands.factor, width)
        for channel in range(channels):
            audio[channel, past : past + size] = block[channel, start : start + size]
            rows[0] = audio[channel, :width]
            upsample(rows, bands)
            for p in range(bands.factor):
                _shape(rows[p, margin : width - margin], curvatures[margin : width - margin])
            downsample(rows, bands, margin)
            for n in range(size):
                added = mixes[n] * rows[0, 2 * margin + n]
                block[channel, start + n] = audio[channel, 2 * margin + n] + added
            shift(audio[channel], size)
        shift(curvatures, size)
