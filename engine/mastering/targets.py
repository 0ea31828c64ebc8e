"""What a master should sound like: tonal balance, width, dynamics, and how far each is trusted.

A target is a curve and a *tolerance*. Inside the tolerance nothing is corrected; outside, only
what sticks out. That is where the confidence lives: a built-in preset is the average of records
that differ by several dB, so it may only pull in what is unusual; a reference is nearer, and a
reference that is the same recording is followed to the tenth of a dB. It also makes mastering
stand still: what a first pass brought inside the tolerance a second pass leaves alone.

Tonal difference is judged in two parts, with a tolerance each: *broad* (over about two octaves:
dark, bright, thin, muddy) and *detail* (what is left: resonances, but also key and arrangement).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

import resources
from engine.mastering.analysis import Analysis, Floats, band_centres_hz
from engine.tasks import Failure

DEFAULT_LUFS = -14.0
DEFAULT_CEILING_DBTP = -1.0
DEFAULT_MAX_Q = 4.0
BROAD_OCTAVES = 2.0
SAME_RECORDING_CORRELATION = 0.87
SAME_RECORDING_RANGE_DB = 30.0
MOSTLY_SIDE_DB = 10.0
REFERENCE_BROAD_DB = 0.5
REFERENCE_DETAIL_DB = 2.0
REFERENCE_UNLIKE_DB = 3.0
REFERENCE_WIDTH_DB = 1.5
SAME_WIDTH_DB = 0.2
# What another song has in less than an octave is its notes, not its sound.
REFERENCE_MAX_Q = 2.0


@dataclass(frozen=True, slots=True)
class Target:
    """What to aim for.

    Parameters
    ----------
    name, source
        Identifier, and where the numbers come from.
    balance_db
        Spectral density in each band of :func:`band_centres_hz`; only its shape counts.
    broad_tolerance_db, detail_tolerance_db
        Per band, how far off is still right.
    fill_dips
        Whether dips of detail are filled; a preset does not know what is missing from a song on
        purpose, only that a resonance sticks out.
    width_db
        Side level over mid level per band, or empty when width is nobody's business.
    max_spread_lu, max_crest_db
        Most dynamics wanted (10 to 95 % range of the loudness contour; loudness to peak), or
        None for as much as there is.
    contour_lufs
        How the loudness should move, window by window of the analysis; only known where the
        reference is the same recording.
    max_gain_db, max_curve_db
        Largest boost or cut of one band, and of all together, that the target is worth.
    max_q
        Narrowest bell the target is worth, from 0.5 up.
    unlike_db
        A recording further than this outside the tolerance (RMS) is probably another kind of
        music or no music at all, and is corrected the less the further it is; None for a
        reference that is the same recording.
    max_ratio, attack_ms, release_ms
        How the compressor may go about it; ratio 1 forbids it.
    lufs, ceiling_dbtp
        Loudness and true-peak ceiling a master for this purpose has.
    """

    name: str
    source: str
    balance_db: tuple[float, ...]
    broad_tolerance_db: tuple[float, ...]
    detail_tolerance_db: tuple[float, ...]
    fill_dips: bool = True
    width_db: tuple[float, ...] = ()
    width_tolerance_db: float = 3.0
    max_spread_lu: float | None = None
    max_crest_db: float | None = None
    contour_lufs: tuple[float, ...] = ()
    max_gain_db: float = 12.0
    max_curve_db: float = 18.0
    max_q: float = DEFAULT_MAX_Q
    unlike_db: float | None = None
    max_ratio: float = 2.0
    attack_ms: float = 30.0
    release_ms: float = 200.0
    lufs: float = DEFAULT_LUFS
    ceiling_dbtp: float = DEFAULT_CEILING_DBTP

    def to_json(self) -> str:
        """JSON that :meth:`from_json` reads: a match kept as a preset of one's own."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Target:
        """Read the form :meth:`to_json` writes; raises :class:`Failure` if it is not that."""
        try:
            data: dict[str, Any] = json.loads(text)
            known = {item.name for item in fields(cls)}
            values: dict[str, Any] = {
                key: tuple(float(v) for v in value) if isinstance(value, list) else value
                for key, value in data.items()
                if key in known
            }
            target = cls(**values)
            bands = band_centres_hz().size
            curves = (target.balance_db, target.broad_tolerance_db, target.detail_tolerance_db)
            if any(len(curve) != bands for curve in curves):
                raise ValueError(f"a curve does not have {bands} bands")
            if not np.isfinite(np.concatenate([*curves, target.width_db])).all():
                raise ValueError("a curve has values that are not numbers")
        except (AttributeError, TypeError, ValueError) as error:
            raise Failure(
                "The mastering target could not be read.",
                f"{type(error).__name__}: {error}.",
                "Use a target that audiobench saved.",
            ) from error
        return target


@dataclass(frozen=True, slots=True)
class PresetInfo:
    """What a list of presets shows."""

    name: str
    title: str
    description: str
    source: str


def presets() -> list[PresetInfo]:
    """The built-in presets, "balanced" first."""
    names = sorted(resources.stems("presets", ".json"), key=lambda name: (name != "balanced", name))
    described = [(name, _preset_data(name)) for name in names]
    return [
        PresetInfo(name, data["title"], data["description"], data["source"])
        for name, data in described
    ]


def from_preset(name: str) -> Target:
    """The built-in preset ``name``.

    Raises
    ------
    Failure
        If there is none of that name.
    """
    data = _preset_data(name)
    centres_hz = band_centres_hz()
    values: dict[str, Any] = {
        key: tuple(
            np.interp(np.log2(centres_hz), np.log2(data["frequencies_hz"]), data[key]).tolist()
        )
        for key in ("balance_db", "broad_tolerance_db", "detail_tolerance_db")
    }
    values |= {
        item.name: data[item.name]
        for item in fields(Target)
        if item.name in data and item.name not in (*values, "width_db")
    }
    if data["width_db"] is not None:
        values["width_db"] = (float(data["width_db"]),) * centres_hz.size
    return Target(name, **values)


def _preset_data(name: str) -> dict[str, Any]:
    known = resources.stems("presets", ".json")
    if name not in known:
        raise Failure(
            f"There is no mastering preset called {name!r}.",
            f"The presets are {', '.join(known)}.",
            "Choose one of them or give a reference track.",
        )
    data: dict[str, Any] = json.loads(resources.text("presets", f"{name}.json"))
    return data


def from_references(
    clip: Analysis | None,
    references: Sequence[Analysis],
    weights: Sequence[float] | None = None,
    name: str = "reference",
) -> Target:
    """A target made of one or more reference tracks, for this clip or, without one, for any.

    The tolerance comes from the recordings themselves: how much the spectrum of a part of a song
    tells of the whole is seen in how much its parts differ (standard error over the sections,
    halved in number because neighbours are alike). A reference that is the same recording is
    compared section by section instead, where the arrangement cancels.

    Raises
    ------
    Failure
        If no reference holds anything audible.
    """
    heard = [
        (each, weight)
        for each, weight in zip(references, weights or [1.0] * len(references), strict=True)
        if not each.silent and weight > 0.0
    ]
    if not heard:
        raise Failure(
            "The reference is silent.",
            "There is no spectrum to match.",
            "Choose another reference track or a preset.",
        )
    total = sum(weight for _, weight in heard)
    shares = [weight / total for _, weight in heard]
    balance_db = sum(
        share * _shape_db(each.band_db(each.power))
        for share, (each, _) in zip(shares, heard, strict=True)
    )
    same = clip is not None and len(heard) == 1 and same_recording(clip, heard[0][0])
    if same and clip is not None:
        balance_db = _shape_db(clip.band_db(clip.power)) + _paired_db(clip, heard[0][0])
        error_db = _paired_error_db(clip, heard[0][0])
        broad_db = detail_db = np.minimum(error_db, 1.0)
    else:
        errors = [_standard_error_db(each) for each, _ in heard]
        variance = sum((share**2) * error**2 for share, error in zip(shares, errors, strict=True))
        # Of a clip that is not known yet as little can be told as of the average reference.
        own = np.mean([error**2 for error in errors], axis=0)
        own = own if clip is None else _standard_error_db(clip) ** 2
        error_db = np.sqrt(variance + own)
        broad_db = np.maximum(REFERENCE_BROAD_DB, broad(error_db))
        detail_db = np.maximum(REFERENCE_DETAIL_DB, error_db)
    stereo = [each for each, _ in heard if each.channels == 2]
    return Target(
        name,
        "the same recording as a reference" if same else f"{len(heard)} reference track(s)",
        tuple(np.asarray(balance_db).tolist()),
        tuple(broad_db.tolist()),
        tuple(detail_db.tolist()),
        width_db=tuple(np.mean([width_db(each) for each in stereo], axis=0).tolist())
        if stereo
        else (),
        width_tolerance_db=SAME_WIDTH_DB if same else _width_tolerance_db(clip, stereo),
        max_spread_lu=max(each.spread_lu for each, _ in heard),
        max_crest_db=max(each.crest_db for each, _ in heard),
        contour_lufs=tuple(heard[0][0].contour_lufs.tolist()) if same else (),
        max_q=DEFAULT_MAX_Q if same else REFERENCE_MAX_Q,
        max_ratio=4.0,
        unlike_db=None if same else REFERENCE_UNLIKE_DB,
    )


def width_db(analysis: Analysis) -> Floats:
    """Side level over mid level in each band, ``[bands]``, kept within -60 to +20 dB."""
    mid = analysis.band_db(analysis.mid.mean(axis=0))
    side = analysis.band_db(analysis.side.mean(axis=0))
    return np.asarray(np.clip(side - mid, -60.0, 20.0))


def _width_tolerance_db(clip: Analysis | None, references: Sequence[Analysis]) -> float:
    """How far the width may be off without anything being wrong: two standard errors."""
    recordings = [each for each in (clip, *references) if each is not None and each.channels == 2]
    variance = sum(_width_error_db(each) ** 2 for each in recordings)
    return max(REFERENCE_WIDTH_DB, 2.0 * float(np.sqrt(variance)))


def _width_error_db(analysis: Analysis) -> float:
    """How well the sections determine the width, as the spectrum's; 1 dB if there is only one."""
    middle = (band_centres_hz() > 100.0) & (band_centres_hz() < 8000.0)
    wide_db = np.clip(analysis.band_db(analysis.side) - analysis.band_db(analysis.mid), -60.0, 20.0)
    sections_db = np.atleast_2d(wide_db)[:, middle].mean(axis=1)
    if len(sections_db) < 2:
        return 1.0
    return float(sections_db.std(ddof=1) / np.sqrt(len(sections_db) / 2.0))


def broad_matrix() -> Floats:
    """``[bands, bands]``: averages a curve over about ``BROAD_OCTAVES`` octaves (Gaussian)."""
    octaves = np.log2(band_centres_hz())
    distance = (octaves[:, None] - octaves[None, :]) / (BROAD_OCTAVES / 2.355)
    weights = np.exp(-0.5 * distance**2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def broad(curve_db: Floats) -> Floats:
    """The broad part of a curve over the bands."""
    return np.asarray(broad_matrix() @ curve_db)


def same_recording(first: Analysis, second: Analysis) -> bool:
    """Whether two recordings are the same performance, differently processed.

    Equal to within 1 % in length, and what each section has more or less of than the whole, band
    by band, correlates: no equalizer changes that, and a compressor little.
    """
    shorter, longer = sorted((first.frames / first.rate, second.frames / second.rate))
    if first.silent or second.silent or longer - shorter > max(0.01 * longer, 0.1):
        return False
    count = min(len(first.mid), len(second.mid))
    pair = [each.band_db(each.mid + each.side)[:count] for each in (first, second)]
    octaves_db = 10.0 * np.log10(band_centres_hz())
    heard = np.ones(octaves_db.size, dtype=bool)
    for levels_db in pair:
        whole_db = levels_db.mean(axis=0) + octaves_db
        heard &= whole_db > whole_db.max() - SAME_RECORDING_RANGE_DB
    if count < 2 or not heard.any():
        return False
    moves = []
    for levels_db in pair:
        held = np.maximum(levels_db, levels_db.max(axis=0) - 40.0)[:, heard]
        moves.append((held - held.mean(axis=0)).ravel())
    if min(np.abs(each).max() for each in moves) < 0.1:
        return False
    return bool(np.corrcoef(moves)[0, 1] > SAME_RECORDING_CORRELATION)


def _shape_db(curve_db: Floats) -> Floats:
    """A curve without its level: the mean from 100 Hz to 8 kHz is 0."""
    centres_hz = band_centres_hz()
    return np.asarray(curve_db - curve_db[(centres_hz > 100.0) & (centres_hz < 8000.0)].mean())


def _section_shapes_db(analysis: Analysis) -> Floats:
    levels_db = analysis.band_db(analysis.mid + analysis.side)
    return np.stack([_shape_db(row) for row in levels_db])


def _standard_error_db(analysis: Analysis) -> Floats:
    """How well the sections determine the spectrum, ``[bands]``; 3 dB if there is only one."""
    shapes_db = _section_shapes_db(analysis)
    if len(shapes_db) < 2:
        return np.full(shapes_db.shape[1], 3.0)
    return np.asarray(shapes_db.std(axis=0, ddof=1) / np.sqrt(len(shapes_db) / 2.0))


def _paired_shapes_db(first: Analysis, second: Analysis) -> Floats:
    """What the second has more of than the first, ``[sections, bands]``, level by level.

    Seen on the mid, which a change of width leaves alone, unless a band of it is mostly side.
    """
    count = min(len(first.mid), len(second.mid))
    whole = _section_shapes_db(second)[:count] - _section_shapes_db(first)[:count]
    middle = [each.band_db(each.mid[:count]) for each in (first, second)]
    mostly_side = np.zeros(whole.shape[1], dtype=bool)
    for each, levels_db in zip((first, second), middle, strict=True):
        side_db = each.band_db(each.side[:count])
        mostly_side |= (side_db > levels_db + MOSTLY_SIDE_DB).any(axis=0)
    if mostly_side.any():
        return whole
    shapes = [np.stack([_shape_db(row) for row in levels_db]) for levels_db in middle]
    return np.asarray(shapes[1] - shapes[0])


def _paired_db(first: Analysis, second: Analysis) -> Floats:
    """The curve from one recording to the same one, ``[bands]``.

    The median of the sections: a compressor between the two moves how much each section counts,
    which the spectra of the whole show as a curve.
    """
    return np.asarray(np.median(_paired_shapes_db(first, second), axis=0))


def _paired_error_db(first: Analysis, second: Analysis) -> Floats:
    shapes_db = _paired_shapes_db(first, second)
    return np.asarray(shapes_db.std(axis=0, ddof=1) / np.sqrt(len(shapes_db) / 2.0))


def with_delivery(target: Target, lufs: float | None, ceiling_dbtp: float | None) -> Target:
    """The target with another loudness or ceiling where one is given."""
    return replace(
        target,
        lufs=target.lufs if lufs is None else lufs,
        ceiling_dbtp=target.ceiling_dbtp if ceiling_dbtp is None else ceiling_dbtp,
    )
