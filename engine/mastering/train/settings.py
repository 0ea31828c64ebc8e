"""The tables of a mastering recipe beside ``[loop]``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from engine.mastering.models.assembly import ModelSettings
from engine.mastering.train.examples import ExampleSettings
from engine.mastering.train.objective import FeatureWeights
from engine.mastering.train.objectives import RESOLUTIONS, ObjectiveWeights
from engine.mastering.train.pool import PoolSettings
from engine.training.recipe import Recipe, check_sections, section
from engine.training.settings import Between

TABLES = ("model", "data", "pool", "examples", "features", "audio", "pace")

Count = Annotated[int, Between(0)]


@dataclass(frozen=True, slots=True)
class DataSettings:
    """Which songs.

    Parameters
    ----------
    songs, first_seed
        Procedural songs for training, from this seed on.
    validation_songs
        Procedural songs for validation, from other seeds; where only ``folder`` is used, its
        share that the split puts aside is validated on.
    seconds
        Length of a procedural song.
    folder
        A folder of recordings to train on as well, or instead where ``songs`` is 0.
    tones
        Equalizers of each kind in the bank.
    workers
        Processes that prepare songs; 0 does it in this one.
    """

    songs: Count = 400
    first_seed: Count = 0
    validation_songs: Count = 48
    seconds: Annotated[float, Between(20.0)] = 40.0
    folder: Path | None = None
    tones: Annotated[int, Between(1)] = 300
    workers: Count = 0

    def __post_init__(self) -> None:
        if self.songs == 0 and self.folder is None:
            raise ValueError("there is nothing to train on: songs is 0 and there is no folder")


@dataclass(frozen=True, slots=True)
class AudioSettings:
    """Losses on audio: every so many steps a few excerpts are rendered and compared.

    Parameters
    ----------
    every
        Steps from one to the next; 0 for none.
    examples
        Excerpts each time.
    share
        What all of them together count beside the losses on features.
    resolutions
        How many of the three resolutions of the short-time spectra are compared each time, drawn
        at random; each costs about as much as the equalizer.
    weights
        Of the terms.
    """

    every: Count = 8
    examples: Annotated[int, Between(1)] = 2
    share: Annotated[float, Between(0.0)] = 0.1
    resolutions: Annotated[int, Between(1, len(RESOLUTIONS))] = len(RESOLUTIONS)
    weights: ObjectiveWeights = field(default_factory=ObjectiveWeights)


@dataclass(frozen=True, slots=True)
class MasteringSettings:
    """Everything a mastering recipe says.

    ``temporal_every`` is how many steps there are from one with the temporal network to the next:
    those without cost a quarter, and the tone comes from the spectral half.
    """

    model: ModelSettings
    data: DataSettings
    pool: PoolSettings
    examples: ExampleSettings
    features: FeatureWeights
    audio: AudioSettings
    temporal_every: int

    @classmethod
    def of(cls, recipe: Recipe) -> MasteringSettings:
        """Read a recipe; raises :class:`Failure` for what it does not know."""
        check_sections(recipe, TABLES)
        return cls(
            section(recipe, "model", ModelSettings),
            section(recipe, "data", DataSettings),
            section(recipe, "pool", PoolSettings),
            section(recipe, "examples", ExampleSettings),
            section(recipe, "features", FeatureWeights),
            section(recipe, "audio", AudioSettings),
            section(recipe, "pace", PaceSettings).temporal_every,
        )


@dataclass(frozen=True, slots=True)
class PaceSettings:
    """How often the temporal network takes part."""

    temporal_every: Annotated[int, Between(1)] = 3
