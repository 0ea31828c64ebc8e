"""LiveLoudness: after every edit the level of the live chain is known again."""

from __future__ import annotations

import pytest

from app import live_loudness
from app.document.state import ClipEntry
from app.live_loudness import LiveLoudness
from engine.mastering.parameters import ChainParameters, Limiter
from tests.app.conftest import Rooms, WriteSong


@pytest.fixture
def clip(rooms: Rooms, write_song: WriteSong, monkeypatch: pytest.MonkeyPatch) -> ClipEntry:
    monkeypatch.setattr(live_loudness, "SETTLE_MS", 10)
    return rooms.open(write_song())[0]


def set_gain(rooms: Rooms, clip: ClipEntry, gain_db: float, merge: str = "") -> None:
    parameters = ChainParameters(limiter=Limiter(gain_db=gain_db))
    state = rooms.session.state.with_mastering(clip.id, parameters=parameters)
    rooms.session.edit("Gain", state, merge)


def test_it_follows_every_edit_and_its_undo(rooms: Rooms, clip: ClipEntry) -> None:
    live = LiveLoudness(rooms.session, rooms.library, rooms.lanes)
    loudness = rooms.loaded(clip.id).loudness
    assert loudness is not None

    def wait_for(change_lu: float) -> None:
        def there() -> bool:
            lufs = rooms.loaded(clip.id).live_lufs
            expected = loudness.integrated_lufs + change_lu
            return lufs is not None and abs(lufs - expected) < 0.1

        rooms.qtbot.waitUntil(there, timeout=20_000)

    set_gain(rooms, clip, 3.0)
    wait_for(3.0)
    set_gain(rooms, clip, -4.0)
    wait_for(-4.0)
    rooms.session.undo()
    wait_for(3.0)
    live.stop()


def test_without_parameters_nothing_is_measured(rooms: Rooms, clip: ClipEntry) -> None:
    live = LiveLoudness(rooms.session, rooms.library, rooms.lanes)
    rooms.session.edit("Aim", rooms.session.state.with_mastering(clip.id, lufs=-11.0))
    rooms.qtbot.wait(60)
    rooms.wait()
    assert rooms.loaded(clip.id).live_lufs is None
    live.stop()


def test_after_the_end_nothing_is_measured(rooms: Rooms, clip: ClipEntry) -> None:
    live = LiveLoudness(rooms.session, rooms.library, rooms.lanes)
    set_gain(rooms, clip, 3.0)
    live.stop()
    rooms.qtbot.wait(60)
    rooms.wait()
    assert rooms.loaded(clip.id).live_lufs is None
