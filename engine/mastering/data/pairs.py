"""Pairs a model learns from: a spoiled part of a song, and another part of it as it should sound.

Of one song two parts are taken, A and B. Now and then both get the same *style*, a tone of their
own that is not to be undone, so that the model has to listen to the reference and cannot know the
answer by heart. A is then spoiled and becomes the input; B is the reference; A before it was
spoiled is what should come out. What has to be undone is known exactly.

Whatever the input's level was, it is normalised first; on request its spectrum is drawn towards a
mean one as well, as in J. Koo et al., "Music Mixing Style Transfer", ICASSP 2023, and that curve
is part of what has to be undone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.audio.clip import Clip
from engine.audio.loudness import LoudnessMeter
from engine.mastering.data.augment import USUAL_SETTINGS, AugmentSettings, draw_augmentation
from engine.mastering.data.curve import SmoothCurve
from engine.mastering.data.degradation import BANDS, Degradation, Kind, Tier, draw
from engine.mastering.data.neutral import MeanSpectrum
from engine.mastering.data.songs import Songs
from engine.tasks import Failure

NORMAL_LUFS = -23.0
QUIETEST_LUFS = -50.0
"""A part that is softer says too little of its song; another one is drawn."""
MOST_TRIES = 6


@dataclass(frozen=True, slots=True)
class PairSettings:
    """What pairs are made of.

    Parameters
    ----------
    part_s, rate
        Length in seconds and sample rate in Hz of every part.
    kinds, kind_weights, tiers
        What is done to the input, and how often each kind comes; by default all alike.
    band_counts
        How many bands spoil the tone; one of these.
    reference_probability
        How often there is a reference.
    style_probability
        How often a pair with a reference gets a style.
    augment
        Changes of the song before all else; None for none.
    neutralise
        How far the input is drawn towards the mean spectrum, in [0, 1].
    """

    part_s: float = 10.0
    rate: int = 44100
    kinds: tuple[Kind, ...] = tuple(Kind)
    kind_weights: tuple[float, ...] = ()
    tiers: tuple[Tier, ...] = tuple(Tier)
    band_counts: tuple[int, ...] = (BANDS,)
    reference_probability: float = 0.5
    style_probability: float = 0.5
    augment: AugmentSettings | None = USUAL_SETTINGS
    neutralise: float = 0.0

    def __post_init__(self) -> None:
        if not self.kinds or not self.tiers or not self.band_counts:
            raise Failure("There must be at least one kind, one tier and one number of bands.")
        if self.kind_weights and (
            len(self.kind_weights) != len(self.kinds)
            or min(self.kind_weights) < 0.0
            or sum(self.kind_weights) == 0.0
        ):
            raise Failure(
                "The weights of the kinds do not fit.",
                "There must be one of 0 or more for each kind, and not only zeros.",
            )


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One example.

    Parameters
    ----------
    input
        The spoiled part at ``NORMAL_LUFS``.
    reference
        Another part of the song as it should sound, at ``NORMAL_LUFS``; None without one.
    clean
        What should come out, at ``NORMAL_LUFS``; sample for sample in line with the input.
    degradation
        What was done to ``clean``.
    neutralisation
        What was done after it to normalise the spectrum.
    input_gain_db
        Gain that normalised the input's loudness: its own was ``NORMAL_LUFS`` minus this.
    song, group
        Where it is from.
    start_s
        Where A begins in the song.
    """

    input: Clip
    reference: Clip | None
    clean: Clip
    degradation: Degradation
    neutralisation: SmoothCurve | None
    input_gain_db: float
    song: str
    group: str
    start_s: float

    def curve_db(self, frequencies_hz: ArrayLike) -> NDArray[np.float64]:
        """Gain in dB from ``clean`` to ``input`` but for their level: what is to be undone."""
        rate = self.clean.rate
        curve = self.degradation.curve_db(frequencies_hz, rate)
        if self.neutralisation is not None:
            curve = curve + self.neutralisation.response_db(frequencies_hz, rate)
        return curve


class Pairs:
    """Endless examples from a collection; each depends on the seed and its index alone.

    Whatever process asks, and in whatever order, an index is the same pair.

    Parameters
    ----------
    songs
        The collection.
    names
        Which of its songs may be used: those of one split. Songs that are too short for a part
        are left out.
    settings
        What pairs are made of.
    seed
        Another seed, other pairs.
    mean
        The spectrum that inputs are drawn towards; needed where ``settings.neutralise`` is not 0.

    Raises
    ------
    Failure
        If no song is long enough.
    """

    def __init__(
        self,
        songs: Songs,
        names: Sequence[str],
        settings: PairSettings | None = None,
        seed: int = 0,
        mean: MeanSpectrum | None = None,
    ) -> None:
        self.settings = settings or PairSettings()
        self._songs = songs
        self._seed = seed
        self._mean = mean
        if self.settings.neutralise and mean is None:
            raise ValueError("neutralising needs the mean spectrum")
        augment = self.settings.augment
        reach = math.pow(2.0, augment.semitones / 12.0) if augment else 1.0
        longest_s = self.settings.part_s * reach + 0.1
        self.names = tuple(name for name in names if songs.duration_s(name) >= longest_s)
        if not self.names:
            raise Failure(
                "No song is long enough to learn from.",
                f"A part takes {longest_s:.1f} s.",
                "Choose shorter parts or a folder with longer songs.",
            )

    def pair(self, index: int) -> Pair:
        """The pair of an index, 0 or above."""
        settings = self.settings
        rng = np.random.default_rng((self._seed, index))
        name = self.names[int(rng.integers(len(self.names)))]
        start_s, part_a, part_b = self._parts(rng, name)
        kind = settings.kinds[int(rng.choice(len(settings.kinds), p=self._kind_shares()))]
        tier = settings.tiers[int(rng.integers(len(settings.tiers)))]
        bands = settings.band_counts[int(rng.integers(len(settings.band_counts)))]
        degradation = draw(rng, kind, tier, part_a.channels, bands)
        referenced, styled = rng.random(2)
        style = draw(rng, Kind.EQ, Tier.MILD, part_a.channels)
        if referenced >= settings.reference_probability:
            clean, reference = part_a, None
        elif styled >= settings.style_probability:
            clean, reference = part_a, part_b
        else:
            clean, reference = style.apply(part_a), style.apply(part_b)
        clean = normalise(clean)[0]
        spoiled = degradation.apply(clean)
        neutralisation = None
        if self._mean is not None and settings.neutralise:
            neutralisation = self._mean.neutraliser(spoiled, settings.neutralise)
            spoiled = Clip(
                neutralisation.apply(spoiled.samples, spoiled.rate).astype(np.float32), spoiled.rate
            )
        spoiled, gain_db = normalise(spoiled)
        return Pair(
            input=spoiled,
            reference=None if reference is None else normalise(reference)[0],
            clean=clean,
            degradation=degradation,
            neutralisation=neutralisation,
            input_gain_db=gain_db,
            song=name,
            group=self._songs.group(name),
            start_s=start_s,
        )

    def stream(self, first: int = 0, step: int = 1) -> Iterator[Pair]:
        """Pairs ``first``, ``first + step``, ... for ever: worker ``first`` of ``step``."""
        return (self.pair(index) for index in count(first, step))

    def _kind_shares(self) -> NDArray[np.float64] | None:
        weights = np.asarray(self.settings.kind_weights, dtype=np.float64)
        return weights / weights.sum() if weights.size else None

    def _parts(self, rng: np.random.Generator, name: str) -> tuple[float, Clip, Clip]:
        """Start of A, and A and B of a song, changed alike."""
        settings = self.settings
        augmentation = draw_augmentation(rng, settings.augment or _NO_CHANGE)
        source_s = augmentation.source_s(settings.part_s)
        mixed_in = None
        if augmentation.mix_gain_db is not None:
            other = self.names[int(rng.integers(len(self.names)))]
            start_s, _ = _two_starts(rng, self._songs.duration_s(other), source_s)
            mixed_in = self._songs.part(other, start_s, source_s, settings.rate)
        whole_s = self._songs.duration_s(name)
        for _ in range(MOST_TRIES):
            starts = _two_starts(rng, whole_s, source_s)
            sources = [self._songs.part(name, at, source_s, settings.rate) for at in starts]
            parts = [augmentation.apply(each, settings.part_s, mixed_in) for each in sources]
            if min(integrated_lufs(part) for part in parts) >= QUIETEST_LUFS:
                break
        return starts[0], parts[0], parts[1]


_NO_CHANGE = AugmentSettings(0.0, 0.0, 0.0, polarity_probability=0.0, swap_probability=0.0)


def _two_starts(rng: np.random.Generator, whole_s: float, part_s: float) -> tuple[float, float]:
    """Starts of two parts that do not overlap, or as little as the song allows."""
    last_s = max(whole_s - part_s, 0.0)
    room_s = last_s - part_s
    if room_s < 0.0:
        starts = (0.0, last_s)
    else:
        # Two points in the room that is left, pushed apart by the length of a part.
        low, high = np.sort(rng.uniform(0.0, room_s, 2))
        starts = (float(low), float(high) + part_s)
    return starts if rng.random() < 0.5 else (starts[1], starts[0])


def integrated_lufs(clip: Clip) -> float:
    """Gated loudness of a clip; -inf for silence."""
    meter = LoudnessMeter(clip.rate, clip.channels)
    meter.push(clip.samples)
    return meter.integrated_lufs


def normalise(clip: Clip, lufs: float = NORMAL_LUFS) -> tuple[Clip, float]:
    """The clip at a loudness, and the gain in dB that took; silence stays as it is, with 0."""
    present = integrated_lufs(clip)
    if not math.isfinite(present):
        return clip, 0.0
    gain_db = lufs - present
    gain = math.pow(10.0, gain_db / 20.0)
    return Clip((clip.samples * gain).astype(clip.samples.dtype), clip.rate), gain_db
