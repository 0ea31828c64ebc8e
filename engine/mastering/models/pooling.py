"""From frames to one vector: attentive mean and standard deviation."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AttentivePooling(nn.Module):
    """Weighted mean and standard deviation over time with learned weights per channel.

    K. Okabe, T. Koshinaka, K. Shinoda, "Attentive Statistics Pooling for Deep Speaker Embedding",
    Interspeech 2018.

    Parameters
    ----------
    channels
        Channels of the input ``[batch, channels, frames]``; the result is ``[batch, 2 channels]``.
    hidden
        Width of the attention's hidden layer.
    """

    def __init__(self, channels: int, hidden: int = 64) -> None:
        super().__init__()
        self.attention = nn.Sequential(
            nn.Conv1d(channels, hidden, 1), nn.Tanh(), nn.Conv1d(hidden, channels, 1)
        )

    def forward(self, frames: Tensor) -> Tensor:
        """Pool ``[batch, channels, frames]``."""
        weights = torch.softmax(self.attention(frames), dim=-1)
        mean = (weights * frames).sum(-1)
        variance = (weights * (frames - mean.unsqueeze(-1)) ** 2).sum(-1)
        return torch.cat((mean, torch.sqrt(variance + 1e-5)), dim=-1)
