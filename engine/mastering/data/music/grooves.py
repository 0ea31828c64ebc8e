"""Drum grooves on a grid of sixteenths: X accent, x hit, o ghost note."""

from __future__ import annotations

import numpy as np

from engine.mastering.data.music.arrangement import Bar
from engine.mastering.data.music.note import Note

_VELOCITY = {"X": 0.95, "x": 0.75, "o": 0.35}

# Alternatives per drum.
GROOVES: dict[str, dict[str, tuple[str, ...]]] = {
    "rock": {
        "kick": ("X.......X.x.....", "X.....x.X.......", "X..x....X..x..x.", "X.......X......."),
        "snare": ("....X.......X...", "....X..o.o..X..o"),
        "hat": ("X.x.X.x.X.x.X.x.", "X...X...X...X..."),
        "crash": ("................",),
    },
    "pop": {
        "kick": ("X......xX.......", "X.....x...x.....", "X...X...X...X...", "X..x..x...X....."),
        "snare": ("....X.......X...",),
        "clap": ("....x.......x...", "................"),
        "hat": ("x.x.x.x.x.x.x.x.", "X.xxx.x.X.x.x.xo", "xoxoxoxoxoxoxoxo"),
        "shaker": ("xoXoxoXoxoXoxoXo", "................"),
        "open hat": ("..............x.", "................"),
    },
    "hip hop": {
        "kick": ("X.....x...X.....", "X..x......X..x..", "X......x.xX.....", "X.........x....."),
        "snare": ("....X.......X...", "....X..o....X.o."),
        "clap": ("....x.......x...", "................"),
        "hat": ("x.x.x.x.x.x.xxx.", "xxxxxxxxxxxxxxxx", "x.x.xox.x.xox.x."),
        "open hat": ("......x.........", "................"),
    },
    "lo-fi": {
        "kick": ("X.....x..x......", "X......x..x.....", "X.......x......."),
        "snare": ("....X.......X...", "....X......oX..."),
        "hat": ("x.o.x.o.x.o.x.o.", "x.x.x.x.x.x.x.x."),
        "rim": ("................", ".......o......o."),
    },
    "house": {
        "kick": ("X...X...X...X...",),
        "clap": ("....X.......X...", "....x.......x..o"),
        "open hat": ("..x...x...x...x.",),
        "hat": ("xoxoxoxoxoxoxoxo", "x.x.x.x.x.x.x.x.", "oxoxoxoxoxoxoxox"),
        "tambourine": ("................", "....x.......x..."),
        "conga high": ("...x..x....x..x.", "................"),
    },
    "techno": {
        "kick": ("X...X...X...X...",),
        "hat": ("..X...X...X...X.", "xoXoxoXoxoXoxoXo", "oooooooooooooooo"),
        "clap": ("................", "....x.......x..."),
        "ride": ("................", "..x...x...x...x."),
        "rim": ("...x..x....x....", "x..x..x...x..x.."),
        "low tom": ("................", "..o...o..o....o."),
    },
    "drum and bass": {
        "kick": ("X.........x.....", "X..x......x.....", "X.....x...X....."),
        "snare": ("....X.......X...", "....X..o.o..X..o", "....X..o....X.oo"),
        "hat": ("x.x.x.x.x.x.x.x.", "xxoxxxoxxxoxxxox"),
        "ride": ("................", "x.x.x.x.x.x.x.x."),
    },
    "swing": {
        "ride": ("X...X.x.X...X.x.",),
        "hat": ("....x.......x...",),
        "kick": ("o...o...o...o...", "................", "......o.......o."),
        "snare": ("..........o.....", "......o.......o.", "..o......o....o."),
    },
    "brushes": {
        "brush": ("x.o.X.o.x.o.X.o.", "x...X...x...X..."),
        "kick": ("o.......o.......", "................"),
        "ride": ("x...x.o.x...x.o.", "................"),
    },
    "hands": {
        "conga low": ("X..x..x...X.x...", "X.....x.X..x..x.", "x.xo..xox.xo..xo"),
        "conga high": ("..x.x..x..x..xx.", "...x..x.x.x..x..", "oxo.xo.xoxo.xo.x"),
        "block": ("x..x..x...x.x...", "................"),
        "shaker": ("xoXoxoXoxoXoxoXo", "................"),
        "low tom": ("X.......X.......", "................"),
        "boom": ("X...............", "................"),
    },
    "tribal": {
        "low tom": ("X..x..X...x.X...", "X..xx..xX..xx..x"),
        "mid tom": ("..x..x..x..x..x.", "....x..x....x.x."),
        "high tom": ("......x.......xx", "................"),
        "boom": ("X.......x.......", "X..............."),
        "tambourine": ("....x.......x...", "................"),
        "crash": ("................",),
    },
    "cinematic": {
        "boom": ("X.......X.......", "X..............."),
        "low tom": ("x.xxx.xxx.xxx.xx", "x..x..x.x..x..x.", "................"),
        "mid tom": ("....x.......x..x", "................"),
        "shaker": ("................", "xoxoxoxoxoxoxoxo"),
    },
    "breakbeat": {
        "kick": ("X.x.......xx....", "X.x...x...x....."),
        "snare": ("....X..o.o..X..o", "....X..x.o....X."),
        "hat": ("x.x.x.x.x.x.x.x.", "xxx.xxx.xxx.xxx."),
        "open hat": ("................", "..............x."),
        "tambourine": ("................", "x.x.x.x.x.x.x.x."),
    },
    "folk": {
        "kick": ("X.......x.......",),
        "tambourine": ("....X.......X...",),
        "shaker": ("x.o.X.o.x.o.X.o.",),
    },
}

# Energy a section needs before a drum joins.
_NEEDS = {
    "kick": 0.3, "snare": 0.4, "clap": 0.5, "hat": 0.35, "open hat": 0.6, "ride": 0.45,
    "shaker": 0.55, "tambourine": 0.65, "rim": 0.4, "low tom": 0.5, "mid tom": 0.5,
    "high tom": 0.6, "boom": 0.3, "block": 0.5, "conga high": 0.4,
}  # fmt: skip


def drum_notes(
    rng: np.random.Generator,
    groove: str,
    bars: tuple[Bar, ...],
    swing: float,
    human_s: float,
    alone: bool,
) -> list[Note]:
    """Hits of the whole song: a groove per drum, small variations, fills and crashes.

    ``swing`` delays every second sixteenth (eighth when slow) by that share of a step.
    """
    table = GROOVES[groove]
    if alone and rng.random() < 0.5:
        kept = rng.permutation(sorted(table))[: int(rng.integers(2, 5))]
        table = {drum: rows for drum, rows in table.items() if drum in kept}
    chosen = {drum: str(rng.choice(rows)) for drum, rows in table.items()}
    others = {drum: str(rng.choice(rows)) for drum, rows in table.items()}
    # All drums play all the time, as in a loop, or the song is nothing but drums.
    bare = alone or rng.random() < 0.35
    fills = rng.random() < 0.7 and "snare" in table
    resting: frozenset[str] = frozenset()
    notes: list[Note] = []
    for bar in bars:
        if bar.first and alone:
            silent = [d for d in list(chosen)[1:] if rng.random() < 0.6 * (1.0 - bar.energy)]
            resting = frozenset(silent)
        steps = 4 * bar.beats
        step_s = bar.beat_s / 4.0
        rows = others if bar.section % 3 == 1 else chosen
        filling = fills and bar.last and rng.random() < 0.8
        for drum, row in rows.items():
            if drum in resting or (not bare and bar.energy < _NEEDS.get(drum, 0.0)):
                continue
            for step in range(steps):
                mark = row[step % 16]
                if filling and step >= steps - 4 and drum != "kick":
                    continue
                if mark == "." and drum not in ("crash", "boom") and rng.random() < 0.012:
                    mark = "o"
                if mark == "." or (mark == "o" and rng.random() < 0.15):
                    continue
                velocity = _VELOCITY[mark] * (0.7 + 0.3 * bar.energy) * rng.uniform(0.88, 1.1)
                late = swing * step_s * (step % 2) + human_s * rng.standard_normal()
                when_s = max(bar.start_s + step * step_s + late, 0.0)
                notes.append(Note(when_s, 2.0 * step_s, 60.0, min(velocity, 1.0), drum))
        if filling:
            drums = ("snare", "high tom", "mid tom", "low tom")
            for step in range(4):
                when_s = bar.start_s + (steps - 4 + step) * step_s
                drum = drums[step] if rng.random() < 0.6 else "snare"
                notes.append(Note(when_s, step_s, 60.0, 0.6 + 0.1 * step, drum))
        if bar.first and bar.energy > 0.6 and rng.random() < 0.7 and groove != "hands":
            drum = "crash" if rng.random() < 0.6 else "crash 2"
            notes.append(Note(bar.start_s, 4.0, 60.0, float(rng.uniform(0.4, 0.85)), drum))
    return notes
