"""What a preset can reach: regions of the spectrum are brought inside the tolerance, or let be.

A region that sticks out further than the allowed gain can pull it in would be corrected by halves,
and by the same amount again in a second pass, and a third. A recording that stands that far from
what a preset knows is probably meant so. So such a region is taken as right, and the equalizer is
fitted to the others: what is mastered once is left alone afterwards.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from engine.mastering.differentiable import BandTensors
from engine.mastering.losses import dead_zone
from engine.mastering.parameters import Band
from engine.mastering.tone import ToneProblem, Watch, fit_bands

ROUNDS = 4
LEFT_DB = 0.25
"""What may stick out after the fit without the region counting as out of reach."""
MARGIN_DB = 0.05


def fit_within_reach(
    problem: ToneProblem,
    max_gain_db: float,
    max_curve_db: float,
    max_bands: int,
    steps: int,
    watch: Watch,
) -> tuple[tuple[Band, ...], ToneProblem]:
    """Bands as :func:`engine.mastering.tone.fit_bands` finds them, and what they were fitted to.

    Its tolerance holds the regions that no allowed equalizer brings inside the target's.
    """
    bands: tuple[Band, ...] = ()
    for _ in range(ROUNDS):
        bands = fit_bands(problem, max_gain_db, max_curve_db, max_bands, steps, watch)
        with torch.no_grad():
            curve = problem.curve(BandTensors.of(bands))
            if float(problem.loss(curve)) <= 2.0 * problem.negligible_db2:
                break
            problem = _without(problem, curve)
    return bands, problem


def _without(problem: ToneProblem, curve: Tensor) -> ToneProblem:
    """The problem with a tolerance that holds the regions a curve leaves outside."""
    parts = zip(
        problem.parts_db(torch.ones_like(curve)),
        problem.parts_db(curve),
        (problem.broad_tolerance_db, problem.detail_tolerance_db),
        strict=True,
    )
    broad_db, detail_db = (_holding(*part) for part in parts)
    return replace(problem, broad_tolerance_db=broad_db, detail_tolerance_db=detail_db)


def _holding(before: Tensor, after: Tensor, tolerance_db: Tensor) -> Tensor:
    """The tolerance, widened over every unbroken region of which something is left outside."""
    sides = torch.sign(dead_zone(before, tolerance_db))
    left = dead_zone(after, tolerance_db).abs() > LEFT_DB
    begins = torch.cat([torch.ones(1, dtype=torch.bool), sides[1:] != sides[:-1]])
    region = torch.cumsum(begins, 0)
    held = left | (torch.isin(region, region[left]) & (sides != 0.0))
    return torch.where(held, torch.maximum(tolerance_db, before.abs() + MARGIN_DB), tolerance_db)
