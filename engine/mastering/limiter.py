"""True-peak limiter with lookahead: input gain, a main stage, and a short one that makes sure.

The gain works at the base rate and moves, which can raise a peak between samples by some
hundredths of a decibel; the second stage sees that and takes it away, and its own gain is so
small that what it adds in turn is not measurable.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.mastering.delay import working_copy
from engine.mastering.parameters import Limiter
from engine.mastering.peak_stage import PeakStage
from engine.mastering.ranges import PARAM_RANGES
from engine.mastering.smoothing import Ramp, advance

HOLD_MS = 5.0
"""The gain stays down this long after a peak, so that it cannot follow the half waves of a bass
note: at 60 Hz and 7 dB of reduction, harmonics fall from -43 to -92 dB, for some 0.1 LU."""
SAFETY_LOOKAHEAD_MS = 1.0
SAFETY_RELEASE_MS = 30.0
MARGIN_DB = 0.05
"""How far below the ceiling the limiter aims, because meters differ by hundredths."""


class LimiterProcessor:
    """Stereo-linked true-peak limiter.

    The latency is that of the longest lookahead whatever the setting, so that moving it while
    audio runs does not shift time. Disabled, it applies its gain only.

    Parameters
    ----------
    rate
        Sample rate in Hz.
    channels
        Number of channels; all get the same gain.
    parameters
        Gain, ceiling, lookahead, release.

    Attributes
    ----------
    driven
        The last block after the input gain, before any delay: what the limiter worked on.
    """

    def __init__(self, rate: int, channels: int, parameters: Limiter) -> None:
        longest_ms = PARAM_RANGES["limiter.lookahead_ms"].high
        self._ramp = Ramp.at(rate, self._targets(parameters))
        self._channels = channels
        self.driven = np.zeros((channels, 0))
        self._main = PeakStage(rate, channels, longest_ms, HOLD_MS)
        self._main.tune(parameters.lookahead_ms, parameters.release_ms)
        self._safety = PeakStage(rate, channels, SAFETY_LOOKAHEAD_MS, 0.0)
        self._safety.tune(SAFETY_LOOKAHEAD_MS, SAFETY_RELEASE_MS)
        self.latency_frames = self._main.latency_frames + self._safety.latency_frames

    @staticmethod
    def _targets(parameters: Limiter) -> tuple[float, float, float]:
        """Input gain and ceiling as factors, and the wet share."""
        ceiling_db = parameters.ceiling_dbtp - MARGIN_DB
        gain, ceiling = 10.0 ** (parameters.gain_db / 20.0), 10.0 ** (ceiling_db / 20.0)
        return gain, ceiling, float(parameters.enabled)

    def set_parameters(self, parameters: Limiter) -> None:
        """Move to these settings without a click."""
        self._ramp.move_to(self._targets(parameters))
        self._main.tune(parameters.lookahead_ms, parameters.release_ms)

    def reset(self) -> None:
        """Forget the audio so far and be at the settings that were asked for."""
        self._ramp.finish()
        self._main.reset()
        self._safety.reset()

    def process(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        """Limit a block ``[channels, frames]``; the result is ``latency_frames`` late."""
        out = working_copy(block, self._channels)
        if self._ramp.resting and self._ramp.now[2] == 0.0:
            out *= self._ramp.now[0]
            self.driven = out.copy()
            self._main.delay(out)
            self._safety.delay(out)
            return out
        curves = np.empty((2, out.shape[1]))
        _prepare(out, curves, self._ramp)
        self.driven = out.copy()
        self._main.process(out, curves)
        self._safety.process(out, curves)
        return out

    @property
    def gain_reduction_db(self) -> float:
        """Largest reduction in the last block, in dB, 0 or above."""
        return abs(20.0 * math.log10(self._main.least_gain * self._safety.least_gain))


@njit(cache=True, nogil=True, error_model="numpy")
def _prepare(block: NDArray[np.float64], curves: NDArray[np.float64], ramp: Ramp) -> None:
    """Apply the input gain; write ceiling and wet share frame by frame."""
    channels, frames = block.shape
    for n in range(frames):
        if ramp.left[0] > 0:
            advance(ramp)
        for channel in range(channels):
            block[channel, n] *= ramp.now[0]
        curves[0, n] = ramp.now[1]
        curves[1, n] = ramp.now[2]
