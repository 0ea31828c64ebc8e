"""Equalizer bands as second-order sections, and their exact frequency response.

The filters are those of R. Bristow-Johnson's *Cookbook formulae for audio EQ biquad filter
coefficients*, in double precision. A band's gate scales its gain in dB; a pass filter has no
gain, so its gate ``g`` blends the numerator, ``(1 - g) a + g b`` over the same poles, which is
exactly transparent at 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.mastering.parameters import Band, BandKind

MAX_FREQUENCY = 0.49
"""Highest centre or corner frequency, as a share of the sample rate."""


def digital_frequency_hz(frequency_hz: float, rate: float) -> float:
    """Frequency a filter is really tuned to: at most ``MAX_FREQUENCY * rate``.

    A parameter record made for 48 kHz thereby stays valid at 8 kHz, where a 13 kHz band has
    nothing to work on and its skirt touches the last octave only.
    """
    return min(frequency_hz, MAX_FREQUENCY * rate)


def sections(bands: Iterable[Band], rate: float) -> NDArray[np.float64]:
    """Second-order sections of the active bands.

    Parameters
    ----------
    bands
        Bands in the order they are applied; those that are not ``active`` are left out.
    rate
        Sample rate in Hz.

    Returns
    -------
    Shape ``[active bands, 6]``: b0 b1 b2 a0 a1 a2 with a0 = 1, as ``scipy.signal.sosfilt`` takes.
    """
    rows = [_section(band, rate) for band in bands if band.active]
    return np.array(rows, dtype=np.float64).reshape(-1, 6)


def _section(band: Band, rate: float) -> NDArray[np.float64]:
    w0 = 2.0 * math.pi * digital_frequency_hz(band.frequency_hz, rate) / rate
    cos_w0 = math.cos(w0)
    alpha = math.sin(w0) / (2.0 * band.q)
    amplitude = 10.0 ** (band.effective_gain_db / 40.0)
    one_minus_cos = 2.0 * math.sin(0.5 * w0) ** 2  # 1 - cos loses digits at low frequencies
    if band.kind is BandKind.BELL:
        b = np.array([1.0 + alpha * amplitude, -2.0 * cos_w0, 1.0 - alpha * amplitude])
        a = np.array([1.0 + alpha / amplitude, -2.0 * cos_w0, 1.0 - alpha / amplitude])
    elif band.kind is BandKind.LOW_PASS:
        b = np.array([0.5, 1.0, 0.5]) * one_minus_cos
        a = np.array([1.0 + alpha, -2.0 * cos_w0, 1.0 - alpha])
    elif band.kind is BandKind.HIGH_PASS:
        b = np.array([0.5, -1.0, 0.5]) * (1.0 + cos_w0)
        a = np.array([1.0 + alpha, -2.0 * cos_w0, 1.0 - alpha])
    else:
        side = 1.0 if band.kind is BandKind.LOW_SHELF else -1.0
        plus, minus = amplitude + 1.0, amplitude - 1.0
        slope = 2.0 * math.sqrt(amplitude) * alpha
        b = amplitude * np.array(
            [
                plus - side * minus * cos_w0 + slope,
                side * 2.0 * (minus - side * plus * cos_w0),
                plus - side * minus * cos_w0 - slope,
            ]
        )
        a = np.array(
            [
                plus + side * minus * cos_w0 + slope,
                -side * 2.0 * (minus + side * plus * cos_w0),
                plus + side * minus * cos_w0 - slope,
            ]
        )
    if not band.kind.has_gain:
        b = (1.0 - band.gate) * a + band.gate * b
    return np.asarray(np.concatenate([b, a]) / a[0])


def response(
    bands: Iterable[Band], frequencies_hz: ArrayLike, rate: float
) -> NDArray[np.complex128]:
    """Complex frequency response of the active bands in series.

    Evaluated on the analog prototype at ``s = j tan(w / 2) / tan(w0 / 2)``, the half-angle form:
    exact at low frequencies, where summing b and a in powers of ``exp(-jw)`` cancels. Frequencies
    above Nyquist read the value at Nyquist.
    """
    frequencies = np.minimum(np.asarray(frequencies_hz, dtype=np.float64), 0.5 * rate)
    half_angle = np.tan(np.pi * frequencies / rate)
    total = np.ones(frequencies.shape, dtype=np.complex128)
    for band in bands:
        if band.active:
            tuned_hz = digital_frequency_hz(band.frequency_hz, rate)
            total *= _prototype(band, 1j * half_angle / math.tan(math.pi * tuned_hz / rate))
    return total


def _prototype(band: Band, s: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Analog prototype at the normalised complex frequency ``s``."""
    amplitude = 10.0 ** (band.effective_gain_db / 40.0)
    if band.kind is BandKind.BELL:
        numerator = s * s + s * (amplitude / band.q) + 1.0
        return np.asarray(numerator / (s * s + s / (amplitude * band.q) + 1.0))
    if band.kind in (BandKind.LOW_SHELF, BandKind.HIGH_SHELF):
        slope = s * (math.sqrt(amplitude) / band.q)
        low = s * s + slope + amplitude
        high = amplitude * s * s + slope + 1.0
        ratio = low / high if band.kind is BandKind.LOW_SHELF else high / low
        return np.asarray(amplitude * ratio)
    numerator = np.ones_like(s) if band.kind is BandKind.LOW_PASS else s * s
    return np.asarray((1.0 - band.gate) + band.gate * numerator / (s * s + s / band.q + 1.0))


def response_db(
    bands: Iterable[Band], frequencies_hz: ArrayLike, rate: float
) -> NDArray[np.float64]:
    """Gain in dB of the active bands in series, same shape as ``frequencies_hz``.

    Zeros of the response read about -6000 dB instead of minus infinity.
    """
    magnitude = np.abs(response(bands, frequencies_hz, rate))
    return np.asarray(20.0 * np.log10(np.maximum(magnitude, 1e-300)))
