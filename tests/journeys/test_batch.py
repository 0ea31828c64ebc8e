"""Many files at once: opened, mastered, one cancelled and tried again, all exported."""

from __future__ import annotations

from pathlib import Path

import pyloudnorm
import pytest
import soundfile
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QListView, QToolButton
from pytestqt.qtbot import QtBot

from app.bootstrap import Workbench
from app.widgets.clip_list import STATUS_ROLE
from app.widgets.toast import Toast
from engine.lanes import Job, JobState
from tests.journeys import strange_files

ALL_JOBS_MS = 180_000


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Three songs, two of them of one name, among a broken file and a cover."""
    folder = tmp_path / "album"
    for number, name in enumerate(("disc 1/intro.wav", "disc 2/intro.wav", "disc 2/song.wav")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        strange_files.pcm(path, 2.0 + 0.5 * number)
    strange_files.text(folder / "disc 2" / "broken.wav")
    (folder / "cover.png").write_bytes(b"\x89PNG")
    return folder


def drop(workbench: Workbench, path: Path) -> None:
    """Drop a folder onto the window."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(400, 300), copy, data, left, none)
    QApplication.sendEvent(workbench.window, enter)
    QApplication.sendEvent(workbench.window, QDropEvent(QPointF(400, 300), copy, data, left, none))


def open_album(workbench: Workbench, qtbot: QtBot, album: Path) -> list[str]:
    """Drop the folder and wait until all of it is measured; the ids of the clips."""
    services = workbench.services
    drop(workbench, album)

    def all_measured() -> bool:
        clips = services.session.state.clips
        loaded = [services.library.audio(clip.id) for clip in clips]
        return len(clips) == 3 and all(each and each.loudness for each in loaded)

    qtbot.waitUntil(all_measured, timeout=60_000)
    return [clip.id for clip in services.session.state.clips]


def statuses(workbench: Workbench) -> list[str]:
    """What the files panel says of each clip."""
    view = workbench.panels["files"].findChild(QListView)
    assert view is not None
    model = view.model()
    return [str(model.index(row, 0).data(STATUS_ROLE)) for row in range(model.rowCount())]


def press(workbench: Workbench, qtbot: QtBot, accessible_name: str) -> None:
    """Click the button of the jobs panel that has this name, once it is there."""

    def there() -> list[QToolButton]:
        buttons = workbench.panels["jobs"].findChildren(QToolButton)
        return [b for b in buttons if b.accessibleName() == accessible_name and b.isVisible()]

    qtbot.waitUntil(lambda: len(there()) == 1, timeout=5_000)
    qtbot.mouseClick(there()[0], Qt.MouseButton.LeftButton)


def master_all(workbench: Workbench, qtbot: QtBot, ids: list[str]) -> list[Job]:
    """Press the key; the jobs."""
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    qtbot.keyClick(workbench.window, Qt.Key.Key_M, both)
    jobs = [workbench.services.masters.job(clip_id) for clip_id in ids]
    assert all(jobs)
    return [job for job in jobs if job is not None]


def test_a_folder_is_opened_without_what_is_broken_in_it(
    workbench: Workbench, qtbot: QtBot, album: Path
) -> None:
    open_album(workbench, qtbot, album)
    names = [clip.name for clip in workbench.services.session.state.clips]
    assert names == ["intro.wav", "intro.wav", "song.wav"]
    toast = workbench.window.findChild(Toast)
    assert toast is not None and toast.isVisible()
    assert "“broken.wav”" in toast.text
    undo = Qt.KeyboardModifier.ControlModifier
    qtbot.keyClick(workbench.window, Qt.Key.Key_Z, undo)
    assert workbench.services.session.state.clips == (), "a folder is opened in one step"


def test_a_batch_is_mastered_cancelled_in_part_tried_again_and_exported(
    workbench: Workbench, qtbot: QtBot, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = open_album(workbench, qtbot, album)
    workbench.window.show_panel("files")
    workbench.window.show_panel("jobs")
    jobs = master_all(workbench, qtbot, ids)
    assert statuses(workbench)[1:] == ["waiting", "waiting"]
    press(workbench, qtbot, "Cancel Master song.wav")
    qtbot.waitUntil(lambda: jobs[2].state.ended, timeout=5_000)
    assert jobs[2].state is JobState.CANCELLED
    qtbot.waitUntil(lambda: statuses(workbench)[0].startswith("mastering"), timeout=30_000)
    qtbot.waitUntil(lambda: all(job.state.ended for job in jobs), timeout=ALL_JOBS_MS)
    assert [job.state for job in jobs[:2]] == [JobState.DONE, JobState.DONE]
    assert statuses(workbench) == ["mastered, -14.0 LUFS", "mastered, -14.0 LUFS", ""]

    press(workbench, qtbot, "Retry Master song.wav")
    again = workbench.services.masters.job(ids[2])
    assert again is not None
    qtbot.waitUntil(lambda: again.state.ended, timeout=ALL_JOBS_MS)
    assert statuses(workbench)[2] == "mastered, -14.0 LUFS"

    out = tmp_path / "masters"
    out.mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: str(out))
    written: list[Path] = []
    workbench.services.masters.exported.connect(written.append)
    workbench.services.commands.run("files.export_all")
    qtbot.waitUntil(lambda: len(written) == 3, timeout=ALL_JOBS_MS)
    files = sorted(out.iterdir())
    assert len(files) == 3, "two songs of one name are two files"
    lengths = sorted(soundfile.info(path).frames for path in files)
    assert lengths == [round(44100 * seconds) for seconds in (2.0, 2.5, 3.0)]
    for path in files:
        samples, rate = soundfile.read(path)
        loudness = pyloudnorm.Meter(rate).integrated_loudness(samples)
        assert loudness == pytest.approx(-14.0, abs=0.3)


def test_cancel_all_stops_a_batch_at_once_and_keeps_what_is_done(
    workbench: Workbench, qtbot: QtBot, album: Path
) -> None:
    ids = open_album(workbench, qtbot, album)
    workbench.window.show_panel("jobs")
    jobs = master_all(workbench, qtbot, ids)
    qtbot.waitUntil(lambda: jobs[0].state is JobState.DONE, timeout=ALL_JOBS_MS)
    assert workbench.services.commands.run("jobs.cancel_all")
    qtbot.waitUntil(lambda: all(job.state.ended for job in jobs), timeout=20_000)
    assert jobs[0].state is JobState.DONE
    assert jobs[2].state is JobState.CANCELLED
    clips = workbench.services.session.state.clips
    assert clips[0].mastering.rendering_key is not None
    assert clips[2].mastering.parameters is None
    assert not any(job.failure for job in jobs), "a cancelled job is no failed one"


def test_closing_a_clip_ends_its_job(workbench: Workbench, qtbot: QtBot, album: Path) -> None:
    ids = open_album(workbench, qtbot, album)
    jobs = master_all(workbench, qtbot, ids)
    session = workbench.services.session
    session.edit("Close clip", session.state.without_clip(ids[2]))
    qtbot.waitUntil(lambda: jobs[2].state.ended, timeout=5_000)
    assert jobs[2].state is JobState.CANCELLED
    workbench.services.commands.run("jobs.cancel_all")
    qtbot.waitUntil(lambda: all(job.state.ended for job in jobs), timeout=20_000)
