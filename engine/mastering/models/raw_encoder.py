"""The raw-audio encoder: a temporal convolutional network over samples, pooled to one vector.

The reference's encoder works at the full rate, which costs 62 GFLOP for 5 s and sees 23 ms. Here
strided convolutions come first (44.1 kHz to 344 Hz), so that the dilated ones see more for less.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.mastering.models.features import BANDS
from engine.mastering.models.pooling import AttentivePooling
from engine.mastering.models.tcn import Z_SIZE, Block

SILENT_FRAMES = 4096


@dataclass(frozen=True, slots=True)
class RawEncoderSettings:
    """Size of the encoder.

    Parameters
    ----------
    widths, strides
        Channels after each strided convolution, multiples of 8, and by how much it lowers the
        rate. Its kernel is twice the stride.
    dilations
        One block each at the lowest rate, ``1 + 2 * sum(dilations)`` frames wide in all.
    separable
        Depthwise and pointwise convolutions in place of full ones in these blocks.
    """

    widths: tuple[int, ...] = (64, 128, 256)
    strides: tuple[int, ...] = (8, 4, 4)
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128)
    separable: bool = False

    def __post_init__(self) -> None:
        if not self.widths or any(width <= 0 or width % 8 for width in self.widths):
            raise ValueError(f"widths {self.widths} are not multiples of 8")
        if len(self.widths) != len(self.strides) or min(self.strides) < 2:
            raise ValueError(f"strides {self.strides} are not one of 2 or more for each width")


class RawEncoder(nn.Module):
    """A mono or stereo waveform to ``z`` ``[batch, Z_SIZE]``.

    Parameters
    ----------
    settings
        Its size.
    """

    def __init__(self, settings: RawEncoderSettings | None = None) -> None:
        super().__init__()
        settings = settings or RawEncoderSettings()
        self.settings = settings
        stages: list[nn.Module] = []
        below = 2
        for width, stride in zip(settings.widths, settings.strides, strict=True):
            stages += [
                nn.Conv1d(below, width, 2 * stride, stride=stride, padding=stride // 2),
                nn.GroupNorm(8, width),
                nn.PReLU(width),
            ]
            below = width
        self.enter = nn.Sequential(*stages)
        self.blocks = nn.Sequential(
            *(Block(below, dilation, settings.separable) for dilation in settings.dilations)
        )
        self.pooling = AttentivePooling(below)
        self.leave = nn.Linear(2 * below + 1, Z_SIZE)

    @property
    def field_frames(self) -> int:
        """How many samples one frame before the pooling depends on."""
        field = 1 + 2 * sum(self.settings.dilations)
        for stride in reversed(self.settings.strides):
            field = (field - 1) * stride + 2 * stride
        return field

    def forward(self, audio: Tensor) -> Tensor:
        """Encode ``[batch, 1 or 2 channels, frames]``; mono is stereo without a side signal.

        The level is taken off the waveform and given to the last layer as a number, as the mel
        encoder has it: group normalisation would hide it.
        """
        left, right = audio[:, 0], audio[:, -1]
        pair = torch.stack([0.5 * (left + right), 0.5 * (left - right)], dim=1)
        power = pair.square().mean((1, 2)).clamp(min=1e-12)
        frames = self.blocks(self.enter(pair * torch.rsqrt(power).view(-1, 1, 1)))
        level = (torch.log10(power) + 2.3).unsqueeze(-1)  # 0 at about -23 dBFS
        z: Tensor = self.leave(torch.cat([self.pooling(frames), level], dim=-1))
        return z


def no_audio(audio: Tensor) -> Tensor:
    """What stands for a missing reference beside ``[batch, windows, 2, frames]``: some silence."""
    return audio.new_zeros(len(audio), 1, 2, SILENT_FRAMES)


class RawHearing(nn.Module):
    """Waveforms of a recording and of a reference to one ``z``.

    It starts where the mel design does: the first ``BANDS`` numbers of ``z`` are 0, which is no
    correction, with a reference and without.
    """

    def __init__(self, settings: RawEncoderSettings) -> None:
        super().__init__()
        self.encoder = RawEncoder(settings)
        leave = nn.Linear(Z_SIZE, Z_SIZE)
        self.compare = nn.Sequential(nn.Linear(3 * Z_SIZE, Z_SIZE), nn.GELU(), leave)
        for layer in (self.encoder.leave, leave):
            nn.init.zeros_(layer.weight[:BANDS])
            nn.init.zeros_(layer.bias[:BANDS])

    def forward(self, audio: Tensor, reference: Tensor, present: Tensor) -> Tensor:
        """Encode ``[batch, windows, 2, frames]``, each of its own length.

        ``present`` ``[batch]`` is 1 where there is a reference, else 0.
        """
        own, other = self._of_windows(audio), self._of_windows(reference)
        compared: Tensor = self.compare(torch.cat((own, other, other - own), dim=-1))
        return own + compared * present.unsqueeze(-1)

    def _of_windows(self, audio: Tensor) -> Tensor:
        """The mean over the windows; one after the other, since each takes much memory."""
        return torch.stack([self.encoder(window) for window in audio.unbind(1)]).mean(0)
