"""Tone: long-term spectrum in fractional octaves, stereo width and crest factor of a programme."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.audio.clip import Clip
from engine.audio.stft import window

WINDOW = "hann"
SHORTEST_WINDOW_S = 0.3  # resolves the third octave at 20 Hz
LOWEST_HZ, HIGHEST_HZ = 20.0, 20_000.0
BLOCK_FRAMES = 65536
_SHORTEST_FRAMES = 64
_OCTAVE = 10.0**0.3  # IEC 61260-1: octaves to the base of ten


@dataclass(frozen=True, slots=True, eq=False)
class Tone:
    """Long-term averages of a programme; -inf where there is no energy.

    Parameters
    ----------
    centres_hz
        Middle of each band, ``[bands]``.
    mid_db, side_db
        Level of the bands of (L+R)/2 and (L-R)/2, ``[bands]``; a full-scale sine reads 0 dB.
    band_correlation
        Correlation of left and right in each band, ``[bands]``, -1 to 1; 1 where there is silence.
    correlation
        The same over the whole band.
    side_to_mid_db
        Energy of the side relative to the mid.
    rms_dbfs, peak_dbfs
        Of all channels, re full scale (a full-scale sine has an RMS of -3.01 dBFS).
    """

    centres_hz: NDArray[np.float64]
    mid_db: NDArray[np.float64]
    side_db: NDArray[np.float64]
    band_correlation: NDArray[np.float64]
    correlation: float
    side_to_mid_db: float
    rms_dbfs: float
    peak_dbfs: float

    @property
    def crest_db(self) -> float:
        """Peak above RMS in dB; 0 for silence."""
        return self.peak_dbfs - self.rms_dbfs if self.rms_dbfs > -math.inf else 0.0

    @property
    def width_db(self) -> NDArray[np.float64]:
        """Side above mid in each band, ``[bands]``; -inf without a side, inf without a mid."""
        silent = ~np.isfinite(self.side_db)
        with np.errstate(invalid="ignore"):
            return np.where(silent, -np.inf, self.side_db - self.mid_db)

    @property
    def balance_db(self) -> NDArray[np.float64]:
        """The mid spectrum re its own mean energy: tonal balance without loudness, ``[bands]``."""
        energy = 10.0 ** (self.mid_db / 10.0)
        return self.mid_db - _decibels(energy.mean()) if energy.any() else self.mid_db


def _decibels(energy: NDArray[np.float64] | float) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.asarray(10.0 * np.log10(energy))


def band_centres_hz(rate: int, per_octave: int = 3) -> NDArray[np.float64]:
    """Middles of fractional-octave bands (IEC 61260-1), 20 Hz to 20 kHz or half the rate."""
    span = math.ceil(11 * per_octave)
    shift = 0.0 if per_octave % 2 else 0.5
    steps = (np.arange(-span, span + 1) + shift) / per_octave
    centres = 1000.0 * _OCTAVE**steps
    half = _OCTAVE ** (0.5 / per_octave)
    fits = (centres * half > LOWEST_HZ) & (centres / half < HIGHEST_HZ)
    return np.asarray(centres[fits & (centres < rate / 2.0)])


def band_energies(
    spectrum: NDArray[np.float64], rate: int, edges_hz: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum a power spectrum between edges, sharing out the bins that an edge divides.

    Parameters
    ----------
    spectrum
        ``[bins]``, 0 Hz to half the rate.
    rate
        Sample rate in Hz.
    edges_hz
        Any shape; along the last axis the band edges, ascending.
    """
    width = rate / (2.0 * (spectrum.size - 1))
    bounds = (np.arange(spectrum.size + 1) - 0.5) * width
    total = np.concatenate([[0.0], np.cumsum(spectrum)])
    # the sum runs up to loud bass; a difference of it below rounding is nothing
    energies = np.diff(np.interp(edges_hz, bounds, total), axis=-1)
    return np.asarray(np.where(energies > 1e-13 * total[-1], energies, 0.0))


class ToneMeter:
    """Long-term averages of a stream (Welch's method, half-overlapping Hann windows).

    Of more than two channels the first two are taken as left and right.

    Parameters
    ----------
    rate
        Sample rate in Hz.
    channels
        Number of channels.
    per_octave
        Bands in an octave.
    """

    def __init__(self, rate: int, channels: int, per_octave: int = 3) -> None:
        self.rate = rate
        self.channels = channels
        self.per_octave = per_octave
        shortest = SHORTEST_WINDOW_S * rate * per_octave / 3.0
        self._size = 1 << math.ceil(math.log2(shortest))
        self._rest = np.empty((2, 0), np.float32)
        self._frames = 0
        self._windows = 0
        self._spectra = np.zeros((3, self._size // 2 + 1))
        self._sums = np.zeros(3)
        self._energy = 0.0
        self._peak = 0.0

    def push(self, block: NDArray[np.floating]) -> None:
        """Take the next samples, float ``[channels, n]``. Non-finite ones count as silence."""
        if block.shape[0] != self.channels:
            raise ValueError(f"expected {self.channels} channels, got {block.shape[0]}")
        if not block.shape[1]:
            return
        clean = np.where(np.isfinite(block), block, 0.0).astype(np.float32, copy=False)
        self._peak = max(self._peak, float(np.abs(clean).max()))
        self._energy += float(np.sum(np.square(clean, dtype=np.float64)))
        self._frames += clean.shape[1]
        left, right = clean[0], clean[min(1, self.channels - 1)]
        mid_side = np.stack([0.5 * (left + right), 0.5 * (left - right)])
        self._sums += _products(mid_side.astype(np.float64)).sum(axis=-1)
        self._rest = np.concatenate([self._rest, mid_side], axis=1)
        hop = self._size // 2
        start = 0
        while self._rest.shape[1] - start >= self._size:
            self._add(self._rest[:, start : start + self._size])
            start += hop
        self._rest = self._rest[:, start:].copy()

    def _add(self, frames: NDArray[np.float32]) -> None:
        self._spectra += _cross_spectra(frames, self._size)
        self._windows += 1

    def result(self) -> Tone:
        """Averages over everything so far; a start shorter than a window is padded."""
        spectra, windows = self._spectra, self._windows
        if not windows and self._frames:
            spectra, windows = _cross_spectra(self._rest, self._size), 1
        spectra = spectra / max(windows, 1)
        centres_hz = band_centres_hz(self.rate, self.per_octave)
        half = _OCTAVE ** (0.5 / self.per_octave)
        edges_hz = np.stack([centres_hz / half, centres_hz * half], axis=-1)
        mid, side = (band_energies(spectrum, self.rate, edges_hz)[:, 0] for spectrum in spectra[:2])
        cross = _cross_bands(spectra[2], self.rate, edges_hz)
        mean_square = self._energy / max(self._frames * self.channels, 1)
        return Tone(
            centres_hz=centres_hz,
            mid_db=_decibels(mid),
            side_db=_decibels(side),
            band_correlation=_correlation(mid, side, cross),
            correlation=float(_correlation(*self._sums)),
            side_to_mid_db=_ratio_db(self._sums[1], self._sums[0]),
            rms_dbfs=float(_decibels(mean_square)),
            peak_dbfs=float(2.0 * _decibels(self._peak)),
        )


def _products(mid_side: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squares of mid and side and their product."""
    mid, side = mid_side
    return np.stack([mid * mid, side * side, mid * side])


def _cross_spectra(frames: NDArray[np.float32], size: int) -> NDArray[np.float64]:
    """Power of mid and side and the real cross power, per bin; a sine's bins add up to 1."""
    from scipy.fft import rfft

    length = max(frames.shape[1], _SHORTEST_FRAMES)
    frames = np.pad(frames, ((0, 0), (0, length - frames.shape[1])))
    shape = window(WINDOW, length)
    spectrum = rfft(frames * shape, size, axis=-1).astype(np.complex128)
    noise_bins = size * float(np.square(shape, dtype=np.float64).sum()) / 4.0
    spectrum[:, [0, -1]] *= math.sqrt(0.5)  # these two have no mirror image
    mid, side = spectrum
    cross = (mid * side.conj()).real
    return np.stack([np.abs(mid) ** 2, np.abs(side) ** 2, cross]) / noise_bins


def _cross_bands(
    cross: NDArray[np.float64], rate: int, edges_hz: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Band sums of a signed spectrum."""
    positive = band_energies(np.maximum(cross, 0.0), rate, edges_hz)
    negative = band_energies(np.maximum(-cross, 0.0), rate, edges_hz)
    return np.asarray((positive - negative)[:, 0])


def _correlation(
    mid: NDArray[np.float64], side: NDArray[np.float64], cross: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Correlation of L = M + S and R = M - S from the energies of M and S and their product."""
    left, right = mid + side + 2.0 * cross, mid + side - 2.0 * cross
    scale = np.sqrt(np.maximum(left * right, 0.0))
    known = scale > 1e-12 * (mid + side)
    quotient = np.divide(mid - side, scale, out=np.ones_like(scale), where=known)
    return np.asarray(np.clip(quotient, -1.0, 1.0))


def _ratio_db(numerator: float, denominator: float) -> float:
    if numerator <= 0.0:
        return -math.inf
    return 10.0 * math.log10(numerator / denominator) if denominator > 0.0 else math.inf


def measure_tone(clip: Clip, per_octave: int = 3) -> Tone:
    """Long-term averages of a whole clip."""
    meter = ToneMeter(clip.rate, clip.channels, per_octave)
    for start in range(0, clip.frames, BLOCK_FRAMES):
        meter.push(clip.samples[:, start : start + BLOCK_FRAMES])
    return meter.result()
