"""The mean spectrum of a collection, and the curve that draws a recording towards it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.audio.clip import Clip
from engine.mastering.analysis import Analysis, analyse, band_centres_hz
from engine.mastering.data.curve import SmoothCurve

REACH_DB = 12.0
AUDIBLE_DB = 60.0
"""A band that far under the strongest is left alone: there is nothing in it to draw."""

Floats = NDArray[np.float64]


def third_octaves_hz() -> Floats:
    """Centres of the bands, 1/3 octave apart from 20 Hz to 20 kHz."""
    return band_centres_hz()[::2]


def third_octave_db(analysis: Analysis) -> Floats:
    """Levels of the bands in dB, relative to all of them together; -170 and less is nothing."""
    centres_hz = third_octaves_hz()
    levels = analysis.band_db(analysis.power)[::2] + 10.0 * np.log10(centres_hz)
    return np.asarray(levels - 10.0 * np.log10(np.sum(10.0 ** (levels / 10.0))))


@dataclass(frozen=True, slots=True)
class MeanSpectrum:
    """Mean level of each third octave in dB, relative to all of them together."""

    levels_db: tuple[float, ...]

    @classmethod
    def of(cls, spectra_db: NDArray[np.float64]) -> MeanSpectrum:
        """The mean of spectra ``[songs, bands]`` from :func:`third_octave_db`."""
        return cls(tuple(np.asarray(spectra_db, dtype=np.float64).mean(axis=0).tolist()))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> MeanSpectrum:
        """Read what ``dataclasses.asdict`` made of it."""
        return cls(tuple(float(level) for level in data["levels_db"]))

    def neutraliser(self, clip: Clip, strength: float = 1.0) -> SmoothCurve:
        """The curve that brings a recording's spectrum to the mean one, within +-12 dB.

        Parameters
        ----------
        clip
            The recording.
        strength
            How far it goes: 1 all the way, 0 not at all.
        """
        analysis = analyse(clip)
        own_db = third_octave_db(analysis)
        centres_hz = third_octaves_hz()
        # Above the rate's reach and below what is audible there is nothing to be judged.
        heard = (own_db > own_db.max() - AUDIBLE_DB) & (centres_hz <= 0.4 * clip.rate)
        if analysis.silent or not heard.any():
            return SmoothCurve()
        wanted_db = np.asarray(self.levels_db) - own_db
        wanted_db -= wanted_db[heard].mean()
        gains = np.clip(strength * wanted_db, -REACH_DB, REACH_DB)
        points = zip(centres_hz[heard].tolist(), gains[heard].tolist(), strict=True)
        return SmoothCurve(tuple(points))
