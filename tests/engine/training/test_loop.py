"""The loop: what it reaches, and that stopping and going on changes nothing."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from engine.tasks import Cancelled, Context, run_inline
from engine.training.bundle import load_bundle
from engine.training.loop import train
from engine.training.run_folder import RunFolder


def rows(path):
    """All of metrics.csv but the seconds."""
    return [(row.step, row.split, row.name, row.value) for row in RunFolder(path).metrics().rows]


def weights(model):
    return {key: value.clone() for key, value in model.module.state_dict().items()}


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def cancel_at(step):
    """A context that is cancelled once that step is reported."""
    context = Context(interval_s=0.0)

    def watch(progress):
        if progress.partial is not None and progress.partial.step >= step:
            context.cancel_event.set()

    context.on_progress = watch
    return context


def test_the_loop_reaches_the_least_squares_solution(recipe, spec):
    made = []
    long = recipe(
        steps=600,
        checkpoint_every=600,
        batch_size=64,
        ema_decay=0.98,
        validate_every=100,
        warmup_steps=20,
    )
    result = run_inline(train, spec(long, made=made))
    bundle = load_bundle(result.bundle)
    found = np.append(bundle.tensors["weight"].numpy(), bundle.tensors["bias"].numpy())
    assert np.abs(found - made[0].solution()).max() < 0.01
    assert result.step == 600
    assert bundle.config == {"inputs": 4}
    assert bundle.kind == "regression"


def test_resuming_goes_on_bit_for_bit(recipe, spec, tmp_path):
    straight, broken = [], []
    run_inline(train, spec(recipe(), "straight", straight, jitter=0.2))
    with pytest.raises(Cancelled):
        run_inline(train, spec(recipe(), "broken", broken, jitter=0.2), context=cancel_at(10))
    stopped = RunFolder(tmp_path / "broken").status()
    assert (stopped.state, 10 <= stopped.step < 12) == ("stopped", True)
    torch.randn(3)  # what another task draws in between
    run_inline(train, spec(recipe(), "broken", broken, resume=True, jitter=0.2))
    assert equal(weights(straight[0]), weights(broken[1]))
    assert rows(tmp_path / "straight") == rows(tmp_path / "broken")
    one, other = (load_bundle(tmp_path / name / "bundle") for name in ("straight", "broken"))
    assert one.hash == other.hash


@pytest.mark.parametrize("stop", [1, 4, 5, 13, 19])
def test_wherever_it_is_stopped_it_goes_on_the_same(recipe, spec, tmp_path, stop):
    straight, broken = [], []
    run_inline(train, spec(recipe(), "straight", straight, jitter=0.2))
    with pytest.raises(Cancelled):
        run_inline(train, spec(recipe(), "broken", broken, jitter=0.2), context=cancel_at(stop))
    run_inline(train, spec(recipe(), "broken", broken, resume=True, jitter=0.2))
    assert equal(weights(straight[0]), weights(broken[1]))
    assert rows(tmp_path / "straight") == rows(tmp_path / "broken")


def test_threads_that_prepare_batches_change_nothing(recipe, spec):
    results = []
    for workers in (0, 1, 3):
        made = []
        run_inline(train, spec(recipe(workers=workers), f"w{workers}", made, jitter=0.1))
        results.append(weights(made[0]))
    assert equal(results[0], results[1])
    assert equal(results[0], results[2])
    assert not any(thread.name.startswith("batches") for thread in threading.enumerate())


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_validation_that_was_cancelled_is_made_once_in_the_end(recipe, spec, tmp_path, number):
    left = [number]

    def cancel(context):
        left[0] -= 1
        if left[0] == 0:
            context.cancel_event.set()

    run_inline(train, spec(recipe(), "straight"))
    with pytest.raises(Cancelled):
        run_inline(train, spec(recipe(), "broken", on_validate=cancel))
    with pytest.raises(Cancelled):  # once more, right behind the validation
        run_inline(train, spec(recipe(), "broken", resume=True), context=cancel_at(0))
    run_inline(train, spec(recipe(), "broken", resume=True))
    assert rows(tmp_path / "straight") == rows(tmp_path / "broken")
