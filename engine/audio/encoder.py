"""Encoder: blocks of float samples into an open file, through FFmpeg."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Protocol

import av
import numpy as np
from numpy.typing import NDArray

from engine.audio.dither import quantise
from engine.audio.export_format import ExportFormat

# FFmpeg's layouts in the channel order of WAV and of this program's arrays.
_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_SAMPLE_FORMATS = {
    "pcm_s16le": "s16",
    "pcm_s24le": "s32",
    "pcm_f32le": "flt",
    "libmp3lame": "fltp",
    "libopus": "flt",
    "aac": "fltp",
}
# FFmpeg's libopus wrapper permutes channels of 5.0 and 6.1; this is the inverse. libsndfile and
# FFmpeg's own decoder agree that the encoder is at fault.
_OPUS_ORDER = {5: (0, 1, 4, 2, 3), 7: (0, 1, 4, 3, 5, 2, 6)}
# 576 of the encoder and 529 of every decoder
_LAME_DELAY_FRAMES = 1105
_CHUNK_FRAMES = 16384
_BUFFER_BYTES = 1 << 20


class ByteSink(Protocol):
    """What FFmpeg writes to."""

    def write(self, data: bytes, /) -> int: ...  # noqa: D102
    def seek(self, offset: int, whence: int = 0, /) -> int: ...  # noqa: D102
    def tell(self) -> int: ...  # noqa: D102


class Encoder:
    """Encodes one audio stream.

    Parameters
    ----------
    sink
        Open binary file that can seek; it is not closed here.
    target
        The format.
    rate, channels
        Of the blocks; the rate must be one the format can hold.
    metadata
        Tags to write.
    rng
        Source of the dither; None for none.
    """

    def __init__(
        self,
        sink: ByteSink,
        target: ExportFormat,
        rate: int,
        channels: int,
        metadata: Mapping[str, str],
        rng: np.random.Generator | None,
    ) -> None:
        self._bits = target.integer_bits
        self._rng = rng
        self._rate = rate
        self._layout = _LAYOUTS[channels]
        order = _OPUS_ORDER.get(channels) if target.container == "opus" else None
        self._order = list(order) if order else None
        codec = target.codec
        self._format = "s16" if codec == "flac" and self._bits == 16 else "s32"
        self._format = _SAMPLE_FORMATS.get(codec, self._format)
        options = {
            "wav": {"rf64": "auto"},
            # in ticks of the sample clock an edit list can state the exact length
            "aac": {"movie_timescale": str(rate)},
        }.get(target.container, {})
        self._container = av.open(
            sink, "w", format=target.kind.muxer, options=options, buffer_size=_BUFFER_BYTES
        )
        self._container.metadata.update(metadata)
        stream = self._container.add_stream(codec, rate=rate)
        stream.metadata.update(metadata if target.container == "opus" else {})
        context = stream.codec_context
        context.layout = self._layout
        context.format = self._format
        self._planar: av.AudioResampler | None = None
        if self._format == "fltp":
            # PyAV cannot fill eight planes from an array, so frames are made interleaved
            self._planar = av.AudioResampler("fltp", self._layout, rate)
            self._format = "flt"
        context.time_base = Fraction(1, rate)
        if not target.kind.bits:
            context.bit_rate = target.bit_rate or target.kind.channel_bit_rate * channels
        self._stream = stream
        self._container.start_encoding()
        self._chunk_frames = context.frame_size or _CHUNK_FRAMES
        self._held: NDArray[np.floating] = np.zeros((channels, 0), np.float32)
        self._packets: list[av.Packet] = []
        self.frames = 0
        self.clipped_samples = 0

    def write(self, block: NDArray[np.floating]) -> None:
        """Encode a block ``[channels, n]``."""
        samples = np.concatenate([self._held, block], axis=1) if self._held.size else block
        whole = samples.shape[1] - samples.shape[1] % self._chunk_frames
        self._encode(samples[:, :whole])
        self._held = samples[:, whole:]

    def close(self) -> None:
        """Encode what is held, flush the codec and finish the headers."""
        self._encode(self._held)
        self._packets += self._stream.encode(None)
        self._drop_padding_packet()
        self._container.mux(self._packets)
        self._container.close()

    def abort(self) -> None:
        """Let go after an error."""
        try:
            self._container.close()
        except (av.FFmpegError, OSError):
            return  # the file is thrown away; the first error is the one that counts

    def _encode(self, samples: NDArray[np.floating]) -> None:
        """Encode in chunks of the codec's frame size; only the last chunk may be shorter."""
        if samples.shape[1] == 0:
            return
        stored = self._stored(samples[self._order] if self._order else samples)
        for start in range(0, stored.shape[1], self._chunk_frames):
            chunk = stored[:, start : start + self._chunk_frames]
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(chunk.T).reshape(1, -1),
                format=self._format,
                layout=self._layout,
            )
            frame.sample_rate = self._rate
            frame.time_base = Fraction(1, self._rate)
            frame.pts = self.frames
            self.frames += frame.samples
            for ready in self._planar.resample(frame) if self._planar else [frame]:
                self._packets += self._stream.encode(ready)
            self._container.mux(self._packets[:-2])
            self._packets = self._packets[-2:]

    def _drop_padding_packet(self) -> None:
        """Leave out a last MP3 packet that holds nothing but padding.

        FFmpeg states in the header as much padding as fits into the last packet. Where more than
        a packet is padding the file would become longer, by up to 46 frames.
        """
        size = self._stream.codec_context.frame_size
        # a file of a single packet is not recognised as MP3
        if self._stream.codec_context.name != "libmp3lame" or self.frames <= size:
            return
        before, last = self._packets[-2:]
        skip = last.get_sidedata("skip_samples")
        surplus = -(self.frames + _LAME_DELAY_FRAMES) % size
        if not skip or struct.unpack("<4xI2x", bytes(skip))[0] != size or surplus == 0:
            return
        skip.update(struct.pack("<II2x", 0, surplus))
        before.set_sidedata(skip)
        del self._packets[-1]

    def _stored(self, samples: NDArray[np.floating]) -> NDArray[Any]:
        """Samples in the type the codec takes."""
        if self._bits is None:
            return samples.astype(np.float32, copy=False)
        integers, clipped = quantise(samples, self._bits, self._rng)
        self.clipped_samples += clipped
        if self._format == "s16":
            return integers.astype(np.int16)
        return integers << (32 - self._bits)  # FFmpeg keeps 24 bits at the top of 32
