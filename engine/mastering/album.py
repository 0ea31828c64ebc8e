"""Album: several recordings mastered as one, their relative loudness kept.

All tracks aim at the same target under the same ceiling. What the loudness is solved for is the
album: the integrated loudness of all tracks one after the other, gated together. One gain does it,
so the tracks keep their differences in LU, as the equalizer and the compressor found them; where
one track's peaks would need more limiting than is allowed the whole album stays quieter. The tone
of each track is pulled to the album's mean, so that a song that differs on purpose still does.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.audio.loudness import OFFSET_LUFS, LoudnessMeter, gated_lufs
from engine.audio.store import StoredAudio, decode
from engine.cache import Hold
from engine.mastering.analysis import Analysis, analyse
from engine.mastering.loudness_solve import (
    BISECTIONS,
    MAX_GAIN_DB,
    TOLERANCE_LU,
    LoudnessSolver,
    blocks_of,
)
from engine.mastering.master import conclude, measured
from engine.mastering.master_spec import MasterResult, MasterSpec
from engine.mastering.parameters import Band
from engine.mastering.ranges import PARAM_RANGES
from engine.mastering.rendering import Rendering, render_to_loudness
from engine.mastering.route import Found, find_chain
from engine.tasks import Context, Failure

TRACK_TONE = 0.5

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AlbumSpec:
    """What to master as one album.

    Parameters
    ----------
    tracks
        One specification per track, in order. They differ in their sources; target, loudness and
        ceiling are the first one's for all.
    track_tone
        How much of a track's own correction is kept, 0 (every track gets the album's mean) to 1.
    """

    tracks: tuple[MasterSpec, ...]
    track_tone: float = TRACK_TONE

    def __post_init__(self) -> None:
        if not self.tracks:
            raise Failure("The album has no tracks.", remedy="Name at least one file.")
        if not 0.0 <= self.track_tone <= 1.0:
            raise Failure("The share of a track's own tone goes from 0 to 1.")
        if any(track.parameters is not None for track in self.tracks):
            raise Failure("An album finds its parameters itself.", remedy="Leave them out.")


@dataclass(frozen=True, slots=True)
class AlbumResult:
    """The tracks' results in order, and what holds for all of them.

    ``gain_db`` is the one gain of the album; ``before_lufs`` and ``after_lufs`` its integrated
    loudness. ``note`` says why the loudness was not reached, empty when it was.
    """

    tracks: tuple[MasterResult, ...]
    gain_db: float
    before_lufs: float
    after_lufs: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Track:
    """One track on its way: what was found, and the loudness windows of its source."""

    spec: MasterSpec
    source: StoredAudio
    analysis: Analysis
    found: Found
    windows: Floats


def master_album(spec: AlbumSpec, context: Context | None = None) -> AlbumResult:
    """Master an album; a task.

    Raises
    ------
    Failure
        If a track or a reference cannot be read, or the target is unknown.
    Cancelled
        If it was cancelled.
    """
    context = context or Context()
    first = spec.tracks[0]
    common = [
        replace(track, target=first.target, lufs=first.lufs, ceiling_dbtp=first.ceiling_dbtp)
        for track in spec.tracks
    ]
    with contextlib.ExitStack() as held:
        tracks = []
        for index, track in enumerate(common):
            part = _share(context, index, len(common), 0.0, 0.4)
            source = track.source
            if isinstance(source, Path):
                source = decode(source, track.cache, part.part(0.0, 0.5, "Decoding"))
            held.enter_context(Hold([source.path]))
            tracks.append(_listen(track, source, part.part(0.5, 1.0)))
        tracks = _pulled(tracks, spec.track_tone)
        return _render(tracks, context)


def _listen(spec: MasterSpec, source: StoredAudio, context: Context) -> _Track:
    analysis = analyse(source, context.part(0.0, 0.2))
    found = find_chain(spec, source, analysis, context.part(0.2, 0.9))
    return _Track(spec, source, analysis, found, _windows(source, context.part(0.9, 1.0)))


def _render(tracks: Sequence[_Track], context: Context) -> AlbumResult:
    chains = [track.found.parameters.scaled(track.spec.amounts) for track in tracks]
    solvers = []
    for index, (track, chain) in enumerate(zip(tracks, chains, strict=True)):
        part = _share(context, index, len(tracks), 0.4, 0.55)
        solvers.append(LoudnessSolver(track.source, chain, part, track.found.network(chain).stage))
    # What the stages before the limiter did to a track's loudness is taken back: only the mutual
    # differences of the sources are to be heard.
    offsets_db = [
        _difference(gated_lufs(track.windows), solver.lufs)
        for track, solver in zip(tracks, solvers, strict=True)
    ]
    target = tracks[0].found.target
    max_reduction_db = tracks[0].spec.max_reduction_db
    gain_db, note = _album_gain(tracks, solvers, offsets_db, target.lufs, max_reduction_db)
    limits = PARAM_RANGES["limiter.gain_db"]
    renderings: list[Rendering] = []
    for index, (track, chain) in enumerate(zip(tracks, chains, strict=True)):
        limiter = replace(chain.limiter, gain_db=limits.clamp(gain_db + offsets_db[index]))
        renderings.append(
            render_to_loudness(
                track.source,
                replace(chain, limiter=limiter),
                solvers[index],
                None,
                max_reduction_db,
                track.spec.cache,
                _share(context, index, len(tracks), 0.55, 0.95, "Rendering"),
                track.found.network(chain),
            )
        )
    results, after = [], []
    for index, (track, rendering) in enumerate(zip(tracks, renderings, strict=True)):
        part = _share(context, index, len(tracks), 0.95, 1.0)
        after.append(_windows(rendering.audio, part))
        found = replace(track.found, warnings=(*track.found.warnings, *([note] if note else [])))
        before = measured(track.source, part)
        results.append(
            conclude(track.spec, track.source, track.analysis, found, before, rendering, part)
        )
    before_lufs = gated_lufs(np.concatenate([track.windows for track in tracks]))
    after_lufs = gated_lufs(np.concatenate(after))
    return AlbumResult(tuple(results), gain_db, before_lufs, after_lufs, note)


def _album_gain(
    tracks: Sequence[_Track],
    solvers: Sequence[LoudnessSolver],
    offsets_db: Sequence[float],
    lufs: float,
    max_reduction_db: float,
) -> tuple[float, str]:
    """The gain that brings all tracks together to the target, and why it does not."""

    def loudness(gain_db: float) -> float:
        parts = [
            solver.windows_at(gain_db + offset_db)
            for solver, offset_db in zip(solvers, offsets_db, strict=True)
        ]
        return gated_lufs(np.concatenate(parts))

    if not math.isfinite(loudness(0.0)):
        return 0.0, "The album is too quiet or too short to have a loudness: its level is kept."
    room_db = [
        solver.highest_db(max_reduction_db) - offset_db
        for solver, offset_db in zip(solvers, offsets_db, strict=True)
    ]
    tightest = int(np.argmin(room_db))
    low_db, high_db = PARAM_RANGES["limiter.gain_db"].low, min(room_db[tightest], MAX_GAIN_DB)
    highest_lufs = loudness(high_db)
    if highest_lufs < lufs - TOLERANCE_LU:
        name = _name(tracks[tightest])
        return high_db, (
            f"The album stops at {highest_lufs:.1f} LUFS: {lufs:g} LUFS would take more than "
            f"{max_reduction_db:g} dB off the peaks of {name}."
        )
    for _ in range(BISECTIONS):
        middle_db = 0.5 * (low_db + high_db)
        if loudness(middle_db) < lufs:
            low_db = middle_db
        else:
            high_db = middle_db
    return high_db, ""


def _pulled(tracks: Sequence[_Track], own: float) -> list[_Track]:
    """The tracks with their bands between the album's mean and their own.

    Band by band, in decibels of gain and octaves of frequency and Q; closed bands count with 0
    dB and say nothing of the frequency. Tracks whose bands are of other kinds are left alone.
    """
    layouts = [tuple(band.kind for band in track.found.parameters.bands) for track in tracks]
    heard = [not track.analysis.silent for track in tracks]
    alike = [
        layout == layouts[heard.index(True)] and audible if any(heard) else False
        for layout, audible in zip(layouts, heard, strict=True)
    ]
    joined = [track for track, takes_part in zip(tracks, alike, strict=True) if takes_part]
    if len(joined) < 2:
        return list(tracks)
    columns = zip(*(track.found.parameters.bands for track in joined), strict=True)
    means = [_mean_band(column) for column in columns]
    out = []
    for track, takes_part in zip(tracks, alike, strict=True):
        if not takes_part:
            out.append(track)
            continue
        bands = tuple(
            _between(mean, band, own)
            for mean, band in zip(means, track.found.parameters.bands, strict=True)
        )
        parameters = replace(track.found.parameters, bands=bands)
        explanation = dict(track.found.explanation)
        if "tone" in explanation:
            explanation["tone"] += f" Pulled to the album's mean, {own:.0%} its own."
        out.append(
            replace(
                track,
                found=replace(track.found, parameters=parameters, explanation=explanation),
            )
        )
    return out


def _mean_band(bands: Sequence[Band]) -> Band:
    """The middle of bands of one kind; each says where it lies as much as it does."""
    if not bands[0].kind.has_gain:
        return bands[0]
    gains_db = np.array([band.effective_gain_db for band in bands])
    says = np.abs(gains_db) + 1e-9
    octaves = np.average(np.log2([band.frequency_hz for band in bands]), weights=says)
    log_q = np.average(np.log2([band.q for band in bands]), weights=says)
    gain_db = float(gains_db.mean())
    return replace(
        bands[0],
        frequency_hz=float(2.0**octaves),
        gain_db=gain_db,
        q=float(2.0**log_q),
        gate=1.0 if gain_db else 0.0,
        enabled=True,
    )


def _between(mean: Band, band: Band, own: float) -> Band:
    """``own`` of the way from the mean to the band."""
    if not band.kind.has_gain or own == 1.0:
        return band
    gain_db = mean.gain_db + own * (band.effective_gain_db - mean.gain_db)
    if gain_db == 0.0:
        return replace(band, gain_db=0.0, gate=0.0)
    # A closed band has no place of its own.
    near = band if band.active else mean
    return replace(
        band,
        frequency_hz=round(mean.frequency_hz * (near.frequency_hz / mean.frequency_hz) ** own, 2),
        gain_db=round(PARAM_RANGES["band.gain_db"].clamp(gain_db), 3),
        q=round(mean.q * (near.q / mean.q) ** own, 4),
        gate=1.0,
    )


def _windows(audio: StoredAudio, context: Context) -> Floats:
    """Mean-square energies of the 400 ms windows that integrated loudness is made of."""
    meter = LoudnessMeter(audio.rate, audio.channels)
    for block in blocks_of(audio, context):
        meter.push(block)
    energies = 10.0 ** ((meter.series.momentary_lufs - OFFSET_LUFS) / 10.0)
    return np.asarray(energies[np.isfinite(meter.series.momentary_lufs)])


def _difference(before_lufs: float, after_lufs: float) -> float:
    change = before_lufs - after_lufs
    return change if math.isfinite(change) else 0.0


def _name(track: _Track) -> str:
    path = track.spec.source
    return path.name if isinstance(path, Path) else f"track {track.source.content_hash[:12]}"


def _share(
    context: Context, index: int, count: int, start: float, stop: float, text: str = ""
) -> Context:
    """The part of the bar that belongs to one track in one phase."""
    step = (stop - start) / count
    label = f"Track {index + 1} of {count}" + (f", {text.lower()}" if text else "")
    return context.part(start + index * step, start + (index + 1) * step, label)
