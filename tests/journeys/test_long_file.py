"""A long recording is as handy as a short one: seen, searched and heard while it is still read."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.bootstrap import Workbench
from app.library import LoadedClip
from tests.journeys.waiting import wait_loaded

RATE = 44100
BLOCK_FRAMES = 1 << 16


def joined(folder: Path, path: Path, minutes: float) -> Path:
    """The shared music one piece after the other, again and again, as 16-bit stereo."""
    wanted = round(minutes * 60 * RATE)
    written = 0
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as out:
        while written < wanted:
            for piece in sorted((folder / "music").iterdir()):
                samples, rate = soundfile.read(piece, dtype="float32", always_2d=True)
                samples = np.broadcast_to(samples[:, :2], (len(samples), 2))
                samples = soxr.resample(samples, rate, RATE) if rate != RATE else samples
                out.write(samples[: wanted - written])
                written += min(len(samples), wanted - written)
    return path


def resident_bytes() -> int:
    """Memory of this process that no file on the disk stands behind."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def current(workbench: Workbench) -> LoadedClip | None:
    services = workbench.services
    return services.library.audio(services.session.state.current_id)


def wheel(widget: object, at: QPoint, notches: int) -> None:
    """Turn the wheel over a place."""
    place = QPointF(at)
    event = QWheelEvent(
        place, QPointF(widget.mapToGlobal(at)), QPoint(), QPoint(0, 120 * notches),  # type: ignore[attr-defined]
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase,
        False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "minutes", [10.0, pytest.param(60.0, marks=pytest.mark.perf)], ids=["10 min", "60 min"]
)
def test_a_long_recording_is_used_while_it_is_read_and_takes_little_memory(
    workbench: Workbench,
    qtbot: QtBot,
    shared_audio: Path,
    tmp_path: Path,
    minutes: float,
) -> None:
    path = joined(shared_audio, tmp_path / "long.flac", minutes)
    frames = round(minutes * 60 * RATE)
    services, editor = workbench.services, workbench.panels["editor"]
    axis, wave = editor.axis, editor.view.wave  # type: ignore[attr-defined]
    before_bytes = resident_bytes()
    workbench.open([path])

    def seen() -> bool:
        loaded = current(workbench)
        return loaded is not None and loaded.peaks is not None

    qtbot.waitUntil(seen, timeout=20_000)
    loaded = current(workbench)
    assert loaded is not None and loaded.stored is not None
    assert not loaded.stored.complete, "the picture is there before the file is read"
    assert axis.span_frames == pytest.approx(frames, rel=0.01)

    # Zoomed, scrolled and played while the rest is read.
    qtbot.keyClick(workbench.window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: services.player.position_frame > 0, timeout=5_000)
    for _ in range(10):
        wheel(wave, QPoint(wave.width() // 10, wave.height() // 2), 1)
        QApplication.processEvents()
    assert axis.span_frames < 0.2 * frames
    wait_loaded(workbench, qtbot)
    print(f"{(resident_bytes() - before_bytes) / 1e6:.0f} MB more for {minutes:g} min")
    # Decoded, it would be 212 MB in ten minutes and 1.3 GB in an hour.
    assert resident_bytes() - before_bytes < 150e6 + 1e6 * minutes

    # Seek to the far end and hear what is there.
    qtbot.keyClick(workbench.window, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    assert axis.span_frames == pytest.approx(frames, rel=0.001)
    target = QPoint(wave.width() * 9 // 10, wave.height() // 2)
    qtbot.mouseClick(wave, Qt.MouseButton.LeftButton, pos=target)
    qtbot.waitUntil(lambda: services.player.position_frame > 0.8 * frames, timeout=5_000)
    where = services.player.position_frame
    qtbot.waitUntil(lambda: services.player.position_frame > where + RATE // 4, timeout=5_000)
    _, heard = services.player.taps.recent(4096)
    stored = current(workbench).stored  # type: ignore[union-attr]
    assert stored is not None and np.abs(heard).max() > 0
    qtbot.keyClick(workbench.window, Qt.Key.Key_Space)

    # A selection far out, zoomed to: the picture of its spectrum comes.
    services.player.seek(round(0.9 * frames))
    qtbot.wait(200)
    qtbot.keyClick(workbench.window, Qt.Key.Key_BracketLeft)
    services.player.seek(round(0.9 * frames) + 10 * RATE)
    qtbot.wait(200)
    qtbot.keyClick(workbench.window, Qt.Key.Key_BracketRight)
    assert services.session.state.selection == (round(0.9 * frames), round(0.9 * frames) + 441000)
    qtbot.keyClick(workbench.window, Qt.Key.Key_Z)
    spectrogram = editor.view.spectrogram  # type: ignore[attr-defined]

    def drawn() -> bool:
        image = spectrogram.grab().toImage()
        middle = image.height() // 2
        colors = {
            image.pixel(x, y)
            for x in range(100, image.width() - 100, 5)
            for y in (middle // 2, middle, middle * 3 // 2)
        }
        return len(colors) > 20

    qtbot.waitUntil(drawn, timeout=15_000)
    if sys.platform == "linux":
        assert resident_bytes() - before_bytes < 250e6 + 1e6 * minutes
