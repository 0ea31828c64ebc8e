"""The real program, whole, on settings and a cache of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import QCoreApplication, QEvent
from pytestqt.qtbot import QtBot

from app import bootstrap
from app.audio.devices import CLOCK, Output
from app.bootstrap import Workbench
from app.library import LoadedClip
from engine.locations import Locations
from tests.journeys.waiting import wait_loaded

SCREENSHOTS = Path(__file__).resolve().parents[2] / "screenshots"
RATE = 44100


@pytest.fixture
def locations(tmp_path: Path) -> Locations:
    return Locations(tmp_path / "config", tmp_path / "cache", tmp_path / "data")


@pytest.fixture
def workbench(qtbot: QtBot, locations: Locations) -> Iterator[Workbench]:
    """A running window that plays into the clock-only sink."""
    bench = bootstrap.build(locations, Output(CLOCK))
    bench.services.theme.choose("dark")
    bench.window.resize(1400, 900)
    bench.window.show()
    bench.window.activateWindow()
    qtbot.waitUntil(bench.window.isActiveWindow)
    yield bench
    # What a test left unsaved is nobody's loss.
    bench.services.session.open(bench.services.session.state)
    bench.window.close()
    bench.close()
    # Windows that stay would be restyled with every window that follows.
    bench.window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Eight seconds of quiet, dull stereo noise with beats, as a 24-bit WAV."""
    rng = np.random.default_rng(7)
    frames = 8 * RATE
    noise = rng.standard_normal((2, frames))
    spectrum = np.fft.rfft(noise)
    hz = np.fft.rfftfreq(frames, 1 / RATE)
    spectrum *= 1.0 / (1.0 + (hz / 200.0) ** 1.2)
    dull = np.fft.irfft(spectrum, frames)
    beats = 0.4 + 0.6 * np.exp(-((np.arange(frames) / RATE * 2.0) % 1.0) * 5.0)
    samples = 0.12 * dull / np.abs(dull).max() * beats
    path = tmp_path / "song.wav"
    soundfile.write(path, samples.T, RATE, subtype="PCM_24")
    return path


@pytest.fixture
def picture(workbench: Workbench) -> Callable[[str], None]:
    """Write a screenshot for people to look at."""

    def take(name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        workbench.window.grab().save(str(SCREENSHOTS / f"{name}.png"))

    return take


@pytest.fixture
def open_song(workbench: Workbench, qtbot: QtBot, song: Path) -> Callable[[], LoadedClip]:
    """Open the song and wait until it is read."""

    def open_it() -> LoadedClip:
        workbench.open([song])
        return wait_loaded(workbench, qtbot)

    return open_it
