"""Run folders: found, read while they are written, and by whom."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from engine.tasks import Failure, run_inline
from engine.training.loop import check_run, train
from engine.training.run_folder import (
    RunFolder,
    RunStatus,
    file_name,
    list_runs,
    new_run,
    runs_root,
)


def begun(folder, **changes):
    status = RunStatus("running", 3, 10, process=os.getpid(), host=os.uname().nodename)
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.write_status(replace(status, **changes))
    return folder


def dead_process():
    """The number of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_a_status_comes_back(tmp_path):
    folder = begun(RunFolder(tmp_path / "a"), best_score=0.25, best_step=2, message="Hm.")
    status = folder.status()
    assert (status.state, status.step, status.best_score) == ("running", 3, 0.25)
    assert status.text == "Hm."
    assert not status.ended


def test_runs_are_listed_newest_first_and_other_folders_not(tmp_path):
    for name, when in (("old", 1.0), ("new", 3.0), ("middle", 2.0)):
        begun(RunFolder(tmp_path / name), started_at=when)
    (tmp_path / "something else").mkdir()
    (tmp_path / "a file").write_text("")
    assert [folder.name for folder in list_runs(tmp_path)] == ["new", "middle", "old"]
    assert list_runs(tmp_path / "absent") == ()


def test_a_run_whose_process_was_killed_is_stopped_and_can_be_resumed(tmp_path, recipe, spec):
    run_inline(train, spec(recipe(steps=5)))
    folder = RunFolder(tmp_path / "run")
    folder.write_status(replace(folder.status(), state="running", process=dead_process()))
    assert folder.status().state == "stopped"
    assert run_inline(train, spec(recipe(steps=7), resume=True)).step == 7


def test_a_run_that_another_process_works_on_is_left_alone(tmp_path, recipe):
    folder = begun(RunFolder(tmp_path / "run"), process=os.getppid())
    with pytest.raises(Failure, match="still running"):
        check_run(folder, recipe(), resume=True)


def test_a_run_of_another_kind_is_not_resumed(tmp_path, recipe, spec):
    run_inline(train, spec(recipe(steps=1)))
    other = replace(recipe(), kind="other")
    with pytest.raises(Failure, match="of the kind"):
        check_run(RunFolder(tmp_path / "run"), other, resume=True)


def test_only_one_can_train_in_a_folder_even_within_a_process(tmp_path, recipe, spec):
    folder = RunFolder(tmp_path / "run")
    refused = []

    def second(step):
        if step == 3:
            with pytest.raises(Failure, match="running already"):
                run_inline(train, spec(recipe(steps=5), resume=True))
            refused.append(step)

    run_inline(train, spec(recipe(steps=10), on_batch=second))
    assert refused == [3]
    assert folder.recipe().loop.steps == 10  # the second one touched nothing
    assert folder.status().state == "done"


def test_the_status_does_not_go_back_while_a_resumed_training_prepares(tmp_path, recipe, spec):
    run_inline(train, spec(recipe(steps=5)))
    folder = RunFolder(tmp_path / "run")
    first = folder.status()
    seen = []
    job = spec(recipe(steps=6), resume=True)

    def make(*arguments):
        seen.append(folder.status())
        return job.make(*arguments)

    run_inline(train, replace(job, make=make))
    assert (seen[0].step, seen[0].best_step) == (first.step, first.best_step)
    assert seen[0].started_at == folder.status().started_at == first.started_at


def test_listing_works_while_a_training_writes(tmp_path, recipe, spec):
    seen = set()
    thread = threading.Thread(
        target=lambda: run_inline(
            train, spec(recipe(steps=100, log_every=1, validate_every=20, checkpoint_every=50))
        )
    )
    thread.start()
    while thread.is_alive():
        for folder in list_runs(tmp_path):
            seen.add(folder.status().state)
            folder.metrics()
            folder.figures()
            folder.samples()
        time.sleep(0.005)
    thread.join()
    assert "running" in seen
    assert seen <= {"running", "done"}


def test_new_runs_have_names_of_their_own(tmp_path):
    names = {new_run(tmp_path, "My model / 2").name for _ in range(3)}
    assert len(names) == 3
    assert all("My-model-2" in name for name in names)


@pytest.mark.parametrize("text", ["a/b", "..", "", "x" * 300, "C:\\x", "tab\tname"])
def test_a_file_name_is_one_in_every_system(text):
    name = file_name(text)
    assert 0 < len(name) <= 60
    assert not set(name) & set('/\\:*?"<>|\t')
    assert name not in (".", "..")


def test_damaged_files_are_as_if_absent(tmp_path):
    folder = begun(RunFolder(tmp_path / "run"))
    (folder.path / "state.json").write_text('{"state": "runn')
    (folder.path / "figures").mkdir()
    (folder.path / "figures" / "x.json").write_text("[")
    assert folder.status() is None
    assert folder.figures() == {}
    assert folder.metrics().rows == ()
    assert folder.samples() == ()


def test_runs_lie_among_the_users_data(monkeypatch, tmp_path):
    monkeypatch.setenv("AUDIOBENCH_HOME", str(tmp_path))
    assert runs_root() == tmp_path / "data" / "runs"
