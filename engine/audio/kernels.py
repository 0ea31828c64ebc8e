"""Compiled inner loops of the meters: recursions and long convolutions that numpy cannot express.

Importing this module costs numba's import; the meters import it when the first one is made.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

TRUE_PEAK_CHUNK = 256
_NEGLIGIBLE = 1e-30


@njit(cache=True, nogil=True)
def weighted_energies(
    block: NDArray[np.floating],
    sections: NDArray[np.float64],
    state: NDArray[np.float64],
    partial: NDArray[np.float64],
    weights: NDArray[np.float64],
    stops: NDArray[np.int64],
    energies: NDArray[np.float64],
) -> None:
    """Run two second-order sections over a block and sum the squares segment by segment.

    Parameters
    ----------
    block
        Samples ``[channels, n]``, C-contiguous.
    sections
        ``[2, 5]``: b0, b1, b2, a1, a2 of both sections.
    state
        ``[channels, 4]``, the sections' memories; updated.
    partial
        ``[channels]``, sum of squares of the segment that is still open; updated.
    weights
        ``[channels]``, factor of each channel's energy.
    stops
        Frames of the block (exclusive) at which a segment ends, ascending.
    energies
        ``[len(stops)]``, receives each closed segment's weighted sum of squares.

    Notes
    -----
    Samples are added one after another, so that any partition of the signal into blocks gives
    the same bits. Memories below 1e-30 become zero where a segment ends: subnormal numbers would
    slow down digital silence a hundredfold.
    """
    channels, frames = block.shape
    b0, b1, b2, a1, a2 = sections[0]
    d0, d1, d2, e1, e2 = sections[1]
    for channel in range(channels):
        z0, z1, z2, z3 = state[channel]
        total = partial[channel]
        start = 0
        for segment in range(stops.size + 1):
            closes = segment < stops.size
            stop = stops[segment] if closes else frames
            for frame in range(start, stop):
                sample = block[channel, frame]
                shelved = b0 * sample + z0
                z0 = b1 * sample - a1 * shelved + z1
                z1 = b2 * sample - a2 * shelved
                weighted = d0 * shelved + z2
                z2 = d1 * shelved - e1 * weighted + z3
                z3 = d2 * shelved - e2 * weighted
                total += weighted * weighted
            start = stop
            if closes:
                energies[segment] += weights[channel] * total
                total = 0.0
                if abs(z0) + abs(z1) + abs(z2) + abs(z3) < _NEGLIGIBLE:
                    z0 = z1 = z2 = z3 = 0.0
        partial[channel] = total
        state[channel, 0] = z0
        state[channel, 1] = z1
        state[channel, 2] = z2
        state[channel, 3] = z3


@njit(cache=True, nogil=True)
def interpolated_peaks(
    samples: NDArray[np.float32],
    phases: NDArray[np.float32],
    gain: float,
    peaks: NDArray[np.float32],
) -> None:
    """Raise ``peaks`` to the largest magnitude that interpolation finds between the samples.

    Parameters
    ----------
    samples
        ``[channels, taps - 1 + n]``: the last ``taps - 1`` samples of what came before, then n new
        ones. C-contiguous.
    phases
        ``[phases, taps]``: the interpolator's branches, without the one that copies the samples.
    gain
        The largest sum of absolute coefficients of a branch. A chunk whose samples times this gain
        stay below the present peak cannot hold a new one and is passed over.
    peaks
        ``[channels]``; updated. Must already be at least the samples' own peak.
    """
    count, taps = phases.shape
    channels = samples.shape[0]
    frames = samples.shape[1] - taps + 1
    room = np.empty(TRUE_PEAK_CHUNK, np.float32)
    for channel in range(channels):
        line = samples[channel]
        peak = peaks[channel]
        for start in range(0, frames, TRUE_PEAK_CHUNK):
            size = min(TRUE_PEAK_CHUNK, frames - start)
            loudest = np.float32(0.0)
            for sample in line[start : start + size + taps - 1]:
                loudest = max(loudest, abs(sample))
            if loudest * gain <= peak:
                continue
            for phase in range(count):
                values = room[:size]
                values[:] = 0.0
                for tap in range(taps):
                    # slices of one length: the compiler vectorises this loop, six times as fast
                    coefficient = phases[phase, tap]
                    part = line[start + tap : start + tap + size]
                    for index in range(size):
                        values[index] += coefficient * part[index]
                for value in values:
                    peak = max(peak, abs(value))
        peaks[channel] = peak
