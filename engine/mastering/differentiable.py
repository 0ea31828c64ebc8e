"""The chain's equalizer, saturator and imager in torch: same numbers, with gradients.

The equalizer is evaluated as a frequency response, not as a recursion. A cookbook section is the
bilinear transform of an analog prototype, so on the unit circle its response is the prototype's
at ``s = j tan(w/2) / tan(w0/2)`` (R. Bristow-Johnson, "Cookbook formulae for audio equalizer
biquad filter coefficients"). Written with sines and cosines of the half angles nothing is
subtracted that is nearly equal, so low frequencies keep their precision, and Nyquist is finite.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from engine.mastering.parameters import Band, BandKind

FIR_FRAMES = 32768
NYQUIST_MARGIN = 0.49


@dataclass(frozen=True, slots=True)
class BandTensors:
    """Equalizer bands as float64 tensors of shape ``[bands]``; the kinds are fixed."""

    kinds: tuple[BandKind, ...]
    frequency_hz: Tensor
    gain_db: Tensor
    q: Tensor
    gate: Tensor

    @classmethod
    def of(cls, bands: tuple[Band, ...]) -> BandTensors:
        """The numbers of ``bands``; a bypassed band has gate 0."""
        return cls(
            tuple(band.kind for band in bands),
            torch.tensor([band.frequency_hz for band in bands], dtype=torch.float64),
            torch.tensor([band.gain_db for band in bands], dtype=torch.float64),
            torch.tensor([band.q for band in bands], dtype=torch.float64),
            torch.tensor([band.gate * band.enabled for band in bands], dtype=torch.float64),
        )

    @property
    def effective_gain_db(self) -> Tensor:
        """Gain times gate, ``[bands]``; 0 for the pass filters, which have no gain."""
        has_gain = torch.tensor([kind.has_gain for kind in self.kinds], device=self.gain_db.device)
        return torch.where(has_gain, self.gain_db * self.gate, 0.0)


def _prototypes(bands: BandTensors) -> tuple[Tensor, Tensor]:
    """Analog numerators and denominators ``[bands, 3]`` (s^2, s, 1) at unit frequency."""
    amplitude = torch.pow(10.0, bands.effective_gain_db / 40.0)
    rows: dict[int, tuple[Tensor, Tensor]] = {}
    for kind in sorted(set(bands.kinds)):
        index = [i for i, each in enumerate(bands.kinds) if each is kind]
        a, q = amplitude[index], bands.q[index]
        one, zero = torch.ones_like(a), torch.zeros_like(a)
        slope = torch.sqrt(a) / q
        if kind is BandKind.BELL:
            top, bottom = (one, a / q, one), (one, 1.0 / (a * q), one)
        elif kind is BandKind.LOW_SHELF:
            top, bottom = (a, a * slope, a * a), (a, slope, one)
        elif kind is BandKind.HIGH_SHELF:
            top, bottom = (a * a, a * slope, a), (one, slope, a)
        elif kind is BandKind.LOW_PASS:
            top, bottom = (zero, zero, one), (one, 1.0 / q, one)
        else:
            top, bottom = (one, zero, zero), (one, 1.0 / q, one)
        top_rows, bottom_rows = torch.stack(top, -1), torch.stack(bottom, -1)
        if not kind.has_gain:  # the gate blends the filter in
            gate = bands.gate[index].unsqueeze(-1)
            top_rows = bottom_rows + gate * (top_rows - bottom_rows)
        for row, i in enumerate(index):
            rows[i] = (top_rows[row], bottom_rows[row])
    order = range(len(bands.kinds))
    return torch.stack([rows[i][0] for i in order]), torch.stack([rows[i][1] for i in order])


def _parts(bands: BandTensors, angle: Tensor, rate: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Real and imaginary numerators and denominators, ``[bands, angles]``.

    ``angle`` is w/2 in radians. Both are multiplied by (cos(w/2) sin(w0/2))^2.
    """
    top, bottom = _prototypes(bands)
    centre = math.pi * bands.frequency_hz.clamp(max=NYQUIST_MARGIN * rate) / rate
    sine, cosine = torch.sin(centre), torch.cos(centre)
    scale = torch.stack([-cosine * cosine, sine * cosine, sine * sine], -1)
    # Everything that depends on both band and angle is a product of what depends on one of them.
    s, c = torch.sin(angle), torch.cos(angle)
    even, odd = torch.stack([s * s, c * c]), (s * c).unsqueeze(0)
    top, bottom = top * scale, bottom * scale
    return (
        top[:, ::2] @ even,
        top[:, 1:2] @ odd,
        bottom[:, ::2] @ even,
        bottom[:, 1:2] @ odd,
    )


def response(bands: BandTensors, frequencies_hz: Tensor, rate: int) -> Tensor:
    """Complex response of all bands in series at ``frequencies_hz``, complex128."""
    angle = math.pi * frequencies_hz.to(torch.float64) / rate
    if not bands.kinds:
        return torch.ones_like(angle, dtype=torch.complex128)
    top_re, top_im, bottom_re, bottom_im = _parts(bands, angle, rate)
    # One by one: torch differentiates a product over a dimension ten times as slowly.
    numerator = reduce(torch.mul, torch.complex(top_re, top_im).unbind(0))
    return numerator / reduce(torch.mul, torch.complex(bottom_re, bottom_im).unbind(0))


def power_response(bands: BandTensors, frequencies_hz: Tensor, rate: int) -> Tensor:
    """Squared magnitude of :func:`response`, float64: all that long-term spectra need."""
    angle = math.pi * frequencies_hz.to(torch.float64) / rate
    if not bands.kinds:
        return torch.ones_like(angle)
    top_re, top_im, bottom_re, bottom_im = _parts(bands, angle, rate)
    return ((top_re**2 + top_im**2) / (bottom_re**2 + bottom_im**2)).prod(0)


def equalize(audio: Tensor, bands: BandTensors, rate: int, fir_frames: int = FIR_FRAMES) -> Tensor:
    """Filter ``audio`` ``[..., frames]`` with the bands' minimum-phase response.

    The response is sampled at ``fir_frames`` points, which makes an impulse response of that
    length, and convolved by FFT. What rings longer than that wraps around (below -120 dB for
    the bands a mastering equalizer uses at 32768).
    """
    frequencies_hz = fir_frequencies_hz(rate, fir_frames).to(audio.device)
    return convolve(audio, response(bands, frequencies_hz, rate))


def split(
    audio: Tensor, low_hz: Tensor, high_hz: Tensor, rate: int, fir_frames: int = FIR_FRAMES
) -> tuple[Tensor, Tensor, Tensor]:
    """Low, middle and high band of ``audio`` ``[..., frames]``, each of its shape.

    The twin of :class:`engine.mastering.crossover.Crossover`: Linkwitz-Riley crossovers of fourth
    order whose bands sum to an all-pass, with gradients for both frequencies (scalar tensors).
    """
    frequencies_hz = fir_frequencies_hz(rate, fir_frames).to(audio.device)
    lower_low, lower_high = _sides(low_hz, frequencies_hz, rate)
    upper_low, upper_high = _sides(high_hz, frequencies_hz, rate)
    low = lower_low * (upper_low + upper_high)
    shares = (low, lower_high * upper_low, lower_high * upper_high)
    first, second, third = (convolve(audio, share) for share in shares)
    return first, second, third


def _sides(frequency_hz: Tensor, frequencies_hz: Tensor, rate: int) -> tuple[Tensor, Tensor]:
    """Responses below and above a crossover: two Butterworth sections each."""
    centre = frequency_hz.to(torch.float64).expand(2)
    flat, q, open_ = (torch.full_like(centre, value) for value in (0.0, 0.5**0.5, 1.0))
    below, above = (
        response(BandTensors((kind, kind), centre, flat, q, open_), frequencies_hz, rate)
        for kind in (BandKind.LOW_PASS, BandKind.HIGH_PASS)
    )
    return below, above


def fir_frequencies_hz(rate: int, fir_frames: int = FIR_FRAMES) -> Tensor:
    """Where a response must be sampled for :func:`convolve`, 0 to Nyquist, float64."""
    return torch.arange(fir_frames // 2 + 1, dtype=torch.float64) * (rate / fir_frames)


def convolve(audio: Tensor, sampled: Tensor) -> Tensor:
    """Filter ``audio`` ``[..., frames]`` with a response at :func:`fir_frequencies_hz`."""
    impulse = torch.fft.irfft(sampled, n=2 * (sampled.shape[-1] - 1)).to(audio.dtype)
    filtered: Tensor = _Convolution.apply(audio, impulse)  # type: ignore[no-untyped-call]
    return filtered


class _Convolution(torch.autograd.Function):
    """Overlap-save convolution, with a gradient that is one, too.

    Blocks of twice the impulse are transformed several times as fast as everything at once, and
    torch's own gradient would take complex transforms of real signals.
    """

    @staticmethod
    def forward(ctx: Any, audio: Tensor, impulse: Tensor) -> Tensor:
        past, frames = impulse.shape[-1] - 1, audio.shape[-1]
        size = 2 * impulse.shape[-1]
        hop = size - past
        count = max(-(-frames // hop), 1)
        padded = pad(audio, (past, count * hop - frames))
        spectra = torch.fft.rfft(padded.unfold(-1, size, hop))
        response = torch.fft.rfft(impulse, n=size).unsqueeze(-2)
        ctx.save_for_backward(spectra, response)
        ctx.frames, ctx.size, ctx.hop, ctx.past = frames, size, hop, past
        blocks: Tensor = torch.fft.irfft(spectra * response, n=size)[..., past:]
        return blocks.flatten(-2)[..., :frames]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        spectra, response = ctx.saved_tensors
        count, hop, past = spectra.shape[-2], ctx.hop, ctx.past
        blocks = pad(gradients[0], (0, count * hop - ctx.frames))
        blocks = blocks.reshape(*blocks.shape[:-1], count, hop)
        incoming = torch.fft.rfft(pad(blocks, (past, 0)))
        to_audio = to_impulse = None
        if ctx.needs_input_grad[0]:
            product = (incoming * response.conj()).sum_to_size(spectra.shape)
            parts = torch.fft.irfft(product, n=ctx.size)
            # Where a block reaches into its neighbour's past, both have a say.
            line = pad(parts[..., :hop], (0, 0, 0, 1))
            line[..., 1:, :past] += parts[..., hop:]
            to_audio = line.flatten(-2)[..., past : past + ctx.frames]
        if ctx.needs_input_grad[1]:
            product = (incoming * spectra.conj()).sum(-2, keepdim=True).sum_to_size(response.shape)
            to_impulse = torch.fft.irfft(product.squeeze(-2), n=ctx.size)[..., : past + 1]
        return to_audio, to_impulse
