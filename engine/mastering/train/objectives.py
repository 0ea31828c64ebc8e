"""Losses on audio, in decibels and loudness units, with gradients that are finite on silence.

All take batches ``[batch, channels, frames]`` of what came out and of what is wanted, and give one
number: the mean over the batch. Losses on parameters are in :mod:`engine.mastering.losses`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Annotated, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import next_fast_len
from scipy.signal import freqz_sos
from torch import Tensor

from engine.audio.loudness import (
    ABSOLUTE_GATE_LUFS,
    BLOCKS_MOMENTARY,
    OFFSET_LUFS,
    RELATIVE_GATE_LU,
    channel_weights,
    k_sections,
)
from engine.mastering.losses import crest, decibels, weighted_deviation
from engine.training.settings import Between

SPECTRAL_FLOOR = 1e-9
LOUD_LU = 20.0
STEPS_PER_S = 10
SETTLING_S = 0.25

Weight = Annotated[float, Between(0.0)]


@dataclass(frozen=True, slots=True)
class ObjectiveWeights:
    """What each term counts in the total; one with weight 0 is not computed.

    Parameters
    ----------
    convergence, magnitude, a_weighted
        Of :func:`spectral`, per dB.
    loudness, contour
        Of :func:`loudness`, per LU.
    crest
        Of :func:`crest_factor`, per dB.
    gain_prior, q_prior
        On the parameters (:mod:`engine.mastering.losses`).
    sparsity, entropy
        Per band in use, and per bit, on the gates.
    harm
        Per unit of error worse than doing nothing.
    """

    convergence: Weight = 0.1
    magnitude: Weight = 1.0
    a_weighted: Weight = 0.5
    loudness: Weight = 0.2
    contour: Weight = 0.5
    crest: Weight = 0.1
    gain_prior: Weight = 0.02
    q_prior: Weight = 0.01
    sparsity: Weight = 0.02
    entropy: Weight = 0.01
    harm: Weight = 1.0

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Sum of the terms, each times the weight of its name.

        Raises
        ------
        ValueError
            If a term has no weight.
        """
        weights = asdict(self)
        if unknown := set(terms) - set(weights):
            raise ValueError(f"no weight for {', '.join(sorted(unknown))}")
        return torch.stack([weights[name] * term for name, term in terms.items()]).sum()


class Resolution(NamedTuple):
    """Length and hop of a short-time spectrum in samples."""

    size: int
    hop: int


RESOLUTIONS = (Resolution(8192, 4096), Resolution(2048, 1024), Resolution(512, 256))
"""Half overlapped: a quarter of the hops that are usual, and of the time."""


class Spectral(NamedTuple):
    """The terms of :func:`spectral`, in dB."""

    convergence: Tensor
    magnitude: Tensor
    a_weighted: Tensor


class Loudness(NamedTuple):
    """The terms of :func:`loudness`, in LU."""

    integrated: Tensor
    contour: Tensor


def audio_terms(
    output: Tensor,
    target: Tensor,
    rate: int,
    weights: ObjectiveWeights,
    resolutions: Sequence[Resolution] = RESOLUTIONS,
) -> dict[str, Tensor]:
    """The terms on audio that have a weight, by the weight's name.

    At 44.1 kHz, 8 stereo clips of 5 s cost one core about 0.25 s for each resolution, both ways,
    0.1 s for the loudness and 0.02 s for the crest: see :func:`some_resolutions`.
    """
    terms: dict[str, Tensor] = {}
    if weights.convergence or weights.magnitude or weights.a_weighted:
        terms |= spectral(output, target, rate, resolutions)._asdict()
    if weights.loudness or weights.contour:
        integrated, contour = loudness(output, target, rate)
        terms |= {"loudness": integrated, "contour": contour}
    if weights.crest:
        terms["crest"] = crest_factor(output, target, rate)
    return terms


def spectral(
    output: Tensor, target: Tensor, rate: int, resolutions: Sequence[Resolution] = RESOLUTIONS
) -> Spectral:
    """Distances of short-time spectra of mid and side, each a mean over the resolutions.

    Spectral convergence and log magnitude are those of R. Yamamoto, E. Song, J.-M. Kim, "Parallel
    WaveGAN", ICASSP 2020, on mid and side as in C. Steinmetz, J. Pons, S. Pascual, J. Serra,
    "Automatic multitrack mixing with a differentiable mixing console of neural audio effects",
    ICASSP 2021. Both are in dB, the convergence ``c`` as ``20 log10(1 + c)``: output louder by
    ``g`` dB costs ``g`` in both.

    The A-weighted distance is the log magnitude's, where each bin counts by its A-weighting (as an
    amplitude) and by ``1 / f``. That makes octaves alike: bins are equally spaced in Hz, and
    without it nine tenths of them lie above 2 kHz.
    """
    parts = [_spectral(output, target, rate, resolution) for resolution in resolutions]
    return Spectral(*(torch.stack(term).mean() for term in zip(*parts, strict=True)))


def some_resolutions(
    count: int, generator: torch.Generator, resolutions: Sequence[Resolution] = RESOLUTIONS
) -> tuple[Resolution, ...]:
    """``count`` of them at random, for a step that shall not pay for all."""
    order = torch.randperm(len(resolutions), generator=generator)[:count]
    return tuple(resolutions[int(index)] for index in order)


def _spectral(output: Tensor, target: Tensor, rate: int, resolution: Resolution) -> Spectral:
    present, wanted = (_powers(audio, resolution) for audio in (output, target))
    hertz = np.arange(resolution.size // 2 + 1) * (rate / resolution.size)
    ear = 10.0 ** (a_weighting_db(np.maximum(hertz, 1.0)) / 20.0) / np.maximum(hertz, 1.0)
    gaps_db = (10.0 * torch.log10(present / wanted)).abs()  # 0 where both are at the floor
    heard = (torch.maximum(present, wanted) > SPECTRAL_FLOOR).to(wanted)
    return Spectral(
        _convergence_db(present, wanted),
        _mean_heard(gaps_db, heard, torch.ones_like(wanted[0, 0, :, 0])),
        _mean_heard(gaps_db, heard, torch.from_numpy(ear).to(wanted)),
    )


def _mean_heard(values: Tensor, heard: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean over bins, per example over the cells that either of the two has."""
    sums = [torch.einsum("bcfw,f->b", cells, weights) for cells in (values, heard)]
    return (sums[0] / sums[1].clamp(min=1e-12)).mean()


def _convergence_db(present: Tensor, wanted: Tensor) -> Tensor:
    amplitudes = torch.sqrt(wanted).flatten(1)
    distance = torch.linalg.vector_norm(torch.sqrt(present).flatten(1) - amplitudes, dim=-1)
    ratio = distance / torch.linalg.vector_norm(amplitudes, dim=-1)
    return (20.0 * torch.log10(1.0 + ratio)).mean()


def _powers(audio: Tensor, resolution: Resolution) -> Tensor:
    """Powers ``[batch, mid and side, bins, windows]``, not below the floor.

    A full-scale sine in a bin reads 1.
    """
    if audio.shape[1] == 2:
        left, right = audio.unbind(1)
        audio = torch.stack([0.5 * (left + right), 0.5 * (left - right)], dim=1)
    window = torch.hann_window(resolution.size, dtype=audio.dtype, device=audio.device)
    spectrum = torch.stft(
        audio.flatten(0, 1),
        *resolution,
        window=window * (2.0 / window.sum()),
        pad_mode="constant",  # reflected, a clip must be as long as half a window
        return_complex=True,
    )
    real, imaginary = torch.view_as_real(spectrum).unbind(-1)
    powers = (real * real + imaginary * imaginary).clamp(min=SPECTRAL_FLOOR)
    return powers.view(*audio.shape[:2], *powers.shape[1:])


def a_weighting_db(frequencies_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """The A curve in dB, 0 at 1 kHz (IEC 61672-1:2013, Annex E, equation E.6)."""

    def amplitude(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
        squared = hertz**2
        poles = np.sqrt((squared + 107.7**2) * (squared + 737.9**2))
        return 12194.0**2 * squared**2 / ((squared + 20.6**2) * poles * (squared + 12194.0**2))

    ratio = amplitude(np.asarray(frequencies_hz)) / amplitude(np.array(1000.0))
    return np.asarray(20.0 * np.log10(ratio))


def k_weighted(audio: Tensor, rate: int) -> Tensor:
    """Audio through the K filter of ITU-R BS.1770-4, as a product of spectra."""
    frames = audio.shape[-1]
    size = next_fast_len(frames + round(SETTLING_S * rate), real=True)
    response = torch.from_numpy(_k_response(rate, size)).to(audio.device)
    spectrum = torch.fft.rfft(audio, n=size)
    filtered: Tensor = torch.fft.irfft(spectrum * response.to(spectrum.dtype), n=size)
    return filtered[..., :frames]


@lru_cache(maxsize=8)
def _k_response(rate: int, size: int) -> NDArray[np.complex128]:
    angles = np.arange(size // 2 + 1) * (2.0 * np.pi / size)
    return np.asarray(freqz_sos(k_sections(rate), angles)[1])


def momentary_energies(audio: Tensor, rate: int) -> Tensor:
    """Weighted energies ``[batch, blocks]`` of 400 ms, 100 ms apart.

    Raises
    ------
    ValueError
        If the audio is shorter than 400 ms.
    """
    step = rate // STEPS_PER_S
    steps = audio.shape[-1] // step
    if steps < BLOCKS_MOMENTARY:
        raise ValueError(f"{audio.shape[-1]} frames are shorter than 400 ms")
    weights = torch.tensor(channel_weights(audio.shape[1]), dtype=audio.dtype, device=audio.device)
    filtered = k_weighted(audio, rate)[..., : steps * step]
    energies = filtered.square().reshape(*audio.shape[:2], steps, step).mean(-1)
    summed = (energies * weights.unsqueeze(-1)).sum(1)
    return summed.unfold(-1, BLOCKS_MOMENTARY, 1).mean(-1)


def lufs(energies: Tensor) -> Tensor:
    """Energies in LUFS, not below -120."""
    return decibels(energies) + OFFSET_LUFS


def integrated_lufs(energies: Tensor) -> Tensor:
    """Gated loudness ``[batch]`` of :func:`momentary_energies` (BS.1770-4).

    The gates are taken as given: no gradient moves a block through one. Where the absolute gate
    leaves nothing, everything counts, so that what is too quiet still has a direction.
    """
    with torch.no_grad():
        levels = lufs(energies)
        kept = levels >= ABSOLUTE_GATE_LUFS
        kept = torch.where(kept.any(-1, keepdim=True), kept, True)
        relative = lufs(_mean_where(energies, kept)).unsqueeze(-1) + RELATIVE_GATE_LU
        kept &= levels >= relative
    return lufs(_mean_where(energies, kept))


def _mean_where(values: Tensor, kept: Tensor) -> Tensor:
    return torch.where(kept, values, 0.0).sum(-1) / kept.sum(-1)


def loudness(output: Tensor, target: Tensor, rate: int) -> Loudness:
    """Difference of the integrated loudness, and of how the momentary one moves, in LU.

    The latter is the RMS difference without the mean over blocks within 20 LU of the target's
    loudest, as the evaluation has it.
    """
    present, wanted = (momentary_energies(audio, rate) for audio in (output, target))
    integrated = (integrated_lufs(present) - integrated_lufs(wanted)).abs().mean()
    present, wanted = lufs(present), lufs(wanted)
    counts = (wanted > wanted.amax(-1, keepdim=True) - LOUD_LU).to(wanted)
    return Loudness(integrated, weighted_deviation(present - wanted, counts).mean())


def crest_db(audio: Tensor, rate: int) -> Tensor:
    """Median over windows of 400 ms of peak over RMS in dB, ``[batch]``; 0 for silence.

    The peak is the highest of all channels, the RMS that of all together: 3.01 dB for a sine and
    0 dB for a square wave.
    """
    size = min(round(0.4 * rate), audio.shape[-1])
    windows = audio.unfold(-1, size, size)
    peak_db = decibels(windows.abs().amax((1, 3)).square())
    return crest(decibels(windows.square().mean((1, 3))), peak_db)


def crest_factor(output: Tensor, target: Tensor, rate: int) -> Tensor:
    """Difference of :func:`crest_db` in dB."""
    return (crest_db(output, rate) - crest_db(target, rate)).abs().mean()
