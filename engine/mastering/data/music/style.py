"""What a style is: who plays what, in which tempi, forms and rooms, and how it is mixed."""

from __future__ import annotations

from dataclasses import dataclass

from engine.mastering.data.music.patterns import (
    Player,
    arpeggio,
    bass,
    chord_player,
    drone,
    tune,
    walking,
)

Range = tuple[float, float]

ALL_MODES = ("major", "minor", "dorian", "mixolydian")
SYNTH_BASS = "saw bass, square bass, sub bass, fm bass"
SONG_FORMS = ("verse and chorus", "build", "break", "steady", "waves", "ending")
DANCE_FORMS = ("loop", "build", "break", "steady")

PLAYERS: dict[str, Player] = {
    "long bass": bass("long"),
    "eighths bass": bass("eighths"),
    "offbeat bass": bass("offbeat"),
    "syncopated bass": bass("syncopated"),
    "sliding bass": bass("slides", 33),
    "walking": walking,
    "held": chord_player("held"),
    "low held": chord_player("held", 52.0),
    "high held": chord_player("held", 69.0),
    "comp": chord_player("comp", 60.0, 4),
    "held sevenths": chord_player("held", 60.0, 4),
    "strum": chord_player("strum", 57.0, 3, 0.03),
    "stabs": chord_player("stabs", 62.0),
    "power": chord_player("power", 43.0),
    "pulse": chord_player("pulse"),
    "ballad": chord_player("pulse", 57.0),
    "low pulse": chord_player("pulse", 48.0),
    "arpeggio": arpeggio(),
    "fast arpeggio": arpeggio(67.0, 4, 0.9),
    "picking": arpeggio(57.0, 2, 3.0),
    "fast picking": arpeggio(55.0, 4, 5.0),
    "low arpeggio": arpeggio(48.0, 2, 1.0),
    "tune": tune(),
    "low tune": tune(3, 1.0, 0.15),
    "slow tune": tune(5, 0.5),
    "tenor tune": tune(4, 1.0, 0.1),
    "busy tune": tune(5, 2.2, 0.15),
    "busy tenor": tune(4, 2.0, 0.1),
    "verse": tune(4, 1.5, 0.15),
    "low verse": tune(3, 1.5, 0.15),
    "high tune": tune(6, 1.0, 0.4),
    "drone": drone(),
    "low drone": drone(36, 4),
    "high drone": drone(67, 2),
}


@dataclass(frozen=True, slots=True)
class PartSpec:
    """A chair in the band: one of the instruments plays one of the patterns, with a chance.

    ``energy`` is what a section needs before the part joins; ``level_db`` its place in the mix,
    K-weighted and relative to the lead.
    """

    role: str
    instruments: tuple[str, ...]
    players: tuple[str, ...]
    chance: float = 1.0
    energy: float = 0.0
    level_db: float = -6.0


@dataclass(frozen=True, slots=True)
class Style:
    """Everything drawn at random for a song stays within these ranges."""

    name: str
    tempo_bpm: Range
    modes: tuple[str, ...]
    progressions: tuple[str, ...]
    forms: tuple[str, ...]
    parts: tuple[PartSpec, ...]
    grooves: tuple[str, ...] = ()
    kits: tuple[str, ...] = ("acoustic",)
    drums_chance: float = 1.0
    drums_db: float = -2.0
    swing: Range = (0.0, 0.0)
    human_ms: float = 6.0
    waltz: float = 0.05
    lufs: Range = (-16.0, -9.0)
    squeeze: Range = (0.3, 1.0)
    swell_db: Range = (0.0, 1.0)
    reverb_s: Range = (0.5, 2.0)
    reverb_db: Range = (-30.0, -12.0)
    side_db: Range = (-19.0, -3.0)
    mono: float = 0.08
    duck: float = 0.0
    chop: float = 0.0
    weight: float = 1.0
    follows: Range = (0.35, 0.85)
    tone_db: tuple[float, float, float, float, float, float] = (0, 0, 0, 0, 0, 0)
    tone_spread: float = 1.0
    slope_db: float = 0.2
    dull: float = 0.1
    noise_db: Range = (-90.0, -60.0)
    hiss: float = 0.5


def part(role: str, instruments: str, players: str, chance: float = 1.0, energy: float = 0.0,
          level_db: float = -6.0) -> PartSpec:  # fmt: skip
    """Build a part from comma-separated names."""
    return PartSpec(
        role, tuple(instruments.split(", ")), tuple(players.split(", ")), chance, energy, level_db
    )
