"""Packets to frames with FFmpeg (PyAV), stepping over damage."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

_SCALES = {"u1": 2.0**7, "i2": 2.0**15, "i4": 2.0**31, "i8": 2.0**63}


class Decoder:
    """Packets to frames; steps over what cannot be decoded and counts it.

    Attributes
    ----------
    undecodable
        Packets that gave an error.
    broken
        Why demuxing stopped before the end; empty if it did not.
    last_packet
        Start and length of the last packet on the stream's clock; None if it does not say.
    first_ticks
        Start of the first packet on the stream's clock; below 0 by the encoder delay it states.
    states_delay
        Whether the first packet says how much encoder delay to take off.
    """

    def __init__(self, container: InputContainer, stream: AudioStream) -> None:
        self._container = container
        self._stream = stream
        self._packets = container.demux(stream)
        self.undecodable = 0
        self.broken = ""
        self.last_packet: tuple[int, int] | None = None
        self.first_ticks = 0
        self.states_delay = False

    def __iter__(self) -> Iterator[AudioFrame | None]:
        """Yield frames, and None in the place of packets that could not be decoded."""
        while True:
            try:
                packet = next(self._packets, None)
            except IndexError:
                # PyAV trips over streams that begin later in a transport stream; ask it again
                self._packets = self._container.demux(self._stream)
                continue
            except (av.FFmpegError, OSError) as error:
                self.broken = reason(error)
                return
            if packet is None:
                return
            pts, duration = packet.pts, packet.duration
            if pts is not None and duration:
                if self.last_packet is None:
                    self.first_ticks = pts
                    self.states_delay = packet.has_sidedata("skip_samples")
                self.last_packet = pts, duration
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self.undecodable += 1
                yield None
                continue
            for frame in frames:
                if isinstance(frame, AudioFrame) and frame.samples > 0:
                    yield frame


def as_float32(frame: AudioFrame) -> NDArray[np.float32]:
    """Samples of a decoded frame as float32 ``[channels, n]``, full scale at +-1."""
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype.kind == "f":
        return samples.astype(np.float32, copy=False)
    scale = _SCALES[samples.dtype.str[1:]]
    centre = scale if samples.dtype.kind == "u" else 0.0
    return np.asarray((samples - np.float64(centre)) / scale, np.float32)


def reason(error: Exception) -> str:
    """Why FFmpeg gave up, in words for a user."""
    if isinstance(error, av.InvalidDataError | av.ArgumentError):
        return "What it holds is not in any audio format known here, or is damaged"
    if isinstance(error, av.EOFError):
        return "It ends before any audio comes"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
