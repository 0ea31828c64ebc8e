"""Examples for a model that hears audio: halves of the pool's excerpts, spoilt as audio.

One half is the recording and the other its reference, so neither is heard in both. Compression,
saturation and width are rendered by the degradations themselves; the equalizers of the bank are
curves in dB, which become filters of minimum phase, as an equalizer of bells is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft
from scipy.signal import oaconvolve

from engine.audio.clip import Clip
from engine.mastering.data.degradation import Tier, draw, error_grid_hz
from engine.mastering.models.features import (
    BANDS,
    NORMAL_LUFS,
    SUBFRAMES,
    centres_hz,
    extract,
)
from engine.mastering.models.hearing import DYNAMICS, STATISTICS, statistics
from engine.mastering.train.examples import (
    Batch,
    Example,
    ExampleSettings,
    Floats,
    Part,
    Wish,
    audible,
    collate,
    draw_colour,
    draw_tone,
    fitted,
)
from engine.mastering.train.pool import RATE, SPOILING, PooledSong, truth_of
from engine.mastering.train.tones import Tone, ToneBank

FILTER_FRAMES = 8192


def draw_raw_batch(
    pool: Sequence[PooledSong],
    bank: ToneBank,
    settings: ExampleSettings,
    count: int,
    frames: int,
    rng: np.random.Generator,
    wish: Wish | None = None,
) -> Batch:
    """Draw ``count`` examples whose recordings are audio of ``frames`` frames.

    Parameters
    ----------
    pool, bank
        Songs and equalizers to draw from.
    settings, wish
        As of :func:`~engine.mastering.train.examples.draw_batch`.
    count, frames
        Examples, and the length of their audio; a shorter half of an excerpt is repeated.
    rng
        Where the chance comes from.
    """
    able = [song for song in pool if song.excerpt.shape[1] > 1]
    drawn = []
    for _ in range(count):
        song, stranger = (able[int(rng.integers(len(able)))] for _ in range(2))
        drawn.append(_draw(song, stranger, bank, settings, frames, rng, wish or Wish()))
    return collate(drawn)


def _draw(
    song: PooledSong,
    stranger: PooledSong,
    bank: ToneBank,
    settings: ExampleSettings,
    frames: int,
    rng: np.random.Generator,
    wish: Wish,
) -> Example:
    chance = rng.random(5)
    referenced = chance[0] < settings.reference if wish.reference is None else wish.reference
    spoilt = chance[1] < settings.spoilt if wish.spoilt is None else wish.spoilt
    wrong = draw_tone(bank, settings, rng, chance[2], wish)
    deviation_db = settings.colour_reference_db if referenced else settings.colour_db
    # Songs as they are, where a kind is wished for.
    colour_db = draw_colour(rng, deviation_db if wish.kind is None else 0.0)
    clean, other = _halves(song, rng)
    before = extract(clean)
    mono = before.mel_db[1].max() <= -119.0
    nan = float("nan")
    after, truth, dirty = before, [0.0, nan, 0.0, nan, nan, nan if mono else 0.0], clean
    if spoilt:
        kind = SPOILING[int(rng.integers(len(SPOILING)))]
        tier = Tier.STRONG if rng.random() < 0.5 else Tier.MILD
        done = replace(draw(rng, kind, tier, 1 if mono else 2), bands=(), curve=None)
        dirty = done.apply(clean)
        after = extract(dirty)
        truth = truth_of(0, done, Clip(clean.samples[: 1 if mono else 2], RATE), before, after)
    followed = np.zeros(len(error_grid_hz()))
    reference = _part(np.zeros((2, frames), np.float32), 0.0, 0.0)
    if referenced:
        wanted, other_colour_db = bank.nothing, colour_db
        if chance[4] < settings.other_song and wish.reference is None:
            other, other_colour_db = _halves(stranger, rng)[0], draw_colour(rng, settings.colour_db)
        elif chance[3] < settings.processed_reference and wish.reference is None:
            wanted = draw_tone(bank, settings, rng, 1.0, wish)
            followed = wanted.grid_db
        reference = _part(_heard(other, wanted, other_colour_db, 0.0, frames), 0.0, 1.0)
    level = float(rng.normal(0.0, 6.0))
    heard = _part(_heard(dirty, wrong, colour_db, level, frames), level, 1.0)
    contour, aim = (fitted(row, settings.frames, 0) for row in (after.loudness, before.loudness))
    envelope = fitted(after.envelope_db - after.lufs, SUBFRAMES * settings.frames, 0)
    return Example(
        heard,
        reference,
        followed - wrong.grid_db,
        audible(statistics(after)),
        contour,
        aim,
        envelope,
        truth[5],
        np.asarray(truth[1:5]),
    )


def _halves(song: PooledSong, rng: np.random.Generator) -> tuple[Clip, Clip]:
    """The two halves of an excerpt, in either order."""
    half = song.excerpt.shape[1] // 2
    samples = song.excerpt[:, : 2 * half].astype(np.float32) / np.float32(32767.0)
    first, second = (Clip(part, RATE) for part in np.split(samples, 2, axis=1))
    return (first, second) if rng.random() < 0.5 else (second, first)


def _part(audio: NDArray[np.float32], level: float, present: float) -> Part:
    """A recording of which only the audio is heard."""
    nothing = np.zeros((STATISTICS, BANDS)), None, np.zeros(DYNAMICS, np.float32)
    return Part(*nothing, level, present, audio)


def _heard(
    clip: Clip, tone: Tone, colour_db: Floats, level: float, frames: int
) -> NDArray[np.float32]:
    """A clip with its equalizer, ``level`` LU over -23 LUFS, ``[2, frames]``."""
    audio = filtered(clip.samples, tone, colour_db)
    lufs = extract(Clip(audio, RATE)).lufs
    gain = 10.0 ** ((NORMAL_LUFS + level - max(lufs, -70.0)) / 20.0)
    return fitted(audio * np.float32(gain), frames, 0)


def filtered(samples: NDArray[np.float32], tone: Tone, colour_db: Floats) -> NDArray[np.float32]:
    """Audio ``[channels, frames]`` through a tone and a colour, in minimum phase."""
    octaves, grid, bands = _octaves()
    gain_db = np.interp(octaves, grid, tone.grid_db) + np.interp(octaves, bands, colour_db)
    if not gain_db.any():
        return samples
    impulse = minimum_phase(gain_db)
    out = oaconvolve(samples, impulse[None], axes=1)[:, : samples.shape[1]]
    return np.asarray(out, np.float32)


def minimum_phase(gain_db: Floats) -> Floats:
    """Impulse response of minimum phase with a gain in dB at evenly spaced frequencies.

    The cepstrum folded onto positive time (A. Oppenheim, R. Schafer, "Discrete-Time Signal
    Processing", 3rd ed., section 13.4).

    Parameters
    ----------
    gain_db
        From 0 Hz to half the rate, ``[frames / 2 + 1]``.
    """
    cepstrum = irfft(gain_db * (np.log(10.0) / 20.0))
    half = len(cepstrum) // 2
    cepstrum[1:half] *= 2.0
    cepstrum[half + 1 :] = 0.0
    return np.asarray(irfft(np.exp(rfft(cepstrum))))


@lru_cache(maxsize=1)
def _octaves() -> tuple[Floats, Floats, Floats]:
    """Frequencies of the filter, of the error grid and of the bands, as octaves."""
    hertz = np.arange(FILTER_FRAMES // 2 + 1) * (RATE / FILTER_FRAMES)
    return tuple(  # type: ignore[return-value]
        np.log2(np.maximum(each, 20.0)) for each in (hertz, error_grid_hz(), centres_hz())
    )
