"""Two processes that train one model."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from engine.tasks import Cancelled, Context, Failure, run_inline
from engine.training.bundle import load_bundle
from engine.training.distributed import LaunchSpec, launch
from engine.training.loop import train
from engine.training.run_folder import RunFolder, is_alive
from tests.engine.training.toy import SEEN_VARIABLE

TOY = "tests.engine.training.toy"


@pytest.fixture
def seen(tmp_path, monkeypatch):
    folder = tmp_path / "seen"
    folder.mkdir()
    monkeypatch.setenv(SEEN_VARIABLE, str(folder))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return folder


def examples(folder, rank, step):
    return json.loads((folder / f"{rank}-{step}.json").read_text())


def no_child_left(folder):
    status = RunFolder(folder).status()
    return status is None or not is_alive(status.process)


def test_two_processes_see_different_data_and_train_like_one(recipe, spec, seen, tmp_path):
    together = LaunchSpec(recipe(batch_size=8), tmp_path / "two", f"{TOY}:make", 2)
    context = Context(interval_s=0.0)
    reports = []
    context.on_progress = reports.append

    def stop_in_the_middle(progress):
        reports.append(progress)
        if progress.partial is not None and progress.partial.step >= 3:
            context.cancel_event.set()

    context.on_progress = stop_in_the_middle
    with pytest.raises(Cancelled):
        launch(together, context)
    stopped = RunFolder(tmp_path / "two").status()
    print(stopped, time.time())
    result = run_inline(
        launch, LaunchSpec(recipe(batch_size=8), tmp_path / "two", f"{TOY}:make", 2, resume=True)
    )
    for step in range(20):
        assert not set(examples(seen, 0, step)) & set(examples(seen, 1, step))
    run_inline(train, spec(recipe(batch_size=16), "one"))
    two, one = load_bundle(result.bundle), load_bundle(tmp_path / "one" / "bundle")
    for key, value in one.tensors.items():
        assert np.abs(two.tensors[key].numpy() - value.numpy()).max() < 1e-5


def test_the_failure_of_a_process_is_told_in_its_words(recipe, seen, tmp_path):
    with pytest.raises(Failure, match="The toy is broken"):
        run_inline(launch, LaunchSpec(recipe(), tmp_path / "run", f"{TOY}:broken", 2))
    assert RunFolder(tmp_path / "run").status().state == "failed"
