"""Splitting audio into three bands whose sum has a flat magnitude.

A Linkwitz-Riley crossover of fourth order is two Butterworth low passes in series beside two high
passes; their sum is the second-order all-pass of the same frequency (S. Linkwitz, "Active Crossover
Networks for Noncoincident Drivers", JAES 24(1), 1976). So the upper side is made as the all-pass
less the lower side, and the sum is exact even while a frequency moves. The lowest band goes
through the all-pass of the upper crossover too, which the other two contain.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.mastering.filter_bank import Filter, FilterBank
from engine.mastering.parameters import BandKind

BUTTERWORTH_Q = 0.5**0.5

Bands = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def _low_passes(frequency_hz: float) -> list[Filter]:
    return [Filter(BandKind.LOW_PASS, frequency_hz, BUTTERWORTH_Q, 1.0)] * 2


def _all_pass(frequency_hz: float) -> list[Filter]:
    return [Filter("all_pass", frequency_hz, BUTTERWORTH_Q, 1.0)]


class _Split:
    """One crossover: low passes, and the all-pass that both sides sum to."""

    def __init__(self, rate: int, channels: int, frequency_hz: float) -> None:
        self._low = FilterBank(rate, channels, _low_passes(frequency_hz))
        self._sum = FilterBank(rate, channels, _all_pass(frequency_hz))

    def move_to(self, frequency_hz: float) -> None:
        self._low.set_filters(_low_passes(frequency_hz))
        self._sum.set_filters(_all_pass(frequency_hz))

    def reset(self) -> None:
        self._low.reset()
        self._sum.reset()

    def process(
        self, block: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        low = self._low.process(block)
        high = self._sum.process(block)
        high -= low
        return low, high


class Crossover:
    """Three bands of a stream, split at two frequencies that may move while it runs.

    Parameters
    ----------
    rate
        Sample rate in Hz.
    channels
        Number of channels.
    low_hz, high_hz
        Where the bands cross, 6 dB down on either side.
    """

    def __init__(self, rate: int, channels: int, low_hz: float, high_hz: float) -> None:
        self._lower = _Split(rate, channels, low_hz)
        self._upper = _Split(rate, channels, high_hz)
        self._turn = FilterBank(rate, channels, _all_pass(high_hz))

    def move_to(self, low_hz: float, high_hz: float) -> None:
        """Move the frequencies over ``RAMP_S``."""
        self._lower.move_to(low_hz)
        self._upper.move_to(high_hz)
        self._turn.set_filters(_all_pass(high_hz))

    def reset(self) -> None:
        """Forget the audio so far and be at the frequencies that were asked for."""
        self._lower.reset()
        self._upper.reset()
        self._turn.reset()

    def process(self, block: NDArray[np.float64]) -> Bands:
        """Low, middle and high part of ``[channels, frames]``, each a new array of that shape."""
        low, rest = self._lower.process(block)
        middle, high = self._upper.process(rest)
        return self._turn.process(low), middle, high
