"""SessionFiles: nothing unsaved is lost without a question, and names stay as they were typed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox
from pytestqt.qtbot import QtBot

from app.bootstrap import Workbench
from app.commands import Command
from app.document import store
from app.document.session import Session
from app.document.state import ClipEntry, SessionState
from app.session_files import SessionFiles
from app.settings import SettingsStore
from tests.app.conftest import RATE, Rooms, WriteSong

Button = QMessageBox.StandardButton


class Answers:
    """Stands in for the person at the dialogs; ``asked`` are the titles of what was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self._buttons: list[QMessageBox.StandardButton] = []
        self._files: list[str] = []
        monkeypatch.setattr(QMessageBox, "question", self._question)
        monkeypatch.setattr(QFileDialog, "getSaveFileName", self._file)
        monkeypatch.setattr(QFileDialog, "getOpenFileName", self._file)

    def press(self, *buttons: QMessageBox.StandardButton) -> None:
        self._buttons += buttons

    def choose(self, *paths: Path | str) -> None:
        self._files += [str(path) for path in paths]

    def _question(self, _parent: object, title: str, *_more: object) -> object:
        self.asked.append(title)
        return self._buttons.pop(0)

    def _file(self, _parent: object, title: str, *_more: object) -> tuple[str, str]:
        self.asked.append(title)
        return self._files.pop(0), ""


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    return Answers(monkeypatch)


@dataclass
class Desk:
    """The File menu without a window."""

    files: SessionFiles
    rooms: Rooms

    def command(self, command_id: str) -> Command:
        return next(each for each in self.files.commands() if each.id == command_id)


@pytest.fixture
def desk(rooms: Rooms, tmp_path: Path) -> Desk:
    settings = SettingsStore(tmp_path / "settings.json")
    tell = rooms.said.append
    return Desk(SessionFiles(rooms.session, rooms.library, settings, tell, tell), rooms)


def with_clip(session: Session, path: Path) -> SessionState:
    """Put a clip into the session, unsaved; the state."""
    clip = ClipEntry("one", path.name, path, "unknown", RATE, 2, 0)
    session.edit("Open", session.state.with_clips(clip))
    return session.state


def saved(desk: Desk, song: Path, path: Path) -> Path:
    """A session file with one song, which is open."""
    with_clip(desk.rooms.session, song)
    assert desk.files._write(path)
    return path


def test_an_empty_session_is_nothing_to_save(desk: Desk, answers: Answers) -> None:
    assert not desk.command("file.save").enabled()
    assert not desk.command("file.save_as").enabled()
    assert desk.files.may_discard()
    assert answers.asked == []


@pytest.mark.parametrize(("button", "closes"), [(Button.Discard, True), (Button.Cancel, False)])
def test_unsaved_work_is_asked_about_before_the_window_closes(
    bench: Workbench,
    answers: Answers,
    write_song: WriteSong,
    button: QMessageBox.StandardButton,
    closes: bool,
) -> None:
    with_clip(bench.services.session, write_song())
    answers.press(button)
    assert bench.window.close() is closes
    assert answers.asked == ["Unsaved session"]


def test_save_on_closing_writes_the_file(
    desk: Desk, answers: Answers, write_song: WriteSong, tmp_path: Path
) -> None:
    state = with_clip(desk.rooms.session, write_song())
    answers.press(Button.Save)
    answers.choose(tmp_path / "work.abench")
    assert desk.files.may_discard()
    assert store.load(tmp_path / "work.abench").clips[0].path == state.clips[0].path


def test_a_save_that_fails_keeps_the_window_open(
    desk: Desk, answers: Answers, write_song: WriteSong, tmp_path: Path
) -> None:
    with_clip(desk.rooms.session, write_song())
    answers.press(Button.Save)
    answers.choose(tmp_path / "no such folder" / "work.abench")
    assert not desk.files.may_discard()
    assert desk.rooms.session.dirty
    assert "could not be saved" in str(desk.rooms.said[-1])


def test_closing_every_clip_of_a_saved_session_is_asked_about(
    desk: Desk, answers: Answers, write_song: WriteSong, tmp_path: Path
) -> None:
    saved(desk, write_song(), tmp_path / "work.abench")
    session = desk.rooms.session
    session.edit("Close", session.state.without_clip("one"))
    answers.press(Button.Cancel)
    assert not desk.files.may_discard()


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("take 1.5", "take 1.5.abench"),
        ("work", "work.abench"),
        ("work.abench", "work.abench"),
        ("Work.ABENCH", "Work.ABENCH"),
    ],
)
def test_a_name_keeps_its_end(
    desk: Desk,
    answers: Answers,
    write_song: WriteSong,
    tmp_path: Path,
    typed: str,
    written: str,
) -> None:
    with_clip(desk.rooms.session, write_song())
    answers.choose(tmp_path / typed)
    assert desk.files.save_as()
    assert (tmp_path / written).is_file()
    assert desk.rooms.session.path == tmp_path / written


def test_a_file_the_dialog_did_not_ask_about_is_not_replaced_unasked(
    desk: Desk, answers: Answers, write_song: WriteSong, tmp_path: Path
) -> None:
    with_clip(desk.rooms.session, write_song())
    there = tmp_path / "work.abench"
    there.write_text("somebody's")
    answers.choose(tmp_path / "work")
    answers.press(Button.Cancel)
    assert not desk.files.save_as()
    assert there.read_text() == "somebody's"


def test_a_session_that_is_dropped_is_opened(
    bench: Workbench, qtbot: QtBot, answers: Answers, write_song: WriteSong, tmp_path: Path
) -> None:
    path = tmp_path / "work.abench"
    store.save(with_clip(bench.services.session, write_song()), path)
    bench.services.session.open(SessionState())
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(
        QPointF(9, 9),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    bench.window.dropEvent(event)
    assert event.isAccepted()
    session = bench.services.session
    qtbot.waitUntil(lambda: session.path == path, timeout=2000)
    assert [clip.name for clip in session.state.clips] == ["song.wav"]
    assert not session.dirty


def test_files_named_beside_a_session_are_not_added_to_the_one_that_stays(
    desk: Desk, answers: Answers, write_song: WriteSong, tmp_path: Path
) -> None:
    path = saved(desk, write_song(), tmp_path / "work.abench")
    session = desk.rooms.session
    session.edit("Aim", session.state.with_mastering("one", lufs=-9.0))
    jobs = len(desk.rooms.lanes.jobs)
    answers.press(Button.Cancel)
    desk.files.open_paths([path, write_song("other.wav")])
    assert session.state.clips[0].mastering.lufs == -9.0
    assert len(desk.rooms.lanes.jobs) == jobs


def test_a_damaged_session_leaves_the_one_that_is_open(
    desk: Desk, answers: Answers, write_song: WriteSong, tmp_path: Path
) -> None:
    saved(desk, write_song(), tmp_path / "work.abench")
    state = desk.rooms.session.state
    bad = tmp_path / "bad.abench"
    bad.write_text("{")
    assert not desk.files.open_session(bad)
    assert desk.rooms.session.state == state
    assert "bad.abench" in str(desk.rooms.said[-1])


def test_missing_files_are_located_one_with_another(
    desk: Desk, qtbot: QtBot, answers: Answers, write_song: WriteSong, tmp_path: Path
) -> None:
    songs = [write_song("old/a.wav"), write_song("old/b.wav", seed=2)]
    desk.files.open_paths(songs)
    library, session = desk.rooms.library, desk.rooms.session

    def all_read() -> bool:
        loaded = [library.audio(clip.id) for clip in session.state.clips]
        return len(loaded) == 2 and all(each and each.loudness for each in loaded)

    qtbot.waitUntil(all_read, timeout=30_000)
    desk.files._write(tmp_path / "work.abench")
    (tmp_path / "old").rename(tmp_path / "new")
    desk.files.new()
    answers.press(Button.Open)
    answers.choose(tmp_path / "new" / "a.wav")
    assert desk.files.open_session(tmp_path / "work.abench")
    assert [clip.path.parent.name for clip in session.state.clips] == ["new", "new"]
    qtbot.waitUntil(all_read, timeout=30_000)
    assert "2 files found" in str(desk.rooms.said[-1]) or not store.missing(session.state)


def test_declining_to_locate_leaves_the_session_open(
    desk: Desk, answers: Answers, tmp_path: Path
) -> None:
    with_clip(desk.rooms.session, tmp_path / "gone.wav")
    answers.press(Button.Cancel)
    desk.files.locate_missing()
    assert len(desk.rooms.session.state.clips) == 1
    assert desk.command("file.locate").enabled()


def names(actions: Iterable[object]) -> list[str]:
    return [action.text() for action in actions]  # type: ignore[attr-defined]


def test_recent_files_are_the_newest_first_without_those_that_are_gone(
    desk: Desk, write_song: WriteSong
) -> None:
    first, gone, last = (write_song(name) for name in ("a.wav", "b.wav", "c.wav"))
    for path in (first, gone, last):
        desk.files.open_paths([path])
    gone.unlink()
    menu = QMenu()
    desk.files.fill_recent(menu)
    assert names(menu.actions()) == ["c.wav", "a.wav"]
