"""The width part of the fit: one factor from the side-to-mid levels of all bands."""

from __future__ import annotations

import numpy as np

from engine.mastering.analysis import Analysis
from engine.mastering.targets import Target, width_db
from engine.mastering.tone import band_weights

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
    # One number moves all bands: what counts is what they have in common, not that two songs, or
    # two parts of one, are differently wide here and there.
    missing_db = np.asarray(target.width_db) - present_db
    common_db = float((missing_db * weights).sum() / weights.sum())
    outside_db = max(abs(common_db) - target.width_tolerance_db, 0.0)
    moved_db = float(np.copysign(min(outside_db, max_change_db), common_db))
    if abs(moved_db) < LEAST_CHANGE_DB:
        return 1.0, "Width is within what the target allows."
    return 10.0 ** (moved_db / 20.0), f"Side {moved_db:+.1f} dB."
