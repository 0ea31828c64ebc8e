"""The rooms behind the window, without the window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pytestqt.qtbot import QtBot

from app import bootstrap
from app.audio.devices import CLOCK, Output
from app.bootstrap import Workbench
from app.document.session import Session
from app.document.state import ClipEntry, SessionState
from app.library import Library, LoadedClip
from app.masters import Masters
from engine.cache import Cache
from engine.lanes import Lanes
from engine.locations import Locations

RATE = 22050
WriteSong = Callable[..., Path]


@dataclass
class Rooms:
    """Session, library and masters on lanes and a cache of their own; ``said`` is what was told."""

    session: Session
    lanes: Lanes
    cache: Cache
    library: Library
    masters: Masters
    locations: Locations
    said: list[object]
    qtbot: QtBot

    def open(self, *paths: Path) -> list[ClipEntry]:
        """Open files and wait until they are read; the clips of the session."""
        self.library.add(paths)
        wanted = len(self.session.state.clips) + len(paths)
        self.qtbot.waitUntil(lambda: len(self.session.state.clips) == wanted, timeout=30_000)
        self.wait()
        return list(self.session.state.clips)

    def wait(self) -> None:
        """Until nothing runs any more."""
        self.qtbot.waitUntil(lambda: not self.lanes.busy, timeout=60_000)

    def loaded(self, clip_id: str) -> LoadedClip:
        """What is there of a clip that is open."""
        loaded = self.library.audio(clip_id)
        assert loaded is not None
        return loaded


@pytest.fixture
def rooms(qtbot: QtBot, tmp_path: Path) -> Iterator[Rooms]:
    session, lanes, cache = Session(), Lanes(), Cache(tmp_path / "cache", 10**9)
    library = Library(session, lanes, cache, keep_current=lambda: False)
    locations = Locations(tmp_path / "config", tmp_path / "cache", tmp_path / "data")
    masters = Masters(session, library, lanes, cache, locations)
    said: list[object] = []
    for signal in (library.failed, library.noticed, masters.failed, masters.noticed):
        signal.connect(said.append)
    yield Rooms(session, lanes, cache, library, masters, locations, said, qtbot)
    lanes.shutdown()


@pytest.fixture
def write_song(tmp_path: Path) -> WriteSong:
    """Write seconds of quiet stereo noise; another seed is another recording."""

    def write(name: str = "song.wav", seconds: float = 2.0, seed: int = 1) -> Path:
        noise = np.random.default_rng(seed).standard_normal((round(seconds * RATE), 2))
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.05 * noise, RATE)
        return path

    return write


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[Workbench]:
    """The whole program on settings and a cache of its own, playing into the clock-only sink."""
    locations = Locations(tmp_path / "config", tmp_path / "cache", tmp_path / "data")
    workbench = bootstrap.build(locations, Output(CLOCK))
    workbench.window.show()
    yield workbench
    workbench.services.session.open(SessionState())  # what a test left unsaved is nobody's loss
    workbench.window.close()
    workbench.close()
