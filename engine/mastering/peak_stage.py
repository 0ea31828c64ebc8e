"""One stage of the true-peak limiter: a detector between the samples, and its gain.

The stage finds the peak between every two samples on an oversampled copy, turns it into the gain
it would need, holds the smallest of these over the lookahead and a hold time, lets go
exponentially and smooths with two moving averages. An average of values that are all low enough
is low enough, so the gain is never late.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.mastering.delay import CHUNK_FRAMES, delay, line, shift
from engine.mastering.oversample import HalfBands, half_bands, upsample

OVERSAMPLING = 8
DETECTORS = ((12, 7.0), (40, 6.0))
"""Taps to either side and Kaiser shape of the interpolators. Meters differ where a signal is
strong just below Nyquist, and low-pass filtering can raise a peak as well as lower it; with a
short and a long one the readings of common meters lie within a few hundredths of a decibel."""

_FIXED = float(1 << 40)  # gains are summed as integers: moving sums are exact and never drift
_SETTLED = 1.0 - 1e-6
_RELEASED, _LAST_PEAK, _GAIN, _LEAST = range(4)


class PeakStage:
    """Lookahead gain that keeps the true peak of a block under a moving ceiling.

    Parameters
    ----------
    rate
        Sample rate in Hz.
    channels
        Number of channels; all get the same gain.
    longest_ms
        Longest lookahead, which decides the latency.
    hold_ms
        How long the gain stays down after a peak.
    """

    def __init__(self, rate: int, channels: int, longest_ms: float, hold_ms: float) -> None:
        self._rate = rate
        hold = round(hold_ms * 1e-3 * rate)
        short, long = (half_bands(OVERSAMPLING, taps, beta) for taps, beta in DETECTORS)
        self._detectors = (short, long)
        self._longest = longest = max(round(longest_ms * 1e-3 * rate), 2)
        margin = long.margin
        self.latency_frames = longest + margin
        self._window = 0
        self._release = 0.0
        self._asleep = False
        self._buffers = _Buffers(
            audio=line(channels, max(longest, margin) + margin),
            needed=np.ones(longest + hold + CHUNK_FRAMES),
            released=np.zeros(longest + CHUNK_FRAMES, dtype=np.int64),
            averaged=np.zeros(longest + CHUNK_FRAMES, dtype=np.int64),
            rows=np.zeros(OVERSAMPLING * (2 * margin + CHUNK_FRAMES)),
            peaks=np.zeros(CHUNK_FRAMES),
            held=np.zeros((2, longest + hold + CHUNK_FRAMES)),
            sums=np.zeros(2, dtype=np.int64),
            scalars=np.array([1.0, 0.0, 1.0, 1.0]),
        )

    @property
    def least_gain(self) -> float:
        """Smallest gain in the last block, as a factor."""
        return float(self._buffers.scalars[_LEAST])

    def tune(self, lookahead_ms: float, release_ms: float) -> None:
        """Set the times; a new lookahead starts from the gain in force."""
        self._release = math.exp(-1.0 / (release_ms * 1e-3 * self._rate))
        window = min(max(round(lookahead_ms * 1e-3 * self._rate), 2), self._longest)
        if window != self._window:
            self._window = window
            self._fill_averages(self._buffers.scalars[_GAIN])

    def reset(self) -> None:
        """Forget the audio so far."""
        self._buffers.audio[:] = 0.0
        self._forget_gain()

    def _forget_gain(self) -> None:
        self._buffers.needed[:] = 1.0
        self._buffers.scalars[:] = (1.0, 0.0, 1.0, 1.0)
        self._fill_averages(1.0)

    def _fill_averages(self, gain: float) -> None:
        fixed = int(gain * _FIXED)
        first, second = _box_sizes(self._window)
        self._buffers.released[:] = fixed
        self._buffers.averaged[:] = fixed
        self._buffers.sums[:] = (first * fixed, second * fixed)

    def delay(self, block: NDArray[np.float64]) -> None:
        """Only delay ``block``, in place."""
        self._asleep = True
        self._buffers.scalars[_LEAST] = 1.0
        delay(block, self._buffers.audio, self.latency_frames)

    def process(self, block: NDArray[np.float64], curves: NDArray[np.float64]) -> None:
        """Limit ``block`` in place; ``curves`` are the ceiling and the wet share."""
        if self._asleep:
            self._forget_gain()
            self._asleep = False
        _limit(block, curves, self._buffers, self._detectors, self._window, self._release)


class _Buffers(NamedTuple):
    """What a stage's kernels work on; lines hold the past, then room for one chunk."""

    audio: NDArray[np.float64]
    needed: NDArray[np.float64]
    released: NDArray[np.int64]
    averaged: NDArray[np.int64]
    rows: NDArray[np.float64]
    peaks: NDArray[np.float64]
    held: NDArray[np.float64]
    sums: NDArray[np.int64]
    scalars: NDArray[np.float64]


@njit(cache=True, nogil=True, error_model="numpy")
def _box_sizes(window: int) -> tuple[int, int]:
    """Two moving averages whose impulse responses together span ``window + 1`` frames."""
    first = (window + 2) // 2
    return first, window + 2 - first


@njit(cache=True, nogil=True, error_model="numpy")
def _raise_to(peaks: NDArray[np.float64], row: NDArray[np.float64]) -> None:
    for n in range(peaks.shape[0]):
        peaks[n] = max(peaks[n], abs(row[n]))


@njit(cache=True, nogil=True, error_model="numpy")
def _find_peaks(buffers: _Buffers, detectors: tuple[HalfBands, HalfBands], size: int) -> None:
    """Largest magnitude between each frame and the next, over all channels."""
    audio, peaks = buffers.audio, buffers.peaks[:size]
    reach = audio.shape[1] - CHUNK_FRAMES
    late = detectors[1].margin
    peaks[:] = 0.0
    for bands in detectors:
        margin = bands.margin
        width = 2 * margin + size
        # A slice of a larger table would not be contiguous, and its loops several times slower.
        rows = buffers.rows[: bands.factor * width].reshape(bands.factor, width)
        start = reach - late - margin
        for channel in range(audio.shape[0]):
            rows[0] = audio[channel, start : start + width]
            upsample(rows, bands)
            for p in range(rows.shape[0]):
                _raise_to(peaks, rows[p, margin : margin + size])


@njit(cache=True, nogil=True, error_model="numpy")
def _lower_of(
    out: NDArray[np.float64], early: NDArray[np.float64], late: NDArray[np.float64]
) -> None:
    for n in range(out.shape[0]):
        out[n] = min(early[n], late[n])


@njit(cache=True, nogil=True, error_model="numpy")
def _hold(needed: NDArray[np.float64], scratch: NDArray[np.float64], span: int) -> int:
    """Minimum over ``span + 1`` frames, by doubling; returns the scratch row it is in.

    ``needed`` starts ``span`` frames before the first result.
    """
    width = needed.shape[0]
    scratch[0, :width] = needed
    done, here = 1, 0
    while 2 * done <= span + 1:
        width -= done
        row = scratch[here]
        _lower_of(scratch[1 - here, :width], row[:width], row[done : done + width])
        here = 1 - here
        done *= 2
    rest = span + 1 - done
    width -= rest
    row = scratch[here]
    _lower_of(scratch[1 - here, :width], row[:width], row[rest : rest + width])
    return 1 - here


@njit(cache=True, nogil=True, error_model="numpy")
def _smooth(held: NDArray[np.float64], buffers: _Buffers, window: int, release: float) -> None:
    """Let go exponentially and average twice, in place."""
    first, second = _box_sizes(window)
    released, averaged = buffers.released, buffers.averaged
    reach = released.shape[0] - CHUNK_FRAMES
    gain = buffers.scalars[_RELEASED]
    first_sum, second_sum = buffers.sums[0], buffers.sums[1]
    for n in range(held.shape[0]):
        limit = held[n]
        gain = min(limit, limit - (limit - gain) * release)
        if gain > limit * _SETTLED:
            gain = limit
        fixed = int(gain * _FIXED)
        released[reach + n] = fixed
        first_sum += fixed - released[reach + n - first]
        fixed = int(first_sum / first)
        averaged[reach + n] = fixed
        second_sum += fixed - averaged[reach + n - second]
        held[n] = second_sum / second / _FIXED
    buffers.scalars[_RELEASED] = gain
    buffers.sums[0], buffers.sums[1] = first_sum, second_sum


@njit(cache=True, nogil=True, error_model="numpy")
def _limit(
    block: NDArray[np.float64],
    curves: NDArray[np.float64],
    buffers: _Buffers,
    detectors: tuple[HalfBands, HalfBands],
    window: int,
    release: float,
) -> None:
    channels, frames = block.shape
    audio, needed, scalars = buffers.audio, buffers.needed, buffers.scalars
    reach = audio.shape[1] - CHUNK_FRAMES
    longest = buffers.released.shape[0] - CHUNK_FRAMES
    past = needed.shape[0] - CHUNK_FRAMES
    span = window + past - longest
    oldest = reach - longest - detectors[1].margin
    scalars[_LEAST] = 1.0
    for start in range(0, frames, CHUNK_FRAMES):
        size = min(CHUNK_FRAMES, frames - start)
        stop = start + size
        for channel in range(channels):
            audio[channel, reach : reach + size] = block[channel, start:stop]
        _find_peaks(buffers, detectors, size)
        last = scalars[_LAST_PEAK]
        for n in range(size):
            # A frame's gain also scales what lies between it and its neighbours.
            peak = max(buffers.peaks[n], last)
            last = buffers.peaks[n]
            needed[past + n] = min(1.0, curves[0, start + n] / max(peak, 1e-30))
        scalars[_LAST_PEAK] = last
        row = _hold(needed[: span + size], buffers.held, span)
        gains = buffers.held[row, :size]
        _smooth(gains, buffers, window, release)
        scalars[_GAIN] = gains[size - 1]
        for n in range(size):
            gains[n] = 1.0 + curves[1, start + n] * (gains[n] - 1.0)
            scalars[_LEAST] = min(scalars[_LEAST], gains[n])
        for channel in range(channels):
            delayed = audio[channel, oldest : oldest + size]
            for n in range(size):
                block[channel, start + n] = delayed[n] * gains[n]
            shift(audio[channel], size)
        shift(needed, size)
        shift(buffers.released, size)
        shift(buffers.averaged, size)
