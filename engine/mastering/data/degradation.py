"""What was done to a good song: the thing a model learns to undo.

A degradation goes gain, saturator, compressor, width, tone: undone the other way round, the
equalizer comes first, as in the mastering chain. Saturator and compressor work on the song at
``WORKING_LUFS``, whatever its own level: twice as loud in is twice as loud out, and a threshold
means the same for a quiet song and a loud one. Nothing is late, and no length changes.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import sosfilt

from engine.audio.clip import Clip
from engine.audio.loudness import LoudnessMeter
from engine.mastering.biquad import response_db, sections
from engine.mastering.compressor import CompressorProcessor
from engine.mastering.data.curve import SmoothCurve
from engine.mastering.parameters import Band, BandKind, ChainParameters, Compressor, Saturator
from engine.mastering.saturator import SaturatorProcessor
from engine.tasks import Failure

WORKING_LUFS = -14.0
"""Loudness the song is brought to for the stages whose effect depends on the level.

About that of a finished record, whose peaks are near full scale, where a saturator bends."""

GRID_HZ = (30.0, 16000.0)
GRID_PER_OCTAVE = 6

BANDS = 8
LOWEST_HZ, HIGHEST_HZ = 40.0, 14000.0
LOWEST_Q, HIGHEST_Q = 0.55, 2.5
SHELF_PROBABILITY = 0.15

Floats = NDArray[np.float64]


class Kind(StrEnum):
    """What is wrong with the song."""

    EQ = "eq"
    EQ_COMPRESSION = "eq_compression"
    EQ_WIDTH = "eq_width"
    GAIN = "gain"
    SATURATION = "saturation"
    OUT_OF_FAMILY = "out_of_family"


class Tier(StrEnum):
    """How much: tone within +-6 dB or within +-12 dB."""

    MILD = "mild"
    STRONG = "strong"

    @property
    def reach_db(self) -> float:
        """The largest gain of one band."""
        return 6.0 if self is Tier.MILD else 12.0


def error_grid_hz() -> Floats:
    """Where curves are compared: 1/6 octave apart from 30 Hz to 16 kHz."""
    count = math.floor(GRID_PER_OCTAVE * math.log2(GRID_HZ[1] / GRID_HZ[0])) + 1
    return np.asarray(GRID_HZ[0] * 2.0 ** (np.arange(count) / GRID_PER_OCTAVE))


def eq_error_db(curve_db: ArrayLike) -> float:
    """RMS of a curve on :func:`error_grid_hz` minus its mean: a common gain is no error."""
    return float(np.std(np.asarray(curve_db, dtype=np.float64)))


class _Late(Protocol):
    """A stage of the chain whose output lags its input."""

    latency_frames: int

    def process(self, block: Floats) -> Floats: ...


@dataclass(frozen=True, slots=True)
class Degradation:
    """One way to spoil a song; the defaults do nothing.

    Parameters
    ----------
    kind, tier
        What it was drawn as.
    bands, curve
        The tone: bells and shelves in series, then a curve that they cannot make.
    compressor, saturator
        Settings for the song at ``WORKING_LUFS``.
    width
        Factor of the side signal; only stereo has one.
    gain_db
        Gain before all else.
    """

    kind: Kind = Kind.EQ
    tier: Tier = Tier.MILD
    bands: tuple[Band, ...] = ()
    curve: SmoothCurve | None = None
    compressor: Compressor | None = None
    width: float = 1.0
    gain_db: float = 0.0
    saturator: Saturator | None = None

    def curve_db(self, frequencies_hz: ArrayLike, rate: float) -> Floats:
        """Gain in dB of its tone part, exactly, same shape as ``frequencies_hz``."""
        tone_db = response_db(self.bands, frequencies_hz, rate)
        if self.curve is not None:
            tone_db = tone_db + self.curve.response_db(frequencies_hz, rate)
        return np.asarray(tone_db)

    def identity_error_db(self, rate: float) -> float:
        """The equalizer error that is left when nothing is done about it."""
        return eq_error_db(self.curve_db(error_grid_hz(), rate))

    def apply(self, clip: Clip) -> Clip:
        """Spoil a clip: same length, rate, channels and sample type, no latency."""
        samples = clip.samples.astype(np.float64)
        if self.gain_db:
            samples *= 10.0 ** (self.gain_db / 20.0)
        samples = self._apply_dynamics(samples, clip.rate)
        if self.width != 1.0 and clip.channels == 2:
            change = 0.5 * (self.width - 1.0) * (samples[0] - samples[1])
            samples = np.stack([samples[0] + change, samples[1] - change])
        rows = sections(self.bands, clip.rate)
        if len(rows) and clip.frames:
            samples = sosfilt(rows, samples, axis=1)
        if self.curve is not None:
            samples = self.curve.apply(samples, clip.rate)
        return Clip(samples.astype(clip.samples.dtype), clip.rate)

    def _apply_dynamics(self, samples: Floats, rate: int) -> Floats:
        stages: list[_Late] = []
        if self.saturator is not None and self.saturator.active:
            stages.append(SaturatorProcessor(rate, len(samples), self.saturator))
        if self.compressor is not None and self.compressor.active:
            stages.append(CompressorProcessor(rate, len(samples), self.compressor))
        if not stages:
            return samples
        gain = math.pow(10.0, working_gain_db(Clip(samples, rate)) / 20.0)
        samples = samples * gain
        for stage in stages:
            late = stage.latency_frames
            samples = stage.process(np.pad(samples, ((0, 0), (0, late))))[:, late:]
        return samples / gain

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def to_json(self) -> str:
        """JSON text that :meth:`from_json` turns into an equal record."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Degradation:
        """Read the form :meth:`to_dict` writes.

        Raises
        ------
        Failure
            If something is missing, of the wrong type or out of its range.
        """
        try:
            stages = {name: data[name] or {} for name in ("compressor", "saturator")}
            # The mastering record checks the types and ranges of what both have in common.
            checked = ChainParameters.from_dict(
                {"bands": data["bands"], "imager": {}, "limiter": {}, **stages}
            )
            curve = data["curve"]
            width, gain_db = float(data["width"]), float(data["gain_db"])
            if not (math.isfinite(gain_db) and math.isfinite(width) and width >= 0.0):
                raise ValueError(f"width {width} or gain {gain_db} dB is impossible")
            return cls(
                Kind(data["kind"]),
                Tier(data["tier"]),
                checked.bands,
                None if curve is None else SmoothCurve.from_dict(curve),
                None if data["compressor"] is None else checked.compressor,
                width,
                gain_db,
                None if data["saturator"] is None else checked.saturator,
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Failure(
                "A degradation could not be read.",
                f"{type(error).__name__}: {error}.",
                "Use a record that audiobench wrote.",
            ) from error

    @classmethod
    def from_json(cls, text: str) -> Degradation:
        """Read the form :meth:`to_json` writes; raises :class:`Failure` if it is not that."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Failure("The degradation is not JSON.", str(error)) from error
        return cls.from_dict(data)


def working_gain_db(clip: Clip) -> float:
    """Gain that brings a clip to ``WORKING_LUFS``; 0 where there is nothing to measure."""
    meter = LoudnessMeter(clip.rate, clip.channels)
    meter.push(clip.samples)
    lufs = meter.integrated_lufs
    return WORKING_LUFS - lufs if math.isfinite(lufs) else 0.0


def draw(
    rng: np.random.Generator, kind: Kind, tier: Tier, channels: int = 2, bands: int = BANDS
) -> Degradation:
    """Draw a degradation at random.

    Parameters
    ----------
    rng
        Where the chance comes from; the same state gives the same degradation.
    kind, tier
        What is wrong, and how much. The tier scales everything but the compressor.
    channels
        Of the song it is for; only stereo has a width to change.
    bands
        How many bells and shelves make the tone, at most 10.
    """
    tone = draw_bands(rng, tier, bands) if kind in _WITH_BANDS else ()
    strong = tier is Tier.STRONG
    if kind is Kind.EQ_COMPRESSION:
        return Degradation(kind, tier, tone, compressor=draw_compressor(rng))
    if kind is Kind.EQ_WIDTH:
        width_db = rng.uniform(-1.0, 1.0) * (6.0 if strong else 3.0)
        width = 10.0 ** (width_db / 20.0) if channels == 2 else 1.0
        return Degradation(kind, tier, tone, width=float(width))
    if kind is Kind.GAIN:
        low_db, high_db = (-20.0, 6.0) if strong else (-10.0, 3.0)
        return Degradation(kind, tier, gain_db=float(rng.uniform(low_db, high_db)))
    if kind is Kind.SATURATION:
        low_db, high_db = (9.0, 15.0) if strong else (3.0, 9.0)
        return Degradation(kind, tier, saturator=Saturator(float(rng.uniform(low_db, high_db))))
    if kind is Kind.OUT_OF_FAMILY:
        return Degradation(kind, tier, curve=draw_curve(rng, tier))
    return Degradation(kind, tier, tone)


_WITH_BANDS = (Kind.EQ, Kind.EQ_COMPRESSION, Kind.EQ_WIDTH)


def draw_bands(rng: np.random.Generator, tier: Tier, count: int = BANDS) -> tuple[Band, ...]:
    """Bells at random, in ascending frequency; the outer ones are shelves now and then.

    Gains are uniform within the tier's reach, frequencies and Q uniform in their logarithm. With
    eight bands their equalizer error is 2.5 dB on average for the mild tier and 5.0 dB for the
    strong one (4000 draws each).
    """
    frequencies = np.sort(_log_uniform(rng, LOWEST_HZ, HIGHEST_HZ, count))
    gains = rng.uniform(-tier.reach_db, tier.reach_db, count)
    qs = _log_uniform(rng, LOWEST_Q, HIGHEST_Q, count)
    low, high = rng.random(2) < SHELF_PROBABILITY
    bands = []
    for index, (hz, gain_db, q) in enumerate(zip(frequencies, gains, qs, strict=True)):
        kind = BandKind.BELL
        if index == 0 and low:
            kind = BandKind.LOW_SHELF
        elif index == count - 1 and high:
            kind = BandKind.HIGH_SHELF
        # A shelf with a high Q has a peak beside its slope that no tone control has.
        limited = float(q) if kind is BandKind.BELL else min(float(q), 1.0)
        bands.append(Band(kind, float(hz), float(gain_db), limited))
    return tuple(bands)


def draw_compressor(rng: np.random.Generator) -> Compressor:
    """A compressor for a song at ``WORKING_LUFS``.

    The thresholds reach from 17 dB under the song's loudness to 4 dB over it. Chosen by measuring:
    on 30 s of each of six recordings (84 draws) the loudness contour then moves by 1.17 LU RMS on
    average, 0.5 at the 10th and 2.0 at the 90th percentile; on 24 composed songs by 1.4.
    """
    return Compressor(
        threshold_db=float(rng.uniform(-31.0, -10.0)),
        ratio=float(_log_uniform(rng, 1.5, 8.0)),
        attack_ms=float(_log_uniform(rng, 1.0, 60.0)),
        release_ms=float(_log_uniform(rng, 40.0, 600.0)),
        knee_db=float(rng.uniform(0.0, 12.0)),
    )


def draw_curve(rng: np.random.Generator, tier: Tier) -> SmoothCurve:
    """A curve out of the family of bells: random points, or a steep tilt, or a cabinet.

    As far from flat as :func:`draw_bands`, 2.4 and 4.9 dB on average. Ten bands fitted to it leave
    a tenth of a decibel as a rule, and half a decibel where it is strong and crooked.
    """
    shape = rng.integers(3)
    reach_db = tier.reach_db
    count = int(rng.integers(7, 13))
    edges = np.geomspace(30.0, 16000.0, count)
    step = edges[1] / edges[0]
    frequencies = edges * step ** rng.uniform(-0.3, 0.3, count)
    share = (0.9, 0.4, 0.8)[shape]
    gains = rng.uniform(-share * reach_db, share * reach_db, count)
    tilt = float(rng.uniform(0.08, 0.19) * rng.choice((-1.0, 1.0)) * reach_db) * (shape == 1)
    cabinet = bool(shape == 2)
    return SmoothCurve(
        tuple(zip(frequencies.tolist(), gains.tolist(), strict=True)),
        tilt_db_per_octave=tilt,
        reflection_ms=float(rng.uniform(0.05, 0.16)) if cabinet else 0.0,
        reflection_gain=float(rng.uniform(0.02, 0.045) * reach_db) if cabinet else 0.0,
    )


def _log_uniform(
    rng: np.random.Generator, low: float, high: float, count: int | None = None
) -> Any:
    return np.exp(rng.uniform(math.log(low), math.log(high), count))
