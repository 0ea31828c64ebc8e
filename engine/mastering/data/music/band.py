"""The band: turns the parts of a song into rendered tracks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from engine.mastering.data.music.arrangement import Bar
from engine.mastering.data.music.drums import make_kit, render_drums
from engine.mastering.data.music.effects import render_bed, render_effects
from engine.mastering.data.music.harmony import Key
from engine.mastering.data.music.kernels import Sound, drive, scale_by
from engine.mastering.data.music.mixing import Track
from engine.mastering.data.music.note import Note
from engine.mastering.data.music.struck import STRUCK, render_struck
from engine.mastering.data.music.style import PLAYERS, Style
from engine.mastering.data.music.sustained import SUSTAINED
from engine.mastering.data.music.timbre import random_body, render_tones
from engine.mastering.data.music.voices import render_voice, singer

_CENTRED = ("bass", "voice", "lead")
_DUCKED = ("bass", "pad", "chords", "arp")
_CHOPPED = ("pad", "chords", "arp", "choir", "noise")
_DRUM_GROUPS = {"kick": "kick", "snare": "snare", "clap": "snare", "rim": "snare", "snap": "snare"}
_GROUP_DB = {"kick": 0.0, "snare": -1.0, "kit": -9.0}


@dataclass(frozen=True, slots=True)
class PartChoice:
    """A part as drawn for one song; see `styles.PartSpec`."""

    role: str
    instrument: str
    player: str
    energy: float
    level_db: float


def render_parts(
    rng: np.random.Generator,
    parts: tuple[PartChoice, ...],
    hits: list[Note],
    kit: str,
    key: Key,
    bars: tuple[Bar, ...],
    style: Style,
    frames: int,
    rate: int,
) -> Iterator[Track]:
    """Render drums, then every part, one track at a time."""
    dry_db = float(rng.uniform(*style.reverb_db))
    yield from _drum_tracks(rng, hits, kit, style, frames, rate, dry_db)
    kicks = [note.start_s for note in hits if note.drum == "kick"]
    ducking = style.duck * float(rng.uniform(0.0, 1.0)) if kicks else 0.0
    anchor = _anchor(parts)
    if parts:
        bars = tuple(replace(bar, energy=max(bar.energy, parts[anchor].energy)) for bar in bars)
    thinned = _thinned(rng, bars, len(parts), anchor)
    for index, part in enumerate(parts):
        seed = int(rng.integers(2**31))
        playing = thinned[index]
        if part.role in ("fx", "noise"):
            make = render_effects if part.role == "fx" else render_bed
            samples = make(part.instrument, bars, frames, rate, seed)
        else:
            human_s = style.human_ms / 1000.0
            notes = PLAYERS[part.player](np.random.default_rng(seed), key, bars, human_s)
            notes = [note for note in notes if _plays(note, part, bars, playing)]
            if not notes:
                continue
            samples = _render(part, sorted(notes, key=lambda n: n.start_s), frames, rate, seed)
        if ducking > 0.05 and part.role in _DUCKED:
            _duck(samples, kicks, ducking, rate)
        if part.role in _CHOPPED and rng.random() < style.chop:
            _chop(samples, bars[0].beat_s / 4.0, rng, rate)
        centred = part.role in _CENTRED
        yield Track(
            part.role,
            samples,
            part.level_db,
            float(rng.uniform(-0.15, 0.15) if centred else rng.uniform(-0.7, 0.7)),
            -40.0 if part.role == "bass" else dry_db + float(rng.normal(0.0, 2.5)),
            random_body(rng, 2.0, 5),
        )


def _anchor(parts: tuple[PartChoice, ...]) -> int:
    """The part that carries the song: it plays in every section, so that none is silent."""
    soloists = ("voice", "lead", "fx", "noise")
    order = [(part.role in soloists, part.energy, index) for index, part in enumerate(parts)]
    return min(order)[2] if order else 0


def _thinned(
    rng: np.random.Generator, bars: tuple[Bar, ...], parts: int, anchor: int
) -> list[dict[int, bool]]:
    """Per part: in which sections it plays; parts rest now and then, the anchor never."""
    sections = sorted({bar.section for bar in bars})
    rests = rng.random((parts, len(sections))) < rng.uniform(0.0, 0.5)
    if parts:
        rests[anchor] = False
    return [dict(zip(sections, (not rest for rest in row), strict=True)) for row in rests]


def _plays(note: Note, part: PartChoice, bars: tuple[Bar, ...], playing: dict[int, bool]) -> bool:
    bar_s = bars[0].beats * bars[0].beat_s
    bar = bars[min(int((note.start_s + 0.05) / bar_s), len(bars) - 1)]
    return bar.energy >= part.energy and playing[bar.section]


def _render(part: PartChoice, notes: list[Note], frames: int, rate: int, seed: int) -> Sound:
    rng = np.random.default_rng(seed)
    channels = 1 if part.role in _CENTRED else 2
    if part.instrument == "singer":
        return render_voice(singer(rng), notes, 1, frames, rate, seed)
    if part.instrument == "choir":
        return render_tones(singer(rng, choir=True), notes, 2, frames, rate, seed)
    if part.instrument in STRUCK:
        struck = STRUCK[part.instrument](rng)
        if struck.by_pitch > 0.3:
            channels = 2
        samples = render_struck(struck, notes, channels, frames, rate, seed)
        if part.instrument == "distorted guitar":
            loud = float(np.sqrt(np.mean(samples**2)) + 1e-9)
            drive(samples, float(rng.uniform(1.5, 12.0)) / loud, 0.1)
        return samples
    timbre = SUSTAINED[part.instrument](rng)
    if timbre.width > 0.2 and part.role != "bass":
        channels = 2
    return render_tones(timbre, notes, channels, frames, rate, seed)


def _drum_tracks(
    rng: np.random.Generator,
    hits: list[Note],
    kit_name: str,
    style: Style,
    frames: int,
    rate: int,
    dry_db: float,
) -> Iterator[Track]:
    if not hits:
        return
    kit = make_kit(kit_name, {note.drum for note in hits}, rate, rng)
    width = float(rng.uniform(0.3, 1.0))
    for group, level_db in _GROUP_DB.items():
        notes = [note for note in hits if _DRUM_GROUPS.get(note.drum, "kit") == group]
        if not notes:
            continue
        only = group == "kit" and all(_DRUM_GROUPS.get(n.drum, "kit") == "kit" for n in hits)
        channels = 2 if group == "kit" else 1
        samples = render_drums(kit, notes, channels, frames, rate, int(rng.integers(2**31)), width)
        yield Track(
            group,
            samples,
            style.drums_db - 2.0 + (0.0 if only else level_db) + float(rng.normal(0.0, 2.0)),
            0.0,
            -45.0 if group == "kick" else dry_db + float(rng.normal(-3.0, 3.0)),
            random_body(rng, 1.5, 5),
        )


def _duck(samples: Sound, kicks_s: list[float], depth: float, rate: int) -> None:
    """Pump in time with the kick."""
    step = int(0.005 * rate)
    times_s = np.arange(samples.shape[1] // step + 2) * step / rate
    last = np.searchsorted(kicks_s, times_s, side="right") - 1
    starts = np.asarray(kicks_s)[np.maximum(last, 0)]
    since = np.where(last >= 0, times_s - starts, 9.0)
    scale_by(samples, 1.0 - depth * np.exp(-since / 0.09) * np.minimum(since / 0.005, 1.0), step)


def _chop(samples: Sound, sixteenth_s: float, rng: np.random.Generator, rate: int) -> None:
    """Gate a track in a rhythm of sixteenths that comes back every bar or half bar."""
    steps = int(rng.choice((8, 16)))
    opened = rng.random(steps) < rng.uniform(0.4, 0.8)
    opened[0] = True
    block = int(0.003 * rate)
    at = np.arange(samples.shape[1] // block + 2) * block / (sixteenth_s * rate)
    closed = rng.uniform(0.0, 0.25)
    sounding = opened[at.astype(int) % steps] & (at % 1.0 < rng.uniform(0.5, 1.0))
    scale_by(samples, np.where(sounding, 1.0, closed), block)
