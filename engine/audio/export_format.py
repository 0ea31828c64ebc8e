"""ExportFormat: what a file shall be written as, and what each format can hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.tasks import Failure

_MPEG_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


@dataclass(frozen=True, slots=True)
class Container:
    """What a container can hold and how FFmpeg names its parts.

    ``rates`` is empty where any rate goes; ``bits`` where it is lossy.
    """

    suffix: str
    muxer: str
    label: str
    max_channels: int = 8
    bits: tuple[int, ...] = ()
    rates: tuple[int, ...] = ()
    codec: str = ""
    channel_bit_rate: int = 0


CONTAINERS = {
    "wav": Container(".wav", "wav", "WAV", bits=(16, 24, 32)),
    "flac": Container(".flac", "flac", "FLAC", bits=(16, 24), codec="flac"),
    "mp3": Container(
        ".mp3", "mp3", "MP3", 2, rates=_MPEG_RATES, codec="libmp3lame", channel_bit_rate=160_000
    ),
    "opus": Container(
        ".opus", "opus", "Opus", rates=(48000,), codec="libopus", channel_bit_rate=80_000
    ),
    "aac": Container(
        ".m4a",
        "ipod",
        "AAC",
        rates=(7350, *_MPEG_RATES, 64000, 88200, 96000),
        codec="aac",
        channel_bit_rate=128_000,
    ),
}
_SUFFIXES = {**{kind.suffix: name for name, kind in CONTAINERS.items()}, ".wave": "wav"} | {
    ".aac": "aac",
    ".mp4": "aac",
    ".ogg": "opus",
}
_PCM_CODECS = {16: "pcm_s16le", 24: "pcm_s24le", 32: "pcm_f32le"}
_FLAC_MAX_RATE = 655_350


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """What a file shall be written as.

    Parameters
    ----------
    container
        ``"wav"``, ``"flac"``, ``"mp3"``, ``"opus"`` or ``"aac"`` (in an M4A file).
    bits
        16, 24 or 32 (float, WAV only); lossy formats ignore it.
    bit_rate
        Bits per second of lossy formats; None takes a transparent one.
    dither
        Whether 16 and 24 bit get triangular dither.
    rate
        Sample rate in Hz; None keeps the audio's own where the format can hold it.

    Raises
    ------
    Failure
        If the combination does not exist.
    """

    container: str = "wav"
    bits: int = 24
    bit_rate: int | None = None
    dither: bool = True
    rate: int | None = None

    def __post_init__(self) -> None:
        if self.container not in CONTAINERS:
            raise _refused(f"“{self.container}” is no format", ", ".join(CONTAINERS))
        kind = self.kind
        if kind.bits and self.bits not in kind.bits:
            raise _refused(
                f"{kind.label} with {self.bits} bits is not written",
                f"{', '.join(map(str, kind.bits))} bits",
            )
        if self.rate is not None and self.rate not in (kind.rates or (self.rate,)):
            raise _refused(
                f"{kind.label} cannot be {self.rate} Hz", f"{', '.join(map(str, kind.rates))} Hz"
            )
        if self.bit_rate is not None and not kind.bits and not 6000 <= self.bit_rate <= 2_000_000:
            raise _refused(f"{self.bit_rate} bit/s is not possible", "6000 to 2000000 bit/s")

    @classmethod
    def for_path(cls, path: Path | str, **options: object) -> ExportFormat:
        """The format a file name asks for by its ending.

        Raises
        ------
        Failure
            If the ending is not known.
        """
        suffix = Path(path).suffix.lower()
        if suffix not in _SUFFIXES:
            raise _refused(f"“{suffix or path}” says no known format", ", ".join(_SUFFIXES))
        return cls(_SUFFIXES[suffix], **options)  # type: ignore[arg-type]

    @property
    def kind(self) -> Container:
        """What the container can hold."""
        return CONTAINERS[self.container]

    @property
    def suffix(self) -> str:
        """File name ending, with its dot."""
        return self.kind.suffix

    @property
    def codec(self) -> str:
        """FFmpeg's name of the encoder."""
        return self.kind.codec or _PCM_CODECS[self.bits]

    @property
    def integer_bits(self) -> int | None:
        """Word length of integer formats, None for float and lossy ones."""
        return self.bits if self.kind.bits and self.bits < 32 else None

    def rate_for(self, rate: int) -> int:
        """The rate audio at ``rate`` Hz is written at.

        Without a wish it is the audio's own; a format that cannot hold it takes the highest of
        its rates of which that is a multiple, else its smallest higher one, else its highest.
        """
        if self.rate is not None:
            return self.rate
        rates = self.kind.rates
        if not rates or rate in rates:
            return rate
        whole = [possible for possible in rates if possible >= 32000 and rate % possible == 0]
        higher = [possible for possible in rates if possible > rate]
        return max(whole) if whole else min(higher, default=rates[-1])

    def check(self, rate: int, channels: int) -> None:
        """Raise a :class:`Failure` if the format cannot hold so many channels or that rate."""
        kind = self.kind
        if not 1 <= channels <= kind.max_channels:
            raise _refused(
                f"{kind.label} cannot hold {channels} channels",
                f"up to {kind.max_channels} channels, or another format",
            )
        if self.container == "flac" and self.rate_for(rate) > _FLAC_MAX_RATE:
            raise _refused(f"FLAC cannot be {rate} Hz", f"up to {_FLAC_MAX_RATE} Hz, or WAV")


def _refused(what: str, possible: str) -> Failure:
    return Failure(
        f"{what}.", "The audio cannot be written in this form.", f"Choose from: {possible}."
    )
