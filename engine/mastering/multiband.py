"""Three compressors, each for a band of its own.

While none of them works the audio is only delayed: every bit passes and no phase turns. When the
first begins to work, the crossovers run unheard until they have settled, and are then faded in;
the fade out is the same line downwards.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.mastering.compressor import CompressorProcessor
from engine.mastering.crossover import Crossover
from engine.mastering.delay import delay, line, working_copy
from engine.mastering.parameters import Compressor, Multiband
from engine.mastering.smoothing import Ramp, advance

SETTLE_S = 0.05
"""After this a crossover at 40 Hz has forgotten to -70 dB that it began from silence."""


class MultibandProcessor:
    """Three-band compressor; its latency is that of a single one.

    Parameters
    ----------
    rate
        Sample rate in Hz.
    channels
        Number of channels; within a band all get the same gain.
    parameters
        Crossovers and the three compressors.
    """

    def __init__(self, rate: int, channels: int, parameters: Multiband) -> None:
        self._channels = channels
        self._crossover = Crossover(rate, channels, parameters.low_hz, parameters.high_hz)
        self._compressors = tuple(
            CompressorProcessor(rate, channels, band) for band in _bands(parameters)
        )
        self.latency_frames = self._compressors[0].latency_frames
        self._dry = line(channels, self.latency_frames)
        self._share = Ramp.at(rate, (float(parameters.active),))
        self._settling = self.latency_frames + round(SETTLE_S * rate)
        self._wait = np.zeros(1, dtype=np.int64)
        self._asleep = False

    def set_parameters(self, parameters: Multiband) -> None:
        """Move to these settings without a click."""
        self._crossover.move_to(parameters.low_hz, parameters.high_hz)
        for compressor, band in zip(self._compressors, _bands(parameters), strict=True):
            compressor.set_parameters(band)
        self._share.move_to((float(parameters.active),))

    def reset(self) -> None:
        """Forget the audio so far and be at the settings that were asked for."""
        self._share.finish()
        self._dry[:] = 0.0
        self._wait[0] = 0
        self._forget_bands()
        self._asleep = False

    def _forget_bands(self) -> None:
        self._crossover.reset()
        for compressor in self._compressors:
            compressor.reset()

    def process(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compress a block ``[channels, frames]``; the result is ``latency_frames`` late."""
        out = working_copy(block, self._channels)
        if self._share.resting and self._share.now[0] == 0.0:
            self._asleep = True
            delay(out, self._dry, self.latency_frames)
            return out
        if self._asleep:
            self._forget_bands()
            self._wait[0] = self._settling
            self._asleep = False
        bands = self._crossover.process(out)
        low, middle, high = (
            compressor.process(band)
            for compressor, band in zip(self._compressors, bands, strict=True)
        )
        delay(out, self._dry, self.latency_frames)
        _blend(out, low, middle, high, self._share, self._wait)
        return out

    @property
    def gain_reductions_db(self) -> tuple[float, float, float]:
        """What each band's compressor says of the last block, in dB; 0 while none works."""
        if self._asleep:
            return 0.0, 0.0, 0.0
        low, middle, high = (compressor.gain_reduction_db for compressor in self._compressors)
        return low, middle, high


def _bands(parameters: Multiband) -> tuple[Compressor, Compressor, Compressor]:
    return parameters.low, parameters.mid, parameters.high


@njit(cache=True, nogil=True)
def _blend(
    block: NDArray[np.float64],
    low: NDArray[np.float64],
    middle: NDArray[np.float64],
    high: NDArray[np.float64],
    share: Ramp,
    wait: NDArray[np.int64],
) -> None:
    """Fade from the block to the sum of the bands, once they have settled."""
    channels, frames = block.shape
    for n in range(frames):
        if wait[0] > 0:
            wait[0] -= 1
        elif share.left[0] > 0:
            advance(share)
        wet = share.now[0]
        for channel in range(channels):
            together = low[channel, n] + middle[channel, n] + high[channel, n]
            dry = block[channel, n]
            block[channel, n] = together if wet == 1.0 else dry + wet * (together - dry)
