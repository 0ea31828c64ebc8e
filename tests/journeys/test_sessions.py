"""Sessions are saved, opened, recovered after a kill, and lose nothing on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pytestqt.qtbot import QtBot

from app import bootstrap
from app.audio.devices import CLOCK, Output
from app.bootstrap import Workbench
from app.document import store
from app.library import LoadedClip
from engine.locations import Locations
from tests.journeys.waiting import wait_loaded

KILLED = """
import sys
from dataclasses import replace
from pathlib import Path
from app import bootstrap
from app.audio.devices import CLOCK, Output
from engine.locations import Locations

root, song = Path(sys.argv[1]), Path(sys.argv[2])
application = bootstrap.make_application(["audiobench"])
bench = bootstrap.build(Locations(root / "config", root / "cache", root / "data"), Output(CLOCK))
bench.window.show()
bench.open([song])
session = bench.services.session
while not session.state.clips:
    application.processEvents()
clip = session.state.clips[0]
session.edit("Aim at -11", session.state.with_mastering(clip.id, lufs=-11.0))
bench.autosave.flush()
print("edited", flush=True)
application.exec()
"""


def test_a_saved_session_opens_as_it_was(
    workbench: Workbench, qtbot: QtBot, open_song: Callable[[], LoadedClip], tmp_path: Path
) -> None:
    open_song()
    session = workbench.services.session
    clip = session.state.current
    assert clip is not None
    session.edit("Aim at -16", session.state.with_mastering(clip.id, lufs=-16.0))
    path = tmp_path / "work.abench"
    workbench.window.show_layout("Listen")
    session.mark_saved(path)
    assert workbench.files.save()
    saved = session.state
    workbench.files.new()
    workbench.window.show_layout("Master")
    assert session.state.clips == ()
    assert workbench.files.open_session(path)
    assert session.state.clips[0].mastering.lufs == -16.0
    assert session.state.clips[0].path == saved.clips[0].path
    assert workbench.window.layout_name == "Listen"
    wait_loaded(workbench, qtbot)
    assert not session.dirty


def test_a_killed_window_is_recovered(
    qtbot: QtBot, locations: Locations, song: Path, tmp_path: Path
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path), str(song)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "edited"
    time.sleep(0.3)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    bench = bootstrap.build(locations, Output(CLOCK))
    try:
        assert bootstrap.recover(bench, locations.recovery, lambda _recovery: True)
        state = bench.services.session.state
        assert [clip.name for clip in state.clips] == ["song.wav"]
        assert state.clips[0].mastering.lufs == -11.0
        assert bench.services.session.dirty
        wait_loaded(bench, qtbot)
    finally:
        bench.window.deleteLater()
        bench.close()
    assert not any(locations.recovery.iterdir())


def test_a_song_that_was_moved_is_located(
    workbench: Workbench, qtbot: QtBot, open_song: Callable[[], LoadedClip], song: Path
) -> None:
    open_song()
    session = workbench.services.session
    moved = song.with_name("renamed.wav")
    song.rename(moved)
    assert [clip.name for clip in store.missing(session.state)] == ["song.wav"]
    session.edit("Locate", store.relocate(session.state, session.state.clips[0].id, moved))
    assert store.missing(session.state) == ()


def test_files_that_are_no_audio_are_named_and_the_others_open(
    workbench: Workbench, qtbot: QtBot, song: Path, tmp_path: Path
) -> None:
    text = tmp_path / "notes.wav"
    text.write_text("this is no audio")
    said: list[object] = []
    workbench.services.library.failed.connect(said.append)
    workbench.open([text, song])
    wait_loaded(workbench, qtbot)
    assert [clip.name for clip in workbench.services.session.state.clips] == ["song.wav"]
    assert len(said) == 1
    assert "notes.wav" in str(said[0])


def test_what_was_opened_is_offered_again(
    workbench: Workbench, qtbot: QtBot, open_song: Callable[[], LoadedClip]
) -> None:
    recent = workbench.window.menu("File/Open recent")
    recent.aboutToShow.emit()
    assert [action.text() for action in recent.actions()] == ["Nothing opened yet"]
    open_song()
    recent.aboutToShow.emit()
    assert [action.text() for action in recent.actions()] == ["song.wav"]
    recent.actions()[0].trigger()
    qtbot.waitUntil(lambda: len(workbench.services.session.state.clips) == 2, timeout=10_000)
