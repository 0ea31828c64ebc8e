"""The list, the head and the bar of a training say what is so and offer what can be done."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.theme import Theme
from app.training_launch import Launch
from app.training_tasks import RunInfo
from app.widgets.clip_list import DETAIL_ROLE, STATUS_ROLE
from app.widgets.training_head import RunHead
from app.widgets.training_owed import OwedBar
from app.widgets.training_runs import RunList, allowed
from app.widgets.training_words import duration, left_text, name_of, pace_text, score_text
from engine.training.run_folder import RunFolder, RunStatus

RUNNING = RunStatus("running", 250, 1000, 200, 0.5, started_at=1.7e9, loss=0.25)


def folder(name: str = "20261121-090500-little") -> RunFolder:
    return RunFolder(Path("/runs") / name)


def info(name: str, status: RunStatus | None, has_model: bool = False) -> RunInfo:
    return RunInfo(folder(name), status, Launch(), has_model)


def ended(state: str, message: str = "") -> RunStatus:
    return dataclasses.replace(RUNNING, state=state, message=message)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "told"),
    [("20261121-090500-my-master", "my-master"), ("quick", "quick"), ("2026-x", "2026-x")],
)
def test_a_run_is_called_what_its_maker_called_it(name: str, told: str) -> None:
    assert name_of(folder(name)) == told


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s"), (40, "40 s"), (700, "12 min"), (11_100, "3 h 05 min")]
)
def test_durations_are_said_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_what_is_unknown_is_not_said() -> None:
    assert pace_text(math.nan) == "" and pace_text(0.0) == ""
    assert left_text(RUNNING, math.nan) == ""
    assert left_text(ended("done"), 3.0) == ""
    assert score_text(dataclasses.replace(RUNNING, best_score=math.nan)) == ""


def test_slow_steps_are_told_in_seconds() -> None:
    assert pace_text(3.21) == "3.21 steps/s"
    assert pace_text(0.25) == "4 s a step"
    assert left_text(RUNNING, 2.5) == "about 5 min left"


@pytest.fixture
def runs(qtbot: QtBot) -> RunList:
    runs = RunList(Theme("dark"))
    qtbot.addWidget(runs)
    return runs


def test_runs_are_listed_with_state_and_score(runs: RunList) -> None:
    runs.show_runs([info("a", RUNNING), info("b", ended("done")), info("c", None)])
    rows = [runs.list.item(row) for row in range(runs.list.count())]
    assert [row.text() for row in rows] == ["a", "b", "c"]
    assert [row.data(STATUS_ROLE) for row in rows] == ["running", "done", "not begun"]
    assert rows[0].data(DETAIL_ROLE) == "step 250 of 1\u202f000"
    assert rows[1].data(DETAIL_ROLE) == "best 0.5 at step 200"


def test_the_chosen_run_stays_when_others_come_and_is_let_go_when_it_went(runs: RunList) -> None:
    told: list[object] = []
    runs.chosen.connect(told.append)
    runs.show_runs([info("a", RUNNING), info("b", ended("done"))])
    runs.choose(folder("b"))
    assert told == [folder("b")]
    runs.show_runs([info("new", RUNNING), info("a", ended("stopped")), info("b", ended("done"))])
    assert runs.current == folder("b") and told == [folder("b")]
    runs.show_runs([info("new", RUNNING)])
    assert runs.current is None and told[-1] is None


def test_new_numbers_of_a_run_are_shown_in_its_row(runs: RunList) -> None:
    runs.show_runs([info("a", RUNNING)])
    runs.choose(folder("a"))
    runs.show_runs([info("a", dataclasses.replace(RUNNING, step=300))])
    assert runs.list.item(0).data(DETAIL_ROLE).startswith("step 300")
    assert runs.current == folder("a")


def test_only_what_makes_sense_can_be_done() -> None:
    running, done, begun = info("a", RUNNING), info("b", ended("done"), True), info("c", None)
    assert not allowed("delete", running) and not allowed("go_on", running)
    assert allowed("delete", done) and allowed("go_on", done) and allowed("install", done)
    assert not allowed("install", running) and allowed("go_on", begun)
    assert allowed("open", running)


@pytest.fixture
def head(qtbot: QtBot) -> RunHead:
    head = RunHead()
    qtbot.addWidget(head)
    head.show()
    return head


def test_the_head_of_a_running_training(head: RunHead) -> None:
    head.show_run(folder(), RUNNING, 2.5)
    assert head.name.text() == "little"
    assert head.numbers.text() == (
        "running · step 250 of 1\u202f000 · best 0.5 at step 200 · 2.5 steps/s · about 5 min left"
    )
    assert head.bar.value() == 250
    assert "loss 0.25" in head.message.text()
    assert head.pause.isVisible() and head.stop.isVisible() and not head.go_on.isVisible()
    assert not head.install.isEnabled()


def test_the_head_of_a_failed_training_tells_why_and_can_go_on(head: RunHead) -> None:
    words = "The loss was not finite 10 times in a row. Lower the learning rate."
    head.show_run(folder(), ended("failed", words), math.nan, has_model=True)
    assert head.message.text() == words
    assert head.go_on.isVisible() and not head.pause.isVisible() and head.install.isEnabled()


def test_a_paused_training_can_be_resumed(head: RunHead, tmp_path: Path) -> None:
    asked: list[str] = []
    head.asked.connect(asked.append)
    run = RunFolder(tmp_path)
    head.show_run(run, RUNNING, 2.5)
    head.pause.click()
    run.pause()
    head.show_run(run, RUNNING, 2.5)
    assert head.numbers.text().startswith("pausing")
    head.show_run(run, ended("paused"), 2.5)
    assert head.pause.text() == "Resume" and head.numbers.text().startswith("paused")
    head.pause.click()
    assert asked == ["pause", "unpause"]


def test_a_training_that_waits_says_so(head: RunHead) -> None:
    head.show_run(folder(), None, math.nan, waiting="It waits for its turn.")
    assert head.numbers.text() == "waiting" and head.message.text() == "It waits for its turn."
    assert head.stop.isVisible() and not head.pause.isEnabled() and not head.go_on.isVisible()


def test_a_training_that_stops_cannot_be_stopped_again(head: RunHead) -> None:
    head.show_run(folder(), RUNNING, 2.5, stopping=True)
    assert head.numbers.text().startswith("stopping")
    assert not head.stop.isEnabled() and not head.pause.isEnabled()


def test_the_bar_offers_what_is_owed(qtbot: QtBot) -> None:
    bar = OwedBar()
    qtbot.addWidget(bar)
    told: list[tuple[str, object]] = []
    bar.go_on.connect(lambda run: told.append(("go on", run)))
    bar.let_go.connect(lambda run: told.append(("let go", run)))
    bar.show_runs([])
    assert bar.isHidden()
    bar.show_runs([info("20261121-090500-little", ended("stopped"))])
    assert not bar.isHidden() and "“little”" in bar.text.text() and "step 250" in bar.text.text()
    bar.resume.click()
    bar.leave.click()
    assert told == [("go on", folder()), ("let go", folder())]
