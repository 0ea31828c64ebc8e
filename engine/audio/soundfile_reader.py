"""Reader on libsndfile: WAV, RF64, AIFF, AU, W64 and NIST Sphere, bit-exact, and Vorbis.

FFmpeg gets the length of Vorbis files of less than a page wrong; libsndfile does not. But it leaves
the channels in Vorbis' order, so files of more than two go to FFmpeg.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from engine.audio.av_formats import FORMATS, OPEN_OPTIONS
from engine.audio.base_reader import Reader
from engine.audio.info import AudioInfo, check_supported, descriptive_tags, unreadable

_SHORT_DATA = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)
_CONTAINERS = {"WAVEX": "wav"}
# codec, sample format, bits
_SUBTYPES: dict[str, tuple[str, str, int | None]] = {
    "PCM_U8": ("pcm", "uint8", 8),
    "PCM_S8": ("pcm", "int8", 8),
    "PCM_16": ("pcm", "int16", 16),
    "PCM_24": ("pcm", "int24", 24),
    "PCM_32": ("pcm", "int32", 32),
    "FLOAT": ("pcm", "float32", 32),
    "DOUBLE": ("pcm", "float64", 64),
    "ULAW": ("mulaw", "int16", None),
    "ALAW": ("alaw", "int16", None),
    "VORBIS": ("vorbis", "float32", None),
}


class SoundFileReader(Reader):
    """An audio file read by libsndfile."""

    def __init__(self, info: AudioInfo, file: soundfile.SoundFile) -> None:
        super().__init__(info)
        self._file = file

    @classmethod
    def open(cls, path: Path) -> Self | None:
        """Open ``path``; None when libsndfile cannot, so that FFmpeg may try.

        Raises
        ------
        Failure
            If there are too many channels, an impossible rate or no samples.
        """
        try:
            file = soundfile.SoundFile(path)
        except (soundfile.LibsndfileError, OSError):
            return None
        try:
            surround = file.subtype == "VORBIS" and file.channels > 2
            if file.subtype not in _SUBTYPES or surround:
                file.close()
                return None
            check_supported(path, file.samplerate, file.channels)
            if file.frames <= 0:
                raise unreadable(path, "It holds no samples")
            return cls(_info(path, file), file)
        except BaseException:
            file.close()
            raise

    def _pieces(self, frames: int) -> Iterator[NDArray[np.float32]]:
        while True:
            try:
                piece = self._file.read(frames, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError:
                return  # a damaged end; the missing frames are noted when reading finishes
            if len(piece) == 0:
                return
            yield np.ascontiguousarray(piece.T)

    def close(self) -> None:
        """Let the file go."""
        self._file.close()


def _info(path: Path, file: soundfile.SoundFile) -> AudioInfo:
    codec, sample_format, bits = _SUBTYPES[file.subtype]
    duration_s = file.frames / file.samplerate
    size_bits = 8 * path.stat().st_size
    return AudioInfo(
        path=path,
        container=_CONTAINERS.get(file.format, file.format.lower()),
        codec=codec,
        rate=file.samplerate,
        channels=file.channels,
        frames=file.frames,
        duration_s=duration_s,
        sample_format=sample_format,
        bits=bits,
        bit_rate=round(size_bits / duration_s),
        metadata=descriptive_tags(_tags(path, file)),
        damage=_damage(file),
    )


def _damage(file: soundfile.SoundFile) -> str:
    """What libsndfile noted in its log about a data chunk that is shorter than it says."""
    found = _SHORT_DATA.search(file.extra_info)
    # programs that write to a pipe cannot know the length and leave 0 or the greatest number
    if found is None or int(found.group(1)) in (0, 2**31 - 1, 2**32 - 1):
        return ""
    return f"It ends early: {found.group(2)} of {found.group(1)} bytes of audio are there."


def _tags(path: Path, file: soundfile.SoundFile) -> dict[str, str]:
    """All tags by FFmpeg, which knows more than the ten names of libsndfile."""
    try:
        with av.open(str(path), options=OPEN_OPTIONS, metadata_errors="replace") as container:
            if container.format.name in FORMATS:
                return dict(container.metadata)
    except (av.FFmpegError, OSError, ValueError):
        pass  # it is a courtesy; the samples are readable, and libsndfile's own tags follow
    return dict(file.copy_metadata())
