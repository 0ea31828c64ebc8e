"""Distances between what a chain makes and what is wanted, as torch functions with gradients.

All return one number; levels are in dB or LU, so that the weights between them mean something.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

POWER_FLOOR = 1e-12
ROUND = 1e-4
EDGE = 1e-6


def decibels(power: Tensor, floor: float = POWER_FLOOR) -> Tensor:
    """``10 log10(power)``, bounded below so that silence has a finite gradient."""
    return 10.0 * torch.log10(power.clamp(min=floor))


def dead_zone(difference: Tensor, tolerance: Tensor | float) -> Tensor:
    """The part of a difference outside +-tolerance; 0 inside, with the sign kept."""
    return torch.sign(difference) * torch.relu(difference.abs() - tolerance)


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Mean over the last axis with weights that need not sum to 1; 0 if they sum to 0."""
    return (values * weights).sum(-1) / weights.sum(-1).clamp(min=1e-12)


def weighted_deviation(values: Tensor, weights: Tensor) -> Tensor:
    """Standard deviation over the last axis; at 0 its gradient is 0 and not infinite."""
    mean = weighted_mean(values, weights).unsqueeze(-1)
    variance = weighted_mean((values - mean) ** 2, weights)
    return torch.sqrt(variance + ROUND**2) - ROUND


def long_term_spectrum(
    output_db: Tensor,
    wanted_db: Tensor,
    weights: Tensor,
    broad: Tensor,
    broad_tolerance_db: Tensor | float,
    detail_tolerance_db: Tensor | float,
    fill_dips: bool = True,
) -> Tensor:
    """Mean square of what sticks out of the tolerance around a tonal balance, in dB^2.

    Parameters
    ----------
    output_db, wanted_db
        Band levels ``[bands]``. A common level difference does not count.
    weights
        How much each band matters, ``[bands]``.
    broad
        Averaging matrix ``[bands, bands]`` that splits the difference into a broad part and
        detail, each with its tolerance.
    fill_dips
        Whether detail that is too weak counts like detail that is too strong.
    """
    wide, detail = broad_and_detail(wanted_db - output_db, weights, broad)
    detail = dead_zone(detail, detail_tolerance_db)
    if not fill_dips:
        detail = detail.clamp(max=0.0)
    return weighted_mean(dead_zone(wide, broad_tolerance_db) ** 2 + detail**2, weights)


def broad_and_detail(
    difference_db: Tensor, weights: Tensor, broad: Tensor
) -> tuple[Tensor, Tensor]:
    """A difference per band ``[bands]``, less its mean, as its broad part and the rest."""
    difference_db = difference_db - weighted_mean(difference_db, weights)
    shares = broad * weights
    wide = (shares @ difference_db) / shares.sum(-1).clamp(min=1e-12)
    return wide, difference_db - wide


def spread(contour_db: Tensor) -> Tensor:
    """The 10 to 95 % range of a loudness contour, as for the loudness range of EBU Tech 3342."""
    quantiles = torch.tensor([0.1, 0.95], dtype=contour_db.dtype)
    bounds: Tensor = torch.quantile(contour_db, quantiles)
    return bounds[1] - bounds[0]


def crest(contour_db: Tensor, peak_db: Tensor) -> Tensor:
    """Median distance from loudness to peak over the windows, the last axis."""
    median: Tensor = torch.quantile(peak_db - contour_db, 0.5, dim=-1)
    return median


def dynamics(
    contour_db: Tensor,
    max_spread_lu: Tensor | float,
    peak_db: Tensor,
    max_crest_db: Tensor | float,
) -> Tensor:
    """How much more dynamics there is than wanted, in dB^2; less is never an error."""
    too_wide = torch.relu(spread(contour_db) - max_spread_lu)
    too_peaky = torch.relu(crest(contour_db, peak_db) - max_crest_db)
    return too_wide**2 + too_peaky**2


def sparsity(effective_gain_db: Tensor, knee_db: float = 1.0) -> Tensor:
    """About the number of bands that do something: sum of g^2 / (g^2 + knee^2).

    On gain times gate, so that neither a small gate nor a small gain alone buys anything, and
    saturating (S. Geman, D. McClure, 1987), so that a band that is needed is not shrunk.
    """
    squared = effective_gain_db**2
    return (squared / (squared + knee_db**2)).sum(-1)


def gain_prior(gain_db: Tensor, scale_db: Tensor | float = 1.0) -> Tensor:
    """Mean of ``|gain| / scale`` over the bands, the last axis.

    The negative logarithm of a Laplace density whose mean size is ``scale_db``: with one scale for
    each band, what is usual there costs little. With 1 dB it is the mean size in dB.
    """
    return (gain_db.abs() / scale_db).mean(-1)


def q_prior(q: Tensor) -> Tensor:
    """Mean of ``(Q - 1)^2`` over the bands, the last axis: neither very wide nor very narrow."""
    return ((q - 1.0) ** 2).mean(-1)


def gate_entropy(gate: Tensor) -> Tensor:
    """Mean binary entropy of the gates in bits, over the last axis.

    0 for gates that are open or shut, 1 for gates at 0.5: as a penalty it asks for a decision.
    Its slope is infinite at either end; here it is 0 there, so that hard gates stay where they
    are, and at most 20 bits beside.
    """
    hard = (gate <= EDGE) | (gate >= 1.0 - EDGE)
    inside = torch.where(hard, 0.5, gate)
    bits = -(torch.xlogy(inside, inside) + torch.xlogy(1.0 - inside, 1.0 - inside)) / math.log(2.0)
    return torch.where(hard, 0.0, bits).mean(-1)


def harm(error: Tensor, identity_error: Tensor, margin: Tensor | float = 0.0) -> Tensor:
    """How much worse than doing nothing, beyond a margin; in the unit of the errors."""
    return torch.relu(error - identity_error - margin)
