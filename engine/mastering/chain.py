"""The mastering chain as one processor.

Equalizer, residual network, compressor, three-band compressor, saturator, imager, limiter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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
from engine.mastering.multiband import MultibandProcessor
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


class ResidualProcessor(Processor, Protocol):
    """A trained network as a stage: it adds its residual, times its amount, to the block.

    It is the renderer's alone: the playback process has no torch. Its latency may be anything.
    """


STAGES = ("equalizer", "compressor", "multiband", "saturator", "imager", "limiter")
"""The stages whose work can be listened to, in their order."""

Watch = Callable[[str, NDArray[np.float64], NDArray[np.float64]], None]


@dataclass(frozen=True, slots=True)
class GainReduction:
    """Largest gain reductions in dB; a compressor that expands has a negative one."""

    compressor: float = 0.0
    multiband_low: float = 0.0
    multiband_mid: float = 0.0
    multiband_high: float = 0.0
    limiter: float = 0.0


class Chain:
    """All stages in order, with one latency that no parameter changes.

    Samples that are NaN or infinite are replaced by 0 and counted, because a real-time stream
    cannot stop for them; :func:`render` refuses them. For the same reason a residual that is asked
    for but not given is left out here.

    Parameters
    ----------
    rate
        Sample rate in Hz.
    channels
        Number of channels.
    parameters
        Settings at the start.
    residual
        The network's stage, which stays as it is whatever the parameters say.
    """

    def __init__(
        self,
        rate: int,
        channels: int,
        parameters: ChainParameters,
        residual: ResidualProcessor | None = None,
    ) -> None:
        self.replaced_samples = 0
        self._channels = channels
        self._equalizer = EqualizerProcessor(rate, channels, parameters.bands)
        self._compressor = CompressorProcessor(rate, channels, parameters.compressor)
        self._multiband = MultibandProcessor(rate, channels, parameters.multiband)
        self._saturator = SaturatorProcessor(rate, channels, parameters.saturator)
        self._imager = ImagerProcessor(rate, channels, parameters.imager)
        self._limiter = LimiterProcessor(rate, channels, parameters.limiter)
        self._processors: dict[str, Processor] = {
            "equalizer": self._equalizer,
            **({"residual": residual} if residual is not None else {}),
            "compressor": self._compressor,
            "multiband": self._multiband,
            "saturator": self._saturator,
            "imager": self._imager,
            "limiter": self._limiter,
        }
        self.latencies_frames = {
            name: item.latency_frames for name, item in self._processors.items()
        }
        self.latency_frames = sum(self.latencies_frames.values())

    def set_parameters(self, parameters: ChainParameters) -> None:
        """Move every stage to these settings without a click."""
        self._equalizer.set_parameters(parameters.bands)
        self._compressor.set_parameters(parameters.compressor)
        self._multiband.set_parameters(parameters.multiband)
        self._saturator.set_parameters(parameters.saturator)
        self._imager.set_parameters(parameters.imager)
        self._limiter.set_parameters(parameters.limiter)

    def reset(self) -> None:
        """Forget the audio so far and be at the settings that were asked for."""
        self.replaced_samples = 0
        for item in self._processors.values():
            item.reset()

    def process(
        self, block: NDArray[np.floating], watch: Watch | None = None
    ) -> NDArray[np.float64]:
        """Process a block ``[channels, frames]``; the result is ``latency_frames`` late.

        ``watch`` is told every stage's name, its block before and its block after, which is later
        by the stage's own latency. The limiter's block before has its input gain applied, for that
        is not what the limiter does to it.
        """
        out = working_copy(block, self._channels)
        finite = np.isfinite(out)
        if not finite.all():
            self.replaced_samples += int(out.size - np.count_nonzero(finite))
            out[~finite] = 0.0
        for name, item in self._processors.items():
            before, out = out, item.process(out)
            if watch is not None:
                watch(name, self._limiter.driven if name == "limiter" else before, out)
        return out

    @property
    def gain_reduction_db(self) -> GainReduction:
        """Largest gain reductions in the last block."""
        return GainReduction(
            self._compressor.gain_reduction_db,
            *self._multiband.gain_reductions_db,
            self._limiter.gain_reduction_db,
        )


def render_blocks(
    blocks: Iterable[NDArray[np.floating]],
    rate: int,
    channels: int,
    parameters: ChainParameters,
    residual: ResidualProcessor | None = None,
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
    residual
        The network that ``parameters.residual`` names; not used while that is not active.

    Yields
    ------
    Arrays ``[channels, frames]`` in the type of the input; their lengths differ from the blocks',
    their sum does not.

    Raises
    ------
    Failure
        If a sample is NaN or infinite, or the residual is active and not given.
    """
    chain = Chain(rate, channels, parameters, _residual(parameters, residual))
    chain.reset()
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


def _residual(
    parameters: ChainParameters, given: ResidualProcessor | None
) -> ResidualProcessor | None:
    """The network to use: none while it is not active."""
    if not parameters.residual.active:
        return None
    if given is None:
        raise Failure(
            "The network that these parameters use is not installed.",
            f"They ask for the residual of the model {parameters.residual.model}.",
            "Install that model, or set the residual's amount to 0.",
        )
    return given


def render(
    clip: Clip, parameters: ChainParameters, residual: ResidualProcessor | None = None
) -> Clip:
    """Render a clip: same length, rate, channels and sample type, no latency.

    Raises
    ------
    Failure
        If a sample is NaN or infinite, or the residual is active and not given.
    """
    out = np.empty(clip.samples.shape, dtype=clip.samples.dtype)
    parts = (
        clip.samples[:, start : start + RENDER_FRAMES]
        for start in range(0, clip.frames, RENDER_FRAMES)
    )
    at = 0
    for block in render_blocks(parts, clip.rate, clip.channels, parameters, residual):
        out[:, at : at + block.shape[1]] = block
        at += block.shape[1]
    return Clip(out, clip.rate)
