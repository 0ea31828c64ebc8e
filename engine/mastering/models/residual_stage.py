"""The residual network as a stage of the chain: a stream in, the same stream plus the residual.

The network runs at 44.1 kHz over chunks that overlap by its reach, on a grid of frames counted
from the start: what comes out does not depend on how the stream is cut, and is what one shot over
the whole recording gives. At other rates only the residual is resampled; the dry signal passes
through a delay and nothing else.
"""

from __future__ import annotations

import math

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
        self._dry = np.zeros((self._channels, self.latency_frames))
        self._wet = np.zeros((self._channels, self.latency_frames), np.float32)
        self._fed = np.zeros((self._channels, 0), np.float32)
        self._heard = np.zeros((self._channels, self._network.halo_frames), np.float32)
        self._to_network = StreamResampler(self._rate, RATE, self._channels)
        self._from_network = StreamResampler(RATE, self._rate, self._channels)

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
        for start in range(0, block.shape[1], CHUNK_FRAMES):
            part = block[:, start : start + CHUNK_FRAMES]
            out[:, start : start + part.shape[1]] = self._process(part)
        return out

    def _process(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        frames = block.shape[1]
        dry = np.concatenate([self._dry, block], axis=1)
        self._dry = dry[:, frames:].copy()
        if self._amount == 0.0:
            return dry[:, :frames]
        self._feed(block.astype(np.float32))
        wet, self._wet = self._wet[:, :frames], self._wet[:, frames:].copy()
        return np.asarray(dry[:, :frames] + self._amount * wet)

    def _feed(self, block: NDArray[np.float32]) -> None:
        """Take audio at the stream's rate, in steps of which the cut of the blocks says nothing."""
        fed = np.concatenate([self._fed, block], axis=1)
        whole = fed.shape[1] - fed.shape[1] % FEED_FRAMES
        self._fed = fed[:, whole:].copy()
        heard = [self._heard]
        for start in range(0, whole, FEED_FRAMES):
            heard.append(self._to_network.process(fed[:, start : start + FEED_FRAMES]))
        self._heard = np.concatenate(heard, axis=1)
        halo = self._network.halo_frames
        while self._heard.shape[1] >= CHUNK_FRAMES + 2 * halo:
            residual = self._run(self._heard[:, : CHUNK_FRAMES + 2 * halo])
            self._heard = self._heard[:, CHUNK_FRAMES:].copy()
            self._wet = np.concatenate(
                [self._wet, self._from_network.process(residual[:, halo:-halo])], axis=1
            )

    def _run(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """The residual of a chunk with its overlaps."""
        batch = torch.from_numpy(audio.copy())
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
