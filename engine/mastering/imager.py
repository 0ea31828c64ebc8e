"""Stereo width: the side signal is scaled, and its bass taken out; the mid is never touched."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.mastering.delay import working_copy
from engine.mastering.filter_bank import Filter, FilterBank
from engine.mastering.parameters import Band, BandKind, Imager
from engine.mastering.smoothing import Ramp, advance

_BUTTERWORTH_Q = 0.5**0.5


def side_bands(parameters: Imager) -> tuple[Band, ...]:
    """The filters in the side path: a Linkwitz-Riley high pass of fourth order, or none.

    Two equal Butterworth sections: -6 dB at ``mono_below_hz``, 24 dB per octave below it.
    """
    if not parameters.enabled or parameters.mono_below_hz <= 0.0:
        return ()
    return (Band(BandKind.HIGH_PASS, parameters.mono_below_hz, q=_BUTTERWORTH_Q),) * 2


class ImagerProcessor:
    """Mid/side width for two channels; other channel counts pass unchanged.

    What is added to the left and taken from the right is the change of the side signal, so width
    1 and mono material come out bit for bit as they went in.

    Parameters
    ----------
    rate
        Sample rate in Hz.
    channels
        Number of channels.
    parameters
        Width and the frequency below which the bass is mono.
    """

    latency_frames = 0

    def __init__(self, rate: int, channels: int, parameters: Imager) -> None:
        self._channels = channels
        self._bank = FilterBank(rate, 1, self._filters(parameters))
        self._ramp = Ramp.at(rate, self._targets(parameters))

    @staticmethod
    def _filters(parameters: Imager) -> list[Filter]:
        bands = side_bands(parameters)
        # Faded out, the shape stays, so that fading in again needs no change of it.
        return [Filter.of(band) for band in bands] or [Filter(BandKind.HIGH_PASS)] * 2

    @staticmethod
    def _targets(parameters: Imager) -> tuple[float]:
        return (parameters.width if parameters.enabled else 1.0,)

    def set_parameters(self, parameters: Imager) -> None:
        """Move to these settings without a click."""
        self._bank.set_filters(self._filters(parameters))
        self._ramp.move_to(self._targets(parameters))

    def reset(self) -> None:
        """Forget the audio so far and be at the settings that were asked for."""
        self._bank.reset()
        self._ramp.finish()

    def process(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        """Widen or narrow a block ``[channels, frames]`` into a new one of the same shape."""
        out = working_copy(block, self._channels)
        if self._channels == 2:
            side = 0.5 * (out[:1] - out[1:])
            _move_side(out, side[0], self._bank.process(side)[0], self._ramp)
        return out


@njit(cache=True, nogil=True)
def _move_side(
    block: NDArray[np.float64],
    side: NDArray[np.float64],
    filtered: NDArray[np.float64],
    ramp: Ramp,
) -> None:
    for n in range(side.shape[0]):
        if ramp.left[0] > 0:
            advance(ramp)
        change = ramp.now[0] * filtered[n] - side[n]
        block[0, n] += change
        block[1, n] -= change
