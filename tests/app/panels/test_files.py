"""The files panel shows the session's clips, keeps the current one, and closes with an undo."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import QItemSelectionModel, QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QListView
from pytestqt.qtbot import QtBot

from app.commands import Command
from app.document.state import SessionState
from app.export_request import ExportRequest
from app.panels.files import FilesPanel, clock
from app.widgets.clip_list import DETAIL_ROLE, STATUS_ROLE
from tests.app.fakes import FakeServices


class FakeMasters(QObject):
    """Remembers what it was asked."""

    changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.mastered: list[str] = []
        self.exported: list[tuple[str, ExportRequest]] = []

    def status(self, clip_id: str) -> str:
        return "waiting" if clip_id in self.mastered else ""

    def master(self, clip_id: str) -> None:
        self.mastered.append(clip_id)

    def export(self, clip_id: str, request: ExportRequest) -> None:
        self.exported.append((clip_id, request))


@pytest.fixture
def services(qapp: object) -> FakeServices:
    return FakeServices(masters=FakeMasters())


@pytest.fixture
def clips(services: FakeServices) -> list[str]:
    return [services.open_clip(np.zeros((2, 48000)), name=name) for name in ("a", "b", "c")]


@pytest.fixture
def panel(qtbot: QtBot, services: FakeServices, clips: list[str]) -> FilesPanel:
    panel = FilesPanel(services)  # type: ignore[arg-type]
    services.commands.add(panel.commands())
    qtbot.addWidget(panel)
    panel.resize(260, 400)
    panel.show()
    return panel


def view_of(panel: FilesPanel) -> QListView:
    view = panel.findChild(QListView)
    assert view is not None
    return view


def select(panel: FilesPanel, *rows: int) -> None:
    view = view_of(panel)
    view.clearSelection()
    for row in rows:
        index = view.model().index(row, 0)
        view.selectionModel().select(index, QItemSelectionModel.SelectionFlag.Select)


def test_a_row_says_what_a_clip_is_and_how_far(panel: FilesPanel, clips: list[str]) -> None:
    panel.services.masters.master(clips[0])
    model = view_of(panel).model()
    index = model.index(0, 0)
    assert index.data() == "a"
    assert index.data(DETAIL_ROLE) == "0:01 · 48 kHz · stereo"
    assert index.data(STATUS_ROLE) == "waiting"
    spoken = index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "a, 0:01 · 48 kHz · stereo, waiting"


def test_the_current_clip_stays_marked_whatever_happens_around_it(
    panel: FilesPanel, services: FakeServices, clips: list[str]
) -> None:
    services.session.adjust(lambda state: state.with_current(clips[1]))
    assert view_of(panel).currentIndex().row() == 1
    services.open_clip(np.zeros((1, 10)), name="d")
    assert view_of(panel).currentIndex().row() == 1
    services.session.edit("Close", services.session.state.without_clip(clips[0]))
    assert view_of(panel).currentIndex().row() == 0
    assert panel.selected_ids() == [clips[1]]


def test_a_click_shows_a_clip_and_is_no_step_of_undo(
    panel: FilesPanel, services: FakeServices, clips: list[str], qtbot: QtBot
) -> None:
    label = services.session.undo_label
    view = view_of(panel)
    where = view.visualRect(view.model().index(2, 0)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert services.session.state.current_id == clips[2]
    assert services.session.undo_label == label


def test_next_and_previous_go_round(
    panel: FilesPanel, services: FakeServices, clips: list[str]
) -> None:
    seen = []
    for command in ("files.next", "files.next", "files.next", "files.previous"):
        services.commands.run(command)
        seen.append(services.session.state.current_id)
    assert seen == [clips[1], clips[2], clips[0], clips[2]]


def test_delete_closes_what_is_selected_as_one_step(
    panel: FilesPanel, services: FakeServices, clips: list[str], qtbot: QtBot
) -> None:
    panel.activateWindow()
    view = view_of(panel)
    view.setFocus()
    qtbot.waitUntil(view.hasFocus)
    select(panel, 0, 2)
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert [clip.id for clip in services.session.state.clips] == [clips[1]]
    services.session.undo()
    assert [clip.id for clip in services.session.state.clips] == clips


def test_master_all_queues_every_clip(
    panel: FilesPanel, services: FakeServices, clips: list[str]
) -> None:
    services.commands.run("files.master_all")
    assert services.masters.mastered == clips


def test_one_clip_is_exported_by_the_dialog_for_that_clip(
    panel: FilesPanel, services: FakeServices, clips: list[str]
) -> None:
    shown: list[str | None] = []
    export = Command(
        "master.export", "Export", lambda: shown.append(services.session.state.current_id)
    )
    services.commands.add([export])
    panel._export([clips[2]])
    assert shown == [clips[2]]


def test_several_clips_are_exported_into_a_folder(
    panel: FilesPanel,
    services: FakeServices,
    clips: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    (tmp_path / "a - master.wav").touch()
    panel._export([clips[0], clips[2]])
    written = [(clip_id, request.path.name) for clip_id, request in services.masters.exported]
    assert written == [(clips[0], "a - master 2.wav"), (clips[2], "c - master.wav")]


def test_an_empty_session_says_how_to_begin(panel: FilesPanel, services: FakeServices) -> None:
    services.session.open(SessionState())
    assert not view_of(panel).isVisible()
    assert not services.commands.get("files.close").enabled()
    assert not panel._master_all.isEnabled()


def test_loudness_is_told_once_it_is_known(
    panel: FilesPanel, services: FakeServices, clips: list[str]
) -> None:
    loaded = services.library.clips[clips[0]]
    loudness = SimpleNamespace(integrated_lufs=-23.04)
    services.library.clips[clips[0]] = type(loaded)(
        clips[0],
        loaded.stored,
        loaded.peaks,
        loudness,  # type: ignore[arg-type]
    )
    index = view_of(panel).model().index(0, 0)
    assert index.data(DETAIL_ROLE) == "0:01 · -23.0 LUFS · 48 kHz · stereo"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3600, "1:00:00")]
)
def test_lengths_are_written_as_on_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
