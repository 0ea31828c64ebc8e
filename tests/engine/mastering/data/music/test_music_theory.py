"""Harmony, grooves, patterns and form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.mastering.data.music.arrangement import FORMS, arrange
from engine.mastering.data.music.grooves import GROOVES, drum_notes
from engine.mastering.data.music.harmony import MODES, NAMES, Key, voicing
from engine.mastering.data.music.struck import STRUCK
from engine.mastering.data.music.style import PLAYERS
from engine.mastering.data.music.styles import STYLES
from engine.mastering.data.music.sustained import SUSTAINED

KEYS = st.builds(Key, st.integers(0, 11), st.sampled_from(sorted(MODES)))


def test_c_major_holds_the_white_keys() -> None:
    key = Key(0, "major")
    assert [key.pitch(degree) for degree in range(8)] == [60, 62, 64, 65, 67, 69, 71, 72]
    assert key.chord(4, 4) == (55, 59, 62, 65)  # G dominant seventh


@given(key=KEYS)
def test_a_key_is_found_again_by_its_name(key: Key) -> None:
    assert Key.named(*key.name.split(" ", 1)) == key
    assert key.name.split(" ")[0] == NAMES[key.tonic]


@given(key=KEYS, degree=st.integers(0, 6), centre=st.integers(40, 80))
def test_a_voicing_keeps_the_chord_and_stays_near(key: Key, degree: int, centre: int) -> None:
    chord = key.chord(degree, 3)
    voices = voicing(chord, float(centre), ())
    assert {pitch % 12 for pitch in voices} == {pitch % 12 for pitch in chord}
    assert all(abs(pitch - centre) <= 12 for pitch in voices)


@given(
    seed=st.integers(0, 1000),
    form=st.sampled_from(sorted(FORMS)),
    tempo_bpm=st.floats(60.0, 180.0),
    beats=st.sampled_from([3, 4]),
)
def test_bars_fill_the_song_one_after_another(
    seed: int, form: str, tempo_bpm: float, beats: int
) -> None:
    bars = arrange(np.random.default_rng(seed), form, (0, 4, 5, 3), tempo_bpm, beats, 40.0)
    bar_s = beats * 60.0 / tempo_bpm
    starts = [bar.start_s for bar in bars]
    assert starts == pytest.approx([index * bar_s for index in range(len(bars))])
    assert starts[-1] < 40.0 <= starts[-1] + bar_s + 1e-9
    assert all(0.0 < bar.energy <= 1.0 for bar in bars)


def test_a_house_kick_is_on_every_beat() -> None:
    bars = arrange(np.random.default_rng(1), "loop", (0,), 120.0, 4, 16.0)
    notes = drum_notes(np.random.default_rng(2), "house", bars, 0.0, 0.0, alone=False)
    kicks = {round(note.start_s / 0.5, 6) for note in notes if note.drum == "kick"}
    assert {float(beat) for beat in range(32)} <= kicks


def test_swing_delays_every_second_sixteenth() -> None:
    bars = arrange(np.random.default_rng(1), "loop", (0,), 120.0, 4, 8.0)
    straight, swung = (
        drum_notes(np.random.default_rng(3), "pop", bars, swing, 0.0, alone=False)
        for swing in (0.0, 0.3)
    )
    step_s = 0.125
    late = [(b.start_s - a.start_s) / step_s for a, b in zip(straight, swung, strict=True)]
    odd = [round(note.start_s / step_s) % 2 == 1 for note in straight]
    fills = {"high tom", "mid tom", "low tom", "crash", "crash 2", "snare"}
    for delay, is_odd, note in zip(late, odd, straight, strict=True):
        if note.drum not in fills:
            assert delay == pytest.approx(0.3 if is_odd else 0.0, abs=1e-6)


def test_grooves_have_a_mark_for_every_sixteenth() -> None:
    for rows in GROOVES.values():
        for row in (row for alternatives in rows.values() for row in alternatives):
            assert len(row) == 16
            assert set(row) <= set("Xxo.")


@pytest.mark.parametrize("name", sorted(PLAYERS))
def test_players_stay_in_key_and_in_time(name: str) -> None:
    key = Key(2, "dorian")
    bars = arrange(np.random.default_rng(1), "steady", (0, 3, 4, 0), 100.0, 4, 30.0)
    notes = PLAYERS[name](np.random.default_rng(4), key, bars, 0.0)
    assert notes
    scale = {key.pitch(degree) % 12 for degree in range(7)}
    inside = np.mean([round(note.pitch) % 12 in scale for note in notes])
    assert inside > 0.85  # power chords take the perfect fifth of every root
    assert all(0.0 < note.velocity <= 1.0 and note.duration_s > 0.0 for note in notes)
    assert all(0.0 <= note.start_s < 31.3 for note in notes)
    assert all(20.0 <= note.pitch <= 110.0 for note in notes)


def test_every_style_names_only_what_there_is() -> None:
    known = {*STRUCK, *SUSTAINED, "singer", "choir", "vinyl", "wind", "effects"}
    for style in STYLES:
        assert set(style.grooves) <= set(GROOVES)
        assert set(style.forms) <= set(FORMS)
        for spec in style.parts:
            assert set(spec.instruments) <= known
            assert set(spec.players) <= {*PLAYERS, ""}
