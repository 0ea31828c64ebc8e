"""The pool: features of clean and of spoilt windows of many songs, made once and kept on disk.

Rendering audio is what costs time, so what changes a song beyond its spectrum (compression,
saturation, width) is rendered here, and equalizers are applied to the features while training.
One safetensors file a song: whoever stops it may go on, and every design shares it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from engine.atomic import replacing
from engine.audio.clip import Clip
from engine.cache import recipe_key
from engine.mastering.data.degradation import WORKING_LUFS, Degradation, Kind, Tier, draw
from engine.mastering.data.songs import Songs
from engine.mastering.models.features import Features, extract
from engine.mastering.models.hearing import Statistics, statistics
from engine.tasks import Context, Failure
from engine.training.settings import Between

RATE = 44100
VERSION = 2
TRUTHS = 6
SPOILING = (Kind.EQ_COMPRESSION, Kind.EQ_COMPRESSION, Kind.EQ_WIDTH, Kind.SATURATION)
QUIETEST_LUFS = -60.0

Identify = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """How the pool is cut.

    Parameters
    ----------
    window_s, windows
        Length of a window, and how many are cut from a song, evenly spread.
    spoilt
        Spoilt windows a song.
    excerpt_s
        Length of the clean audio that is kept of a song, for the losses on audio.
    seed
        Of the degradations.
    """

    window_s: Annotated[float, Between(2.0)] = 10.0
    windows: Annotated[int, Between(2)] = 4
    spoilt: Annotated[int, Between(0)] = 4
    excerpt_s: Annotated[float, Between(0.5, 10.0)] = 4.0
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class PooledSong:
    """Windows of one song; numbers are as :class:`Features` and :class:`Statistics` have them.

    Parameters
    ----------
    mel, envelope, fast, statistics
        Clean windows ``[windows, 2, BANDS, frames]``, ``[windows, frames * SUBFRAMES]`` and
        ``[windows, frames]`` as float16, and ``[windows, STATISTICS, BANDS]``.
    spoilt_mel, spoilt_envelope, spoilt_fast, spoilt_statistics
        The same of the spoilt ones.
    truth
        ``[spoilt, TRUTHS]``: index of the clean window; threshold (LU over the spoilt window's
        loudness), log2 of the ratio that undoes it, log of attack and release in ms, all NaN where
        nothing compressed; wanted change of the side in dB, NaN for mono.
    excerpt
        The middle of the first clean window, ``[channels, frames]`` int16.
    """

    name: str
    mel: NDArray[np.float16]
    envelope: NDArray[np.float16]
    fast: NDArray[np.float16]
    statistics: NDArray[np.float32]
    spoilt_mel: NDArray[np.float16]
    spoilt_envelope: NDArray[np.float16]
    spoilt_fast: NDArray[np.float16]
    spoilt_statistics: NDArray[np.float32]
    truth: NDArray[np.float32]
    excerpt: NDArray[np.int16]

    def clean(self, index: int) -> tuple[Features, Statistics]:
        """A clean window."""
        features = _features(self.mel[index], self.envelope[index], self.fast[index])
        return features, Statistics(self.statistics[index])

    def spoilt(self, index: int) -> tuple[Features, Statistics]:
        """A spoilt window."""
        rows = (self.spoilt_mel[index], self.spoilt_envelope[index], self.spoilt_fast[index])
        features = _features(*rows)
        return features, Statistics(self.spoilt_statistics[index])


def build_pool(
    songs: Songs,
    names: Sequence[str],
    settings: PoolSettings,
    folder: Path,
    identify: Identify,
    context: Context,
    workers: int = 0,
) -> tuple[PooledSong, ...]:
    """Read the pool from ``folder``, making what is not there yet.

    Parameters
    ----------
    songs, names
        The collection, which each worker gets a copy of, and which of its songs to take.
    settings
        How it is cut.
    folder
        Where the files lie.
    identify
        What a song is beside its name (the composer's version, or the state of a file): one that
        has become another is made anew.
    context
        Progress and cancel.
    workers
        Processes; 0 works in this one.

    Raises
    ------
    Failure
        If no song can be used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / f"{_key(name, identify(name), settings)}.safetensors" for name in names}
    missing = [name for name in names if not paths[name].exists()]
    # Processes that train together (torchrun numbers them) all come here. Each begins elsewhere and
    # finds what the others have made by then.
    rank, world = (
        int(os.environ.get(key, least)) for key, least in (("RANK", 0), ("WORLD_SIZE", 1))
    )
    begin = len(missing) * rank // world
    missing = missing[begin:] + missing[:begin]
    done = len(names) - len(missing)
    context.report(done, len(names), "Preparing songs")
    if workers > 0:
        with ProcessPoolExecutor(workers) as executor:
            jobs = [executor.submit(_store, songs, n, settings, paths[n]) for n in missing]
            try:
                for job in as_completed(jobs):
                    job.result()
                    context.checkpoint()
                    done += 1
                    context.report(done, len(names), "Preparing songs")
            except BaseException:
                executor.shutdown(wait=False, cancel_futures=True)
                raise
    else:
        for name in missing:
            context.checkpoint()
            _store(songs, name, settings, paths[name])
            done += 1
            context.report(done, len(names), "Preparing songs")
    pool = tuple(_load(name, paths[name]) for name in names)
    usable = tuple(song for song in pool if len(song.mel) > 1)
    if not usable:
        raise Failure(
            "There is nothing to train on.",
            "No song has two audible windows.",
            "Use a folder with longer audio files, or more procedural songs.",
        )
    return usable


def _key(name: str, identity: str, settings: PoolSettings) -> str:
    return recipe_key(pool=VERSION, songs=identity, name=name, settings=settings)


def _store(songs: Songs, name: str, settings: PoolSettings, path: Path) -> None:
    if path.exists():
        return
    arrays = cut_song(songs, name, settings)
    with replacing(path) as temporary:
        save_file(arrays, temporary)


def cut_song(songs: Songs, name: str, settings: PoolSettings) -> dict[str, NDArray[np.generic]]:
    """Clean and spoilt windows of one song, seeded by its name and the settings' seed."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    rng = np.random.default_rng([settings.seed, int.from_bytes(digest)])
    duration_s = songs.duration_s(name)
    window_s = min(settings.window_s, duration_s / 2.0)
    starts = np.linspace(0.0, max(duration_s - window_s, 0.0), settings.windows)
    clips = [songs.part(name, float(start), window_s, RATE) for start in starts]
    kept = [(clip, extract(clip)) for clip in clips]
    kept = [(clip, heard) for clip, heard in kept if heard.lufs > QUIETEST_LUFS]
    clean = [heard for _, heard in kept]
    spoilt, truths = [], []
    for index in range(settings.spoilt if kept else 0):
        which = int(rng.integers(len(kept)))
        clip, heard = kept[which]
        kind = SPOILING[index % len(SPOILING)]
        tier = Tier.STRONG if rng.random() < 0.5 else Tier.MILD
        # The equalizer comes while training.
        wrong = replace(draw(rng, kind, tier, clip.channels), bands=(), curve=None)
        after = extract(wrong.apply(clip))
        if after.lufs > QUIETEST_LUFS:
            spoilt.append(after)
            truths.append(truth_of(which, wrong, clip, heard, after))
    return {
        "mel": _stack([heard.mel_db for heard in clean], np.float16),
        "envelope": _stack([heard.envelope_db for heard in clean], np.float16),
        "fast": _stack([heard.fast_db for heard in clean], np.float16),
        "statistics": _stack([statistics(heard).rows for heard in clean], np.float32),
        "spoilt_mel": _stack([heard.mel_db for heard in spoilt], np.float16),
        "spoilt_envelope": _stack([heard.envelope_db for heard in spoilt], np.float16),
        "spoilt_fast": _stack([heard.fast_db for heard in spoilt], np.float16),
        "spoilt_statistics": _stack([statistics(heard).rows for heard in spoilt], np.float32),
        "truth": np.asarray(truths, np.float32).reshape(-1, TRUTHS),
        "excerpt": _excerpt(kept[0][0], settings.excerpt_s) if kept else np.zeros((1, 0), np.int16),
    }


def truth_of(
    which: int, wrong: Degradation, clip: Clip, before: Features, after: Features
) -> list[float]:
    """What would undo a degradation: a row of :attr:`PooledSong.truth`.

    Parameters
    ----------
    which
        Index of the clean window.
    wrong
        The degradation.
    clip
        The clean window.
    before, after
        Features of it, and of what the degradation made of it.
    """
    nan = float("nan")
    side_db = -20.0 * float(np.log10(wrong.width)) if clip.channels == 2 else nan
    if wrong.compressor is None:
        return [which, nan, nan, nan, nan, side_db]
    compressor = wrong.compressor
    # The spoilt window is as much quieter than the clean one as compression made it.
    threshold = compressor.threshold_db - WORKING_LUFS + before.lufs - after.lufs
    attack, release = np.log((compressor.attack_ms, compressor.release_ms))
    return [which, threshold, -float(np.log2(compressor.ratio)), attack, release, side_db]


def _excerpt(clip: Clip, seconds: float) -> NDArray[np.int16]:
    """The middle of a window, stereo, as 16 bits."""
    frames = round(seconds * clip.rate)
    start = max(clip.frames - frames, 0) // 2
    samples = clip.samples[:2, start : start + frames]
    stereo = np.broadcast_to(samples, (2, samples.shape[1]))
    return np.asarray(np.round(np.clip(stereo, -1.0, 1.0) * 32767.0), np.int16)


def _features(*rows: NDArray[np.float16]) -> Features:
    return Features(*(row.astype(np.float32) for row in rows))


def _stack(rows: list[NDArray[np.float32]], kind: type[np.generic]) -> NDArray[np.generic]:
    return np.stack(rows).astype(kind) if rows else np.zeros((0, 1), kind)


def _load(name: str, path: Path) -> PooledSong:
    return PooledSong(name=name, **load_file(path))
