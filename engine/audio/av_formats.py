"""What FFmpeg may open here, and AudioInfo from what it found."""

from __future__ import annotations

from pathlib import Path

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from engine.audio.info import AudioInfo, descriptive_tags

# fmt: off
_NAMES = (
    "aac", "ac3", "aea", "aiff", "amr", "ape", "asf", "au", "avi", "caf", "dsf", "dts", "dtshd",
    "eac3", "flac", "flv", "iff", "loas", "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mp3",
    "mpc", "mpc8", "mpeg", "mpegts", "mxf", "ogg", "oma", "rm", "shn", "tak", "truehd", "tta",
    "voc", "w64", "wav", "wsd", "wv", "xwma",
)
# fmt: on
FORMATS = frozenset(_NAMES)

# Playlists and the like must not make a dropped file open other files or the network.
OPEN_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": ",".join(_NAMES)}

_CONTAINERS = {"mov,mp4,m4a,3gp,3g2,mj2": "mp4", "matroska,webm": "matroska", "mpegts": "mpeg-ts"}
_LOSSLESS = frozenset(
    ("flac", "alac", "wavpack", "tta", "tak", "ape", "shorten", "truehd", "mlp", "wmalossless")
)


def describe(
    path: Path,
    container: InputContainer,
    stream: AudioStream,
    first: AudioFrame,
    states_delay: bool,
) -> AudioInfo:
    """What container, stream and first decoded frame tell about a file.

    ``frames`` is known for FLAC and for MP3 with a LAME header (``states_delay``). It stays None
    for the rest: what they say of their length may include encoder delay or be rounded.
    """
    codec = stream.codec_context.codec.canonical_name
    exact = codec.startswith(("pcm_", "dsd_")) or codec in _LOSSLESS
    sample_format = _sample_format(first.format.name)
    bits = _bits(stream, codec, sample_format) if exact else None
    duration_s = _duration_s(container, stream)
    frames = None
    known = container.format.name == "flac" or (container.format.name == "mp3" and states_delay)
    if known and duration_s is not None:
        frames = round(duration_s * first.sample_rate)
    return AudioInfo(
        path=path,
        container=_CONTAINERS.get(container.format.name, container.format.name),
        codec="pcm" if codec.startswith("pcm_") else codec,
        rate=first.sample_rate,
        channels=first.layout.nb_channels,
        frames=frames,
        duration_s=duration_s,
        sample_format=f"int{bits}" if bits and sample_format.startswith("int") else sample_format,
        bits=bits,
        bit_rate=stream.codec_context.bit_rate or container.bit_rate or None,
        metadata=descriptive_tags({**container.metadata, **stream.metadata}),
    )


def _bits(stream: AudioStream, codec: str, sample_format: str) -> int:
    """Stored depth; FFmpeg decodes 20 and 24 bits into 32, so headers are asked first."""
    header = stream.codec_context.extradata or b""
    if codec == "alac" and len(header) >= 18:  # atom header and version, then ALACSpecificConfig
        return header[17]
    if codec == "flac" and len(header) >= 34:  # STREAMINFO
        return ((header[12] & 1) << 4 | header[13] >> 4) + 1
    return int(sample_format.lstrip("uintfloa"))


def _duration_s(container: InputContainer, stream: AudioStream) -> float | None:
    if stream.duration and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration:
        seconds = container.duration / 1e6
    else:
        return None
    return seconds if seconds > 0 else None


def _sample_format(name: str) -> str:
    """FFmpeg's name for how decoded samples are stored in this program's words."""
    packed = name.removesuffix("p")
    names = {"u8": "uint8", "flt": "float32", "dbl": "float64"}
    return names.get(packed, f"int{packed[1:]}")
