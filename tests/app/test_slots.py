"""Slots: what can be compared, at one loudness, and never louder than it is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.document.state import ClipEntry
from app.slots import LIVE, MASTER, ORIGINAL, Slots, matching_gains_db
from engine.mastering.parameters import ChainParameters, Limiter
from tests.app.conftest import Rooms, WriteSong
from tests.app.fakes import FakePlayer

LUFS = st.one_of(st.none(), st.floats(-70.0, 0.0), st.sampled_from([-math.inf, math.nan]))


@given(st.lists(LUFS, max_size=6))
def test_nothing_is_boosted_and_what_is_known_becomes_equally_loud(
    lufs: list[float | None],
) -> None:
    gains_db = matching_gains_db(lufs)
    assert all(gain_db <= 0.0 for gain_db in gains_db)
    known = [
        value + gain_db
        for value, gain_db in zip(lufs, gains_db, strict=True)
        if value is not None and math.isfinite(value)
    ]
    assert all(level == pytest.approx(known[0]) for level in known)
    if known:
        assert 0.0 in gains_db


class SlotPlayer(FakePlayer):
    """As the player, ``slots`` is a tuple."""

    slots: Any

    def __init__(self) -> None:
        super().__init__()
        self.slots = ()

    def set_slots(self, slots: list[Any]) -> None:
        self.slots = tuple(slots)


@pytest.fixture
def player(qapp: object) -> Iterator[SlotPlayer]:
    yield SlotPlayer()


@pytest.fixture
def slots(rooms: Rooms, player: SlotPlayer) -> Slots:
    return Slots(rooms.session, rooms.library, player)  # type: ignore[arg-type]


def labels(player: SlotPlayer) -> list[str]:
    return [slot.label for slot in player.slots]


def mastered(rooms: Rooms, clip: ClipEntry) -> None:
    """Render a clip 6 dB louder."""
    louder = ChainParameters(limiter=Limiter(gain_db=6.0))
    rooms.session.edit("Set", rooms.session.state.with_mastering(clip.id, parameters=louder))
    rooms.masters.render(clip.id)
    rooms.wait()


def test_there_is_as_much_to_compare_as_there_is(
    rooms: Rooms, player: SlotPlayer, slots: Slots, write_song: WriteSong
) -> None:
    assert labels(player) == []
    (clip,) = rooms.open(write_song())
    assert labels(player) == [ORIGINAL]
    mastered(rooms, clip)
    assert labels(player) == [ORIGINAL, LIVE, MASTER]
    rooms.session.undo()
    assert labels(player) == [ORIGINAL, LIVE]
    rooms.session.undo()
    assert labels(player) == [ORIGINAL]


def test_the_louder_one_is_turned_down(
    rooms: Rooms, player: SlotPlayer, slots: Slots, write_song: WriteSong
) -> None:
    (clip,) = rooms.open(write_song())
    mastered(rooms, clip)
    gains_db = {slot.label: slot.gain_db for slot in player.slots}
    assert gains_db[ORIGINAL] == 0.0
    assert gains_db[MASTER] == pytest.approx(-6.0, abs=0.1)
    slots.set_matching(False)
    assert [slot.gain_db for slot in player.slots] == [0.0, 0.0, 0.0]
    assert not slots.matching


def test_another_clip_starts_at_its_beginning_with_its_original(
    rooms: Rooms, player: SlotPlayer, slots: Slots, write_song: WriteSong
) -> None:
    first, second = rooms.open(write_song("a.wav"), write_song("b.wav", seed=2))
    player.frames = first.frames
    player.play()
    player.seek(1000)
    player.select(1)
    rooms.session.adjust(lambda state: state.with_current(second.id))
    assert (player.playing, player.position_frame, player.current_slot) == (False, 0, 0)


def test_an_edit_that_changes_no_sound_leaves_the_player_alone(
    rooms: Rooms, player: SlotPlayer, slots: Slots, write_song: WriteSong
) -> None:
    (clip,) = rooms.open(write_song())
    before = player.slots
    rooms.session.edit("Aim", rooms.session.state.with_mastering(clip.id, lufs=-11.0))
    assert player.slots is before
