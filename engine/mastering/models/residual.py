"""The residual network: a Wave-U-Net on 16 bands, conditioned on ``z``, that may add little.

What it may add is bounded by construction, whatever its weights: in each band and channel 20 dB
below the local level there (a window of 23 ms), and nothing where that is under -100 dBFS. So
silence stays silence, a silent channel too, and noise under the programme is not raised. The side
residual is bounded by the side signal as well: mono stays mono, bit for bit.

The U-Net (D. Stoller, S. Ewert, S. Dixon, "Wave-U-Net", ISMIR 2018) sees mid and side together,
each band divided by its local level, with the levels as further inputs. At 1/16 of the rate it
costs about a twelfth of what it would at full rate. Each frame is normalised over groups of
channels and not over time: statistics over a whole recording could not be had in a stream.

At 44.1 kHz, for stereo (mono costs the same):

========  ==========  ==============  =========================
settings  parameters  input it sees   work per second of audio
========  ==========  ==============  =========================
WIDE      2.86 M      +-171 ms        2.22 GFLOP
SMALL     0.30 M      +-92 ms         0.35 GFLOP
========  ==========  ==============  =========================
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from engine.mastering.models.film import Film
from engine.mastering.models.pqmf import BANDS, Pqmf
from engine.mastering.models.tcn import Z_SIZE

RATE = 44100
BOUND = 0.1
FLOOR_POWER = 1e-10
LEVEL_DOUBLING = (1, 2, 4, 8, 16)
LEVEL_REACH = sum(LEVEL_DOUBLING)
GROUP = 8


@dataclass(frozen=True, slots=True)
class ResidualSettings:
    """Size of the network.

    Parameters
    ----------
    widths
        Channels of each level; each further level runs at half the rate. Multiples of 8.
    dilations
        Of the convolutions of a level, on the way down and on the way up.
    deepest_dilations
        Of those at the lowest rate.
    kernel
        Taps of these convolutions, odd.
    z_size
        Length of the conditioning vector.
    """

    widths: tuple[int, ...] = (32, 64, 128, 256)
    dilations: tuple[int, ...] = (1, 4)
    deepest_dilations: tuple[int, ...] = (1, 2, 4, 8)
    kernel: int = 5
    z_size: int = Z_SIZE

    def __post_init__(self) -> None:
        if not self.widths or any(width <= 0 or width % GROUP for width in self.widths):
            raise ValueError(f"widths {self.widths} are not multiples of {GROUP}")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ValueError(f"a kernel of {self.kernel} taps has no middle")
        if min(*self.dilations, *self.deepest_dilations, 1) < 1:
            raise ValueError("dilations start at 1")


WIDE = ResidualSettings()
SMALL = ResidualSettings(widths=(16, 32, 64))


class FrameNorm(nn.Module):
    """Group normalisation (Y. Wu, K. He, ECCV 2018) of each frame on its own, with an affine map.

    Parameters
    ----------
    channels
        Channels of the features, in groups of ``GROUP``.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Normalise ``[batch, channels, frames]``."""
        groups = features.reshape(len(features), -1, GROUP, features.shape[-1])
        # Unlike torch.var_mean, means over a middle axis are compiled to vector instructions.
        centred = groups - groups.mean(2, keepdim=True)
        variance = (centred * centred).mean(2, keepdim=True)
        scaled = (centred * torch.rsqrt(variance + 1e-5)).reshape(features.shape)
        return scaled * self.weight + self.bias


class Level(nn.Module):
    """Dilated convolutions with residual paths at one rate; the first is conditioned on ``z``."""

    def __init__(self, channels: int, dilations: tuple[int, ...], kernel: int, z_size: int) -> None:
        super().__init__()
        self.film = Film(z_size, channels)
        self.norms = nn.ModuleList(FrameNorm(channels) for _ in dilations)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, padding=step * (kernel // 2), dilation=step)
            for step in dilations
        )

    def forward(self, features: Tensor, z: Tensor) -> Tensor:
        """Process ``[batch, channels, frames]``."""
        for index, (norm, convolution) in enumerate(
            zip(self.norms, self.convolutions, strict=True)
        ):
            inner = norm(features)
            if index == 0:
                inner = self.film(inner, z)
            features = features + convolution(nn.functional.silu(inner))
        return features


class ResidualNetwork(nn.Module):
    """What to add to equalized audio: ``forward(audio, z)``, exactly 0 before training.

    Parameters
    ----------
    settings
        Its size.
    """

    def __init__(self, settings: ResidualSettings = WIDE) -> None:
        super().__init__()
        self.settings = settings
        widths, kernel, z_size = settings.widths, settings.kernel, settings.z_size
        self.grid_frames = BANDS << len(widths) - 1
        self.reach_frames = _reach_frames(settings)
        self.pqmf = Pqmf()
        self.enter = nn.Conv1d(4 * BANDS, widths[0], 3, padding=1)
        self.down_levels = nn.ModuleList(
            Level(width, settings.dilations, kernel, z_size) for width in widths[:-1]
        )
        self.down = nn.ModuleList(
            nn.Conv1d(above, below, 4, stride=2, padding=1) for above, below in pairwise(widths)
        )
        self.deepest = Level(widths[-1], settings.deepest_dilations, kernel, z_size)
        self.up = nn.ModuleList(
            nn.ConvTranspose1d(below, above, 4, stride=2, padding=1)
            for above, below in pairwise(widths)
        )
        self.join = nn.ModuleList(nn.Conv1d(2 * width, width, 1) for width in widths[:-1])
        self.up_levels = nn.ModuleList(
            Level(width, settings.dilations, kernel, z_size) for width in widths[:-1]
        )
        self.leave = nn.Conv1d(widths[0], 2 * BANDS, 1)
        nn.init.zeros_(self.leave.weight)
        if self.leave.bias is not None:
            nn.init.zeros_(self.leave.bias)

    def forward(self, audio: Tensor, z: Tensor) -> Tensor:
        """The residual of ``[batch, channels, frames]`` at 44.1 kHz, the same shape.

        Outside of its frames the audio is taken as silence, so that a stream gives the same.

        Parameters
        ----------
        audio
            One or two channels, full scale at +-1.
        z
            ``[batch, z_size]``.
        """
        frames, halo = audio.shape[-1], self.halo_frames
        padded = nn.functional.pad(audio, (halo, halo + -frames % self.grid_frames))
        return self.of_padded(padded, z)[..., halo : halo + frames]

    @property
    def halo_frames(self) -> int:
        """``reach_frames`` rounded up to the grid: what a part needs on either side."""
        return -(-self.reach_frames // self.grid_frames) * self.grid_frames

    def of_padded(self, audio: Tensor, z: Tensor) -> Tensor:
        """The residual of a part that is a multiple of ``grid_frames`` long.

        It is that of the whole but for ``reach_frames`` at either end.
        """
        if audio.shape[1] not in (1, 2) or audio.shape[-1] % self.grid_frames:
            raise ValueError(
                f"the audio is {tuple(audio.shape)}, expected [batch, 1 or 2, "
                f"a multiple of {self.grid_frames}]"
            )
        with torch.autocast(audio.device.type, enabled=False):
            left, right = audio[:, 0], audio[:, -1]
            mid, side = 0.5 * (left + right), 0.5 * (left - right)
            pair = self.pqmf.to_bands(torch.cat([mid, side]))
            mid_bands, side_bands = pair.chunk(2)
            channels = (mid_bands + side_bands, mid_bands - side_bands)[: audio.shape[1]]
            powers = _local_power(torch.cat([pair, *channels]))
            features = _features(pair, powers[: len(pair)])
        # Only the network may compute in halves: bounds are to hold, and mono is to stay mono.
        wanted = self._network(features, z)
        with torch.autocast(audio.device.type, enabled=False):
            bounded = _bounded(wanted.to(audio.dtype), powers)
            parts = self.pqmf.to_audio(torch.cat(bounded)).chunk(len(bounded))
        if len(parts) == 2:
            # Equal by construction, but not to the last bit: kernels round by place in memory.
            mono = (side == 0.0).all(-1, keepdim=True)
            parts = (parts[0], torch.where(mono, parts[0], parts[1]))
        return torch.stack(parts, dim=1)

    def _network(self, features: Tensor, z: Tensor) -> Tensor:
        frames = features.shape[-1]
        deepest = 1 << len(self.down)
        features = self.enter(nn.functional.pad(features, (0, -frames % deepest)))
        skips = []
        for level, down in zip(self.down_levels, self.down, strict=True):
            features = level(features, z)
            skips.append(features)
            features = down(features)
        features = self.deepest(features, z)
        for index in reversed(range(len(skips))):
            both = torch.cat([skips[index], self.up[index](features)], dim=1)
            features = self.up_levels[index](self.join[index](both), z)
        left: Tensor = self.leave(features)[..., :frames]
        return left


def _local_power(bands: Tensor) -> Tensor:
    """Mean square of each band in a triangular window around each frame."""
    power = nn.functional.pad(bands * bands, (LEVEL_REACH, LEVEL_REACH))
    # Twice a box of LEVEL_REACH + 1 frames, each by doubling: 30 times as fast as a convolution.
    for step in (*LEVEL_DOUBLING, *LEVEL_DOUBLING):
        power = power[..., :-step] + power[..., step:]
    return power / (LEVEL_REACH + 1) ** 2


def _features(pair: Tensor, powers: Tensor) -> Tensor:
    """Inputs ``[batch, 4 * BANDS, frames]``: mid and side over their levels, and the levels."""
    powers = powers.clamp(min=FLOOR_POWER)
    levels = 0.2 * torch.log10(powers) + 1.0  # -1 at -100 dBFS, 1 at 0 dBFS
    rows = torch.cat([pair * torch.rsqrt(powers), levels], dim=1)
    return torch.cat(rows.chunk(2), dim=1)


def _bounded(wanted: Tensor, powers: Tensor) -> list[Tensor]:
    """Bands of the residual of each channel, under its local level.

    Parameters
    ----------
    wanted
        What the network says for mid and side, ``[batch, 2 * BANDS, frames]``.
    powers
        Local powers of mid, side, left and (for stereo) right, one batch after the other.
    """
    mid_power, side_power, *channel_powers = powers.chunk(len(powers) // len(wanted))
    middle, difference = wanted.chunk(2, dim=1)
    ratio = _gated(side_power) * torch.rsqrt((mid_power + side_power).clamp(min=FLOOR_POWER))
    difference = torch.tanh(difference) * ratio
    signed = (middle + difference, middle - difference)
    return [
        BOUND * _gated(power) * torch.tanh(value)
        for power, value in zip(channel_powers, signed, strict=False)
    ]


def _gated(power: Tensor) -> Tensor:
    """Amplitude of a power, 0 up to ``FLOOR_POWER`` and rising from there without a step."""
    return (power - FLOOR_POWER).clamp(min=0.0) * torch.rsqrt(power.clamp(min=FLOOR_POWER))


def _reach_frames(settings: ResidualSettings) -> int:
    """How far, in frames of the audio, the input of an output lies at most."""
    half = settings.kernel // 2
    reach = 1  # enter
    for level in range(len(settings.widths) - 1):
        step = 1 << level
        # both ways through the level, the strided convolution and its transpose
        reach += step * (2 * half * sum(settings.dilations) + 2 + 2)
    reach += half * sum(settings.deepest_dilations) << len(settings.widths) - 1
    filters = 2 * Pqmf().delay_frames
    return filters + BANDS * (reach + LEVEL_REACH)
