"""What is heard lies behind what is mixed."""

from __future__ import annotations

import pytest

from app.audio.playhead import heard_frame


@pytest.fixture
def playing(block):
    block.control["rate"][0] = 48000
    block.state["latency_s"][0] = 0.1
    return block


def test_it_is_behind_by_the_latency_and_moves_with_time(playing) -> None:
    playing.write_clock(48000, 10.0, 0.0)
    assert heard_frame(playing, 10.0) == pytest.approx(48000 - 4800)
    assert heard_frame(playing, 10.05) == pytest.approx(48000 - 2400)


def test_it_never_runs_past_what_is_mixed(playing) -> None:
    playing.write_clock(48000, 10.0, 0.0)
    assert heard_frame(playing, 11.0) == 48000


def test_it_starts_where_the_sound_began(playing) -> None:
    playing.write_clock(30100, 10.0, 30000.0)
    assert heard_frame(playing, 10.0) == 30000


def test_backwards_it_lies_on_the_other_side(playing) -> None:
    playing.control["speed"][0] = -2.0
    playing.write_clock(10000, 10.0, 40000.0)
    assert heard_frame(playing, 10.0) == 10000 + 2 * 4800
    playing.write_clock(10000, 10.0, 12000.0)
    assert heard_frame(playing, 10.0) == 12000


def test_it_goes_around_the_loop_after_what_is_mixed(playing) -> None:
    playing.write_loop(20000, 30000)
    playing.write_clock(21000, 10.0, -1.0)
    assert heard_frame(playing, 10.0) == 30000 - 3800
