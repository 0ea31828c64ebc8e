"""The width part of the fit: one factor from the side-to-mid levels of all bands."""

from __future__ import annotations

import numpy as np
import torch

from engine.mastering.analysis import Analysis
from engine.mastering.losses import stereo_width
from engine.mastering.targets import Target, width_db
from engine.mastering.tone import band_weights

STEPS = 60
LEAST_CHANGE_DB = 0.1
NO_SIDE_DB = -50.0


def fit_width(analysis: Analysis, target: Target, max_change_db: float) -> tuple[float, str]:
    """Side gain that brings the width inside the target's tolerance, and why.

    Bands whose side lies under -50 dB of the mid are as good as mono: there is nothing to widen
    but noise, so they do not count.
    """
    present_db = width_db(analysis)
    if not target.width_db or max_change_db <= 0.0:
        return 1.0, "Width is left as it is."
    weights = band_weights(analysis) * (present_db > NO_SIDE_DB)
    if weights.sum() < 1.0:
        return 1.0, "Practically mono: left as it is."
    mid_db = torch.zeros(present_db.size, dtype=torch.float64)
    side_db = torch.from_numpy(present_db)
    wanted_db = torch.tensor(target.width_db, dtype=torch.float64)
    shares = torch.from_numpy(np.asarray(weights))
    change_db = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([change_db], lr=0.2)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = stereo_width(
            side_db + change_db, mid_db, wanted_db, shares, target.width_tolerance_db
        )
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    moved_db = float(np.clip(change_db.detach().numpy(), -max_change_db, max_change_db))
    if abs(moved_db) < LEAST_CHANGE_DB:
        return 1.0, "Width is within what the target allows."
    return 10.0 ** (moved_db / 20.0), f"Side {moved_db:+.1f} dB."
