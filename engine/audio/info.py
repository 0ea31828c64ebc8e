"""AudioInfo: what is known of an audio file, and the limits of what this program works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from engine.tasks import Failure

MAX_CHANNELS = 8
MIN_RATE = 100
MAX_RATE = 1_536_000

# Written by muxers about themselves; copying them into another container would be untrue.
# fmt: off
_TECHNICAL_TAGS = frozenset((
    "encoder", "encoded_by", "software", "major_brand", "minor_version", "compatible_brands",
    "handler_name", "vendor_id", "language", "creation_time", "duration", "itunsmpb", "itunnorm",
    "gapless_playback", "media_type",
))
# fmt: on


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What is known of an audio file.

    Parameters
    ----------
    path
        The file.
    container, codec
        Lower-case names, ``"wav"`` and ``"pcm"``, ``"mp4"`` and ``"aac"``.
    rate
        Sample rate in Hz.
    channels
        Number of channels, 1 to 8.
    frames
        Exact number of sample frames; None while only decoding can tell.
    duration_s
        Length in seconds, an estimate while ``frames`` is None; None if there is not even that.
    sample_format
        How samples are stored or, for lossy codecs, decoded: ``"int24"``, ``"float32"``.
    bits
        Bits per sample; None for lossy codecs.
    bit_rate
        Bits per second; None when unknown.
    metadata
        Descriptive tags with lower-case names (title, artist, album, date, comment, ...).
    nonfinite_samples
        How many NaN or infinite samples reading replaced by 0; known once all is read.
    damage
        What is wrong with a file that could be read all the same; empty if nothing is.
    """

    path: Path
    container: str
    codec: str
    rate: int
    channels: int
    frames: int | None
    duration_s: float | None
    sample_format: str
    bits: int | None
    bit_rate: int | None
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    nonfinite_samples: int = 0
    damage: str = ""


def descriptive_tags(tags: Mapping[str, str]) -> Mapping[str, str]:
    """The tags that describe the music, names in lower case, without those about the file."""
    kept = {
        name.lower(): value.strip("\0 ")
        for name, value in tags.items()
        if name.lower() not in _TECHNICAL_TAGS
    }
    return MappingProxyType({name: value for name, value in kept.items() if value})


def check_supported(path: Path, rate: int, channels: int) -> None:
    """Raise a :class:`Failure` for channel counts and rates no part of the program works on."""
    if not 1 <= channels <= MAX_CHANNELS:
        raise Failure(
            f"“{path.name}” has {channels} channels.",
            f"audiobench works with 1 to {MAX_CHANNELS} channels.",
            "Split the file or mix it down first.",
        )
    if not MIN_RATE <= rate <= MAX_RATE:
        raise Failure(
            f"“{path.name}” says its sample rate is {rate} Hz.",
            f"Rates from {MIN_RATE} Hz to {MAX_RATE} Hz are possible; the header may be damaged.",
            "Export the file again from the program that made it.",
        )


def unreadable(path: Path, why: str) -> Failure:
    """The :class:`Failure` for a file in which no audio was found."""
    return Failure(
        f"“{path.name}” could not be read as audio.",
        f"{why.rstrip('.')}.",
        "Check that the file plays elsewhere, or export it again as WAV or FLAC.",
    )
