"""The whole program by keyboard, and everything taken back again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QDialog, QLineEdit, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from app.bootstrap import Workbench
from app.canvas.response import ResponseView
from app.document.state import MasteringEntry
from app.library import LoadedClip
from app.settings import SettingsStore, ThemeChoice
from app.widgets.export_dialog import ExportDialog
from app.widgets.palette import CommandPalette
from app.widgets.preferences import Preferences
from app.widgets.shortcuts import CheatSheet
from engine.locations import Locations
from engine.mastering.parameters import Amounts, ChainParameters

Key, Modifier = Qt.Key, Qt.KeyboardModifier
CTRL, SHIFT = Modifier.ControlModifier, Modifier.ShiftModifier


def undo(workbench: Workbench, qtbot: QtBot) -> None:
    qtbot.keyClick(workbench.window, Key.Key_Z, CTRL)


def redo(workbench: Workbench, qtbot: QtBot) -> None:
    qtbot.keyClick(workbench.window, Key.Key_Z, CTRL | SHIFT)


def entry(workbench: Workbench) -> MasteringEntry:
    clip = workbench.services.session.state.current
    assert clip is not None
    return clip.mastering


def dialog(kind: type[QDialog], qtbot: QtBot) -> QDialog:
    """The open dialog of this kind."""

    def found() -> list[QWidget]:
        return [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]

    qtbot.waitUntil(lambda: bool(found()), timeout=5_000)
    (window,) = found()
    assert isinstance(window, kind)
    return window


def box(parent: QWidget, choice: str) -> QComboBox:
    """The one that offers this choice."""
    boxes = parent.findChildren(QComboBox)
    (found,) = [each for each in boxes if each.findText(choice) >= 0]
    return found


# -- keys


def test_the_keys_of_playback(
    workbench: Workbench, qtbot: QtBot, open_song: Callable[[], LoadedClip]
) -> None:
    open_song()
    player, window = workbench.services.player, workbench.window

    def press(key: Qt.Key, how: Modifier = Modifier.NoModifier) -> None:
        qtbot.keyClick(window, key, how)

    press(Key.Key_End)
    qtbot.waitUntil(lambda: player.position_frame == player.frames, timeout=2_000)
    press(Key.Key_Home)
    qtbot.waitUntil(lambda: player.position_frame == 0, timeout=2_000)
    press(Key.Key_Period)
    qtbot.waitUntil(lambda: player.position_frame == 5 * 44100, timeout=2_000)
    press(Key.Key_J)
    assert player.speed == -1.0
    press(Key.Key_J)
    assert player.speed == -2.0
    qtbot.waitUntil(lambda: player.playing and player.position_frame < 4.5 * 44100, timeout=3_000)
    press(Key.Key_K)
    assert player.speed == 1.0
    qtbot.waitUntil(lambda: not player.playing, timeout=2_000)
    where = player.position_frame
    press(Key.Key_L, SHIFT)
    press(Key.Key_L, SHIFT)
    assert player.speed == 2.0
    qtbot.waitUntil(lambda: player.position_frame > where + 22050, timeout=3_000)
    press(Key.Key_Space)
    qtbot.waitUntil(lambda: not player.playing, timeout=2_000)
    assert player.speed == 1.0, "Space ends the shuttle"


def test_the_keys_of_the_view_and_the_selection(
    workbench: Workbench, qtbot: QtBot, open_song: Callable[[], LoadedClip]
) -> None:
    open_song()
    window, session = workbench.window, workbench.services.session
    axis = workbench.panels["editor"].axis  # type: ignore[attr-defined]
    whole = axis.span_frames
    qtbot.keyClick(window, Key.Key_Equal, CTRL)
    assert axis.span_frames < 0.8 * whole
    qtbot.keyClick(window, Key.Key_Minus, CTRL)
    assert axis.span_frames == pytest.approx(whole, rel=0.01)
    qtbot.keyClick(window, Key.Key_A, CTRL)
    assert session.state.selection == (0, 8 * 44100)
    qtbot.keyClick(window, Key.Key_A, CTRL | SHIFT)
    assert session.state.selection is None
    workbench.services.player.seek(2 * 44100)
    qtbot.wait(200)
    qtbot.keyClick(window, Key.Key_BracketLeft)
    workbench.services.player.seek(4 * 44100)
    qtbot.wait(200)
    qtbot.keyClick(window, Key.Key_BracketRight)
    assert session.state.selection == (2 * 44100, 4 * 44100)
    qtbot.keyClick(window, Key.Key_Z)
    assert axis.span_frames == pytest.approx(2 * 44100, rel=0.1)
    qtbot.keyClick(window, Key.Key_L)
    assert session.state.loop == (2 * 44100, 4 * 44100)
    qtbot.keyClick(window, Key.Key_0, CTRL)
    assert axis.span_frames == pytest.approx(whole, rel=0.01)


def test_tab_reaches_the_main_controls(
    workbench: Workbench, qtbot: QtBot, open_song: Callable[[], LoadedClip]
) -> None:
    open_song()
    workbench.window.show_layout("Master")
    qtbot.wait(100)
    met: list[str] = []
    first = QApplication.focusWidget()
    for _ in range(200):
        QTest.keyClick(QApplication.focusWidget() or workbench.window, Key.Key_Tab)
        now = QApplication.focusWidget()
        assert now is not None
        if now is first and len(met) > 3:
            break
        if not isinstance(now, QTabBar):  # the docks' own; its tabs have names
            met.append(now.accessibleName() or getattr(now, "text", str)())
    for name in ("Play", "Master", "Equalizer graph", "Amount"):
        assert any(each.startswith(name) for each in met), met
    assert all(met), f"a control without a name has the focus: {met}"


# -- undo of everything


def test_every_edit_is_undone_and_redone(
    workbench: Workbench, qtbot: QtBot, open_song: Callable[[], LoadedClip], tmp_path: Path
) -> None:
    open_song()
    services, session = workbench.services, workbench.services.session
    workbench.window.show_layout("Master")
    panel = workbench.panels["mastering"]
    reference = tmp_path / "reference.wav"
    soundfile.write(reference, soundfile.read(tmp_path / "song.wav")[0], 44100)
    states = [session.state]

    def edit(step: Callable[[], object]) -> None:
        step()
        session.seal()
        assert session.state != states[-1]
        states.append(session.state)

    edit(lambda: qtbot.keyClick(workbench.window, Key.Key_A, CTRL))
    edit(lambda: qtbot.keyClick(workbench.window, Key.Key_L))
    header = panel.header  # type: ignore[attr-defined]
    edit(lambda: header.edited.emit({"amounts": Amounts(overall=0.5)}))
    edit(lambda: header.edited.emit({"target": "bright"}))
    edit(lambda: header.references.added.emit([reference]))
    edit(lambda: services.commands.run("master.flatten"))
    edit(lambda: qtbot.keyClick(workbench.window, Key.Key_W, CTRL))
    assert session.state.clips == ()
    for expected in reversed(states[:-1]):
        undo(workbench, qtbot)
        assert session.state == expected
    for expected in states[1:]:
        redo(workbench, qtbot)
        assert session.state == expected
    for _ in range(len(states)):
        undo(workbench, qtbot)
    assert session.state.clips == (), "opening the song is undone, too"
    assert not session.can_undo


def test_a_band_dragged_on_the_graph_is_one_step(
    workbench: Workbench,
    qtbot: QtBot,
    open_song: Callable[[], LoadedClip],
    picture: Callable[[str], None],
) -> None:
    open_song()
    workbench.window.show_layout("Master")
    session = workbench.services.session
    clip_id = session.state.current_id
    assert clip_id is not None
    numbers = ChainParameters().with_band(4, gain_db=3.0, gate=1.0, frequency_hz=1000.0)
    session.edit("Set", session.state.with_mastering(clip_id, parameters=numbers))
    before = session.state
    graph = workbench.panels["mastering"].findChild(ResponseView)
    assert graph is not None
    qtbot.waitUntil(graph.isVisible)
    at = graph.handle_point(4).toPoint()
    qtbot.mousePress(graph, Qt.MouseButton.LeftButton, pos=at)
    for step in range(1, 11):
        qtbot.mouseMove(graph, at + QPoint(6 * step, -2 * step))
        qtbot.wait(5)
    qtbot.mouseRelease(graph, Qt.MouseButton.LeftButton, pos=at + QPoint(60, -20))
    band = entry(workbench).parameters.bands[4]  # type: ignore[union-attr]
    assert band.frequency_hz > 1300.0 and band.gain_db > 3.5
    picture("band-dragged")
    undo(workbench, qtbot)
    assert session.state == before


# -- palette, cheat sheet, preferences, export


def test_the_palette_runs_what_is_typed(
    workbench: Workbench, qtbot: QtBot, open_song: Callable[[], LoadedClip]
) -> None:
    open_song()
    qtbot.keyClick(workbench.window, Key.Key_P, CTRL | SHIFT)
    palette = dialog(CommandPalette, qtbot)
    field = palette.findChild(QLineEdit)
    assert field is not None
    qtbot.keyClicks(field, "select all")
    qtbot.keyClick(field, Key.Key_Return)
    qtbot.waitUntil(lambda: workbench.services.session.state.selection == (0, 8 * 44100))
    qtbot.waitUntil(lambda: not palette.isVisible())


def test_the_cheat_sheet_lists_every_key(
    workbench: Workbench, qtbot: QtBot, picture: Callable[[str], None]
) -> None:
    qtbot.keyClick(workbench.window, Key.Key_F1)
    sheet = dialog(CheatSheet, qtbot)
    qtbot.keyClick(sheet, Key.Key_Escape)
    qtbot.waitUntil(lambda: not sheet.isVisible())


def test_preferences_are_used_at_once_and_kept(
    workbench: Workbench, qtbot: QtBot, locations: Locations
) -> None:
    theme = workbench.services.theme
    before = theme.tokens
    qtbot.keyClick(workbench.window, Key.Key_Comma, CTRL)
    preferences = dialog(Preferences, qtbot)
    choice = box(preferences, "light")
    qtbot.keyClicks(choice, "light")
    qtbot.keyClick(preferences, Key.Key_Return)
    qtbot.waitUntil(lambda: not preferences.isVisible())
    assert theme.choice == "light" and theme.tokens != before
    assert SettingsStore(locations.settings).current.theme is ThemeChoice.LIGHT


def test_an_export_by_keyboard_writes_the_file(
    workbench: Workbench, qtbot: QtBot, open_song: Callable[[], LoadedClip], tmp_path: Path
) -> None:
    open_song()
    target = tmp_path / "out.flac"
    written: list[Path] = []
    workbench.services.masters.exported.connect(written.append)

    def fill() -> None:
        (window,) = (w for w in QApplication.topLevelWidgets() if isinstance(w, ExportDialog))
        qtbot.keyClicks(window.container, "FLAC")
        window.path.setFocus()
        qtbot.keyClick(window.path, Key.Key_A, CTRL)
        qtbot.keyClicks(window.path, str(target))
        qtbot.keyClick(window.path, Key.Key_Return)

    QTimer.singleShot(300, fill)
    qtbot.keyClick(workbench.window, Key.Key_E, CTRL)
    qtbot.waitUntil(lambda: written == [target], timeout=120_000)
    info = soundfile.info(target)
    assert (info.format, info.frames) == ("FLAC", 8 * 44100)
