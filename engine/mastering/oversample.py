"""Oversampling by cascaded half-band filters, linear phase, kept as polyphase rows.

A signal at ``factor`` times the base rate is an array ``[factor, width]``: row ``p`` holds the
samples at base time ``n + p / factor``. Nothing is interleaved, so every loop runs over contiguous
memory. The functions are stateless: a window that reaches ``margin`` frames past the wanted ones
on both sides gives the same bits wherever a block begins.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


class HalfBands(NamedTuple):
    """Half-band filters of an oversampler.

    Attributes
    ----------
    factor
        1, 2, 4 or 8.
    taps
        ``[stages, longest]``: weights of the neighbours at half-sample distances 0.5, 1.5, ...
    counts
        Number of taps in use per stage.
    margin
        Frames at the base rate the whole cascade reaches to either side.
    """

    factor: int
    taps: NDArray[np.float64]
    counts: NDArray[np.int64]
    margin: int


def half_bands(factor: int, first: int, beta: float) -> HalfBands:
    """Design a cascade: Kaiser-windowed half-band interpolators.

    Parameters
    ----------
    factor
        Oversampling, a power of two up to 8.
    first
        Half the number of taps of the stage next to the base rate, the sharp one. The later
        stages only have to reject images an octave away and need few.
    beta
        Kaiser shape; 6 gives about 63 dB of stop band, 10 about 100 dB.
    """
    counts = np.array([first, 8, 5][: factor.bit_length() - 1], dtype=np.int64)
    taps = np.zeros((len(counts), first))
    margin = 0
    for stage, count in enumerate(counts):
        position = np.arange(count) + 0.5
        window = np.i0(beta * np.sqrt(1.0 - (position / count) ** 2))
        weights = np.sinc(position) * window
        taps[stage, :count] = 0.5 * weights / weights.sum()  # unity at DC, exactly
        margin += -(-int(count) // 2**stage)
    return HalfBands(factor, taps, counts, margin)


@njit(cache=True, nogil=True)
def _add_pair(
    out: NDArray[np.float64],
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    weight: float,
) -> None:
    for n in range(out.shape[0]):
        out[n] += weight * (left[n] + right[n])


@njit(cache=True, nogil=True)
def upsample(rows: NDArray[np.float64], bands: HalfBands) -> None:
    """Fill the rows of ``[factor, width]`` from row 0, the signal at the base rate.

    Valid ``margin`` frames away from either end.
    """
    factor, width = rows.shape
    stride = factor
    margin = 0
    for stage in range(bands.counts.shape[0]):
        known = factor // stride
        count = bands.counts[stage]
        margin += -(-count // known)
        size = width - 2 * margin
        for j in range(known):
            out = rows[j * stride + stride // 2, margin : width - margin]
            out[:] = 0.0
            for i in range(count):
                weight = bands.taps[stage, i]
                before = margin + (j - i) // known
                after = margin + (j + 1 + i) // known
                left = rows[(j - i) % known * stride, before : before + size]
                right = rows[(j + 1 + i) % known * stride, after : after + size]
                _add_pair(out, left, right, weight)
        stride //= 2


@njit(cache=True, nogil=True)
def downsample(rows: NDArray[np.float64], bands: HalfBands, margin: int) -> None:
    """Low-pass and decimate into row 0, the transpose of :func:`upsample`.

    ``margin`` is how many frames at either end of the rows are not valid to begin with; row 0 is
    valid ``margin`` plus the cascade's own margin away from the ends.
    """
    factor, width = rows.shape
    stages = bands.counts.shape[0]
    for stage in range(stages - 1, -1, -1):
        known = 2**stage
        stride = factor // known
        count = bands.counts[stage]
        margin += -(-count // known)
        size = width - 2 * margin
        for j in range(known):
            out = rows[j * stride, margin : width - margin]
            out *= 0.5
            for i in range(count):
                weight = 0.5 * bands.taps[stage, i]
                before = margin + (j - 1 - i) // known
                after = margin + (j + i) // known
                left = rows[(j - 1 - i) % known * stride + stride // 2, before : before + size]
                right = rows[(j + i) % known * stride + stride // 2, after : after + size]
                _add_pair(out, left, right, weight)
