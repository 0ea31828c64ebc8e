"""The residual network as a stage of the chain: a stream in, the same stream plus the residual.

The network runs at 44.1 kHz over chunks that overlap by its reach, on a grid of frames counted
from the start: what comes out does not depend on how the stream is cut, and is what one shot over
the whole recording gives. At other rates only the residual is resampled; the dry signal passes
through a delay and nothing else.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.audio.resample import StreamResampler
from engine.mastering.models.residual import RATE, ResidualNetwork

CHUNK_FRAMES = 131072
"""About 3 s: the overlap costs 12 % then, and the working set is some tens of megabytes."""
FEED_FRAMES = 4096
CONVERTER_FRAMES = 2000
"""More than what a rate converter holds back, in frames of the lower rate (measured: 1746)."""


class ResidualStage:
    """``x + amount * R(x, z)``, ``latency_frames`` late.

    Mono and stereo go through the network as they are; of more channels each does as mono.

    Parameters
    ----------
    network
        The network; it is used as it is and must be in ``eval`` mode.
    z
        What the encoder says of the recording, ``[z_size]``.
    rate
        Sample rate in Hz.
    channels
        Number of channels.
    amount
        Factor of the residual; at 0 the stage is a delay.
    """

    def __init__(
        self,
        network: ResidualNetwork,
        z: NDArray[np.floating] | Tensor,
        rate: int,
        channels: int,
        amount: float = 1.0,
    ) -> None:
        self._network = network
        self._rate = rate
        self._channels = channels
        self._amount = amount
        self._z = torch.as_tensor(z, dtype=torch.float32).reshape(1, -1)
        self.latency_frames = _latency_frames(network.halo_frames, rate)
        self.reset()

    def reset(self) -> None:
        """Forget the audio so far."""
        channels, late = self._channels, self.latency_frames
        self._dry = _Queue(np.zeros((channels, late)))
        self._wet = _Queue(np.zeros((channels, late), np.float32))
        self._fed = _Queue(np.zeros((channels, 0), np.float32))
        self._heard = _Queue(np.zeros((channels, self._network.halo_frames), np.float32))
        self._to_network = StreamResampler(self._rate, RATE, channels)
        self._from_network = StreamResampler(RATE, self._rate, channels)

    def process(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        """Process ``[channels, frames]``; the result is ``latency_frames`` late.

        Raises
        ------
        ValueError
            If the block has another number of channels.
        """
        if block.ndim != 2 or block.shape[0] != self._channels:
            raise ValueError(f"the block is {block.shape}, expected [{self._channels}, frames]")
        out = np.empty(block.shape)
        # Of a whole track at once, no more than a chunk is waiting at any time.
        for start in range(0, block.shape[1], CHUNK_FRAMES):
            part = block[:, start : start + CHUNK_FRAMES]
            out[:, start : start + part.shape[1]] = self._process(part)
        return out

    def _process(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        self._dry.put(block)
        dry = np.asarray(self._dry.take(block.shape[1]), np.float64)
        if self._amount == 0.0:
            return dry
        self._feed(block)
        return np.asarray(dry + self._amount * self._wet.take(block.shape[1]))

    def _feed(self, block: NDArray[np.float64]) -> None:
        """Take audio at the stream's rate, in steps of which the cut of the blocks says nothing."""
        self._fed.put(block.astype(np.float32))
        while self._fed.frames >= FEED_FRAMES:
            self._heard.put(self._to_network.process(self._fed.take(FEED_FRAMES)))
        halo = self._network.halo_frames
        while self._heard.frames >= CHUNK_FRAMES + 2 * halo:
            chunk = self._heard.take(CHUNK_FRAMES + 2 * halo)
            self._heard.put_back(chunk[:, CHUNK_FRAMES:])
            self._wet.put(self._from_network.process(self._run(chunk)[:, halo:-halo]))

    def _run(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """The residual of a chunk with its overlaps."""
        batch = torch.from_numpy(audio)
        batch = batch.unsqueeze(1) if self._channels > 2 else batch.unsqueeze(0)
        with torch.inference_mode():
            residual = self._network.of_padded(batch, self._z.expand(len(batch), -1))
        return residual.reshape(self._channels, -1).numpy()


def _latency_frames(halo_frames: int, rate: int) -> int:
    """Frames from a sample to the end of the chunk that it is in, with all that holds it back."""
    waiting_s = (CHUNK_FRAMES + halo_frames) / RATE + FEED_FRAMES / rate
    if rate != RATE:
        waiting_s += 2 * CONVERTER_FRAMES / min(rate, RATE)
    return math.ceil(waiting_s * rate)


class _Queue:
    """Audio ``[channels, frames]`` that is put in and taken out in pieces of any length."""

    def __init__(self, first: NDArray[np.floating]) -> None:
        self._parts = deque([first])
        self.frames = first.shape[1]

    def put(self, block: NDArray[np.floating]) -> None:
        """Add frames at the end, as a copy."""
        self._parts.append(block.copy())
        self.frames += block.shape[1]

    def put_back(self, block: NDArray[np.floating]) -> None:
        """Add frames at the beginning."""
        self._parts.appendleft(block)
        self.frames += block.shape[1]

    def take(self, frames: int) -> NDArray[np.floating]:
        """Remove frames from the beginning, as an array of their own."""
        taken, missing = [], frames
        while missing > 0:
            part = self._parts.popleft()
            if part.shape[1] > missing:
                self._parts.appendleft(part[:, missing:])
                part = part[:, :missing]
            taken.append(part)
            missing -= part.shape[1]
        self.frames -= frames
        return np.concatenate(taken, axis=1)
