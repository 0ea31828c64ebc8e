"""The live spectrum: a smoothed power spectrum of audio as it passes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine.audio.stft import power, window
from engine.audio.tone import band_energies

FLOOR_DB = -140.0


class SpectrumAnalyser:
    """Smoothed spectrum of the mean of all channels, from blocks of any size.

    Parameters
    ----------
    rate
        Sample rate in Hz.
    size
        Transform length, a power of two.
    window_name
        One of :data:`engine.audio.stft.WINDOWS`.
    rise_s, fall_s
        Time constants with which the picture follows a rising and a falling level.
    """

    def __init__(
        self,
        rate: int,
        size: int = 4096,
        window_name: str = "hann",
        rise_s: float = 0.03,
        fall_s: float = 0.3,
    ) -> None:
        self.rate = rate
        self.size = size
        self.frequencies_hz = np.fft.rfftfreq(size, 1.0 / rate)
        self._window_name = window_name
        shape = window(window_name, size).astype(np.float64)
        self._noise_bins = size * float(np.sum(shape**2)) / 4.0
        self._hop = size // 4
        self._rise = math.exp(-self._hop / (rate * rise_s))
        self._fall = math.exp(-self._hop / (rate * fall_s))
        self.reset()

    def reset(self) -> None:
        """Start from silence."""
        self._recent = np.zeros(self.size - self._hop, np.float32)
        self._power = np.zeros(self.size // 2 + 1)

    def push(self, block: NDArray[np.floating]) -> None:
        """Take the next samples, float ``[channels, n]``. Non-finite ones count as silence."""
        mono = np.where(np.isfinite(block), block, 0.0).mean(axis=0, dtype=np.float32)
        recent = np.concatenate([self._recent, mono])
        start = 0
        while recent.size - start >= self.size:
            now = power(recent[None, start : start + self.size], self._window_name)[0]
            keep = np.where(now > self._power, self._rise, self._fall)
            self._power = now + keep * (self._power - now)
            start += self._hop
        self._recent = recent[start:]

    @property
    def levels_db(self) -> NDArray[np.float64]:
        """Level of each bin, ``[bins]``; a full-scale sine reads 0 dB, silence -140 dB."""
        return _floored(self._power)

    def smoothed_db(
        self, frequencies_hz: NDArray[np.float64], octaves: float = 1.0 / 6.0
    ) -> NDArray[np.float64]:
        """Level around given frequencies, for drawing on a logarithmic axis.

        Parameters
        ----------
        frequencies_hz
            Where, ``[n]``.
        octaves
            Width of the band around each whose energy is added up (at least one bin). So a sine
            reads its level where the band is wider than its line, and pink noise is flat.
        """
        bin_hz = self.rate / self.size
        half = np.maximum(0.5, frequencies_hz * math.sinh(0.5 * octaves * math.log(2.0)) / bin_hz)
        edges_hz = np.stack([frequencies_hz - half * bin_hz, frequencies_hz + half * bin_hz], -1)
        energies = band_energies(self._power, self.rate, edges_hz)[:, 0]
        return _floored(energies / self._noise_bins)


def _floored(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(10.0 * np.log10(np.maximum(energy, 10.0 ** (FLOOR_DB / 10.0))))
