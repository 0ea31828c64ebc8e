"""Two processes that train one model."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.tasks import Cancelled, Context, Failure, run_inline
from engine.training.bundle import load_bundle
from engine.training.distributed import LaunchSpec, launch
from engine.training.loop import train
from engine.training.run_folder import RunFolder, is_alive
from tests.engine.training.toy import SEEN_VARIABLE

ROOT = Path(__file__).resolve().parents[3]
TOY = "tests.engine.training.toy"


@pytest.fixture(autouse=True)
def seen(tmp_path, monkeypatch):
    """Where the processes note which examples they saw."""
    folder = tmp_path / "seen"
    folder.mkdir()
    monkeypatch.setenv(SEEN_VARIABLE, str(folder))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return folder


def examples(folder, rank, step):
    return json.loads((folder / f"{rank}-{step}.json").read_text())


def test_two_processes_see_different_data_and_train_like_one(recipe, spec, seen, tmp_path):
    """Stopped in the middle and resumed, which must not matter either."""
    job = LaunchSpec(recipe(batch_size=8), tmp_path / "two", f"{TOY}:make", 2)
    context = Context(interval_s=0.0)

    def stop_in_the_middle(progress):
        if progress.partial is not None and progress.partial.step >= 3:
            context.cancel_event.set()

    context.on_progress = stop_in_the_middle
    with pytest.raises(Cancelled):
        launch(job, context)
    stopped = RunFolder(job.run).status()
    assert stopped.state == "stopped"
    assert 3 <= stopped.step < 20
    assert not is_alive(stopped.process)

    result = run_inline(launch, replace(job, resume=True))
    assert result.step == 20
    for step in range(20):
        first, second = (examples(seen, rank, step) for rank in (0, 1))
        assert len(first) == len(second) == 8
        assert not set(first) & set(second)
    alone = run_inline(train, spec(recipe(batch_size=16), "one"))
    two, one = load_bundle(result.bundle), load_bundle(alone.bundle)
    for key, value in one.tensors.items():
        assert np.abs(two.tensors[key].numpy() - value.numpy()).max() < 1e-5
    assert result.best_score == pytest.approx(alone.best_score, rel=1e-5)
    assert "| Machine | 2 x " in two.card
    steps, losses = RunFolder(job.run).metrics().curve("train", "total")
    expected = RunFolder(alone.run).metrics().curve("train", "total")
    assert (steps == expected[0]).all()
    assert losses == pytest.approx(expected[1], rel=1e-4)


def test_the_failure_of_a_process_is_told_in_its_words(recipe, tmp_path):
    with pytest.raises(Failure) as caught:
        run_inline(launch, LaunchSpec(recipe(), tmp_path / "run", f"{TOY}:broken", 2))
    assert caught.value.what == "The toy is broken."
    assert caught.value.remedy == "Buy another."
    status = RunFolder(tmp_path / "run").status()
    assert status.state == "failed"
    assert "The toy is broken." in status.message


def test_a_process_that_ends_without_a_word_is_a_failure_too(recipe, tmp_path):
    with pytest.raises(Failure, match="ended with code"):
        run_inline(launch, LaunchSpec(recipe(), tmp_path / "run", f"{TOY}:killed", 1))
    assert RunFolder(tmp_path / "run").status().state == "failed"


def test_more_processes_than_gpus_are_refused(recipe, tmp_path):
    job = LaunchSpec(recipe(), tmp_path / "run", f"{TOY}:make", 1000, "cuda")
    with pytest.raises(Failure, match="1000 GPUs"):
        run_inline(launch, job)
    assert not job.run.exists()


@pytest.mark.parametrize(
    ("modules", "banned"),
    [
        # what trains every kind of model knows none of them, nor the command line
        ("loop distributed bundle worker", "engine.mastering engine.cli PySide6"),
        # what a window shows a run with must not keep it waiting for torch
        ("run_folder recipe metrics shipped settings", "torch engine.mastering engine.cli av"),
    ],
)
def test_imports_stay_where_they_belong(modules, banned):
    names = ", ".join(f"engine.training.{name}" for name in modules.split())
    code = (
        f"import sys, {names}; banned = {tuple(banned.split())};"
        "print([n for n in sys.modules if n in banned or n.startswith(('engine.mastering.',))])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "[]"
