"""The band-usage dialog: a task, its progress, its result, and what could not be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.widgets.band_usage import BandUsageDialog, UsagePlots
from engine.lanes import JobState
from engine.mastering.parameters import Band
from engine.mastering.usage import BandUsage, TrackUsage
from engine.tasks import Failure, Progress

TRACK = TrackUsage(Path("/songs/a.wav"), "", (Band(gain_db=2.0), Band(gain_db=1.0, gate=0.1)))
USAGE = BandUsage(Path("/songs"), "small", "ab", (TRACK,), ())


class FakeJob(QObject):
    """A job that goes on when the test says so."""

    progressed = Signal(object)
    ended = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.state = JobState.RUNNING
        self.result: Any = None
        self.failure: Failure | None = None
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True

    def end(self, state: JobState, result: Any = None, failure: Failure | None = None) -> None:
        self.state, self.result, self.failure = state, result, failure
        self.ended.emit()


class Desk:
    """The dialog, what it started, plotted and told."""

    def __init__(self, qtbot: QtBot) -> None:
        self.started: list[tuple[Path, str]] = []
        self.plotted: list[BandUsage] = []
        self.failures: list[Failure] = []
        self.job = FakeJob()
        plots = UsagePlots(QWidget(), QWidget(), self.plotted.append)
        self.dialog = BandUsageDialog(self._start, plots, self.failures.append)  # type: ignore[arg-type]
        qtbot.addWidget(self.dialog)
        self.dialog.offer([("one", "One (1C)"), ("two", "Two (1D)")])

    def _start(self, folder: Path, model: str) -> FakeJob:
        self.started.append((folder, model))
        return self.job


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    return Desk(qtbot)


def test_a_folder_is_put_before_the_chosen_model_and_plotted(desk: Desk) -> None:
    dialog = desk.dialog
    dialog.model.setCurrentIndex(1)
    dialog.analyse(Path("/songs"))
    assert desk.started == [(Path("/songs"), "two")]
    assert dialog.choose.isHidden() and not dialog.cancel.isHidden()
    desk.job.progressed.emit(Progress(0.5, 1.0, "a.wav", USAGE))
    assert dialog.progress.value() == 500
    assert desk.plotted == [USAGE], "what is known is plotted while the rest is heard"
    desk.job.end(JobState.DONE, USAGE)
    assert not dialog.choose.isHidden() and dialog.cancel.isHidden()
    assert "1 recording, on average 1.0 of 2 bands open" in dialog.summary.text()
    assert dialog.export.isEnabled()


def test_bad_files_are_listed(desk: Desk) -> None:
    bad = Failure("bad.wav is no audio.", "", "Remove it.")
    desk.dialog.analyse(Path("/songs"))
    desk.job.end(JobState.DONE, BandUsage(USAGE.folder, "small", "ab", (TRACK,), (bad,)))
    assert desk.dialog.tabs.tabText(2) == "Left out (1)"
    assert desk.dialog.bad.toPlainText() == "bad.wav is no audio. Remove it."
    assert desk.dialog.summary.text().endswith("1 left out")


def test_a_cancelled_run_keeps_what_was_heard(desk: Desk) -> None:
    desk.dialog.analyse(Path("/songs"))
    desk.job.progressed.emit(Progress(0.5, 1.0, "a.wav", USAGE))
    desk.dialog.cancel.click()
    assert desk.job.cancelled
    desk.job.end(JobState.CANCELLED)
    assert "1 recording" in desk.dialog.summary.text()


def test_a_failure_is_told(desk: Desk) -> None:
    failure = Failure("There is no audio.")
    desk.dialog.analyse(Path("/songs"))
    desk.job.end(JobState.FAILED, failure=failure)
    assert desk.failures == [failure]
    assert not desk.dialog.export.isEnabled()


def test_closing_it_stops_the_work(desk: Desk) -> None:
    desk.dialog.analyse(Path("/songs"))
    desk.dialog.close()
    assert desk.job.cancelled


def test_without_a_model_there_is_nothing_to_start(desk: Desk) -> None:
    desk.dialog.offer(None)
    assert "Looking" in desk.dialog.summary.text()
    desk.dialog.offer([])
    assert not desk.dialog.choose.isEnabled()
    assert "No model is installed" in desk.dialog.summary.text()


def test_the_table_is_written(desk: Desk, tmp_path: Path) -> None:
    desk.dialog.show_usage(USAGE)
    desk.dialog.save(tmp_path / "usage.csv")
    assert (tmp_path / "usage.csv").read_text() == USAGE.to_csv()
    desk.dialog.save(tmp_path / "nowhere" / "usage.csv")
    assert "could not be written" in desk.failures[-1].what
