"""Trainings of the window: started in a lane, steered by their folder, kept, owed, installed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.models import Models
from app.training import Training
from app.training_launch import Launch
from app.training_tasks import check_recipe, look
from engine.cache import Cache
from engine.cli.kinds import KINDS
from engine.lanes import JobState, Lane, Lanes
from engine.locations import Locations
from engine.tasks import Context, Failure
from engine.training.recipe import Recipe, parse_recipe
from engine.training.run_folder import RunFolder
from tests.app.training_toy import ENTRY, KIND, RECIPE


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    monkeypatch.setitem(KINDS, KIND, ENTRY)
    return parse_recipe(RECIPE)


class Desk:
    """A training service on lanes of its own; ``said`` is what it told."""

    def __init__(self, root: Path, qtbot: QtBot) -> None:
        self.qtbot = qtbot
        self.lanes = Lanes()
        self.locations = Locations(root / "config", root / "cache", root / "data")
        self.said: list[object] = []
        self.training = self.open()

    def open(self) -> Training:
        """A service as a newly opened window has it."""
        models = Models(self.lanes, self.locations)
        cache = Cache(self.locations.cache, 10**9)
        training = Training(self.lanes, cache, models, self.locations)
        for signal in (training.failed, training.noticed):
            signal.connect(self.said.append)
        return training

    def wait_state(self, folder: RunFolder, state: str) -> None:
        def reached() -> bool:
            status = folder.status()
            return status is not None and status.state == state

        self.qtbot.waitUntil(reached, timeout=60_000)

    def settle(self) -> None:
        self.qtbot.waitUntil(lambda: not self.lanes.busy, timeout=60_000)

    def refresh(self, training: Training) -> None:
        training.refresh()
        self.settle()


@pytest.fixture
def desk(tmp_path: Path, qtbot: QtBot) -> Iterator[Desk]:
    desk = Desk(tmp_path, qtbot)
    yield desk
    desk.lanes.shutdown()


def slow(recipe: Recipe) -> Recipe:
    """So many steps that it does not end by itself."""
    return parse_recipe(recipe.to_toml() + "\n[toy]\nstep_s = 0.01\n").with_loop(steps=100_000)


def test_a_training_runs_in_a_lane_and_is_listed(desk: Desk, recipe: Recipe) -> None:
    training = desk.training
    folder = training.start(recipe)
    job = training.job(folder)
    assert job is not None and job.lane == Lane.TRAINING
    assert training.trained_here == (folder,)
    desk.settle()
    assert job.state is JobState.DONE
    assert training.trained_here == ()
    info = training.info(folder)
    assert info is not None and info.status is not None and info.has_model
    assert (info.status.state, info.status.step) == ("done", 40)
    assert not info.launch.owed
    assert any("is trained" in str(each) for each in desk.said)


def test_it_pauses_goes_on_stops_and_goes_on_from_there(desk: Desk, recipe: Recipe) -> None:
    training = desk.training
    folder = training.start(slow(recipe))
    desk.wait_state(folder, "running")
    training.pause(folder)
    desk.wait_state(folder, "paused")
    paused_at = folder.status().step
    training.unpause(folder)
    desk.qtbot.waitUntil(lambda: folder.status().step > paused_at, timeout=30_000)
    training.stop(folder)
    desk.wait_state(folder, "stopped")
    desk.settle()
    stopped_at = folder.status().step
    training.go_on(folder, steps=stopped_at + 7)
    desk.settle()
    status = folder.status()
    assert (status.state, status.step) == ("done", stopped_at + 7)


def test_a_job_run_again_from_the_list_of_jobs_goes_on(desk: Desk, recipe: Recipe) -> None:
    training = desk.training
    folder = training.start(slow(recipe))
    job = training.job(folder)
    assert job is not None
    desk.qtbot.waitUntil(lambda: (s := folder.status()) is not None and s.step > 3, timeout=60_000)
    job.cancel()
    desk.settle()
    stopped_at = folder.status().step
    again = job.retry()
    assert training.job(folder) is again, "it is followed as if it had been asked for here"
    desk.qtbot.waitUntil(lambda: folder.status().step > stopped_at, timeout=30_000)
    training.stop(folder)
    desk.settle()


def test_a_training_of_another_process_is_asked_through_its_folder(
    desk: Desk, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path)
    desk.training.stop(folder)
    assert folder.stop_asked


def test_a_failure_is_told_and_stands_in_the_list(
    desk: Desk, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, KIND, "tests.app.training_toy:nothing_of_that_name")
    folder = desk.training.start(recipe)
    desk.settle()
    failures = [each for each in desk.said if isinstance(each, Failure)]
    assert len(failures) == 1 and "could not be loaded" in failures[0].what
    assert desk.training.job(folder) is None
    info = desk.training.info(folder)
    assert info is not None and info.status is not None and info.status.state == "failed"
    assert "could not be loaded" in info.status.message
    assert not Launch.read(folder.path).owed


def test_a_training_that_is_cancelled_while_it_waits_can_begin_later(
    desk: Desk, recipe: Recipe
) -> None:
    training, free = desk.training, threading.Event()
    desk.lanes.submit("busy", lambda _spec, _ctx: free.wait(20), None, lane=Lane.TRAINING)
    folder = training.start(recipe)
    training.stop(folder)
    assert training.job(folder) is None
    free.set()
    desk.refresh(training)
    info = training.info(folder)
    assert info is not None and info.status is None and training.owed == ()
    training.go_on(folder)
    desk.settle()
    assert folder.status().state == "done"


def test_what_a_closed_window_trained_is_owed_by_the_next(desk: Desk, recipe: Recipe) -> None:
    first = desk.training
    folder = first.start(slow(recipe), processes=1)
    desk.qtbot.waitUntil(lambda: (s := folder.status()) is not None and s.step > 3, timeout=60_000)
    first.close()
    desk.lanes.shutdown()
    status = folder.status()
    assert status.state == "stopped", "it ended with a checkpoint"
    assert list(folder.checkpoints.iterdir())
    desk.lanes = Lanes()
    second = desk.open()
    desk.refresh(second)
    assert [info.folder for info in second.owed] == [folder]
    assert any("can go on" in str(each) for each in desk.said)
    second.let_go(folder)
    desk.settle()
    assert second.owed == ()
    second.go_on(folder, steps=folder.status().step + 3)
    desk.settle()
    assert folder.status().state == "done"


def test_a_run_that_is_done_is_not_owed(desk: Desk, recipe: Recipe) -> None:
    folder = desk.training.start(recipe)
    desk.settle()
    desk.refresh(desk.training)
    assert desk.training.owed == ()
    assert desk.training.info(folder) is not None


def test_a_model_is_installed_under_a_name_of_its_own(desk: Desk, recipe: Recipe) -> None:
    training = desk.training
    folder = training.start(recipe)
    desk.settle()
    assert training.free_name("little") == "little"
    training.install(folder, "little")
    desk.settle()
    placed = desk.locations.data / "models" / "little"
    assert training.has_model("little") and training.free_name("little") == "little-2"
    original = json.loads((folder.bundle / "config.json").read_text())
    copied = json.loads((placed / "config.json").read_text())
    assert copied["hash"] == original["hash"], "the weights are the same"
    assert (placed / "card.md").read_text() == (folder.bundle / "card.md").read_text()
    training.install(folder, "little-2")
    desk.settle()
    config = json.loads((placed.with_name("little-2") / "config.json").read_text())
    assert config["name"] == "little-2", "the chooser tells them apart"


def test_a_taken_name_is_replaced_only_when_that_is_wanted(desk: Desk, recipe: Recipe) -> None:
    training = desk.training
    folder = training.start(recipe)
    desk.settle()
    marker = desk.locations.data / "models" / "little" / "mine.txt"
    marker.parent.mkdir(parents=True)
    marker.write_text("kept")
    job = training.install(folder, "little")
    desk.settle()
    assert job.state is JobState.FAILED and marker.exists()
    job = training.install(folder, "little", replacing=True)
    desk.settle()
    assert job.state is JobState.DONE and not marker.exists()


def test_a_deleted_run_is_gone_and_a_running_one_stays(desk: Desk, recipe: Recipe) -> None:
    training = desk.training
    done = training.start(recipe)
    desk.settle()
    training.delete(done)
    desk.settle()
    assert not done.path.exists() and training.runs == ()
    assert list(training.root.iterdir()) == []
    running = training.start(slow(recipe))
    desk.wait_state(running, "running")
    job = training.delete(running)
    desk.qtbot.waitUntil(lambda: job.state.ended, timeout=30_000)
    assert job.state is JobState.FAILED and running.path.exists()
    training.stop(running)
    desk.settle()


def test_a_damaged_note_of_the_window_is_no_obstacle(tmp_path: Path) -> None:
    for text in ("", "[]", '{"device": "cpu"}', '{"device": 1, "processes": 0, "owed": 1}'):
        (tmp_path / "window.json").write_text(text)
        assert Launch.read(tmp_path) == Launch()
    Launch("cuda:1", 2, owed=True).write(tmp_path)
    assert Launch.read(tmp_path) == Launch("cuda:1", 2, owed=True)


def test_strange_folders_among_the_runs_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "file.txt").touch()
    (tmp_path / ".hidden").mkdir()
    assert look(tmp_path, Context()) == ()
    assert look(tmp_path / "nowhere", Context()) == ()


def test_a_recipe_is_read_as_strictly_as_its_kind_does() -> None:
    head = 'kind = "mastering"\nname = "a"\n'
    assert check_recipe(head, Context()).name == "a"
    with pytest.raises(Failure, match=r"data\.songz"):
        check_recipe(head + "[data]\nsongz = 3\n", Context())
    with pytest.raises(Failure, match="not known"):
        check_recipe('kind = "weather"\nname = "a"\n', Context())


def test_looking_can_be_asked_for_while_it_looks(desk: Desk, recipe: Recipe) -> None:
    blocked = threading.Event()
    jobs = [
        desk.lanes.submit("wait", lambda _spec, _context: blocked.wait(20), None) for _ in range(2)
    ]
    desk.training.refresh()
    folder = desk.training.root / "20261121-090000-late"
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(RECIPE)
    desk.training.refresh()
    blocked.set()
    desk.qtbot.waitUntil(lambda: desk.training.runs != (), timeout=30_000)
    desk.settle()
    assert all(job.state is JobState.DONE for job in jobs)
