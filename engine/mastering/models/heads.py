"""Decoders: from ``z`` to the numbers of the chain.

Frequencies are logarithmic around one anchor per band and the outer bands are shelves, so that at
the start every part of the spectrum has a band of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from engine.mastering.models.features import BANDS, centres_hz
from engine.mastering.models.gates import hard_concrete
from engine.mastering.models.spectral import SCALE_DB
from engine.mastering.models.tcn import Z_SIZE
from engine.mastering.parameters import BandKind

MAX_GAIN_DB = 12.0
REACH_OCTAVES = 1.0
READING_OCTAVES = 0.4
LOWEST_Q, HIGHEST_Q = 0.35, 4.0
ANCHORS_HZ = {
    5: (70.0, 250.0, 1000.0, 3500.0, 9000.0),
    10: (45.0, 85.0, 160.0, 320.0, 640.0, 1250.0, 2500.0, 5000.0, 8500.0, 12500.0),
}


@dataclass(frozen=True, slots=True)
class BandValues:
    """Bands of a batch, each ``[batch, bands]``; ``logits`` are the gates' log odds, or None."""

    frequency_hz: Tensor
    gain_db: Tensor
    q: Tensor
    gate: Tensor
    logits: Tensor | None

    @property
    def effective_gain_db(self) -> Tensor:
        """Gain times gate."""
        return self.gain_db * self.gate


def kinds(bands: int) -> tuple[BandKind, ...]:
    """A low shelf, bells and a high shelf."""
    return (BandKind.LOW_SHELF, *[BandKind.BELL] * (bands - 2), BandKind.HIGH_SHELF)


def reading(anchors_hz: tuple[float, ...]) -> Tensor:
    """Matrix ``[BANDS, bands]`` that reads a curve around each anchor, about an octave wide."""
    octaves = np.log2(np.maximum(centres_hz(), 20.0))[:, None] - np.log2(anchors_hz)[None, :]
    widths = np.gradient(np.log2(np.maximum(centres_hz(), 20.0)))[:, None]
    weights = widths * np.exp(-0.5 * (octaves / READING_OCTAVES) ** 2)
    return torch.from_numpy(np.asarray(weights / weights.sum(axis=0), np.float32))


class ParametricDecoder(nn.Module):
    """The reference's white box: an MLP 512-256-256 with heads for frequency, gain and Q.

    A gain starts from what the spectral part of ``z`` reads at the band's anchor, so that the MLP
    has to learn only how neighbours share a curve.

    Parameters
    ----------
    bands
        Number of bands, 5 or 10.
    """

    anchors_hz: Tensor
    reading: Tensor

    def __init__(self, bands: int = 5) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(Z_SIZE, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU())
        self.heads = nn.Linear(256, 3 * bands)
        self.register_buffer("anchors_hz", torch.tensor(ANCHORS_HZ[bands]), persistent=False)
        self.register_buffer("reading", reading(ANCHORS_HZ[bands]), persistent=False)
        nn.init.zeros_(self.heads.weight)
        nn.init.zeros_(self.heads.bias)

    def forward(self, z: Tensor) -> BandValues:
        """Bands of ``z`` ``[batch, Z_SIZE]``; all gates are 1."""
        frequency, gain, q = self.heads(self.body(z)).chunk(3, dim=-1)
        hz = (self.anchors_hz * 2.0 ** (REACH_OCTAVES * torch.tanh(frequency))).clamp(20.0, 20000.0)
        # Q starts at 0.9, wide enough for neighbours to meet.
        position = torch.sigmoid(q - 0.6)
        q_value = LOWEST_Q * (HIGHEST_Q / LOWEST_Q) ** position
        read_db = SCALE_DB * z[:, :BANDS] @ self.reading
        read_db = read_db - read_db.mean(-1, keepdim=True)
        gain_db = MAX_GAIN_DB * torch.tanh(gain + read_db / MAX_GAIN_DB)
        return BandValues(hz, gain_db, q_value, torch.ones_like(gain_db), None)


class AdaptiveDecoder(nn.Module):
    """Up to ten bands, each with a gate (Linear 512-128, ReLU, Linear 128-10)."""

    def __init__(self, bands: int = 10) -> None:
        super().__init__()
        self.parametric = ParametricDecoder(bands)
        last = nn.Linear(128, bands)
        nn.init.constant_(last.bias, 2.0)
        self.gates = nn.Sequential(nn.Linear(Z_SIZE, 128), nn.ReLU(), last)

    def forward(self, z: Tensor) -> BandValues:
        """Bands of ``z``; gates are random while training, and sure afterwards."""
        bands: BandValues = self.parametric(z)
        logits = self.gates(z)
        noise = torch.rand_like(logits).clamp(1e-4, 1.0 - 1e-4) if self.training else None
        gate = hard_concrete(logits, noise)
        return BandValues(bands.frequency_hz, bands.gain_db, bands.q, gate, logits)


@dataclass(frozen=True, slots=True)
class ChainValues:
    """The grey box's further numbers, each ``[batch]``.

    ``threshold_lu`` is relative to the loudness of the equalized recording; a ratio below 1
    expands. ``side_db`` is the change of the side signal.
    """

    threshold_lu: Tensor
    ratio: Tensor
    attack_ms: Tensor
    release_ms: Tensor
    side_db: Tensor


class GreyDecoder(nn.Module):
    """Compressor (or expander) and width, which start by doing nothing."""

    def __init__(self) -> None:
        super().__init__()
        last = nn.Linear(256, 5)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.body = nn.Sequential(nn.Linear(Z_SIZE, 256), nn.ReLU(), last)

    def forward(self, z: Tensor) -> ChainValues:
        """Numbers for ``z`` ``[batch, Z_SIZE]``."""
        threshold, ratio, attack, release, side = self.body(z).unbind(-1)
        return ChainValues(
            threshold_lu=15.0 * torch.tanh(threshold) - 5.0,
            ratio=4.0 ** torch.tanh(ratio),
            attack_ms=10.0 * 10.0 ** torch.tanh(attack),
            release_ms=150.0 * 6.0 ** torch.tanh(release),
            side_db=9.0 * torch.tanh(side),
        )


class ConfidenceHead(nn.Module):
    """Share in (0, 1) of the tone, dynamics and width correction that is worth doing."""

    def __init__(self) -> None:
        super().__init__()
        last = nn.Linear(64, 3)
        # Dynamics and width start trusted: a share that fell to 0 would hide what it multiplies.
        with torch.no_grad():
            last.bias.copy_(torch.tensor([0.0, 1.5, 1.5]))
        self.body = nn.Sequential(nn.Linear(Z_SIZE, 64), nn.ReLU(), last)

    def forward(self, z: Tensor) -> Tensor:
        """``[batch, 3]``."""
        return torch.sigmoid(self.body(z))
