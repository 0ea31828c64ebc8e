"""Sample rate conversion with soxr at its very high quality, of clips and of streams."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import DTypeLike, NDArray

from engine.audio.clip import Clip

QUALITY = "VHQ"


def resampled_frames(frames: int, rate_in: int, rate_out: int) -> int:
    """Length after conversion: ``frames * rate_out / rate_in``, rounded half up."""
    return (2 * frames * rate_out + rate_in) // (2 * rate_in)


def resample(clip: Clip, rate: int) -> Clip:
    """Convert a clip to another sample rate; the same clip if it has that rate already.

    Linear phase, so nothing moves in time; :func:`resampled_frames` gives the exact length.
    """
    if rate == clip.rate:
        return clip
    stream = StreamResampler(clip.rate, rate, clip.channels, clip.samples.dtype)
    return Clip(stream.process(clip.samples, last=True), rate)


class StreamResampler:
    """Converts the sample rate of audio that comes in blocks.

    All blocks together give exactly :func:`resampled_frames` frames, in line with the input.

    Parameters
    ----------
    rate_in, rate_out
        Sample rates in Hz.
    channels
        Number of channels.
    dtype
        Float32 or float64, of the blocks in and out.
    """

    def __init__(
        self, rate_in: int, rate_out: int, channels: int, dtype: DTypeLike = np.float32
    ) -> None:
        self.rate_in = rate_in
        self.rate_out = rate_out
        self._dtype = np.dtype(dtype)
        self._channels = channels
        self._stream = soxr.ResampleStream(
            rate_in, rate_out, channels, dtype=self._dtype.name, quality=QUALITY
        )
        self._frames_in = 0
        self._frames_out = 0

    def process(self, block: NDArray[np.floating], last: bool = False) -> NDArray[np.floating]:
        """Convert one block ``[channels, n]``; ``last`` flushes what the filter still holds.

        Returns
        -------
        ndarray
            ``[channels, m]``; m varies and may be 0.
        """
        interleaved = np.ascontiguousarray(block.T, dtype=self._dtype)
        self._frames_in += len(interleaved)
        if self.rate_in == self.rate_out:
            return np.ascontiguousarray(interleaved.T)
        out = self._stream.resample_chunk(interleaved, last=last)
        if last:
            due = resampled_frames(self._frames_in, self.rate_in, self.rate_out)
            missing = due - self._frames_out - len(out)
            if missing > 0:  # soxr rounds the length its own way, by a frame at most
                out = np.concatenate([out, np.zeros((missing, self._channels), self._dtype)])
            out = out[: due - self._frames_out]
        self._frames_out += len(out)
        return np.ascontiguousarray(out.T)
