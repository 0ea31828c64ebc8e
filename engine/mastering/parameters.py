"""The frozen record of every number in the mastering chain, and its JSON form.

One record drives the offline renderer, the real-time preview and the differentiable twin.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from engine.mastering.ranges import PARAM_RANGES
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
    """Stereo-linked feed-forward compressor with a soft knee; ratio 1 is transparent.

    A ratio below 1 expands upwards: what is over the threshold gets louder, which is what undoes
    a compressor (0.5 undoes 2:1).
    """

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
        return self.enabled and (self.ratio != 1.0 or self.makeup_db != 0.0)


@dataclass(frozen=True, slots=True)
class Multiband:
    """Three compressors below, between and above two crossovers; all transparent by default."""

    low_hz: float = 150.0
    high_hz: float = 2500.0
    low: Compressor = Compressor()
    mid: Compressor = Compressor()
    high: Compressor = Compressor()
    enabled: bool = True

    @property
    def active(self) -> bool:
        """Whether it changes the sound at all."""
        return self.enabled and (self.low.active or self.mid.active or self.high.active)


@dataclass(frozen=True, slots=True)
class Residual:
    """What a trained network adds to the equalized audio, by the hash of its weights.

    The network is not part of the record: without it (``model`` empty, or weights that are not
    installed) the stage cannot be rendered. It is off by default.
    """

    model: str = ""
    amount: float = 0.0
    enabled: bool = True

    @property
    def active(self) -> bool:
        """Whether it changes the sound at all."""
        return self.enabled and bool(self.model) and self.amount > 0.0


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
class Amounts:
    """How much of each stage is applied, 0 to 1.5; ``overall`` multiplies the others.

    ``Amounts(dynamics=0, saturation=0, width=0)`` is "only tone". The residual is off until it is
    asked for.
    """

    overall: float = 1.0
    tone: float = 1.0
    dynamics: float = 1.0
    saturation: float = 1.0
    width: float = 1.0
    residual: float = 0.0

    def __post_init__(self) -> None:
        for item in fields(self):
            if not 0.0 <= getattr(self, item.name) <= 1.5:
                raise Failure(
                    f"The amount “{item.name}” is out of range.", "It goes from 0 to 1.5 (150 %)."
                )


@dataclass(frozen=True, slots=True)
class ChainParameters:
    """Every number of the chain, in the order of the stages.

    Equalizer, residual network, compressor, three-band compressor, saturator, imager, limiter.
    """

    bands: tuple[Band, ...] = field(default_factory=_default_bands)
    residual: Residual = Residual()
    compressor: Compressor = Compressor()
    multiband: Multiband = Multiband()
    saturator: Saturator = Saturator()
    imager: Imager = Imager()
    limiter: Limiter = Limiter()

    def with_band(self, index: int, **changes: Any) -> ChainParameters:
        """A copy in which band ``index`` has the given changes."""
        bands = list(self.bands)
        bands[index] = replace(bands[index], **changes)
        return replace(self, bands=tuple(bands))

    def scaled(self, amounts: Amounts | float) -> ChainParameters:
        """Do as much of each stage as ``amounts`` say; a number is the overall amount.

        The scaling is of parameters, in decibels where they are decibels: a parallel dry/wet mix
        would comb-filter against the equalizer's phase. The limiter stays, it is the safety
        stage. All amounts 1 return the same numbers, but for the residual, whose amount is
        multiplied as it is.
        """
        if not isinstance(amounts, Amounts):
            amounts = Amounts(overall=amounts, residual=1.0)
        overall = amounts.overall
        multiband = self.multiband
        dynamics = overall * amounts.dynamics
        residual = overall * amounts.residual * self.residual.amount
        return replace(
            self,
            bands=tuple(_scaled_band(band, overall * amounts.tone) for band in self.bands),
            residual=replace(self.residual, amount=PARAM_RANGES["residual.amount"].clamp(residual)),
            compressor=_scaled_compressor(self.compressor, dynamics),
            multiband=replace(
                multiband,
                low=_scaled_compressor(multiband.low, dynamics),
                mid=_scaled_compressor(multiband.mid, dynamics),
                high=_scaled_compressor(multiband.high, dynamics),
            ),
            saturator=replace(
                self.saturator, mix=min(self.saturator.mix * overall * amounts.saturation, 1.0)
            ),
            imager=_scaled_imager(self.imager, overall * amounts.width),
        )

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
            If a stage is missing (but for ``residual`` and ``multiband``, which records of
            version 0.1 do not have) or a field unknown, of the wrong type, not finite or out of its
            range, or if there are more than ``MAX_BANDS`` bands.
        """
        try:
            if len(data["bands"]) > MAX_BANDS:
                raise ValueError(f"there are {len(data['bands'])} bands, at most {MAX_BANDS} work")
            return cls(
                bands=tuple(_record(Band, "band", band) for band in data["bands"]),
                residual=_record(Residual, "residual", data.get("residual", {})),
                compressor=_record(Compressor, "compressor", data["compressor"]),
                multiband=_multiband(data.get("multiband", {})),
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


def _scaled_band(band: Band, amount: float) -> Band:
    if amount == 1.0:
        return band
    if not band.kind.has_gain:
        return replace(band, gate=min(band.gate * amount, 1.0))
    return replace(band, gain_db=PARAM_RANGES["band.gain_db"].clamp(band.gain_db * amount))


def _scaled_compressor(compressor: Compressor, amount: float) -> Compressor:
    if amount == 1.0:
        return compressor
    return replace(
        compressor,
        ratio=PARAM_RANGES["compressor.ratio"].clamp(compressor.ratio**amount),
        makeup_db=PARAM_RANGES["compressor.makeup_db"].clamp(compressor.makeup_db * amount),
    )


def _scaled_imager(imager: Imager, amount: float) -> Imager:
    if amount == 1.0:
        return imager
    return replace(
        imager,
        width=PARAM_RANGES["imager.width"].clamp(1.0 + (imager.width - 1.0) * amount),
        mono_below_hz=imager.mono_below_hz if amount > 0.0 else 0.0,
    )


def _multiband(data: dict[str, Any]) -> Multiband:
    """Build the three-band stage, whose compressors are records of their own."""
    if not isinstance(data, dict):
        raise TypeError(f"multiband is {data!r}, not a record")
    parts = {
        name: _record(Compressor, "compressor", data[name])
        for name in ("low", "mid", "high")
        if name in data
    }
    rest = {name: value for name, value in data.items() if name not in parts}
    multiband: Multiband = replace(_record(Multiband, "multiband", rest), **parts)
    return multiband


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
        elif key == "model":
            if not isinstance(value, str):
                raise TypeError(f"{name}.model = {value!r} is no text")
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
