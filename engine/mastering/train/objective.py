"""How far a predicted chain is from the one that repairs the recording, from features alone.

Curves are compared in decibels on a logarithmic frequency grid, contours in loudness units: the
same measures the evaluation uses, so that what is learned is what is judged. A network that
minimises them does as much as it can be sure of, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.mastering.compressor_gradient import CompressorTensors, compressor_gain
from engine.mastering.data.degradation import error_grid_hz
from engine.mastering.losses import harm
from engine.mastering.models.assembly import Answer, curve_db
from engine.mastering.models.features import ENVELOPE_HZ, SUBFRAMES, centres_hz
from engine.mastering.models.heads import ChainValues
from engine.mastering.train.objectives import Weight

MOMENTARY_FRAMES = 9  # 0.4 s
KNEE_DB = 6.0
PRESSED = 0.6
"""What compressed songs count in the contour error; the rest is for leaving others alone. How often
each is drawn says nothing of the world, and without the rest a model expands every song."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What would be right for a batch.

    Parameters
    ----------
    curve_db
        The correction, ``[batch, points]`` on the error grid; only its shape counts.
    weights
        How much each point can be heard in this recording, ``[batch, points]`` in [0, 1].
    contour, clean_contour
        Loudness of each frame before and after the dynamics are repaired, ``[batch, frames]``.
    envelope
        Peak envelope in dB relative to the recording's loudness, ``[batch, frames * SUBFRAMES]``.
    side_db
        The wanted change of the side signal, ``[batch]``; NaN for mono.
    compressor
        Threshold (LU), log2 of the wanted ratio, attack and release (log of ms), ``[batch, 4]``;
        NaN where the dynamics were not touched.
    """

    curve_db: Tensor
    weights: Tensor
    contour: Tensor
    clean_contour: Tensor
    envelope: Tensor
    side_db: Tensor
    compressor: Tensor

    def to(self, device: str) -> Truth:
        """The same on another device."""
        return Truth(*(getattr(self, item.name).to(device) for item in fields(self)))


class Points(NamedTuple):
    """The grid as a tensor, and the matrix ``[BANDS, points]`` that reads mel bands on it."""

    grid_hz: Tensor
    to_grid: Tensor

    @classmethod
    def on(cls, device: str) -> Points:
        """On a device."""
        rows = [np.interp(error_grid_hz(), centres_hz(), row) for row in np.eye(len(centres_hz()))]
        grid = torch.from_numpy(error_grid_hz())
        matrix = torch.from_numpy(np.asarray(rows, np.float32))
        # The double-precision grid stays where the response is evaluated.
        return cls(grid.to(device), matrix.to(device))


def centred(curve: Tensor, weights: Tensor) -> Tensor:
    """A curve without its weighted mean: an equalizer that only changes the level is no error."""
    mean = (curve * weights).sum(-1, keepdim=True) / weights.sum(-1, keepdim=True).clamp(min=1e-6)
    return curve - mean


def curve_error_db(error: Tensor, weights: Tensor) -> Tensor:
    """Weighted RMS over the grid of a centred curve, ``[batch]``."""
    power = (weights * centred(error, weights) ** 2).sum(-1) / weights.sum(-1).clamp(min=1e-6)
    return torch.sqrt(power + 1e-4)


def contour_error_lu(contour: Tensor, clean: Tensor) -> Tensor:
    """RMS difference of momentary loudness over what is within 20 LU of the loudest, ``[batch]``.

    The mean difference does not count: level is another matter.
    """
    smooth, wanted = (momentary(each) for each in (contour, clean))
    weights = (wanted > wanted.amax(-1, keepdim=True) - 20.0).float()
    power = (weights * centred(smooth - wanted, weights) ** 2).sum(-1) / weights.sum(-1)
    return torch.sqrt(power + 1e-4)


def momentary(loudness: Tensor) -> Tensor:
    """Loudness of frames averaged (as power) over 0.4 s, ``[batch, frames]``."""
    power = torch.pow(10.0, loudness.clamp(min=-100.0) / 10.0).unsqueeze(1)
    mean = torch.nn.functional.avg_pool1d(power, MOMENTARY_FRAMES, 1)
    return 10.0 * torch.log10(mean.squeeze(1) + 1e-10)


def chosen(chain: ChainValues, rows: Tensor) -> ChainValues:
    """Some of a batch."""
    return ChainValues(*(getattr(chain, item.name)[rows] for item in fields(chain)))


def gain_change_db(chain: ChainValues, envelope: Tensor) -> Tensor:
    """What the predicted compressor does to each frame, in dB, ``[batch, frames]``.

    The chain's own detector with its exact gradient, run on peak envelopes ``[batch, frames *
    SUBFRAMES]`` in dB from the loudness, 3 ms a step instead of one sample.
    """
    peaks = torch.pow(10.0, envelope.double().cpu() / 20.0)
    numbers = torch.stack((chain.threshold_lu, chain.ratio, chain.attack_ms, chain.release_ms), 1)
    knee_db, makeup_db = (torch.tensor(value, dtype=torch.float64) for value in (KNEE_DB, 0.0))
    gains = []
    for row, (threshold, ratio, attack, release) in zip(peaks, numbers.double().cpu(), strict=True):
        settings = CompressorTensors(threshold, ratio, attack, release, knee_db, makeup_db)
        gains.append(compressor_gain(row, settings, round(ENVELOPE_HZ)))
    cells_db = 20.0 * torch.log10(torch.stack(gains))
    frames_db = torch.nn.functional.avg_pool1d(cells_db.unsqueeze(1), SUBFRAMES).squeeze(1)
    return frames_db.to(envelope)


@dataclass(frozen=True, slots=True)
class FeatureWeights:
    """What each term of :func:`feature_losses` counts; those on audio have weights of their own.

    Parameters
    ----------
    tone, curve
        Error of the bands and of the curve they come from, per dB.
    harm
        Per dB worse than doing nothing.
    trust
        Squared error of the confidence in the tone.
    dynamics, compressor
        Contour error per LU; squared error of the compressor's numbers.
    width
        Per dB.
    """

    tone: Weight = 1.0
    curve: Weight = 1.0
    harm: Weight = 0.3
    trust: Weight = 1.0
    dynamics: Weight = 0.5
    compressor: Weight = 0.1
    width: Weight = 0.1

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Sum of the terms, each times the weight of its name."""
        return torch.stack([getattr(self, name) * term for name, term in terms.items()]).sum()


def feature_losses(answer: Answer, truth: Truth, points: Points) -> dict[str, Tensor]:
    """Every term of a batch by the name of its weight, each a mean over the batch."""
    predicted = curve_db(answer.bands, points.grid_hz)
    error = curve_error_db(predicted - truth.curve_db, truth.weights)
    nothing = curve_error_db(truth.curve_db, truth.weights)
    opinion = answer.curve_db @ points.to_grid
    losses = {
        "tone": error.mean(),
        "curve": curve_error_db(opinion - truth.curve_db, truth.weights).mean(),
        "harm": harm(error, nothing).mean(),
    }
    chain = answer.chain
    if chain is None or answer.confidence is None:
        return losses
    losses["trust"] = _trust(answer.confidence[:, 0], predicted, truth)
    # Not all that was left alone: the detector costs more than the network.
    pressed = ~torch.isnan(truth.compressor[:, 0])
    rest = torch.nonzero(~pressed).flatten()[: int(pressed.sum()) or 1]
    terms = []
    for rows, share in ((torch.nonzero(pressed).flatten(), PRESSED), (rest, 1.0 - PRESSED)):
        if len(rows):
            change = gain_change_db(chosen(chain, rows), truth.envelope[rows])
            contour = truth.contour[rows] + change
            terms.append(share * contour_error_lu(contour, truth.clean_contour[rows]).mean())
    losses["dynamics"] = torch.stack(terms).sum()
    values = torch.stack(
        (
            chain.threshold_lu / 6.0,
            torch.log2(chain.ratio),
            torch.log(chain.attack_ms),
            torch.log(chain.release_ms),
        ),
        dim=-1,
    )
    known = ~torch.isnan(truth.compressor)
    aim = torch.where(known, truth.compressor, 0.0)
    aim[:, 0] /= 6.0
    losses["compressor"] = (known * (values - aim) ** 2).mean()
    stereo = ~torch.isnan(truth.side_db)
    side = torch.where(stereo, truth.side_db, 0.0)
    losses["width"] = (stereo * (chain.side_db - side).abs()).mean()
    return losses


def _trust(confidence: Tensor, predicted: Tensor, truth: Truth) -> Tensor:
    """Squared distance of the confidence from the best share of the unshrunk curve."""
    whole = centred(
        predicted.detach() / confidence.detach().clamp(min=0.02).unsqueeze(-1), truth.weights
    )
    wanted = centred(truth.curve_db, truth.weights)
    power = (truth.weights * whole**2).sum(-1)
    best = (truth.weights * whole * wanted).sum(-1) / power.clamp(min=1.0)
    return ((confidence - best.clamp(0.0, 1.0)) ** 2).mean()
