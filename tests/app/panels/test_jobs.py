"""The jobs panel tells of every job how far it is, and cancels and retries."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from PySide6.QtWidgets import QLabel, QProgressBar, QToolButton
from pytestqt.qtbot import QtBot

from app.panels.jobs import JobRow, JobsPanel, time_left
from engine.lanes import Job, JobState, Lanes
from engine.tasks import Context, Failure
from tests.app.fakes import FakeServices


def wait_for_cancel(release: threading.Event, context: Context) -> None:
    while not release.wait(0.005):
        context.report(1, 4, "halfway there")
        context.checkpoint()


def fail(_spec: None, _context: Context) -> None:
    raise Failure("The disk is full.", "120 MB are needed.", "Free some space.")


def warn(_spec: None, context: Context) -> None:
    context.warn("Two tags were left out.")


@pytest.fixture
def lanes(qapp: object) -> Iterator[Lanes]:
    lanes = Lanes()
    yield lanes
    lanes.shutdown()


@pytest.fixture
def panel(qtbot: QtBot, lanes: Lanes) -> JobsPanel:
    services = FakeServices(lanes=lanes, masters=SimpleNamespace(retry=Job.retry))
    panel = JobsPanel(services)  # type: ignore[arg-type]
    services.commands.add(panel.commands())
    qtbot.addWidget(panel)
    panel.resize(600, 400)
    panel.show()
    return panel


def row_of(panel: JobsPanel, job: Job) -> JobRow:
    return panel._rows[job.id]


def words(row: JobRow) -> str:
    return " ".join(label.text() for label in row.findChildren(QLabel))


def button(row: JobRow, text: str) -> QToolButton:
    return next(each for each in row.findChildren(QToolButton) if each.text() == text)


def test_a_running_job_shows_its_progress_and_can_be_cancelled(
    panel: JobsPanel, lanes: Lanes, qtbot: QtBot
) -> None:
    job = lanes.submit("Master <b>song</b>", wait_for_cancel, threading.Event())
    row = row_of(panel, job)
    qtbot.waitUntil(lambda: "halfway there" in words(row))
    assert "Master <b>song</b>" in words(row)
    bar = row.findChild(QProgressBar)
    assert bar is not None
    assert bar.value() == 250
    button(row, "Cancel").click()
    qtbot.waitUntil(lambda: job.state is JobState.CANCELLED)
    assert "cancelled" in words(row)
    assert not bar.isVisible()
    assert button(row, "Retry").isVisible()


def test_a_failure_says_what_why_and_what_to_do(
    panel: JobsPanel, lanes: Lanes, qtbot: QtBot
) -> None:
    job = lanes.submit("Export", fail, None)
    qtbot.waitUntil(lambda: job.state is JobState.FAILED)
    assert "The disk is full. 120 MB are needed. Free some space." in words(row_of(panel, job))


def test_retry_makes_a_new_job(panel: JobsPanel, lanes: Lanes, qtbot: QtBot) -> None:
    job = lanes.submit("Export", fail, None)
    qtbot.waitUntil(lambda: job.state is JobState.FAILED)
    button(row_of(panel, job), "Retry").click()
    assert [each.title for each in lanes.jobs] == ["Export", "Export"]
    assert len(panel._rows) == 2


def test_warnings_of_a_job_are_read_there(panel: JobsPanel, lanes: Lanes, qtbot: QtBot) -> None:
    job = lanes.submit("Export", warn, None)
    qtbot.waitUntil(lambda: job.state is JobState.DONE)
    assert "Two tags were left out." in words(row_of(panel, job))
    assert not button(row_of(panel, job), "Retry").isVisible()


def test_clearing_leaves_what_runs(panel: JobsPanel, lanes: Lanes, qtbot: QtBot) -> None:
    release = threading.Event()
    ended, running = lanes.submit("a", warn, None), lanes.submit("b", wait_for_cancel, release)
    qtbot.waitUntil(lambda: ended.state.ended)
    panel.services.commands.run("jobs.clear")
    assert list(panel._rows) == [running.id]
    release.set()
    qtbot.waitUntil(lambda: running.state.ended)
    panel.services.commands.run("jobs.clear")
    assert not panel._rows
    assert panel._empty.isVisible()


def test_all_are_cancelled_at_once(panel: JobsPanel, lanes: Lanes, qtbot: QtBot) -> None:
    jobs = [lanes.submit(str(n), wait_for_cancel, threading.Event()) for n in range(4)]
    panel.services.commands.run("jobs.cancel_all")
    qtbot.waitUntil(lambda: all(job.state is JobState.CANCELLED for job in jobs))
    assert not panel.services.commands.get("jobs.cancel_all").enabled()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0.2, "about 1 s left"), (45.4, "about 45 s left"), (600, "about 10 min left")],
)
def test_time_left_is_said_as_people_say_it(seconds: float | None, text: str) -> None:
    assert time_left(seconds) == text
