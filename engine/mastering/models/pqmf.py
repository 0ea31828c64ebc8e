"""Pseudo-quadrature mirror filters: 16 bands at 1/16 of the rate, and back without an error.

A cosine-modulated bank whose synthesis filters are its analysis filters reversed (P. P.
Vaidyanathan, *Multirate Systems and Filter Banks*, 1993, chapter 8). The prototype starts as the
Kaiser design with the cutoff that reconstructs best (Y.-P. Lin and P. P. Vaidyanathan, "A Kaiser
window approach for the design of prototype filters of cosine modulated filterbanks", IEEE Signal
Processing Letters 5, 1998). That reaches about -60 dB. From there it goes to the prototype with the
least energy in the stop band among those that reconstruct exactly, so that what is left is
rounding, and the bank keeps energy: the bands together have exactly that of the signal.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

BANDS = 16
OVERLAP = 8
KAISER_BETA = 10.0
HALF_STEPS, WHOLE_STEPS = 30, 20
LEAST_SINGULAR = 1e-13

Floats = NDArray[np.float64]


class Pqmf(nn.Module):
    """Analysis into bands and synthesis from them, as two adjoint convolutions.

    Frame ``t`` of the bands is seen through ``taps`` samples from ``bands * t - (taps - bands)``
    on. Nothing is delayed: samples before the first and after the last are taken as silence, and
    there are ``overlap_frames`` more band frames than ``samples / bands``, so that every sample is
    covered. As a causal stream the bank is ``delay_frames`` late.

    Parameters
    ----------
    bands
        How many; an even number.
    overlap
        Length of the prototype in units of ``2 * bands`` taps.
    """

    weight: Tensor

    def __init__(self, bands: int = BANDS, overlap: int = OVERLAP) -> None:
        super().__init__()
        self.bands = bands
        self.taps = 2 * bands * overlap
        self.overlap_frames = 2 * overlap - 1
        self.delay_frames = self.taps - bands
        filters = torch.from_numpy(modulated(prototype(bands, overlap), bands))
        self.register_buffer("weight", filters.unsqueeze(1), persistent=False)

    def to_bands(self, audio: Tensor) -> Tensor:
        """Split ``[batch, samples]`` into ``[batch, bands, samples / bands + overlap_frames]``.

        Raises
        ------
        ValueError
            If the samples are not a multiple of ``bands``.
        """
        if audio.shape[-1] % self.bands:
            raise ValueError(f"{audio.shape[-1]} samples are no multiple of {self.bands}")
        padded = nn.functional.pad(audio, (self.delay_frames, self.delay_frames))
        filters = self.weight.to(audio.dtype)
        return nn.functional.conv1d(padded.unsqueeze(1), filters, stride=self.bands)

    def to_audio(self, bands: Tensor) -> Tensor:
        """Join what :meth:`to_bands` split, ``[batch, samples]``."""
        filters = self.weight.to(bands.dtype)
        padded = nn.functional.conv_transpose1d(bands, filters, stride=self.bands).squeeze(1)
        return padded[..., self.delay_frames : padded.shape[-1] - self.delay_frames]


def modulated(prototype: Floats, bands: int) -> Floats:
    """The filters ``[bands, taps]``: the prototype times a cosine at the centre of each band."""
    taps = len(prototype)
    time = np.arange(taps) - (taps - 1) / 2
    number = np.arange(bands)[:, None]
    turns = (2 * number + 1) * (np.pi / (2 * bands)) * time
    return np.asarray(2.0 * prototype * np.cos(turns + (-1.0) ** number * (np.pi / 4.0)))


@lru_cache(maxsize=4)
def prototype(bands: int, overlap: int) -> Floats:
    """Low-pass ``[2 * bands * overlap]`` whose modulated bank reconstructs exactly.

    Sequential quadratic programming on the half of it that symmetry leaves: each step minimises
    the stop-band energy on the tangent of the conditions for reconstruction. It goes half the way
    at first, as the tangent holds for small steps only, and ends with steps onto the conditions.
    """
    half = bands * overlap
    mirror = np.concatenate([np.eye(half), np.eye(half)[::-1]])
    energy = mirror.T @ _stop_band_energy(2 * half, math.pi / bands) @ mirror
    energy = energy / (np.trace(energy) / half) + 1e-4 * np.eye(half)
    values = kaiser(bands, overlap)[:half]
    for _ in range(HALF_STEPS):
        error, slope = _conditions(mirror @ values, bands)
        slope = slope @ mirror
        system = np.block([[energy, slope.T], [slope, np.zeros((len(slope), len(slope)))]])
        target = np.concatenate([-energy @ values, -error])
        values = values + 0.5 * np.linalg.lstsq(system, target, rcond=LEAST_SINGULAR)[0][:half]
    for _ in range(WHOLE_STEPS):
        error, slope = _conditions(mirror @ values, bands)
        if np.abs(error).max() < 1e-16:
            break
        values = values + np.linalg.lstsq(slope @ mirror, -error, rcond=None)[0]
    return np.asarray(mirror @ values)


def kaiser(bands: int, overlap: int, beta: float = KAISER_BETA) -> Floats:
    """The Kaiser prototype with the cutoff that reconstructs best, scaled for a gain of 1."""
    taps = 2 * bands * overlap
    time = np.arange(taps) - (taps - 1) / 2

    def low_pass(cutoff: float) -> Floats:
        return np.asarray(np.sinc(cutoff * time) * np.kaiser(taps, beta))

    def error(cutoff: float) -> float:
        values = low_pass(cutoff)
        lags = np.convolve(values, values)[taps - 1 :: 2 * bands]
        return float(np.abs(lags[1:]).max() / lags[0])

    nominal = 0.5 / bands
    bounds = (0.8 * nominal, 1.6 * nominal)
    best = minimize_scalar(error, bounds=bounds, method="bounded", options={"xatol": 1e-10})
    values = low_pass(float(best.x))
    return values * math.sqrt(0.5 / float(np.sum(values**2)))


def _stop_band_energy(taps: int, edge: float) -> Floats:
    """Matrix whose quadratic form is the energy above ``edge`` rad per sample."""
    lag = np.subtract.outer(np.arange(taps), np.arange(taps))
    return np.asarray((lag == 0) - edge / np.pi * np.sinc(edge / np.pi * lag))


def _conditions(values: Floats, bands: int) -> tuple[Floats, Floats]:
    """How far the polyphase components are from power complementary pairs, and its Jacobian.

    Components ``k`` and ``k + bands`` must have autocorrelations that add up to an impulse
    (Vaidyanathan 1993, equation 8.5.10).
    """
    overlap = len(values) // (2 * bands)
    phases = values.reshape(overlap, 2 * bands)
    errors, slopes = [], []
    for first in range(bands // 2):
        for lag in range(overlap):
            slope = np.zeros((overlap, 2 * bands))
            error = -0.5 / bands if lag == 0 else 0.0
            for phase in (first, first + bands):
                early, late = phases[: overlap - lag, phase], phases[lag:, phase]
                error += float(early @ late)
                slope[: overlap - lag, phase] += late
                slope[lag:, phase] += early
            errors.append(error)
            slopes.append(slope.ravel())
    return np.array(errors), np.array(slopes)
