"""Where songs come from: composed by the machine, or the recordings of a folder."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from engine.audio.clip import Clip
from engine.audio.finder import find_audio
from engine.audio.reader import open_reader
from engine.audio.resample import resample
from engine.audio.store import StoredAudio, StoreWriter, decode, find
from engine.cache import Cache, recipe_key
from engine.tasks import Context, Failure

COMPOSED_RATE = 44100
MARGIN_S = 0.05
"""Read on both sides of a part, so that the converter's filter hears what surrounds it."""

Read = Callable[[int, int], Clip]
Compose = Callable[[int, float, int], Clip]


class Songs(Protocol):
    """A collection of songs that is read in parts."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every song that can be used, in an order that does not change."""

    def group(self, name: str) -> str:
        """What the song shares with others (artist, album, seed) and no split may divide."""

    def duration_s(self, name: str) -> float:
        """Length in seconds; of compressed files it may be an estimate."""

    def part(self, name: str, start_s: float, duration_s: float, rate: int) -> Clip:
        """A part at a sample rate, exactly ``round(duration_s * rate)`` frames, mono or stereo.

        Raises
        ------
        ValueError
            If it begins before the song or ends after it.
        """


class ProceduralSongs:
    """Songs composed from seeds, each a group of its own.

    Parameters
    ----------
    seeds
        One song for each.
    duration_s
        Of each song.
    cache
        Keeps what was rendered, for every process; without one the last ``kept`` songs stay in
        memory.
    kept
        How many that are.
    compose
        ``(seed, duration_s, rate) -> Clip``; the project's own composer by default.
    version
        Name of the composer in the cache; by default that of the project's own.
    """

    def __init__(
        self,
        seeds: range,
        duration_s: float = 40.0,
        cache: Cache | None = None,
        kept: int = 4,
        compose: Compose | None = None,
        version: str | None = None,
    ) -> None:
        self.names = tuple(f"seed-{seed:06d}" for seed in seeds)
        self._seeds = dict(zip(self.names, seeds, strict=True))
        self._duration_s = duration_s
        self._cache = cache
        self._kept = max(kept, 1)
        self._compose = compose or _composer()
        self._version = version or composer_version()
        self._recent: OrderedDict[str, Clip] = OrderedDict()

    def group(self, name: str) -> str:
        """The seed."""
        self.seed(name)
        return name

    def seed(self, name: str) -> int:
        """The seed of a song; raises ``KeyError`` for one that is not here."""
        return self._seeds[name]

    def duration_s(self, name: str) -> float:
        """Length in seconds, the same for all."""
        self.seed(name)
        return self._duration_s

    def part(self, name: str, start_s: float, duration_s: float, rate: int) -> Clip:
        """A part of a song; see :class:`Songs`."""
        _check(name, start_s, duration_s, self.duration_s(name))
        song = self._song(name)
        read = song.part if isinstance(song, Clip) else song.clip
        return _cut(read, song.rate, song.frames, start_s, duration_s, rate)

    def _song(self, name: str) -> Clip | StoredAudio:
        if self._cache is not None:
            return self._stored(name, self._cache)
        if name not in self._recent:
            self._recent[name] = self._render(name)
            while len(self._recent) > self._kept:
                self._recent.popitem(last=False)
        self._recent.move_to_end(name)
        return self._recent[name]

    def _render(self, name: str) -> Clip:
        return self._compose(self._seeds[name], self._duration_s, COMPOSED_RATE)

    def _stored(self, name: str, cache: Cache) -> StoredAudio:
        key = recipe_key(
            task="compose",
            composer=self._version,
            seed=self._seeds[name],
            duration_s=self._duration_s,
            rate=COMPOSED_RATE,
        )
        stored = find(cache, key)
        if stored is not None:
            return stored
        clip = self._render(name)
        with StoreWriter(cache, key, clip.rate, clip.channels, clip.frames) as writer:
            writer.append(clip.samples)
            return writer.finish()


class Recordings:
    """The audio files of a folder and its sub-folders.

    A file that cannot be read, is too short or holds the same bytes as one before it is left out
    and told, and the others are used. More than two channels are reduced to the first two.

    Parameters
    ----------
    folder
        Searched for audio; a name is the path inside it.
    groups
        Group of a name; where there is none, the first sub-folder, or else the file's name up to
        its first underscore.
    cache
        Keeps what was decoded, so that a part is found without decoding what precedes it; without
        one each part is streamed from the start of its file.
    shortest_s
        Shorter files are left out.
    context
        Progress and cancel of the search.

    Attributes
    ----------
    failures
        What could not be used and why.
    too_short
        Names and seconds of what is shorter than ``shortest_s``.
    duplicates
        Name of each copy and of the file it is a copy of.

    Raises
    ------
    Failure
        If nothing in the folder can be used.
    """

    def __init__(
        self,
        folder: Path | str,
        groups: Mapping[str, str] | None = None,
        cache: Cache | None = None,
        shortest_s: float = 5.0,
        context: Context | None = None,
    ) -> None:
        self.folder = Path(folder)
        self._groups = dict(groups or {})
        self._cache = cache
        found = find_audio((self.folder,), context or Context())
        self.failures: tuple[Failure, ...] = found.failures
        self.too_short: dict[str, float] = {}
        self.duplicates: dict[str, str] = {}
        self._durations: dict[str, float] = {}
        self._paths: dict[str, Path] = {}
        known: dict[str, str] = {}
        for file in found.found:
            name = file.path.relative_to(self.folder).as_posix()
            duration_s = file.frames / file.rate
            first = known.setdefault(file.content_hash, name)
            if first != name:
                self.duplicates[name] = first
            elif duration_s < shortest_s:
                self.too_short[name] = duration_s
            else:
                self._durations[name] = duration_s
                self._paths[name] = file.path
        self.names = tuple(self._durations)
        if not self.names:
            raise Failure(
                f"“{self.folder}” holds no songs that can be used.",
                self.failures[0].what
                if self.failures
                else f"All of its audio is shorter than {shortest_s:g} s.",
                "Choose a folder with longer audio files.",
            )

    def group(self, name: str) -> str:
        """The given group, the first sub-folder, or the file's name up to its underscore."""
        self._paths[name]  # a name that is not here is a KeyError, not a new group
        if name in self._groups:
            return self._groups[name]
        parts = name.split("/")
        return parts[0] if len(parts) > 1 else Path(name).stem.split("_", 1)[0]

    def duration_s(self, name: str) -> float:
        """Length in seconds as the file states it."""
        return self._durations[name]

    def path(self, name: str) -> Path:
        """Where the file lies."""
        return self._paths[name]

    def part(self, name: str, start_s: float, duration_s: float, rate: int) -> Clip:
        """A part of a recording; see :class:`Songs`. What a damaged file lacks is silence.

        Raises
        ------
        Failure
            If the file cannot be read any more.
        """
        _check(name, start_s, duration_s, self.duration_s(name))
        path = self._paths[name]
        if self._cache is not None:
            stored = decode(path, self._cache, Context())
            part = _cut(stored.clip, stored.rate, stored.frames, start_s, duration_s, rate)
        else:
            with open_reader(path) as reader:
                source_rate = reader.info.rate
            frames = round(self.duration_s(name) * source_rate)
            read = partial(_stream, path)
            part = _cut(read, source_rate, frames, start_s, duration_s, rate)
        return Clip(part.samples[:2], rate)


class Together:
    """Several collections as one, in their order.

    Raises
    ------
    Failure
        If two of them have a song of the same name.
    """

    def __init__(self, *collections: Songs) -> None:
        self._home = {name: songs for songs in collections for name in songs.names}
        self.names = tuple(self._home)
        if len(self.names) < sum(len(songs.names) for songs in collections):
            raise Failure(
                "Two songs have the same name.",
                "Songs of different collections are told apart by their names.",
                "Rename one of them.",
            )

    def group(self, name: str) -> str:
        """As in the song's own collection."""
        return self._home[name].group(name)

    def duration_s(self, name: str) -> float:
        """As in the song's own collection."""
        return self._home[name].duration_s(name)

    def part(self, name: str, start_s: float, duration_s: float, rate: int) -> Clip:
        """As in the song's own collection."""
        return self._home[name].part(name, start_s, duration_s, rate)


def _check(name: str, start_s: float, duration_s: float, whole_s: float) -> None:
    # A frame of tolerance: start and duration are seconds, and their sum is rounded.
    if start_s < 0.0 or duration_s <= 0.0 or start_s + duration_s > whole_s + 1e-3:
        raise ValueError(
            f"{start_s:g} s to {start_s + duration_s:g} s is not inside “{name}” ({whole_s:g} s)"
        )


def _cut(
    read: Read, source_rate: int, frames: int, start_s: float, duration_s: float, rate: int
) -> Clip:
    """A part at another rate, cut out of what surrounds it; missing frames are silence."""
    margin_s = 0.0 if rate == source_rate else MARGIN_S
    start = round(start_s * source_rate)
    first = max(start - round(margin_s * source_rate), 0)
    last = min(round((start_s + duration_s + margin_s) * source_rate) + 1, frames)
    clip = resample(read(first, last), rate)
    skip = round((start - first) * rate / source_rate)
    wanted = round(duration_s * rate)
    samples = clip.samples[:, skip : skip + wanted]
    missing = wanted - samples.shape[1]
    return Clip(np.pad(samples, ((0, 0), (0, missing))).astype(np.float32), rate)


def _stream(path: Path, first: int, last: int) -> Clip:
    """Frames ``first`` to ``last`` of a file, in the memory they take."""
    with open_reader(path) as reader:
        kept = [np.zeros((reader.info.channels, 0), np.float32)]
        at = 0
        for block in reader.blocks():
            if at + block.shape[1] > first:
                kept.append(block[:, max(first - at, 0) : last - at])
            at += block.shape[1]
            if at >= last:
                break
        return Clip(np.concatenate(kept, axis=1), reader.info.rate)


def _composer() -> Compose:
    from engine.mastering.data.music.song import compose

    return compose


def composer_version() -> str:
    """Changes with the composer's source, so that a cache holds no song of an earlier one."""
    from importlib.metadata import version

    from engine.mastering.data import music

    parts = sorted(Path(music.__file__).parent.glob("*.py"))  # none in a frozen program
    sources = [path.read_text(encoding="utf-8") for path in parts]
    return recipe_key(package=version("audiobench"), sources=sources)
