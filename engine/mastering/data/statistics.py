"""What a collection of songs is like, and how much harm the degradations do.

A collection is described by what mastering changes: spectrum, loudness, dynamics and width. The
degradations are described by what is left when nobody undoes them, which any model has to beat.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.audio.clip import Clip
from engine.failures import as_failure
from engine.mastering.analysis import analyse
from engine.mastering.data.degradation import Kind, Tier, draw, error_grid_hz
from engine.mastering.data.neutral import MeanSpectrum, third_octave_db, third_octaves_hz
from engine.mastering.data.pairs import integrated_lufs
from engine.mastering.data.songs import Songs
from engine.mastering.data.split import USUAL_SHARES, Shares, Split, divide
from engine.mastering.evaluate.metrics import loudness_contour_error_lu
from engine.plain_json import finite
from engine.tasks import Context, Failure

FLOOR_DB = -90.0
"""A band that far under the whole holds nothing; how far exactly would spoil every mean."""
LEAST_SIDE_DB = -60.0
LISTENED, LISTENED_S = 8, 10.0


@dataclass(frozen=True, slots=True)
class StatisticsSettings:
    """How closely is looked.

    Parameters
    ----------
    seconds
        How much of each song is heard, around its middle.
    rate
        Sample rate in Hz it is heard at.
    draws
        Degradations drawn for each kind and tier.
    limit
        Most songs that are measured, spread over the collection; None for all.
    seed
        Of the draws and of the split.
    shares
        Of the split.
    """

    seconds: float = 30.0
    rate: int = 44100
    draws: int = 300
    limit: int | None = None
    seed: int = 0
    shares: Shares = USUAL_SHARES

    def __post_init__(self) -> None:
        if self.seconds < 1.0 or self.draws < 2 or (self.limit is not None and self.limit < 1):
            raise Failure(
                "Too little was asked for to say anything.",
                "At least one song, 1 s of each and 2 draws are needed.",
            )


@dataclass(frozen=True, slots=True)
class SongStatistics:
    """One song; ``side_db`` is side over mid and None for mono, levels of silence are -inf."""

    name: str
    group: str
    split: Split
    duration_s: float
    channels: int
    lufs: float
    crest_db: float
    spread_lu: float
    side_db: float | None
    spectrum_db: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """A measure over many: mean, standard deviation, 10th and 90th percentile."""

    count: int
    mean: float
    std: float
    p10: float
    p90: float

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Spread | None:
        """Of the values that are numbers; None without any."""
        numbers = np.array([value for value in values if value is not None and np.isfinite(value)])
        if not numbers.size:
            return None
        low, high = np.percentile(numbers, (10.0, 90.0))
        return cls(
            numbers.size, float(numbers.mean()), float(numbers.std()), float(low), float(high)
        )


@dataclass(frozen=True, slots=True)
class Harm:
    """What one kind and tier of degradation does.

    Parameters
    ----------
    kind, tier, draws
        What was drawn, and how often.
    eq_error_db
        Equalizer error of doing nothing.
    contour_error_lu
        Loudness-contour error of doing nothing, on parts of the collection; None without any.
    change_db
        Of gain, drive or side, whichever the kind has; None for the others.
    curve_rms_db
        RMS of the tone over the draws at :func:`engine.mastering.data.degradation.error_grid_hz`.
    """

    kind: Kind
    tier: Tier
    draws: int
    eq_error_db: Spread
    contour_error_lu: Spread | None
    change_db: Spread | None
    curve_rms_db: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class DatasetStatistics:
    """A collection and its degradations.

    ``failures`` are sentences on songs that could not be read.
    """

    songs: tuple[SongStatistics, ...]
    harms: tuple[Harm, ...]
    failures: tuple[str, ...]
    settings: StatisticsSettings

    @property
    def duration_s(self) -> float:
        """Of all songs together."""
        return sum(song.duration_s for song in self.songs)

    @property
    def groups(self) -> int:
        """How many groups the songs are of."""
        return len({song.group for song in self.songs})

    @property
    def spectra_db(self) -> NDArray[np.float64]:
        """Third octaves of the songs that are not silent, ``[songs, bands]``."""
        heard = [song.spectrum_db for song in self.songs if np.isfinite(song.lufs)]
        return np.array(heard, dtype=np.float64).reshape(len(heard), third_octaves_hz().size)

    @property
    def mean_spectrum(self) -> MeanSpectrum | None:
        """What inputs may be drawn towards; None where all is silent."""
        spectra = self.spectra_db
        return MeanSpectrum.of(spectra) if len(spectra) else None

    def measures(self) -> dict[str, tuple[str, Spread | None]]:
        """Name of each measure of the songs -> unit and spread."""
        return {
            "length": ("s", Spread.of([song.duration_s for song in self.songs])),
            "loudness": ("LUFS", Spread.of([song.lufs for song in self.songs])),
            "crest": ("dB", Spread.of([song.crest_db for song in self.songs])),
            "loudness spread": ("LU", Spread.of([song.spread_lu for song in self.songs])),
            "side over mid": ("dB", Spread.of([song.side_db for song in self.songs])),
        }

    def splits(self) -> dict[Split, tuple[int, int]]:
        """Songs and groups of each split."""
        return {
            split: (
                sum(song.split is split for song in self.songs),
                len({song.group for song in self.songs if song.split is split}),
            )
            for split in Split
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON; what does not exist is null."""
        spectra = self.spectra_db
        document: dict[str, Any] = finite(
            {
                "count": len(self.songs),
                "groups": self.groups,
                "duration_s": self.duration_s,
                "splits": {
                    split.value: {"songs": songs, "groups": groups}
                    for split, (songs, groups) in self.splits().items()
                },
                "measures": {
                    name: {"unit": unit, **({} if spread is None else asdict(spread))}
                    for name, (unit, spread) in self.measures().items()
                },
                "spectrum": {
                    "frequencies_hz": third_octaves_hz().tolist(),
                    "mean_db": spectra.mean(axis=0).tolist() if len(spectra) else None,
                    "std_db": spectra.std(axis=0).tolist() if len(spectra) else None,
                },
                "degradations": [asdict(harm) for harm in self.harms],
                "degradation_frequencies_hz": error_grid_hz().tolist(),
                "songs": [asdict(song) for song in self.songs],
                "failures": list(self.failures),
                "settings": asdict(self.settings),
            }
        )
        return document


def describe(
    songs: Songs,
    settings: StatisticsSettings | None = None,
    context: Context | None = None,
    parts: Mapping[Split, Sequence[str]] | None = None,
) -> DatasetStatistics:
    """Measure a collection and what degradations do to it; a task.

    A song that cannot be read is told in the result, and the others go on.

    Parameters
    ----------
    songs
        The collection.
    settings
        How closely is looked.
    context
        Progress and cancel.
    parts
        How the songs are split; by default as :func:`engine.mastering.data.split.divide` does.
        Songs that are in none are not measured.

    Raises
    ------
    Failure
        If none can be read.
    Cancelled
        If it was cancelled.
    """
    settings = settings or StatisticsSettings()
    context = context or Context()
    if parts is None:
        parts = divide(songs, settings.seed, settings.shares)
    split_of = {name: split for split, names in parts.items() for name in names}
    measured = [name for name in songs.names if name in split_of]
    measured = _spread_over(measured, settings.limit)
    found: list[SongStatistics] = []
    clips: list[Clip] = []
    failures: list[str] = []
    for done, name in enumerate(measured):
        context.checkpoint()
        context.report(done, len(measured) + len(Kind), name)
        try:
            clip = _middle(songs, name, settings)
            found.append(_song(songs, name, split_of[name], clip))
        except (Failure, OSError) as error:
            failures.append(str(as_failure(error)))
            continue
        if len(clips) < LISTENED and np.isfinite(found[-1].lufs):
            clips.append(clip.part(0, round(LISTENED_S * clip.rate)))
    if not found:
        raise Failure("None of the songs could be read.", failures[0] if failures else "")
    harms = []
    for done, kind in enumerate(Kind):
        for tier in Tier:
            context.checkpoint()
            context.report(len(measured) + done, len(measured) + len(Kind), kind.value)
            harms.append(harm(kind, tier, settings, clips))
    return DatasetStatistics(tuple(found), tuple(harms), tuple(failures), settings)


def _spread_over(names: Sequence[str], limit: int | None) -> list[str]:
    """At most ``limit`` of the names, evenly spaced."""
    if limit is None or len(names) <= limit:
        return list(names)
    return [names[index * len(names) // limit] for index in range(limit)]


def _middle(songs: Songs, name: str, settings: StatisticsSettings) -> Clip:
    duration_s = songs.duration_s(name)
    heard_s = min(duration_s, settings.seconds)
    return songs.part(name, 0.5 * (duration_s - heard_s), heard_s, settings.rate)


def _song(songs: Songs, name: str, split: Split, clip: Clip) -> SongStatistics:
    analysis = analyse(clip)
    silent = analysis.silent
    mid, side = float(analysis.mid.sum()), float(analysis.side.sum())
    side_db = None
    if clip.channels == 2 and mid > 0.0:
        side_db = max(10.0 * math.log10(max(side / mid, 1e-30)), LEAST_SIDE_DB)
    return SongStatistics(
        name=name,
        group=songs.group(name),
        split=split,
        duration_s=songs.duration_s(name),
        channels=clip.channels,
        lufs=-math.inf if silent else integrated_lufs(clip),
        crest_db=math.nan if silent else analysis.crest_db,
        spread_lu=math.nan if silent else analysis.spread_lu,
        side_db=side_db,
        spectrum_db=tuple(np.maximum(third_octave_db(analysis), FLOOR_DB).tolist()),
    )


def harm(kind: Kind, tier: Tier, settings: StatisticsSettings, clips: Sequence[Clip] = ()) -> Harm:
    """Draw degradations of one kind and tier and measure what is left of them undone.

    Parameters
    ----------
    kind, tier
        What is drawn.
    settings
        How many, and from which seed.
    clips
        Where the loudness contour is measured, one draw on each.
    """
    seeds = (settings.seed, list(Kind).index(kind), list(Tier).index(tier))
    rng = np.random.default_rng(seeds)
    drawn = [draw(rng, kind, tier) for _ in range(settings.draws)]
    curves = np.array([item.curve_db(error_grid_hz(), settings.rate) for item in drawn])
    curves -= curves.mean(axis=1, keepdims=True)
    changes: dict[Kind, list[float]] = {
        Kind.GAIN: [item.gain_db for item in drawn],
        Kind.SATURATION: [item.saturator.drive_db for item in drawn if item.saturator],
        Kind.EQ_WIDTH: [20.0 * math.log10(item.width) for item in drawn],
    }
    contour = [
        loudness_contour_error_lu(item.apply(clip), clip)
        for item, clip in zip(drawn, clips, strict=False)
    ]
    spread = Spread.of(np.sqrt((curves**2).mean(axis=1)).tolist())
    assert spread is not None  # there are at least two draws
    return Harm(
        kind,
        tier,
        len(drawn),
        spread,
        Spread.of(contour),
        Spread.of(changes.get(kind, [])),
        tuple(np.sqrt((curves**2).mean(axis=0)).tolist()),
    )
