"""The whole chain in torch: the twin of :mod:`engine.mastering.chain`, with gradients.

The stages and their order are the renderer's, driven by the same numbers. What differs is how
they are computed (spectra instead of recursions), so the two check each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.mastering.compressor_gradient import CompressorTensors, compress
from engine.mastering.differentiable import BandTensors, equalize, split
from engine.mastering.imager import side_bands
from engine.mastering.limiter import LimiterProcessor
from engine.mastering.oversample import half_bands
from engine.mastering.parameters import ChainParameters, Imager, Limiter, Multiband
from engine.mastering.saturator import LEAST_CURVATURE, oversampling

EDGE_FRAMES = 512
SATURATOR_CASCADE = (40, 10.0)  # taps and Kaiser shape of the renderer's oversampling


@dataclass(frozen=True, slots=True)
class MultibandTensors:
    """Crossovers and compressors of the three bands; out of use it passes the audio as it is."""

    low_hz: Tensor
    high_hz: Tensor
    low: CompressorTensors
    mid: CompressorTensors
    high: CompressorTensors
    active: bool

    @classmethod
    def of(cls, parameters: Multiband) -> MultibandTensors:
        """The numbers of ``parameters``."""
        return cls(
            torch.tensor(parameters.low_hz, dtype=torch.float64),
            torch.tensor(parameters.high_hz, dtype=torch.float64),
            CompressorTensors.of(parameters.low),
            CompressorTensors.of(parameters.mid),
            CompressorTensors.of(parameters.high),
            parameters.active,
        )


@dataclass(frozen=True, slots=True)
class ChainTensors:
    """Every number of the chain that has a gradient, as float64 tensors."""

    bands: BandTensors
    compressor: CompressorTensors
    multiband: MultibandTensors
    drive_db: Tensor
    mix: Tensor
    width: Tensor
    side_bands: BandTensors
    limiter_gain_db: Tensor
    limiter: Limiter

    @classmethod
    def of(cls, parameters: ChainParameters) -> ChainTensors:
        """The numbers of ``parameters``; bypassed stages get numbers that do nothing."""

        def scalar(value: float) -> Tensor:
            return torch.tensor(value, dtype=torch.float64)

        saturator, imager = parameters.saturator, parameters.imager
        return cls(
            BandTensors.of(parameters.bands),
            CompressorTensors.of(parameters.compressor),
            MultibandTensors.of(parameters.multiband),
            scalar(saturator.drive_db),
            scalar(saturator.mix if saturator.active else 0.0),
            scalar(imager.width if imager.enabled else 1.0),
            BandTensors.of(side_bands(imager if imager.enabled else Imager())),
            scalar(parameters.limiter.gain_db),
            parameters.limiter,
        )


def process(audio: Tensor, chain: ChainTensors, rate: int) -> Tensor:
    """Run ``[channels, frames]`` through every stage but the residual network."""
    audio = equalize(audio, chain.bands, rate)
    audio = compress(audio, chain.compressor, rate)
    audio = compress_bands(audio, chain.multiband, rate)
    audio = saturate(audio, chain.drive_db, chain.mix, rate)
    audio = widen(audio, chain.width, chain.side_bands, rate)
    return limit(audio, chain.limiter_gain_db, chain.limiter, rate)


def compress_bands(audio: Tensor, settings: MultibandTensors, rate: int) -> Tensor:
    """Split ``[channels, frames]`` in three, compress each band and add them up."""
    if not settings.active:
        return audio
    bands = split(audio, settings.low_hz, settings.high_hz, rate)
    compressors = (settings.low, settings.mid, settings.high)
    low, middle, high = (
        compress(band, compressor, rate)
        for band, compressor in zip(bands, compressors, strict=True)
    )
    return low + middle + high


def saturate(audio: Tensor, drive_db: Tensor, mix: Tensor, rate: int) -> Tensor:
    """Oversampled ``tanh(g x) / g``; only what the curve adds is band-limited.

    The renderer's half-band cascade is linear phase, so it is a real factor on the spectrum.
    """
    if float(mix.detach()) == 0.0:
        return audio
    squared = torch.expm1(drive_db * (math.log(10.0) / 10.0))
    g = torch.sqrt(squared.clamp(min=LEAST_CURVATURE**2)).to(audio.dtype)
    factor, frames = oversampling(rate), audio.shape[-1]
    size = frames + 2 * EDGE_FRAMES + frames % 2
    stuffed = audio.new_zeros((*audio.shape[:-1], size, factor))
    stuffed[..., EDGE_FRAMES : EDGE_FRAMES + frames, 0] = audio
    interpolator = _half_band_response(factor, factor * size).to(audio.dtype)
    fine = _filtered(stuffed.flatten(-2), interpolator)
    added = torch.tanh(g * fine) / g - fine
    coarse = _filtered(added, interpolator / factor)[..., ::factor]
    return audio + mix.to(audio.dtype) * coarse[..., EDGE_FRAMES : EDGE_FRAMES + frames]


def _half_band_response(factor: int, size: int) -> Tensor:
    """Zero-phase response of the saturator's oversampling cascade at the bins of ``size``."""
    bands = half_bands(factor, *SATURATOR_CASCADE)
    angles = torch.arange(size // 2 + 1, dtype=torch.float64) * (2.0 * math.pi / size)
    total = torch.ones_like(angles)
    for stage, count in enumerate(bands.counts):
        odd = 2.0 * torch.arange(int(count), dtype=torch.float64) + 1.0
        weights = torch.from_numpy(bands.taps[stage, :count])
        stage_angles = angles * (factor / 2 ** (stage + 1))
        # One tap at a time: all at once would need taps times bins of memory.
        response = torch.ones_like(angles)
        for distance, weight in zip(odd, weights, strict=True):
            response += 2.0 * weight * torch.cos(stage_angles * distance)
        total = total * response
    return total


def _filtered(signal: Tensor, response: Tensor) -> Tensor:
    filtered: Tensor = torch.fft.irfft(torch.fft.rfft(signal) * response, n=signal.shape[-1])
    return filtered


def widen(audio: Tensor, width: Tensor, bands: BandTensors, rate: int) -> Tensor:
    """Scale the side signal of stereo, filtered by ``bands``; other layouts pass unchanged."""
    if audio.shape[-2] != 2:
        return audio
    left, right = audio.unbind(-2)
    side = 0.5 * (left - right)
    filtered = equalize(side, bands, rate) if bands.kinds else side
    change = width.to(audio.dtype) * filtered - side
    return torch.stack([left + change, right - change], dim=-2)


def limit(audio: Tensor, gain_db: Tensor, limiter: Limiter, rate: int) -> Tensor:
    """The renderer's own limiter on ``[channels, frames]``, its gain curve taken as given.

    Gradients pass through the gain in force; how the gain itself would move is left out, which
    is what keeps a loss from trading peaks against loudness.
    """
    driven = audio * torch.pow(10.0, gain_db / 20.0).to(audio.dtype)
    limited: Tensor = _Limit.apply(driven, limiter, rate)  # type: ignore[no-untyped-call]
    return limited


class _Limit(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, driven: Tensor, limiter: Limiter, rate: int) -> Tensor:
        samples = driven.detach().to(torch.float64).numpy()
        processor = LimiterProcessor(rate, samples.shape[0], replace(limiter, gain_db=0.0))
        late = np.zeros((samples.shape[0], processor.latency_frames))
        out = processor.process(np.concatenate([samples, late], axis=1))[:, late.shape[1] :]
        energy = (samples**2).sum(axis=0)
        gains = np.divide(
            (samples * out).sum(axis=0), energy, out=np.ones_like(energy), where=energy > 1e-20
        )
        ctx.gains = torch.from_numpy(gains)
        return torch.from_numpy(out).to(driven.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0] * ctx.gains.to(gradients[0].dtype), None, None
