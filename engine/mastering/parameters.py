"""The frozen record of every number in the mastering chain, and its JSON form.

One record drives the offline renderer, the real-time preview and the differentiable twin.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from engine.tasks import Failure

MAX_BANDS = 10


class BandKind(StrEnum):
    """Shape of an equalizer band."""

    BELL = "bell"
    LOW_SHELF = "low_shelf"
    HIGH_SHELF = "high_shelf"
    LOW_PASS = "low_pass"
    HIGH_PASS = "high_pass"

    @property
    def has_gain(self) -> bool:
        """Whether the band has a gain in dB; pass filters have none."""
        return self not in (BandKind.LOW_PASS, BandKind.HIGH_PASS)


@dataclass(frozen=True, slots=True)
class Range:
    """Limits of one parameter, whether it is spaced logarithmically, and its unit."""

    low: float
    high: float
    unit: str = ""
    logarithmic: bool = False

    def clamp(self, value: float) -> float:
        """The nearest value inside the range."""
        return min(max(value, self.low), self.high)

    def normalise(self, value: float) -> float:
        """Physical value -> [0, 1]."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def physical(self, position: float) -> float:
        """[0, 1] -> physical value, the inverse of :meth:`normalise`."""
        if self.logarithmic:
            return self.low * math.exp(position * math.log(self.high / self.low))
        return self.low + position * (self.high - self.low)


PARAM_RANGES: dict[str, Range] = {
    "band.frequency_hz": Range(20.0, 20000.0, "Hz", logarithmic=True),
    "band.gain_db": Range(-12.0, 12.0, "dB"),
    "band.q": Range(0.1, 18.0, "", logarithmic=True),
    "band.gate": Range(0.0, 1.0),
    "compressor.threshold_db": Range(-60.0, 0.0, "dB"),
    "compressor.ratio": Range(1.0, 20.0, ":1", logarithmic=True),
    "compressor.attack_ms": Range(0.1, 200.0, "ms", logarithmic=True),
    "compressor.release_ms": Range(5.0, 2000.0, "ms", logarithmic=True),
    "compressor.knee_db": Range(0.0, 24.0, "dB"),
    "compressor.makeup_db": Range(-12.0, 24.0, "dB"),
    "compressor.lookahead_ms": Range(0.0, 10.0, "ms"),
    "saturator.drive_db": Range(0.0, 24.0, "dB"),
    "saturator.mix": Range(0.0, 1.0),
    "imager.width": Range(0.0, 2.0),
    "imager.mono_below_hz": Range(0.0, 300.0, "Hz"),
    "limiter.gain_db": Range(-24.0, 36.0, "dB"),
    "limiter.ceiling_dbtp": Range(-24.0, 0.0, "dBTP"),
    "limiter.lookahead_ms": Range(0.5, 10.0, "ms"),
    "limiter.release_ms": Range(10.0, 1000.0, "ms", logarithmic=True),
}


@dataclass(frozen=True, slots=True)
class Band:
    """One equalizer band.

    ``gate`` in [0, 1] scales the gain in dB (for the pass filters it blends the filter in);
    0 is exactly transparent. ``enabled`` is the user's bypass.
    """

    kind: BandKind = BandKind.BELL
    frequency_hz: float = 1000.0
    gain_db: float = 0.0
    q: float = 0.7071
    gate: float = 1.0
    enabled: bool = True

    @property
    def effective_gain_db(self) -> float:
        """Gain that is applied: gain times gate, 0 when bypassed or a pass filter."""
        return self.gain_db * self.gate if self.enabled and self.kind.has_gain else 0.0

    @property
    def active(self) -> bool:
        """Whether the band changes the sound at all."""
        if not self.enabled or self.gate == 0.0:
            return False
        return not self.kind.has_gain or self.gain_db != 0.0


@dataclass(frozen=True, slots=True)
class Compressor:
    """Stereo-linked feed-forward compressor with a soft knee; ratio 1 is transparent."""

    threshold_db: float = -18.0
    ratio: float = 1.0
    attack_ms: float = 20.0
    release_ms: float = 200.0
    knee_db: float = 6.0
    makeup_db: float = 0.0
    lookahead_ms: float = 0.0
    enabled: bool = True

    @property
    def active(self) -> bool:
        """Whether the compressor changes the sound at all."""
        return self.enabled and (self.ratio > 1.0 or self.makeup_db != 0.0)


@dataclass(frozen=True, slots=True)
class Saturator:
    """Oversampled soft clipper with unity gain for small signals.

    It fades to the straight line as ``drive_db`` or ``mix`` goes to 0.
    """

    drive_db: float = 0.0
    mix: float = 1.0
    enabled: bool = True

    @property
    def active(self) -> bool:
        """Whether the saturator changes the sound at all."""
        return self.enabled and self.drive_db > 0.0 and self.mix > 0.0


@dataclass(frozen=True, slots=True)
class Imager:
    """Mid/side width (1 = unchanged, 0 = mono); bass below ``mono_below_hz`` is made mono."""

    width: float = 1.0
    mono_below_hz: float = 0.0
    enabled: bool = True

    @property
    def active(self) -> bool:
        """Whether the imager changes the sound at all."""
        return self.enabled and (self.width != 1.0 or self.mono_below_hz > 0.0)


@dataclass(frozen=True, slots=True)
class Limiter:
    """Input gain into a true-peak limiter with lookahead."""

    gain_db: float = 0.0
    ceiling_dbtp: float = -1.0
    lookahead_ms: float = 2.0
    release_ms: float = 80.0
    enabled: bool = True


def _default_bands() -> tuple[Band, ...]:
    frequencies_hz = (40.0, 80.0, 160.0, 320.0, 640.0, 1250.0, 2500.0, 5000.0, 9000.0, 13000.0)
    kinds = [BandKind.LOW_SHELF, *[BandKind.BELL] * 8, BandKind.HIGH_SHELF]
    return tuple(Band(kind, hz) for kind, hz in zip(kinds, frequencies_hz, strict=True))


@dataclass(frozen=True, slots=True)
class ChainParameters:
    """Every number of the chain: equalizer, compressor, saturator, imager, limiter, in order."""

    bands: tuple[Band, ...] = field(default_factory=_default_bands)
    compressor: Compressor = Compressor()
    saturator: Saturator = Saturator()
    imager: Imager = Imager()
    limiter: Limiter = Limiter()

    def with_band(self, index: int, **changes: Any) -> ChainParameters:
        """A copy in which band ``index`` has the given changes."""
        bands = list(self.bands)
        bands[index] = replace(bands[index], **changes)
        return replace(self, bands=tuple(bands))

    def scaled(self, amount: float) -> ChainParameters:
        """Do ``amount`` (0 to 1.5) of what the tone, dynamics and width stages do.

        The scaling is of parameters, in decibels where they are decibels: a parallel dry/wet mix
        would comb-filter against the equalizer's phase. The limiter stays, it is the safety
        stage. ``amount`` 1 returns the same numbers.
        """
        if amount == 1.0:
            return self
        gain = PARAM_RANGES["band.gain_db"]
        bands = tuple(
            replace(band, gain_db=gain.clamp(band.gain_db * amount))
            if band.kind.has_gain
            else replace(band, gate=min(band.gate * amount, 1.0))
            for band in self.bands
        )
        compressor = replace(
            self.compressor,
            ratio=PARAM_RANGES["compressor.ratio"].clamp(self.compressor.ratio**amount),
            makeup_db=PARAM_RANGES["compressor.makeup_db"].clamp(
                self.compressor.makeup_db * amount
            ),
        )
        saturator = replace(self.saturator, mix=min(self.saturator.mix * amount, 1.0))
        imager = replace(
            self.imager,
            width=PARAM_RANGES["imager.width"].clamp(1.0 + (self.imager.width - 1.0) * amount),
            mono_below_hz=self.imager.mono_below_hz if amount > 0.0 else 0.0,
        )
        return replace(self, bands=bands, compressor=compressor, saturator=saturator, imager=imager)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and lists, ready for JSON."""
        return asdict(self)

    def to_json(self) -> str:
        """JSON text that :meth:`from_json` turns into an equal record."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ChainParameters:
        """Read the form :meth:`to_dict` writes.

        Raises
        ------
        Failure
            If a stage is missing or a field unknown, of the wrong type, not finite or out of its
            range, or if there are more than ``MAX_BANDS`` bands.
        """
        try:
            if len(data["bands"]) > MAX_BANDS:
                raise ValueError(f"there are {len(data['bands'])} bands, at most {MAX_BANDS} work")
            return cls(
                bands=tuple(_record(Band, "band", band) for band in data["bands"]),
                compressor=_record(Compressor, "compressor", data["compressor"]),
                saturator=_record(Saturator, "saturator", data["saturator"]),
                imager=_record(Imager, "imager", data["imager"]),
                limiter=_record(Limiter, "limiter", data["limiter"]),
            )
        except (KeyError, OverflowError, TypeError, ValueError) as error:
            raise Failure(
                "The mastering parameters could not be read.",
                f"{type(error).__name__}: {error}.",
                "Use a file that audiobench wrote.",
            ) from error

    @classmethod
    def from_json(cls, text: str) -> ChainParameters:
        """Read the form :meth:`to_json` writes; raises :class:`Failure` if it is not that."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Failure("The mastering parameters are not JSON.", str(error)) from error
        return cls.from_dict(data)


def _record(kind: type[Any], name: str, data: dict[str, Any]) -> Any:
    """Build one of the records above from plain values, checking type and range."""
    if not isinstance(data, dict):
        raise TypeError(f"{name} is {data!r}, not a record")
    known = {item.name for item in fields(kind)}
    if unknown := set(data) - known:
        raise ValueError(f"unknown {name} fields {sorted(unknown)}")
    values: dict[str, Any] = {}
    for key, value in data.items():
        if key == "kind":
            values[key] = BandKind(value)
        elif key == "enabled":
            if not isinstance(value, bool):
                raise TypeError(f"{name}.enabled = {value!r} is neither true nor false")
            values[key] = value
        else:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise TypeError(f"{name}.{key} = {value!r} is no number")
            number = float(value)
            limits = PARAM_RANGES[f"{name}.{key}"]
            if not math.isfinite(number) or number != limits.clamp(number):
                raise ValueError(f"{name}.{key} = {number} is outside {limits.low}..{limits.high}")
            values[key] = number
    return kind(**values)
