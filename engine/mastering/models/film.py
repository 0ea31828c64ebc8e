"""FiLM: features scaled and shifted by what a vector says."""

from __future__ import annotations

from torch import Tensor, nn


class Film(nn.Module):
    """``(1 + gamma) x + beta`` per channel, gamma and beta linear in ``z``; untrained, it is ``x``.

    E. Perez et al., "FiLM: Visual Reasoning with a General Conditioning Layer", AAAI 2018. There
    the factor is gamma, which at a start near 0 silences what it conditions.

    Parameters
    ----------
    z_size
        Length of the conditioning vector.
    channels
        Channels of the features.
    """

    def __init__(self, z_size: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(z_size, 2 * channels)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor, z: Tensor) -> Tensor:
        """Condition ``[batch, channels, frames]`` by ``z`` ``[batch, z_size]``."""
        gamma, beta = self.linear(z).unsqueeze(-1).chunk(2, dim=1)
        conditioned: Tensor = features + (gamma * features + beta)
        return conditioned
