"""Examples: windows of the pool with an equalizer on them, and what would repair them.

Also an equalizer on the song itself, input, reference and all: where there is a reference the
song's own colour must not matter, and without one there are more songs this way than the pool has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from torch import Tensor

from engine.mastering.data.degradation import Kind, Tier, error_grid_hz
from engine.mastering.models.assembly import Heard
from engine.mastering.models.features import (
    BANDS,
    SUBFRAMES,
    Features,
    centres_hz,
    equalized,
)
from engine.mastering.models.hearing import (
    DYNAMICS,
    ROWS,
    STATISTICS,
    Statistics,
    dynamics,
    pooled,
    rows_of,
)
from engine.mastering.train.objective import Truth
from engine.mastering.train.pool import PooledSong
from engine.mastering.train.tones import Tone, ToneBank
from engine.training.settings import Between

Floats = NDArray[np.float64]
Share = Annotated[float, Between(0.0, 1.0)]

COLOUR_POINTS = 9
AUDIBLE_DB = 60.0
FADE_DB = 20.0


@dataclass(frozen=True, slots=True)
class ExampleSettings:
    """How examples are drawn.

    Parameters
    ----------
    reference
        Share of examples that have a reference, another part of the same song.
    processed_reference
        Share of the references that have an equalizer of their own, which is then to be followed.
    other_song
        Share of the references that are of another song and only mislead: a model has to learn
        when not to listen.
    spoilt
        Share of examples that were compressed, saturated or widened.
    few_bands, out_of_family, untouched
        Shares of examples whose equalizer has three bands, is no equalizer of bands, or is none;
        the others have eight bands.
    colour_db, colour_reference_db
        Standard deviation of the song's own equalizer, without and with a reference.
    frames
        Length of the windows the temporal network sees.
    """

    reference: Share = 0.5
    processed_reference: Share = 0.25
    other_song: Share = 0.2
    spoilt: Share = 0.4
    few_bands: Share = 0.15
    out_of_family: Share = 0.2
    untouched: Share = 0.1
    colour_db: float = 4.0
    colour_reference_db: float = 12.0
    frames: int = 128


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples of one step."""

    heard: Heard
    reference: Heard
    truth: Truth

    def to(self, device: str) -> Batch:
        """The same on another device."""
        return Batch(self.heard.to(device), self.reference.to(device), self.truth.to(device))


@dataclass(frozen=True, slots=True)
class Wish:
    """What one example is to be; ``None`` leaves it to chance."""

    tier: Tier | None = None
    kind: Kind | None = None
    reference: bool | None = None
    spoilt: bool | None = None


def draw_batch(
    pool: Sequence[PooledSong],
    bank: ToneBank,
    settings: ExampleSettings,
    count: int,
    rng: np.random.Generator,
    temporal: bool = True,
    wish: Wish | None = None,
) -> Batch:
    """Draw ``count`` examples.

    Parameters
    ----------
    pool, bank
        Songs and equalizers to draw from.
    settings
        Shares.
    count
        Examples.
    rng
        Where the chance comes from.
    temporal
        Whether to make the windows of the temporal network, which is most of the work.
    wish
        What all of them are to be: for validation.
    """
    drawn = [
        _draw(
            pool[int(rng.integers(len(pool)))],
            pool[int(rng.integers(len(pool)))],
            bank,
            settings,
            rng,
            temporal,
            wish or Wish(),
        )
        for _ in range(count)
    ]
    return collate(drawn)


def collate(drawn: Sequence[Example]) -> Batch:
    """Examples as a batch."""
    truth = (_tensor(column) for column in list(zip(*drawn, strict=True))[2:])
    return Batch(
        _heard([example.heard for example in drawn]),
        _heard([example.reference for example in drawn]),
        Truth(*truth),
    )


class Part(NamedTuple):
    """One recording: rows of :class:`Heard`."""

    statistics: NDArray[np.floating]
    window: NDArray[np.float32] | None
    dynamics: NDArray[np.float32]
    level: float
    present: float
    audio: NDArray[np.float32] | None = None


class Example(NamedTuple):
    """One example; after the two recordings the fields of :class:`Truth`, in order."""

    heard: Part
    reference: Part
    curve_db: Floats
    weights: Floats
    contour: NDArray[np.float32]
    clean_contour: NDArray[np.float32]
    envelope: NDArray[np.float32]
    side_db: float
    compressor: Floats


def _draw(
    song: PooledSong,
    stranger: PooledSong,
    bank: ToneBank,
    settings: ExampleSettings,
    rng: np.random.Generator,
    temporal: bool,
    wish: Wish,
) -> Example:
    chance = rng.random(5)
    referenced = chance[0] < settings.reference if wish.reference is None else wish.reference
    spoilt = chance[1] < settings.spoilt if wish.spoilt is None else wish.spoilt
    spoilt = spoilt and len(song.truth) > 0
    wrong = draw_tone(bank, settings, rng, chance[2], wish)
    colour = draw_colour(rng, settings.colour_reference_db if referenced else settings.colour_db)
    if wish.kind is not None:  # songs as they are
        colour = np.zeros(BANDS)
    order = rng.permutation(len(song.mel))
    if spoilt:
        index = int(rng.integers(len(song.truth)))
        features, own = song.spoilt(index)
        origin = int(song.truth[index, 0])
        truth = song.truth[index, 1:].astype(np.float64)
        if np.isnan(truth[0]):
            truth[1] = 0.0  # what was not compressed is not to be expanded
        clean = song.clean(origin)[0]
        others = [int(i) for i in order if i != origin]
    else:
        used = int(rng.integers(1, max(2, len(order) // 2 + 1)))
        mine, others = order[:used], [int(i) for i in order[used:]]
        features = clean = song.clean(int(mine[0]))[0]
        own = pooled([song.clean(int(i))[1] for i in mine])
        truth = np.full(5, np.nan)
        truth[0:4] = (np.nan, 0.0, np.nan, np.nan)
        truth[4] = 0.0
    if features.mel_db[1].max() <= -119.0:
        truth[4] = np.nan
    own_db = colour + wrong.band_db
    followed = np.zeros(len(error_grid_hz()))
    other_db = colour
    reference = _nothing(settings.frames if temporal else 0)
    if referenced:
        source = song
        if chance[4] < settings.other_song and wish.reference is None:
            source = stranger
            others = [int(i) for i in rng.permutation(len(source.mel))]
            other_db = draw_colour(rng, settings.colour_db)
        others = others[: int(rng.integers(1, len(others) + 1))]
        if source is song and chance[3] < settings.processed_reference and wish.reference is None:
            wanted = draw_tone(bank, settings, rng, 1.0, wish)
            other_db = colour + wanted.band_db
            followed = wanted.grid_db
        reference_features = source.clean(others[0])[0]
        statistics = pooled([source.clean(i)[1] for i in others])
        start = _start(rng, reference_features, settings.frames)
        reference = _part(statistics, reference_features, other_db, 0.0, start, settings, temporal)
    start = _start(rng, features, settings.frames)
    level = float(rng.normal(0.0, 6.0))
    heard = _part(own, features, own_db, level, start, settings, temporal)
    correction = followed - wrong.grid_db
    contour, aim = (
        fitted(row, settings.frames, start) for row in (features.loudness, clean.loudness)
    )
    envelope = fitted(
        features.envelope_db - features.lufs, SUBFRAMES * settings.frames, SUBFRAMES * start
    )
    return Example(
        heard,
        reference,
        correction,
        audible(own),
        contour,
        aim,
        envelope,
        float(truth[4]),
        truth[:4],
    )


def draw_tone(
    bank: ToneBank, settings: ExampleSettings, rng: np.random.Generator, chance: float, wish: Wish
) -> Tone:
    """An equalizer that was wrongly applied: of the kind wished for, or by ``chance`` in [0, 1]."""
    tier = wish.tier or (Tier.STRONG if rng.random() < 0.5 else Tier.MILD)
    if wish.kind is not None:
        return bank.drawn(rng, wish.kind, tier)
    if chance < settings.untouched:
        return bank.nothing
    chance -= settings.untouched
    if chance < settings.out_of_family:
        return bank.drawn(rng, Kind.OUT_OF_FAMILY, tier)
    few = chance - settings.out_of_family < settings.few_bands
    return bank.drawn(rng, Kind.EQ, tier, few)


def draw_colour(rng: np.random.Generator, deviation_db: float) -> Floats:
    """A smooth random curve in dB at the band centres; how strong it is varies, too."""
    gains = rng.normal(0.0, deviation_db, COLOUR_POINTS) * rng.random()
    return np.asarray(_colours() @ gains)


@lru_cache(maxsize=1)
def _colours() -> Floats:
    """What each point adds to the curve, ``[BANDS, COLOUR_POINTS]``: a spline is linear in them."""
    places = np.linspace(np.log(20.0), np.log(20000.0), COLOUR_POINTS)
    splines = CubicSpline(places, np.eye(COLOUR_POINTS))
    return np.asarray(splines(np.log(np.maximum(centres_hz(), 20.0))))


def _part(
    statistics: Statistics,
    features: Features,
    curve_db: Floats,
    level: float,
    start: int,
    settings: ExampleSettings,
    temporal: bool,
) -> Part:
    """Statistics, window, level and presence of a recording."""
    rows, moves = None, np.zeros(DYNAMICS, np.float32)
    if temporal:
        after = equalized(features, curve_db)
        rows = fitted(rows_of(after)[0], settings.frames, start)
        moves = dynamics(after)
    return Part(statistics.equalized(curve_db).normalised().rows, rows, moves, level, 1.0)


def _nothing(frames: int) -> Part:
    rows = np.full((ROWS, frames), -60.0, np.float32) if frames else None
    return Part(np.zeros((STATISTICS, BANDS)), rows, np.zeros(DYNAMICS, np.float32), 0.0, 0.0)


def _start(rng: np.random.Generator, features: Features, frames: int) -> int:
    return int(rng.integers(max(features.frames - frames, 0) + 1))


def fitted(rows: NDArray[np.float32], frames: int, start: int) -> NDArray[np.float32]:
    """``frames`` frames from ``start``, repeated where there are fewer."""
    index = np.arange(start, start + frames) % rows.shape[-1]
    return rows[..., index]


def audible(statistics: Statistics) -> Floats:
    """How much each point of the grid can be heard in the song, in [0, 1]."""
    level = np.interp(error_grid_hz(), centres_hz(), statistics.rows[0])
    return np.asarray(np.clip((level - level.max() + AUDIBLE_DB) / FADE_DB, 0.0, 1.0))


def _tensor(values: Sequence[object]) -> Tensor:
    return torch.from_numpy(np.stack([np.asarray(v, np.float32) for v in values]))


def _heard(parts: Sequence[Part]) -> Heard:
    windows = None
    if parts[0].window is not None:
        windows = _tensor([part.window for part in parts]).unsqueeze(1)
    audio = None
    if parts[0].audio is not None:
        audio = _tensor([part.audio for part in parts]).unsqueeze(1)
    return Heard(
        _tensor([part.statistics for part in parts]),
        windows,
        _tensor([part.dynamics for part in parts]),
        _tensor([part.level for part in parts]),
        _tensor([part.present for part in parts]),
        audio,
    )
