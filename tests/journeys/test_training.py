"""Training in the window, from the form to the installed model, with a model that takes seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QCloseEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QInputDialog, QMessageBox
from pytestqt.qtbot import QtBot

from app.bootstrap import Workbench
from app.panels.training import TrainingPanel
from engine.cli.kinds import KINDS
from engine.locations import Locations
from tests.app.training_toy import ENTRY, KIND, RECIPE

SLOW = "\n[toy]\nstep_s = 0.004\n"


@pytest.fixture
def panel(workbench: Workbench, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> TrainingPanel:
    """The panel in its layout, with the toy among the kinds of models."""
    monkeypatch.setitem(KINDS, KIND, ENTRY)
    workbench.services.commands.run("layout.train")
    panel = workbench.panels["training"]
    assert isinstance(panel, TrainingPanel)
    qtbot.waitUntil(panel.isVisible)
    return panel


def start(panel: TrainingPanel, qtbot: QtBot, text: str) -> None:
    """Put a recipe into the form, press the button, and wait until the run is on the screen."""
    panel.form.use(text)
    assert panel.form.start.isEnabled(), panel.form.message.text()
    before = panel.page.folder
    qtbot.mouseClick(panel.form.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.page.folder not in (None, before), timeout=30_000)
    assert panel.pages.currentWidget() is panel.page


def wait_state(panel: TrainingPanel, qtbot: QtBot, state: str) -> None:
    qtbot.waitUntil(
        lambda: panel.page.status is not None and panel.page.status.state == state, timeout=60_000
    )


def wait_step(panel: TrainingPanel, qtbot: QtBot, step: int) -> None:
    qtbot.waitUntil(
        lambda: panel.page.status is not None and panel.page.status.step >= step, timeout=60_000
    )


def test_a_training_is_watched_paused_stopped_and_goes_on(
    workbench: Workbench,
    panel: TrainingPanel,
    qtbot: QtBot,
    picture: Callable[[str], None],
) -> None:
    page, head = panel.page, panel.page.head
    start(panel, qtbot, RECIPE.replace("steps = 40", "steps = 400") + SLOW)
    wait_step(panel, qtbot, 60)
    for split, name in (("train", "total"), ("validation", "score")):
        plot = page.curves.plots[split]
        qtbot.waitUntil(lambda plot=plot: bool(plot.lines), timeout=10_000)
        assert [line.label for line in plot.lines] == [name]
        assert len(plot.lines[0].x) > 1
    assert "steps/s" in head.numbers.text() and "left" in head.numbers.text()
    picture("training-running")

    qtbot.mouseClick(head.pause, Qt.MouseButton.LeftButton)
    wait_state(panel, qtbot, "paused")
    paused_at = page.status.step
    qtbot.wait(700)
    assert page.status.step == paused_at
    assert head.pause.text() == "Resume"
    qtbot.mouseClick(head.pause, Qt.MouseButton.LeftButton)
    wait_step(panel, qtbot, paused_at + 10)

    qtbot.mouseClick(head.stop, Qt.MouseButton.LeftButton)
    wait_state(panel, qtbot, "stopped")
    stopped_at = page.status.step
    assert 0 < stopped_at < 400
    assert head.go_on.isVisible() and not head.stop.isVisible()

    qtbot.mouseClick(head.go_on, Qt.MouseButton.LeftButton)
    wait_state(panel, qtbot, "done")
    steps = page.curves.plots["train"].lines[0].x
    assert list(steps) == list(range(1, 401)), "every step once, as if it had never stopped"
    best = page.curves.plots["validation"].lines[0]
    assert best.marked is not None and best.x[best.marked] == page.status.best_step
    assert "best" in head.numbers.text()
    qtbot.waitUntil(lambda: not workbench.services.lanes.busy, timeout=10_000)
    for number, name in enumerate(("curves", "plots", "listen", "card", "recipe")):
        page.tabs.setCurrentIndex(number)
        qtbot.wait(80)
        picture(f"training-{name}")
    assert len(page.figures.plots) == 2
    assert "noise" in page.card.toPlainText()
    assert "learning_rate" in page.recipe.toPlainText()


def test_previews_are_heard_at_equal_loudness_and_switched_in_place(
    panel: TrainingPanel, qtbot: QtBot
) -> None:
    start(panel, qtbot, RECIPE)
    wait_state(panel, qtbot, "done")
    page, listen = panel.page, panel.page.listen
    qtbot.waitUntil(lambda: listen.steps.count() == 3, timeout=10_000)
    assert [listen.steps.item(row).text() for row in range(3)] == ["Step 40", "Step 20", "Step 0"]
    page.tabs.setCurrentWidget(listen)
    listen.steps.setCurrentRow(2)
    qtbot.mouseClick(listen.play, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: listen.player is not None and listen.player.playing, timeout=30_000)
    player = listen.player
    assert player is not None
    labels = [slot.label for slot in player.slots]
    assert labels == ["Before", "After"]
    gains = [slot.gain_db for slot in player.slots]
    assert min(gains) < -1.0 and max(gains) == 0.0, "the louder one is turned down"
    assert player.current_slot == 1
    qtbot.mouseClick(listen.before, Qt.MouseButton.LeftButton)
    assert player.current_slot == 0
    before = player.slots
    listen.steps.setCurrentRow(0)
    qtbot.waitUntil(lambda: player.slots != before, timeout=30_000)
    assert player.current_slot == 0, "the side stays when the step changes"
    panel.hide()
    assert not player.playing, "what nobody sees is not heard"


def test_two_runs_are_compared(
    panel: TrainingPanel, qtbot: QtBot, picture: Callable[[str], None]
) -> None:
    start(panel, qtbot, RECIPE)
    wait_state(panel, qtbot, "done")
    first = panel.page.folder
    panel.runs.choose_new()
    start(panel, qtbot, RECIPE.replace('"little"', '"other"').replace("seed = 1", "seed = 2"))
    wait_state(panel, qtbot, "done")
    compare = panel.page.curves.compare
    qtbot.waitUntil(lambda: compare.count() == 2, timeout=10_000)
    compare.setCurrentIndex(1)
    plot = panel.page.curves.plots["train"]
    qtbot.waitUntil(lambda: len(plot.lines) == 2, timeout=10_000)
    assert [line.dashed for line in plot.lines] == [False, True]
    assert plot.lines[1].label == "total, little"
    picture("training-compared")
    panel.runs.choose(first)
    qtbot.waitUntil(lambda: panel.page.folder == first)
    assert all(not line.dashed for line in plot.lines), "a run is not compared with itself"


def test_a_trained_model_is_installed_and_its_run_deleted(
    panel: TrainingPanel, qtbot: QtBot, locations: Locations, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(panel, qtbot, RECIPE)
    wait_state(panel, qtbot, "done")
    offered: list[str] = []

    def answer(*_arguments: object, text: str = "") -> tuple[str, bool]:
        offered.append(text)
        return text, True

    monkeypatch.setattr(QInputDialog, "getText", answer)
    yes = QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QMessageBox, "question", lambda *_arguments: yes)
    qtbot.waitUntil(panel.page.head.install.isEnabled, timeout=10_000)
    for name in ("little", "little-2"):
        qtbot.mouseClick(panel.page.head.install, Qt.MouseButton.LeftButton)
        installed = locations.data / "models" / name / "config.json"
        qtbot.waitUntil(installed.is_file, timeout=30_000)
        qtbot.waitUntil(lambda: not panel.training.lanes.busy, timeout=30_000)
    assert offered == ["little", "little-2"]
    folder = panel.page.folder
    assert folder is not None
    panel.do("delete", folder)
    qtbot.waitUntil(lambda: not folder.path.exists(), timeout=10_000)
    qtbot.waitUntil(lambda: panel.runs.list.count() == 0, timeout=10_000)
    assert panel.pages.currentWidget() is panel.form


def test_closing_over_a_training_asks_and_keeps_a_checkpoint(
    workbench: Workbench, panel: TrainingPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(panel, qtbot, RECIPE.replace("steps = 40", "steps = 100000") + SLOW)
    wait_step(panel, qtbot, 12)
    asked: list[str] = []
    answers = [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Yes]

    def ask(_parent: object, _title: str, text: str, *_more: object) -> object:
        asked.append(text)
        return answers.pop(0)

    monkeypatch.setattr(QMessageBox, "question", ask)
    event = QCloseEvent()
    QApplication.sendEvent(workbench.window, event)
    assert not event.isAccepted() and "“little” is being trained" in asked[0]
    folder = panel.page.folder
    assert folder is not None and not folder.status().ended, "it goes on"
    event = QCloseEvent()
    QApplication.sendEvent(workbench.window, event)
    assert event.isAccepted()
    workbench.training.close()
    workbench.services.lanes.shutdown()
    status = folder.status()
    assert status.state == "stopped"
    assert f"{status.step:08d}" in [path.name for path in folder.checkpoints.iterdir()]


def test_the_window_stays_smooth_while_it_trains(
    workbench: Workbench, panel: TrainingPanel, qtbot: QtBot
) -> None:
    """The event loop is never held up for long; other programs may do that, so most counts."""
    start(panel, qtbot, RECIPE.replace("steps = 40", "steps = 100000") + SLOW)
    wait_step(panel, qtbot, 30)
    gaps: list[float] = []
    last = time.perf_counter()

    def tick() -> None:
        nonlocal last
        now = time.perf_counter()
        gaps.append(now - last)
        last = now

    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(tick)
    timer.start(10)
    qtbot.wait(2500)
    timer.stop()
    panel.do("stop", panel.page.folder)
    wait_state(panel, qtbot, "stopped")
    gaps.sort()
    assert gaps[int(0.95 * len(gaps))] < 0.05


def test_a_recipe_is_dropped_on_the_form(panel: TrainingPanel, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(RECIPE)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(
        QPointF(9, 9),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        QEvent.Type.Drop,
    )
    panel.form.dropEvent(event)
    assert event.isAccepted()
    assert not panel.form.text.acceptDrops(), "it would take the address for text"
    assert panel.form.text.toPlainText() == RECIPE
    assert panel.form.name.text() == "little"


def test_a_bad_value_is_told_with_what_is_allowed_before_anything_starts(
    panel: TrainingPanel, qtbot: QtBot, locations: Locations
) -> None:
    form = panel.form
    form.use('kind = "mastering"\nname = "a"\n[data]\nsongz = 3\n')
    qtbot.waitUntil(lambda: "songz" in form.message.text(), timeout=30_000)
    assert "songs" in form.message.text(), "what is allowed is named"
    assert not form.start.isEnabled()
    assert not (locations.data / "runs").exists()


def test_the_commands_show_the_panel(workbench: Workbench, panel: TrainingPanel) -> None:
    workbench.services.commands.run("layout.master")
    assert not panel.isVisible()
    workbench.services.commands.run("training.new")
    assert panel.isVisible() and panel.pages.currentWidget() is panel.form
