"""From float samples to integers, with triangular dither."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def quantise(
    samples: NDArray[np.floating], bits: int, rng: np.random.Generator | None
) -> tuple[NDArray[np.int32], int]:
    """Round samples to ``bits``-bit integers.

    Triangular (TPDF) dither of +-1 step makes mean and variance of the rounding error independent
    of the signal: Lipshitz, Wannamaker and Vanderkooy, "Quantization and Dither: A Theoretical
    Survey", JAES 40(5), 1992. A block that lies on the integer grid already (digital silence,
    an untouched recording) loses nothing by rounding and is left bit-exact.

    Parameters
    ----------
    samples
        Float ``[channels, n]``, full scale at +-1.
    bits
        Word length, 2 to 24.
    rng
        Where the dither comes from; None rounds without dither.

    Returns
    -------
    integers
        Int32 ``[channels, n]`` in ``-2**(bits-1) .. 2**(bits-1) - 1``.
    clipped
        How many samples lay beyond full scale and were clipped.
    """
    scale = float(1 << (bits - 1))
    steps = samples.astype(np.float64) * scale
    clipped = int(np.count_nonzero(np.abs(steps) > scale))
    rounded = np.rint(steps)
    if rng is not None and not np.array_equal(rounded, steps):
        steps += rng.random(steps.shape)
        steps -= rng.random(steps.shape)
        rounded = np.rint(steps)
    return np.clip(rounded, -scale, scale - 1.0).astype(np.int32), clipped
