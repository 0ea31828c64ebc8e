"""Reader on FFmpeg (PyAV): every compressed format and the audio of video files.

FFmpeg's decoders take off encoder delay and padding where a container states them: LAME headers
of MP3, Opus pre-skip, Vorbis granule positions, edit lists of MP4. What it does not do is cut the
last packet of an MP4 to the length the sample table or iTunes' tag states; that is done here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Self

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from engine.audio.av_decoder import Decoder, as_float32, reason
from engine.audio.av_formats import FORMATS, OPEN_OPTIONS, describe
from engine.audio.base_reader import Reader
from engine.audio.info import AudioInfo, check_supported, unreadable
from engine.tasks import Failure

_MAX_PLANES = 8
# Whose time stamps count samples. Those of Vorbis in Ogg are off by part of a block at the start.
_EXACT_CLOCKS = frozenset(("flac", "mp4"))
_MAX_GAP_S = 60  # a longer one is a damaged time stamp rather than lost audio
# An MP4 states an edit's length in ticks of its movie clock, often 1/600 s or 1/1000 s.
_EDIT_TICK_S = Fraction(1, 500)
_WHOLE_MP4_OPTIONS = {**OPEN_OPTIONS, "advanced_editlist": "0"}
# "iTunSMPB": zero, encoder delay, padding, number of true samples, all hexadecimal.
_ITUNES_GAPLESS = re.compile(r"\s*[0-9A-F]+ [0-9A-F]+ [0-9A-F]+ ([0-9A-F]{16})\b", re.IGNORECASE)


class AvReader(Reader):
    """An audio file read by FFmpeg; made by :meth:`open`."""

    def __init__(
        self,
        info: AudioInfo,
        container: InputContainer,
        stream: AudioStream,
        decoder: Decoder,
        frames: Iterator[AudioFrame | None],
        first: AudioFrame,
    ) -> None:
        super().__init__(info)
        self._container = container
        self._stream = stream
        self._decoder = decoder
        self._frames = frames
        self._first: AudioFrame | None = first
        self._layout = first.layout.name
        self._start_ticks = first.pts or 0
        self._ticks_per_frame: float | None = None
        if info.container in _EXACT_CLOCKS and stream.time_base:
            self._ticks_per_frame = float(1 / (stream.time_base * info.rate))
        self._silenced = 0
        self._converter: av.AudioResampler | None = None

    @classmethod
    def open(cls, path: Path, format_name: str | None = None) -> Self:
        """Open ``path`` and decode its first frame, which alone is sure of rate and channels.

        Raises
        ------
        Failure
            If no audio is found in it.
        """
        reader = cls._open(path, format_name, OPEN_OPTIONS)
        if reader.info.container != "mp4" or not reader._decoder.first_ticks < 0:
            return reader
        # FFmpeg leaves out packets after the end of an edit. Where that end was only rounded, a
        # second reading, in which it minds nothing but the beginning of the edit, has them all.
        try:
            whole = cls._open(path, format_name, _WHOLE_MP4_OPTIONS)
        except Failure:
            return reader
        kept, other = (whole, reader) if reader._is_rounded(whole) else (reader, whole)
        other.close()
        return kept

    @classmethod
    def _open(cls, path: Path, format_name: str | None, options: dict[str, str]) -> Self:
        try:
            container = av.open(
                str(path.absolute()),
                format=format_name,
                options=options,
                metadata_errors="replace",
            )
        except (av.FFmpegError, OSError, ValueError) as error:
            raise unreadable(path, reason(error)) from error
        try:
            stream = container.streams.best("audio")
            if container.format.name not in FORMATS or not isinstance(stream, AudioStream):
                raise unreadable(path, "There is no audio in it")
            if stream.codec_context is None:
                raise unreadable(path, "There is no decoder for its kind of audio")
            check_supported(path, stream.codec_context.sample_rate, stream.codec_context.channels)
            decoder = Decoder(container, stream)
            frames = iter(decoder)
            first = next((frame for frame in frames if frame is not None), None)
            if first is None:
                raise unreadable(path, decoder.broken or "None of its audio could be decoded")
            check_supported(path, first.sample_rate, first.layout.nb_channels)
            info = describe(path, container, stream, first, decoder.states_delay)
            return cls(info, container, stream, decoder, frames, first)
        except (av.FFmpegError, OSError, ValueError) as error:
            container.close()
            raise unreadable(path, reason(error)) from error
        except BaseException:
            container.close()
            raise

    def _is_rounded(self, whole: AvReader) -> bool:
        """Whether an MP4's edit ends within the rounding of its clock of where its audio ends."""
        edit, everything = self._stream.duration, whole._stream.duration
        if not edit or not everything or not self._stream.time_base:
            return False
        beyond = everything + self._decoder.first_ticks - edit
        return 0 < beyond * self._stream.time_base <= _EDIT_TICK_S

    def _pieces(self, frames: int) -> Iterator[NDArray[np.float32]]:
        held: NDArray[np.float32] | None = None
        read = 0
        for piece in self._decoded():
            if held is not None:
                yield held
            held = piece
            read += piece.shape[1]
        if held is not None:
            surplus = read - self._stated_frames(read)
            yield held[:, : held.shape[1] - surplus] if 0 < surplus < held.shape[1] else held
        self._note_damage()

    def _decoded(self) -> Iterator[NDArray[np.float32]]:
        """Every frame as float32 ``[channels, n]``, silence for what was lost in between."""
        first, self._first = self._first, None
        read = lost = 0
        for frame in chain([first], self._frames) if first else self._frames:
            if frame is None:
                lost += 1
                continue
            gap = self._gap_frames(frame, read, lost)
            lost = 0
            if gap:  # so that what follows stays in time
                self._silenced += gap
                yield np.zeros((self._info.channels, gap), np.float32)
            read += gap + frame.samples
            yield from self._samples(frame)

    def _gap_frames(self, frame: AudioFrame, read: int, lost: int) -> int:
        """How many frames are missing before ``frame``."""
        ticks = self._ticks_per_frame
        if ticks is None or frame.pts is None:
            return lost * frame.samples
        gap = round((frame.pts - self._start_ticks) / ticks) - read
        return gap if 0 < gap <= _MAX_GAP_S * self._info.rate else 0

    def _samples(self, frame: AudioFrame) -> Iterator[NDArray[np.float32]]:
        info = self._info
        changed = frame.sample_rate != info.rate or frame.layout.nb_channels != info.channels
        if changed or (info.channels >= _MAX_PLANES and frame.format.is_planar):
            # Broadcasts change their layout between programmes; the first one is kept. And PyAV
            # reads beyond the end of eight planes, so these are interleaved first.
            if self._converter is None:
                self._converter = av.AudioResampler("flt", self._layout, info.rate)
            for converted in self._converter.resample(frame):
                yield as_float32(converted)
        else:
            yield as_float32(frame)

    def _stated_frames(self, read: int) -> int:
        """How long an MP4 says the audio is; ``read`` for other containers."""
        info, last, time_base = self._info, self._decoder.last_packet, self._stream.time_base
        if info.container != "mp4" or self._decoder.broken:
            return read
        tag = _ITUNES_GAPLESS.match(self._container.metadata.get("iTunSMPB", ""))
        if tag:
            return int(tag.group(1), 16)
        if last is None or not time_base:
            return read
        length_s = (sum(last) - self._start_ticks) * time_base
        if self._stream.duration:
            edit_s = self._stream.duration * time_base
            if edit_s < length_s - _EDIT_TICK_S:
                length_s = edit_s
        return round(length_s * info.rate)

    def _note_damage(self) -> None:
        notes = []
        if self._decoder.undecodable:
            notes.append(f"Packets that could not be decoded: {self._decoder.undecodable}.")
        if self._silenced:
            notes.append(f"Silence stands in for {self._silenced} lost sample frames.")
        if self._decoder.broken:
            notes.append(f"Reading stopped early: {self._decoder.broken}.")
        self._info = replace(self._info, damage=" ".join(notes))

    def close(self) -> None:
        """Let the file go."""
        self._first = None
        self._container.close()
