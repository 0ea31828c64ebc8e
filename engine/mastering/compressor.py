"""Stereo-linked feed-forward compressor and upward expander with a soft knee.

The static curve and the branching detector in the decibel domain follow Giannoulis, Massberg and
Reiss, "Digital Dynamic Range Compressor Design", J. Audio Eng. Soc. 60(6), 2012: the level is the
largest magnitude over the channels; the reduction it asks for is smoothed with the attack time
while it grows and the release time while it shrinks.

A ratio below 1 makes the reduction negative: what is over the threshold gets louder, by at most
``MAX_EXPANSION_DB``. It is the exact inverse of the compressor with the inverse ratio and otherwise
the same settings (see :mod:`engine.mastering.expansion`), so its times are that compressor's; its
own gain takes the inverse of the ratio times as long.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from engine.mastering.delay import CHUNK_FRAMES, delay, line, shift, working_copy
from engine.mastering.expansion import MAX_EXPANSION_DB, expansion_db
from engine.mastering.parameters import Compressor
from engine.mastering.ranges import PARAM_RANGES
from engine.mastering.smoothing import Ramp, advance

_PER_DB = math.log(10.0) / 20.0
_NOTHING_DB = 1e-9
_QUIETEST = 1e-10


def reduction_db(level_db: ArrayLike, parameters: Compressor) -> NDArray[np.float64]:
    """Static curve: gain reduction in dB that a steady level in dB comes to.

    It is 0 or above for ratios from 1 on; below, it is from 0 down to ``-MAX_EXPANSION_DB``.

    Parameters
    ----------
    level_db
        Peak levels in dB re full scale, any shape.
    parameters
        Threshold, ratio and knee.
    """
    over = np.asarray(level_db, dtype=np.float64) - parameters.threshold_db
    half = 0.5 * parameters.knee_db
    if parameters.ratio < 1.0:
        return -_expansion_db(over, 1.0 - parameters.ratio, half)
    slope = 1.0 - 1.0 / parameters.ratio
    # Only the knee's own range is squared: a knee of next to nothing must not overflow outside.
    inside = np.clip(over, -half, half) + half
    bent = inside**2 / (4.0 * half) if half > 0.0 else over
    return slope * np.where(over <= -half, 0.0, np.where(over < half, bent, over))


def _expansion_db(over: NDArray[np.float64], slope: float, half: float) -> NDArray[np.float64]:
    """Inverse of the curve with ``slope``: the gain that brings its results back to its inputs."""
    end = half * (1.0 - slope)  # where the upper end of the knee comes out
    inside = np.clip(over, -half, end) + half
    root = np.sqrt(np.maximum(1.0 - slope * inside / half, 0.0)) if half > 0.0 else 1.0
    bent = 2.0 * inside / (1.0 + root) - inside
    gain = np.where(over <= -half, 0.0, np.where(over < end, bent, over * slope / (1.0 - slope)))
    return np.minimum(gain, MAX_EXPANSION_DB)


class CompressorProcessor:
    """Compressor with a fixed latency, that of the longest lookahead.

    The lookahead is how much earlier than the audio the detector hears; the delay of the audio
    never changes, so moving it while audio runs does not shift time.

    Parameters
    ----------
    rate
        Sample rate in Hz.
    channels
        Number of channels; all get the same gain.
    parameters
        Settings at the start.
    """

    def __init__(self, rate: int, channels: int, parameters: Compressor) -> None:
        self._rate = rate
        self.latency_frames = round(PARAM_RANGES["compressor.lookahead_ms"].high * 1e-3 * rate)
        self._ramp = Ramp.at(rate, self._targets(parameters))
        self._buffers = _Buffers(
            audio=line(channels, self.latency_frames),
            peaks=line(1, self.latency_frames)[0],
            gains=np.zeros(CHUNK_FRAMES),
            reduction=np.zeros(2),
        )
        self._times = self._time_constants(parameters)
        self._asleep = False

    @staticmethod
    def _targets(parameters: Compressor) -> tuple[float, float, float, float, float]:
        """Threshold, slope, knee and makeup, and the share of it all."""
        return (
            parameters.threshold_db,
            1.0 - 1.0 / parameters.ratio,
            parameters.knee_db,
            parameters.makeup_db,
            float(parameters.active),
        )

    def _time_constants(self, parameters: Compressor) -> tuple[float, float, int]:
        attack = math.exp(-1.0 / (parameters.attack_ms * 1e-3 * self._rate))
        release = math.exp(-1.0 / (parameters.release_ms * 1e-3 * self._rate))
        lookahead = round(parameters.lookahead_ms * 1e-3 * self._rate)
        return attack, release, min(lookahead, self.latency_frames)

    def set_parameters(self, parameters: Compressor) -> None:
        """Move to these settings without a click."""
        self._ramp.move_to(self._targets(parameters))
        self._times = self._time_constants(parameters)

    def reset(self) -> None:
        """Forget the audio so far and be at the settings that were asked for."""
        self._ramp.finish()
        self._buffers.audio[:] = 0.0
        self._forget_level()

    def _forget_level(self) -> None:
        self._buffers.peaks[:] = 0.0
        self._buffers.reduction[:] = 0.0

    def process(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compress a block ``[channels, frames]``; the result is ``latency_frames`` late."""
        out = working_copy(block, len(self._buffers.audio))
        if self._ramp.resting and self._ramp.now[4] == 0.0:
            self._asleep = True
            self._buffers.reduction[:] = 0.0
            delay(out, self._buffers.audio, self.latency_frames)
            return out
        if self._asleep:
            self._forget_level()
            self._asleep = False
        _compress(out, self._buffers, self._ramp, *self._times)
        return out

    @property
    def gain_reduction_db(self) -> float:
        """Largest reduction in the last block, in dB; makeup does not count.

        Negative where the gain went up: the largest expansion.
        """
        return float(self._buffers.reduction[1])


class _Buffers(NamedTuple):
    """What the kernel works on; ``reduction`` is the present one and the block's largest."""

    audio: NDArray[np.float64]
    peaks: NDArray[np.float64]
    gains: NDArray[np.float64]
    reduction: NDArray[np.float64]


@njit(cache=True, nogil=True, error_model="numpy")
def _compress(
    block: NDArray[np.float64],
    buffers: _Buffers,
    ramp: Ramp,
    attack: float,
    release: float,
    lookahead: int,
) -> None:
    channels, frames = block.shape
    audio, peaks, gains = buffers.audio, buffers.peaks, buffers.gains
    past = peaks.shape[0] - CHUNK_FRAMES
    reduction, largest = buffers.reduction[0], 0.0
    now = ramp.now
    quiet = math.exp((now[0] - 0.5 * now[2]) * _PER_DB)
    for start in range(0, frames, CHUNK_FRAMES):
        size = min(CHUNK_FRAMES, frames - start)
        peaks[past : past + size] = 0.0
        for channel in range(channels):
            fresh = block[channel, start : start + size]
            audio[channel, past : past + size] = fresh
            for n in range(size):
                peaks[past + n] = max(peaks[past + n], abs(fresh[n]))
        for n in range(size):
            if ramp.left[0] > 0:
                advance(ramp)
                quiet = math.exp((now[0] - 0.5 * now[2]) * _PER_DB)
            threshold_db, slope, knee_db, makeup_db, share = now[0], now[1], now[2], now[3], now[4]
            peak = peaks[lookahead + n]
            if slope < 0.0:
                over = math.log(max(peak, _QUIETEST)) / _PER_DB - threshold_db
                undone = slope / (slope - 1.0)  # slope of the compressor it undoes
                gain, _ = expansion_db(over, -reduction, undone, knee_db, attack, release)
                reduction = -gain
            else:
                wanted = 0.0
                if peak > quiet:
                    over = math.log(peak) / _PER_DB - threshold_db
                    if 2.0 * over < knee_db:
                        wanted = slope * (over + 0.5 * knee_db) ** 2 / (2.0 * knee_db)
                    else:
                        wanted = slope * over
                pace = attack if wanted > reduction else release
                reduction = wanted + (reduction - wanted) * pace
            if abs(reduction) < _NOTHING_DB:
                reduction = 0.0
            if abs(share * reduction) > abs(largest):
                largest = share * reduction
            gain_db = share * (makeup_db - reduction)
            gains[n] = math.exp(gain_db * _PER_DB) if gain_db != 0.0 else 1.0
        for channel in range(channels):
            row = audio[channel]
            for n in range(size):
                block[channel, start + n] = row[n] * gains[n]
            shift(row, size)
        shift(peaks, size)
    buffers.reduction[0], buffers.reduction[1] = reduction, largest
