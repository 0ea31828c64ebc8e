"""The temporal encoder: a convolutional network over log-mel frames, pooled over time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.mastering.models.hearing import ROWS
from engine.mastering.models.pooling import AttentivePooling

Z_SIZE = 512


@dataclass(frozen=True, slots=True)
class TcnSettings:
    """Size of the temporal encoder.

    Parameters
    ----------
    channels
        Width of the convolutions, a multiple of 8.
    dilations
        One block each; kernels of 3 reach ``1 + 2 * sum(dilations)`` frames of 46 ms.
    separable
        Depthwise and pointwise convolutions in place of full ones: a third of the work.
    """

    channels: int = 96
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    separable: bool = True


class Block(nn.Module):
    """Dilated convolution with a residual path; the length does not change.

    S. Bai, J. Kolter, V. Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent
    Networks for Sequence Modeling", 2018; here looking both ways and with group normalisation, so
    that a batch of one gives what training gave.
    """

    def __init__(self, channels: int, dilation: int, separable: bool) -> None:
        super().__init__()
        groups = channels if separable else 1
        self.convolution = nn.Conv1d(
            channels, channels, 3, padding=dilation, dilation=dilation, groups=groups
        )
        self.mix = nn.Conv1d(channels, channels, 1)
        self.norm = nn.GroupNorm(8, channels)
        self.activation = nn.PReLU(channels)

    def forward(self, frames: Tensor) -> Tensor:
        """Process ``[batch, channels, frames]``."""
        inner: Tensor = self.mix(self.activation(self.norm(self.convolution(frames))))
        return frames + inner


class TemporalEncoder(nn.Module):
    """Rows of windows (:func:`~engine.mastering.models.hearing.rows_of`) to one vector."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, settings: TcnSettings) -> None:
        super().__init__()
        channels = settings.channels
        self.register_buffer("mean", torch.full((ROWS, 1), -60.0))
        self.register_buffer("deviation", torch.full((ROWS, 1), 20.0))
        self.enter = nn.Conv1d(ROWS, channels, 1)
        self.blocks = nn.Sequential(
            *(Block(channels, dilation, settings.separable) for dilation in settings.dilations)
        )
        self.pooling = AttentivePooling(channels)
        self.size = 2 * channels

    def forward(self, windows: Tensor) -> Tensor:
        """``[batch, windows, ROWS, frames]`` to ``[batch, size]``: each pooled, then their mean."""
        batch, count = windows.shape[:2]
        frames = (windows.flatten(0, 1) - self.mean) / self.deviation
        vectors: Tensor = self.pooling(self.blocks(self.enter(frames)))
        return vectors.view(batch, count, -1).mean(1)
