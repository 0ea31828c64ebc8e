"""A song from a seed: describe it, or compose it as a finished clean mix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.audio.clip import Clip
from engine.mastering.data.music import finishing
from engine.mastering.data.music.arrangement import arrange
from engine.mastering.data.music.band import PartChoice, render_parts
from engine.mastering.data.music.grooves import drum_notes
from engine.mastering.data.music.harmony import PROGRESSIONS, Key, random_key
from engine.mastering.data.music.mixing import TONE_HZ, Desk
from engine.mastering.data.music.note import Note
from engine.mastering.data.music.style import Range, Style
from engine.mastering.data.music.styles import STYLES


@dataclass(frozen=True, slots=True)
class MixFacts:
    """How a song is mixed; levels in dB, times in s.

    ``lufs`` is what the master aims at; ``squeeze`` 0..1 how hard it is compressed and limited;
    ``follows`` how far its long-term spectrum is pulled to the target of its style, and ``tone_db``
    its own deviation at `mixing.TONE_HZ`; ``top_hz`` where the spectrum ends.
    """

    lufs: float
    squeeze: float
    swell_db: float
    ceiling_db: float
    mono: bool
    side_db: float
    side_tilt_db: float
    mono_below_hz: float
    reverb_s: float
    reverb_db: float
    follows: float
    tone_db: tuple[float, ...]
    top_hz: float
    wall: bool
    noise_floor_db: float
    fade_in_s: float
    fade_out_s: float


@dataclass(frozen=True, slots=True)
class SongDescription:
    """What `compose` will make of a seed."""

    seed: int
    style: str
    tempo_bpm: float
    beats: int
    key: str
    form: str
    progression: tuple[int, ...]
    groove: str
    kit: str
    swing: float
    parts: tuple[PartChoice, ...]
    mix: MixFacts

    @property
    def instruments(self) -> tuple[str, ...]:
        """Names of what plays, drums first."""
        drums = (f"{self.kit} drums",) if self.groove else ()
        return (*drums, *(part.instrument for part in self.parts))


def _uniform(rng: np.random.Generator, span: Range) -> float:
    return float(rng.uniform(*span))


def _draw_mix(rng: np.random.Generator, style: Style) -> MixFacts:
    spread = np.array([5.0, 2.8, 2.4, 1.8, 2.2, 2.8]) * style.tone_spread
    slope_db = style.slope_db + 0.7 * style.tone_spread * float(rng.standard_normal())
    tone_db = spread * rng.standard_normal(6)
    tone_db += slope_db * np.log2(np.array(TONE_HZ) / 700.0)
    dull = rng.random() < style.dull
    wall = not dull and rng.random() < 0.4
    top_hz = 21000.0
    if dull:
        top_hz = float(np.exp(rng.uniform(np.log(4000.0), np.log(12000.0))))
    elif wall:
        top_hz = float(rng.choice([15000.0, 16000.0, 16000.0, 17500.0, 19000.0]))
    return MixFacts(
        lufs=_uniform(rng, style.lufs),
        squeeze=_uniform(rng, style.squeeze),
        swell_db=_uniform(rng, style.swell_db),
        ceiling_db=float(rng.choice([-0.1, -0.3, -0.5, -1.0, -1.0, -2.0])),
        mono=bool(rng.random() < style.mono),
        side_db=_uniform(rng, style.side_db),
        side_tilt_db=float(rng.normal(1.2, 1.2)),
        mono_below_hz=float(rng.uniform(60.0, 220.0)) if rng.random() < 0.45 else 0.0,
        reverb_s=_uniform(rng, style.reverb_s),
        reverb_db=_uniform(rng, style.reverb_db),
        follows=_uniform(rng, style.follows),
        tone_db=tuple(float(v) for v in tone_db),
        top_hz=top_hz,
        wall=wall,
        noise_floor_db=_uniform(rng, style.noise_db) if rng.random() < style.hiss else -130.0,
        fade_in_s=float(rng.uniform(1.0, 8.0)) if rng.random() < 0.12 else 0.005,
        fade_out_s=float(rng.uniform(1.0, 8.0)) if rng.random() < 0.12 else 0.005,
    )


def describe(seed: int) -> SongDescription:
    """What a seed stands for, without rendering it.

    Parameters
    ----------
    seed
        Any integer from 0 on; the same seed is the same song.
    """
    rng = np.random.default_rng([seed, 1])
    weights = np.array([style.weight for style in STYLES])
    style = STYLES[int(rng.choice(len(STYLES), p=weights / weights.sum()))]
    key = random_key(rng, style.modes)
    progression = PROGRESSIONS[str(rng.choice(style.progressions))]
    parts = tuple(
        PartChoice(
            spec.role,
            str(rng.choice(spec.instruments)),
            str(rng.choice(spec.players)),
            spec.energy,
            spec.level_db + float(rng.normal(0.0, 2.5)),
        )
        for spec in style.parts
        if rng.random() < spec.chance
    )
    drums = bool(style.grooves) and rng.random() < style.drums_chance
    return SongDescription(
        seed=seed,
        style=style.name,
        tempo_bpm=round(_uniform(rng, style.tempo_bpm), 1),
        beats=3 if rng.random() < style.waltz else 4,
        key=key.name,
        form=str(rng.choice(style.forms)),
        progression=progression[int(rng.integers(len(progression)))],
        groove=str(rng.choice(style.grooves)) if drums else "",
        kit=str(rng.choice(style.kits)),
        swing=_uniform(rng, style.swing),
        parts=parts,
        mix=_draw_mix(rng, style),
    )


def compose(seed: int, duration_s: float = 40.0, rate: int = 44100) -> Clip:
    """Render the song of a seed as a finished clean mix.

    Parameters
    ----------
    seed
        Any integer from 0 on; the same seed, duration and rate give the same bits.
    duration_s
        Length in seconds, at least 3.
    rate
        Sample rate in Hz.

    Returns
    -------
    Clip
        Stereo float32 between -23 and -9 LUFS, no sample beyond full scale.

    Raises
    ------
    ValueError
        If it would be shorter than 3 s or the rate is below 8 kHz.
    """
    if duration_s < 3.0 or rate < 8000:
        raise ValueError(f"no song of {duration_s} s at {rate} Hz: at least 3 s at 8000 Hz")
    song = describe(seed)
    style = next(style for style in STYLES if style.name == song.style)
    rng = np.random.default_rng([seed, 2])
    frames = round(duration_s * rate)
    bars = arrange(rng, song.form, song.progression, song.tempo_bpm, song.beats, duration_s)
    tonic, mode = song.key.split(" ", 1)
    key = Key.named(tonic, mode)
    hits: list[Note] = []
    if song.groove:
        hits = drum_notes(
            rng, song.groove, bars, song.swing, style.human_ms / 1000.0, not song.parts
        )
    desk = Desk(frames, rate, 0.5)
    for part in render_parts(rng, song.parts, hits, song.kit, key, bars, style, frames, rate):
        desk.add(part)
    mix = song.mix
    desk.add_room(rng, mix.reverb_s, float(rng.uniform(2500.0, 9000.0)))
    side_db = -np.inf if mix.mono else mix.side_db
    desk.shape_image(side_db, mix.side_tilt_db, mix.mono_below_hz)
    desk.master_tone(np.array(style.tone_db), np.array(mix.tone_db), mix.follows)
    desk.low_pass(mix.top_hz, mix.wall)
    track = desk.samples(frames)
    finishing.swell(track, rate, mix.swell_db, rng)
    finishing.compress(
        track, rate, 12.0 * mix.squeeze, 1.0 + 3.0 * mix.squeeze,
        float(rng.uniform(0.003, 0.04)), float(rng.uniform(0.06, 0.4)),
    )  # fmt: skip
    ceiling = 10.0 ** (mix.ceiling_db / 20.0)
    finishing.make_loud(track, rate, mix.lufs, mix.squeeze, 0.98 * ceiling)
    finishing.add_floor(track, rate, mix.noise_floor_db, mix.mono, rng)
    longest_s = 0.25 * duration_s
    finishing.fade(track, rate, min(mix.fade_in_s, longest_s), min(mix.fade_out_s, longest_s))
    return Clip(np.clip(track, -ceiling, ceiling), rate)
