"""The songs of a training: pools for training and for validation, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.audio.clip import Clip
from engine.cache import recipe_key
from engine.locations import Locations
from engine.mastering.data.songs import (
    ProceduralSongs,
    Recordings,
    Songs,
    composer_version,
)
from engine.mastering.data.split import Split, divide
from engine.mastering.train.pool import RATE, PooledSong, PoolSettings, build_pool
from engine.mastering.train.settings import DataSettings
from engine.tasks import Context, Failure

VALIDATION_SEED = 1_000_000
"""Seeds from here on are for validation: no training reaches them."""


class ReadSong(Protocol):
    """Audio of a song by its name."""

    def __call__(self, name: str, seconds: float) -> Clip:
        """The middle of the song."""


@dataclass(frozen=True, slots=True)
class Collection:
    """Songs for training and for validation.

    Parameters
    ----------
    train, validation
        Pools; no song, and no group of songs, is in both.
    description
        What they are, for the card.
    audio
        Reads a song.
    """

    train: tuple[PooledSong, ...]
    validation: tuple[PooledSong, ...]
    description: str
    audio: ReadSong


def collect(data: DataSettings, pool: PoolSettings, context: Context) -> Collection:
    """Make the songs ready; what was made before is read from the cache.

    Raises
    ------
    Failure
        If the seeds for training reach those for validation, or a folder holds too little.
    """
    if data.first_seed + data.songs > VALIDATION_SEED:
        raise Failure(
            "The training songs reach the seeds of the validation.",
            f"Seeds from {VALIDATION_SEED} on are for validation.",
            "Lower data.songs or data.first_seed.",
        )
    folder = Locations.standard().cache / "pools"
    sources: dict[str, Songs] = {}
    train: tuple[PooledSong, ...] = ()
    validation: tuple[PooledSong, ...] = ()
    words = []
    if data.songs:
        seeds = range(data.first_seed, data.first_seed + data.songs)
        held = range(VALIDATION_SEED, VALIDATION_SEED + data.validation_songs)
        identity = f"procedural {composer_version()} {data.seconds}"
        for span, part in ((seeds, (0.0, 0.85)), (held, (0.85, 0.95))):
            if not span:
                continue
            composed = ProceduralSongs(span, data.seconds, kept=1)
            made = build_pool(
                composed,
                composed.names,
                pool,
                folder,
                lambda _: identity,
                context.part(*part),
                data.workers,
            )
            train, validation = (made, validation) if span is seeds else (train, made)
            sources |= dict.fromkeys(composed.names, composed)
        words.append(
            f"{data.songs} songs of {data.seconds:g} s composed by this program (seeds"
            f" {seeds.start} to {seeds.stop - 1}), validated on {data.validation_songs} others"
        )
    if data.folder is not None:
        recordings = Recordings(data.folder, context=context.part(0.95, 0.96))
        parts = divide(recordings)
        held_back = set(parts[Split.VALIDATION])
        made = build_pool(
            recordings,
            parts[Split.TRAIN] + parts[Split.VALIDATION],
            pool,
            folder,
            lambda name: _file_identity(recordings.path(name)),
            context.part(0.96, 1.0),
            data.workers,
        )
        train += tuple(song for song in made if song.name not in held_back)
        validation += tuple(song for song in made if song.name in held_back)
        sources |= dict.fromkeys(recordings.names, recordings)
        words.append(f"{len(made)} recordings of a folder, split by group")
    if not train or not validation:
        raise Failure(
            "There are too few songs to train and to validate on.",
            f"{len(train)} are for training and {len(validation)} for validation.",
            "Use more songs, from more albums, or procedural songs beside them.",
        )

    def audio(name: str, seconds: float) -> Clip:
        songs = sources[name]
        length = songs.duration_s(name)
        seconds = min(seconds, length)
        return songs.part(name, 0.5 * (length - seconds), seconds, RATE)

    return Collection(train, validation, "; ".join(words), audio)


def _file_identity(path: Path) -> str:
    """Changes when the file does, and with no other file."""
    found = path.stat()
    return recipe_key(path=str(path.resolve()), size=found.st_size, time=found.st_mtime_ns)
