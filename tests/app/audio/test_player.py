"""The player's promises, on a clock instead of a device."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from app.audio.devices import CLOCK, Output
from app.audio.player import Player, Slot
from engine.audio.store import StoredAudio

RATE = 48000


@pytest.fixture
def player(qtbot):
    player = Player(output=Output(device=CLOCK))
    yield player
    player.shutdown()


@pytest.fixture
def slots(tmp_path, noise):
    made = []
    for index in range(3):
        path = tmp_path / f"{index}.f32"
        noise(RATE, index).tofile(path)
        made.append(Slot(f"{index}", StoredAudio(path, RATE, 2, RATE, f"{index}")))
    return made


def test_an_empty_player_does_nothing(player) -> None:
    player.play()
    player.seek(100)
    player.select(3)
    player.select_last()
    assert not player.playing
    assert (player.frames, player.rate, player.position_frame, player.current_slot) == (0, 0, 0, 0)


def test_it_plays_to_the_end_and_says_so(player, slots, qtbot) -> None:
    told, places = [], []
    player.playing_changed.connect(told.append)
    player.position_changed.connect(places.append)
    player.set_slots(slots)
    player.seek(RATE * 3 // 4)
    player.play()
    qtbot.waitUntil(lambda: not player.playing)
    qtbot.waitUntil(lambda: told == [True, False])
    assert player.position_frame == RATE
    assert places == sorted(places)
    assert len(places) > 8


def test_play_at_the_end_begins_anew(player, slots, qtbot) -> None:
    player.set_slots(slots)
    player.seek(RATE)
    player.play()
    qtbot.waitUntil(lambda: player.playing and 0 < player.position_frame < RATE)


def test_stop_goes_back_to_the_beginning(player, slots, qtbot) -> None:
    player.set_slots(slots)
    player.play()
    qtbot.waitUntil(lambda: player.position_frame > 4800)
    player.stop()
    assert not player.playing
    assert player.position_frame == 0


def test_tab_alternates_between_the_last_two(player, slots) -> None:
    told = []
    player.slot_changed.connect(told.append)
    player.set_slots(slots)
    player.select_last()
    player.select_last()
    player.select(2)
    player.select_last()
    player.select_last()
    player.select(7)
    assert told == [1, 0, 2, 0, 2]


def test_fewer_slots_bring_the_first_one_back(player, slots) -> None:
    player.set_slots(slots)
    player.select(2)
    player.set_slots(slots[:1])
    assert player.current_slot == 0
    player.select_last()
    assert player.current_slot == 0


def test_without_slots_nothing_plays(player, slots, qtbot) -> None:
    player.set_slots(slots)
    player.play()
    player.set_slots([])
    assert not player.playing


def test_another_rate_keeps_the_place_in_time(player, slots, tmp_path, qtbot) -> None:
    path = tmp_path / "other.f32"
    np.zeros((96000, 2), np.float32).tofile(path)
    player.set_slots(slots)
    player.seek(24000)
    player.set_slots([Slot("other", StoredAudio(path, 96000, 2, 96000, "other"))])
    assert (player.rate, player.frames, player.position_frame) == (96000, 96000, 48000)
    player.play()
    qtbot.waitUntil(lambda: not player.playing)
    assert player.position_frame == 96000


def test_the_loop_is_kept_in_order_and_too_short_ones_are_none(player, slots) -> None:
    player.set_slots(slots)
    player.set_loop((9000, 1000))
    assert player.loop == (1000, 9000)
    player.set_loop((1000, 1010))
    assert player.loop is None


def test_a_loop_goes_round(player, slots, qtbot) -> None:
    places = []
    player.position_changed.connect(places.append)
    player.set_slots(slots)
    player.set_loop((4800, 9600))
    player.play()
    qtbot.waitUntil(lambda: sum(b < a for a, b in pairwise(places)) > 2)
    assert max(places) < 9600


def test_speed_is_kept_within_four(player, slots, qtbot) -> None:
    player.set_slots(slots)
    player.set_speed(-9)
    assert player.speed == -4
    player.seek(RATE)
    player.play()
    qtbot.waitUntil(lambda: not player.playing)
    assert player.position_frame == 0
    player.set_speed(0)
    assert player.speed == 1


def test_missing_audio_is_told(player, slots, qtbot) -> None:
    slots[0].stored.path.unlink()
    with qtbot.waitSignal(player.trouble, timeout=5000) as told:
        player.set_slots(slots)
    assert "0.f32 cannot be played" in told.args[0].what
