"""A bank of equalizers, each read where training needs it: at the mel bands and on the grid.

Curves in decibels can be turned over, scaled and added, so a few hundred of a kind are as good as
any number of them, and computing none while training is what makes it fast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.mastering.data.degradation import Kind, Tier, draw, error_grid_hz
from engine.mastering.models.assembly import CURVE_RATE
from engine.mastering.models.features import BANDS, centres_hz

Floats = NDArray[np.float64]
SCALES = (0.85, 1.15)
FEW = 3


@dataclass(frozen=True, slots=True, eq=False)
class Tone:
    """An equalizer's gain in dB at the mel bands ``[BANDS]`` and on the grid ``[points]``."""

    band_db: Floats
    grid_db: Floats


class ToneBank:
    """Equalizers of each kind and tier.

    Parameters
    ----------
    count
        Curves of each.
    seed
        Of the bank; another one has other curves.
    """

    def __init__(self, count: int, seed: int) -> None:
        rng = np.random.default_rng([seed, count])
        points_hz = np.concatenate((np.maximum(centres_hz(), 1.0), error_grid_hz()))
        self._curves: dict[tuple[Kind, Tier, bool], Floats] = {}
        for tier in Tier:
            for kind, few in ((Kind.EQ, False), (Kind.EQ, True), (Kind.OUT_OF_FAMILY, False)):
                drawn = (
                    draw(rng, kind, tier, bands=FEW) if few else draw(rng, kind, tier)
                    for _ in range(count)
                )
                rows = [each.curve_db(points_hz, CURVE_RATE) for each in drawn]
                self._curves[kind, tier, few] = np.stack(rows)

    @property
    def nothing(self) -> Tone:
        """No equalizer."""
        return Tone(np.zeros(BANDS), np.zeros(len(error_grid_hz())))

    def drawn(self, rng: np.random.Generator, kind: Kind, tier: Tier, few: bool = False) -> Tone:
        """One of a kind at random, upside down or not, at 85 to 115 % of its gains."""
        curves = self._curves[kind, tier, few]
        curve = curves[int(rng.integers(len(curves)))] * rng.uniform(*SCALES)
        curve = curve * rng.choice((-1.0, 1.0))
        return Tone(curve[:BANDS], curve[BANDS:])
