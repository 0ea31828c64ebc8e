"""A song goes in, is seen, heard, mastered, compared and exported, by mouse and keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.bootstrap import Workbench
from app.export_request import ExportRequest, ExportWhat
from app.library import LoadedClip
from engine.audio.export_format import ExportFormat
from engine.audio.reader import read_clip
from engine.audio.true_peak import true_peak_dbtp
from tests.journeys.waiting import wait_loaded

MASTER_TIMEOUT_MS = 120_000


def drop(workbench: Workbench, paths: list[Path]) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(400, 300), copy, data, left, none)
    QApplication.sendEvent(workbench.window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(workbench.window, QDropEvent(QPointF(400, 300), copy, data, left, none))


def master(workbench: Workbench, qtbot: QtBot) -> None:
    clip_id = workbench.services.session.state.current_id
    assert clip_id is not None
    qtbot.keyClick(workbench.window, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    job = workbench.services.masters.job(clip_id)
    assert job is not None
    qtbot.waitUntil(lambda: job.state.ended, timeout=MASTER_TIMEOUT_MS)
    assert job.failure is None, job.trace


def test_a_dropped_song_is_seen(
    workbench: Workbench, qtbot: QtBot, song: Path, picture: Callable[[str], None]
) -> None:
    drop(workbench, [song])
    loaded = wait_loaded(workbench, qtbot)
    assert loaded.stored is not None
    assert loaded.stored.frames == soundfile.info(song).frames
    qtbot.wait(500)
    picture("song-open")
    canvas = workbench.panels["editor"].view.wave.grab().toImage()  # type: ignore[attr-defined]
    colors = {
        canvas.pixel(x, canvas.height() // 4) for x in range(canvas.width() // 4, canvas.width(), 3)
    }
    assert len(colors) > 1, "the waveform is blank"


def test_mastering_reaches_the_target_and_undo_takes_it_back(
    workbench: Workbench,
    qtbot: QtBot,
    open_song: Callable[[], LoadedClip],
    picture: Callable[[str], None],
) -> None:
    before = open_song()
    services = workbench.services
    workbench.window.show_layout("Master")
    master(workbench, qtbot)
    clip = services.session.state.current
    assert clip is not None
    after = services.library.audio(clip.id)
    assert after is not None and after.rendered_loudness is not None
    assert after.rendered_loudness.integrated_lufs == pytest.approx(-14.0, abs=0.2)
    assert after.rendered_loudness.true_peak_dbtp <= -1.0 + 0.05
    assert before.loudness is not None and before.loudness.integrated_lufs < -20
    qtbot.wait(300)
    picture("song-mastered")

    window = workbench.window
    undo = services.commands.action("edit.undo")
    assert undo.text() == "Undo “Master song.wav”"
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert services.session.state.current.mastering.parameters is None  # type: ignore[union-attr]
    assert services.library.audio(clip.id).rendering is None  # type: ignore[union-attr]
    qtbot.keyClick(window, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert services.library.audio(clip.id).rendering is not None  # type: ignore[union-attr]


def test_the_number_keys_switch_slots_at_equal_loudness(
    workbench: Workbench, qtbot: QtBot, open_song: Callable[[], LoadedClip]
) -> None:
    open_song()
    master(workbench, qtbot)
    player, library = workbench.services.player, workbench.services.library
    clip_id = workbench.services.session.state.current_id
    qtbot.waitUntil(lambda: library.audio(clip_id).live_lufs is not None, timeout=30_000)
    assert [slot.label for slot in player.slots] == ["Original", "Live", "Master"]
    loaded = library.audio(clip_id)
    assert loaded is not None and loaded.loudness and loaded.rendered_loudness
    heard_lufs = [
        loaded.loudness.integrated_lufs + player.slots[0].gain_db,
        loaded.live_lufs + player.slots[1].gain_db,
        loaded.rendered_loudness.integrated_lufs + player.slots[2].gain_db,
    ]
    assert np.ptp(heard_lufs) < 0.05
    # The estimate of the live chain is of the same numbers as the rendering.
    assert loaded.live_lufs == pytest.approx(loaded.rendered_loudness.integrated_lufs, abs=0.5)
    for key, slot in ((Qt.Key.Key_3, 2), (Qt.Key.Key_1, 0), (Qt.Key.Key_2, 1)):
        qtbot.keyClick(workbench.window, key)
        assert player.current_slot == slot
    qtbot.keyClick(workbench.window, Qt.Key.Key_Tab)
    assert player.current_slot == 0


def test_space_plays_and_a_click_seeks(
    workbench: Workbench, qtbot: QtBot, open_song: Callable[[], LoadedClip]
) -> None:
    open_song()
    player = workbench.services.player
    qtbot.keyClick(workbench.window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: player.playing and player.position_frame > 0, timeout=10_000)
    wave = workbench.panels["editor"].view.wave  # type: ignore[attr-defined]
    target = QPoint(wave.width() * 3 // 4, wave.height() // 2)
    qtbot.mouseClick(wave, Qt.MouseButton.LeftButton, pos=target)
    qtbot.waitUntil(lambda: player.position_frame > player.frames // 2, timeout=5_000)
    qtbot.keyClick(workbench.window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: not player.playing, timeout=5_000)


def test_the_exported_file_is_the_master_and_comes_with_its_report(
    workbench: Workbench, qtbot: QtBot, open_song: Callable[[], LoadedClip], tmp_path: Path
) -> None:
    open_song()
    master(workbench, qtbot)
    clip_id = workbench.services.session.state.current_id
    assert clip_id is not None
    out = tmp_path / "out" / "master.wav"
    out.parent.mkdir()
    request = ExportRequest(ExportWhat.MASTER, out, ExportFormat("wav", 24), True, True)
    job = workbench.services.masters.export(clip_id, request)
    assert job is not None
    qtbot.waitUntil(lambda: job.state.ended, timeout=60_000)
    assert job.failure is None, job.trace
    samples, rate = soundfile.read(out)
    assert rate == 44100
    loudness = pyloudnorm.Meter(rate).integrated_loudness(samples)
    assert loudness == pytest.approx(-14.0, abs=0.3)
    assert true_peak_dbtp(read_clip(out)) <= -0.95
    assert (out.parent / "master.html").read_text(encoding="utf-8").count("<svg") >= 1
    assert (out.parent / "master.json").stat().st_size > 100
    assert len(list(out.parent.iterdir())) == 3
