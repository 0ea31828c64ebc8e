"""The shell: panels at the bottom share one place, and one that is shown has room."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent
from pytestqt.qtbot import QtBot

from app.bootstrap import Workbench
from app.window import BOTTOM, SHOWN_HEIGHT


def test_panels_at_the_bottom_are_tabs(bench: Workbench) -> None:
    window = bench.window
    bottom = [dock for dock in window.docks.values() if window.dockWidgetArea(dock) == BOTTOM]
    assert len(bottom) == 4
    for dock in bottom:
        dock.show()
    assert set(window.tabifiedDockWidgets(bottom[0])) == set(bottom[1:])


def test_a_panel_that_is_shown_is_in_front_and_has_room(bench: Workbench, qtbot: QtBot) -> None:
    window = bench.window
    window.resize(1200, 800)
    window.show_layout("Analyse")
    for panel_id in ("jobs", "log"):
        window.show_panel(panel_id)
        dock = window.docks[panel_id]
        lowest = int(SHOWN_HEIGHT * window.height()) - 1
        qtbot.waitUntil(lambda dock=dock, lowest=lowest: dock.height() >= lowest, timeout=2000)
        assert not dock.visibleRegion().isEmpty()


def test_only_files_of_this_machine_are_accepted(bench: Workbench) -> None:
    def accepts(url: QUrl) -> bool:
        data = QMimeData()
        data.setUrls([url])
        event = QDragEnterEvent(
            QPoint(5, 5),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        event.ignore()
        bench.window.dragEnterEvent(event)
        return event.isAccepted()

    assert accepts(QUrl.fromLocalFile("/music/song.wav"))
    assert not accepts(QUrl("https://example.org/song.wav"))


def test_the_title_names_the_session_and_marks_unsaved_work(bench: Workbench) -> None:
    window, session = bench.window, bench.services.session
    assert window.windowTitle().startswith("Untitled")
    assert not window.isWindowModified()
    session.edit("Choose a layout", replace(session.state, layout="Listen"))
    assert not window.isWindowModified()  # an empty session is nothing to save


def test_a_layout_that_does_not_fit_is_refused(bench: Workbench) -> None:
    assert not bench.window.restore_layout(b"of another program", b"")
    assert bench.window.restore_layout(bench.window.layout_bytes(), b"")
