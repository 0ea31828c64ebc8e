"""The spectral encoder: band statistics, alone or beside a reference's, to a correction curve.

Convolutions run along the frequency axis, so what it learns of a resonance at one frequency holds
at all, and it generalises from few songs. Its output is supervised: the curve that it thinks is
right, already shrunk to what it can be sure of.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.mastering.models.features import BANDS
from engine.mastering.models.hearing import STATISTICS

HARMONICS = 3
SCALE_DB = 6.0


@dataclass(frozen=True, slots=True)
class SpectralSettings:
    """Size of the spectral encoder.

    Parameters
    ----------
    channels
        Width of the convolutions, a multiple of 8.
    dilations
        One residual block each, kernels of 7 bands.
    dropout
        Share of the channels that is left out while training.
    """

    channels: int = 48
    dilations: tuple[int, ...] = (1, 2, 4, 1, 2, 4)
    dropout: float = 0.1


class SpectralBlock(nn.Module):
    """Residual convolution over bands, ``[batch, channels, BANDS]``."""

    def __init__(self, channels: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(channels, channels, 7, padding=3 * dilation, dilation=dilation)
        self.norm = nn.GroupNorm(8, channels)
        self.mix = nn.Conv1d(channels, channels, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, bands: Tensor) -> Tensor:
        """The input plus what was found in it."""
        inner = self.mix(torch.nn.functional.gelu(self.norm(self.convolution(bands))))
        found: Tensor = self.dropout(inner)
        return bands + found


class SpectralEncoder(nn.Module):
    """Statistics ``[batch, STATISTICS, BANDS]`` to a curve in dB, ``[batch, BANDS]``."""

    mean: Tensor
    deviation: Tensor
    position: Tensor

    def __init__(self, settings: SpectralSettings) -> None:
        super().__init__()
        channels = settings.channels
        self.register_buffer("mean", torch.zeros(STATISTICS, BANDS))
        self.register_buffer("deviation", torch.full((STATISTICS, 1), 8.0))
        place = torch.linspace(0.0, math.pi, BANDS)
        waves = [
            wave(k * place) for k in range(1, HARMONICS + 1) for wave in (torch.sin, torch.cos)
        ]
        self.register_buffer("position", torch.stack(waves), persistent=False)
        rows = 3 * STATISTICS + 1 + 2 * HARMONICS
        self.enter = nn.Conv1d(rows, channels, 7, padding=3)
        self.blocks = nn.Sequential(
            *(SpectralBlock(channels, d, settings.dropout) for d in settings.dilations)
        )
        self.leave = nn.Conv1d(channels, 1, 1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def forward(self, heard: Tensor, reference: Tensor, present: Tensor) -> Tensor:
        """The curve to apply.

        Parameters
        ----------
        heard, reference
            Statistics ``[batch, STATISTICS, BANDS]``; where there is no reference its numbers do
            not matter, as long as they are finite.
        present
            1 where there is a reference, else 0, ``[batch]``.
        """
        own = (heard - self.mean) / self.deviation
        other = (reference - self.mean) / self.deviation
        known = present.view(-1, 1, 1)
        rows = torch.cat(
            (
                own,
                other * known,
                (other - own) * known,
                known.expand(-1, 1, BANDS),
                self.position.expand(len(own), -1, -1),
            ),
            dim=1,
        )
        curve: Tensor = self.leave(self.blocks(self.enter(rows)))
        return SCALE_DB * curve.squeeze(1)
