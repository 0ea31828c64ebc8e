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

import torch
from torch import Tensor

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
    c = torch.sin(centre).unsqueeze(-1) * torch.cos(angle)
    d = torch.cos(centre).unsqueeze(-1) * torch.sin(angle)
    cc, cd, dd = c * c, c * d, d * d
    return (
        top[:, 2:3] * cc - top[:, 0:1] * dd,
        top[:, 1:2] * cd,
        bottom[:, 2:3] * cc - bottom[:, 0:1] * dd,
        bottom[:, 1:2] * cd,
    )


def response(bands: BandTensors, frequencies_hz: Tensor, rate: int) -> Tensor:
    """Complex response of all bands in series at ``frequencies_hz``, complex128."""
    angle = math.pi * frequencies_hz.to(torch.float64) / rate
    if not bands.kinds:
        return torch.ones_like(angle, dtype=torch.complex128)
    top_re, top_im, bottom_re, bottom_im = _parts(bands, angle, rate)
    return (torch.complex(top_re, top_im) / torch.complex(bottom_re, bottom_im)).prod(0)


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
    frames = audio.shape[-1]
    fir_frames = 2 * (sampled.shape[-1] - 1)
    impulse = torch.fft.irfft(sampled, n=fir_frames)
    size = _fast_size(frames + fir_frames - 1)
    spectrum = torch.fft.rfft(audio, n=size) * torch.fft.rfft(impulse.to(audio.dtype), n=size)
    filtered: Tensor = torch.fft.irfft(spectrum, n=size)[..., :frames]
    return filtered


def _fast_size(minimum: int) -> int:
    """The smallest FFT length >= ``minimum`` of the form 2^a, 3 * 2^a or 5 * 2^a."""
    return min(factor << max(0, math.ceil(math.log2(minimum / factor))) for factor in (1, 3, 5))
