"""The mastering chain: equalizer, compressor, saturator, imager, limiter, as one processor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.audio.clip import Clip
from engine.mastering.compressor import CompressorProcessor
from engine.mastering.delay import working_copy
from engine.mastering.equalizer import EqualizerProcessor
from engine.mastering.imager import ImagerProcessor
from engine.mastering.limiter import LimiterProcessor
from engine.mastering.parameters import ChainParameters
from engine.mastering.saturator import SaturatorProcessor
from engine.tasks import Failure

RENDER_FRAMES = 16384


class Processor(Protocol):
    """What every stage of the chain can do."""

    @property
    def latency_frames(self) -> int:
        """By how many frames the output lags the input."""

    def process(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        """Process ``[channels, frames]`` into a new array of the same shape."""

    def reset(self) -> None:
        """Forget the audio so far."""


@dataclass(frozen=True, slots=True)
class GainReduction:
    """Largest gain reductions in dB, 0 or above."""

    compressor: float = 0.0
    limiter: float = 0.0


class Chain:
    """All stages in order, with one latency that no parameter changes.

    Samples that are NaN or infinite are replaced by 0 and counted, because a real-time stream
    cannot stop for them; :func:`render` refuses them.

    Parameters
    ----------
    rate
        Sample rate in Hz.
    channels
        Number of channels.
    parameters
        Settings at the start.
    """

    def __init__(self, rate: int, channels: int, parameters: ChainParameters) -> None:
        self.replaced_samples = 0
        self._channels = channels
        self._equalizer = EqualizerProcessor(rate, channels, parameters.bands)
        self._compressor = CompressorProcessor(rate, channels, parameters.compressor)
        self._saturator = SaturatorProcessor(rate, channels, parameters.saturator)
        self._imager = ImagerProcessor(rate, channels, parameters.imager)
        self._limiter = LimiterProcessor(rate, channels, parameters.limiter)
        self._processors: tuple[Processor, ...] = (
            self._equalizer,
            self._compressor,
            self._saturator,
            self._imager,
            self._limiter,
        )
        self.latency_frames = sum(item.latency_frames for item in self._processors)

    def set_parameters(self, parameters: ChainParameters) -> None:
        """Move every stage to these settings without a click."""
        self._equalizer.set_parameters(parameters.bands)
        self._compressor.set_parameters(parameters.compressor)
        self._saturator.set_parameters(parameters.saturator)
        self._imager.set_parameters(parameters.imager)
        self._limiter.set_parameters(parameters.limiter)

    def reset(self) -> None:
        """Forget the audio so far and be at the settings that were asked for."""
        self.replaced_samples = 0
        for item in self._processors:
            item.reset()

    def process(self, block: NDArray[np.floating]) -> NDArray[np.float64]:
        """Process a block ``[channels, frames]``; the result is ``latency_frames`` late."""
        out = working_copy(block, self._channels)
        finite = np.isfinite(out)
        if not finite.all():
            self.replaced_samples += int(out.size - np.count_nonzero(finite))
            out[~finite] = 0.0
        for item in self._processors:
            out = item.process(out)
        return out

    @property
    def gain_reduction_db(self) -> GainReduction:
        """Largest gain reductions in the last block."""
        return GainReduction(self._compressor.gain_reduction_db, self._limiter.gain_reduction_db)


def render_blocks(
    blocks: Iterable[NDArray[np.floating]],
    rate: int,
    channels: int,
    parameters: ChainParameters,
) -> Iterator[NDArray[np.floating]]:
    """Render a stream; latency is taken off, so output and input have the same frames.

    Parameters
    ----------
    blocks
        Arrays ``[channels, frames]``, float32 or float64, of any lengths.
    rate
        Sample rate in Hz.
    channels
        Number of channels.
    parameters
        Settings, constant throughout.

    Yields
    ------
    Arrays ``[channels, frames]`` in the type of the input; their lengths differ from the blocks',
    their sum does not.

    Raises
    ------
    Failure
        If a sample is NaN or infinite.
    """
    chain = Chain(rate, channels, parameters)
    skip = chain.latency_frames
    dtype: np.dtype[np.floating] = np.dtype(np.float64)
    seen = 0
    for block in blocks:
        if not np.isfinite(block).all():
            frame = seen + int(np.argmin(np.isfinite(block).all(axis=0)))
            raise Failure(
                f"The audio holds values that are no numbers, first at {frame / rate:.3f} s.",
                "NaN or infinite samples come from a faulty export or a damaged file.",
                "Export the file again, or cut that place out.",
            )
        dtype = block.dtype
        seen += block.shape[1]
        out = chain.process(block)
        if skip < out.shape[1]:
            yield out[:, skip:].astype(dtype)
        skip = max(skip - out.shape[1], 0)
    # What is still in the delays: at most the frames that went in.
    rest = chain.latency_frames
    tail = chain.process(np.zeros((channels, rest)))[:, skip:]
    if tail.shape[1]:
        yield tail.astype(dtype)


def render(clip: Clip, parameters: ChainParameters) -> Clip:
    """Render a clip: same length, rate, channels and sample type, no latency.

    Raises
    ------
    Failure
        If a sample is NaN or infinite.
    """
    out = np.empty(clip.samples.shape, dtype=clip.samples.dtype)
    parts = (
        clip.samples[:, start : start + RENDER_FRAMES]
        for start in range(0, clip.frames, RENDER_FRAMES)
    )
    at = 0
    for block in render_blocks(parts, clip.rate, clip.channels, parameters):
        out[:, at : at + block.shape[1]] = block
        at += block.shape[1]
    return Clip(out, clip.rate)
