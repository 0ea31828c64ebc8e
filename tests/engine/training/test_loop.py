"""The loop: what it reaches, and that stopping and going on changes nothing."""

from __future__ import annotations

import pickle
import threading
import time
import zipfile
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from engine.audio.clip import Clip
from engine.tasks import Cancelled, Context, Failure, run_inline
from engine.training.bundle import load_bundle
from engine.training.loop import train
from engine.training.optimization import Stepper, make_optimizer
from engine.training.run_folder import RunFolder, RunStatus
from engine.training.team import Solo
from engine.training.trainable import Preview
from tests.engine.training.toy import Regression


def rows(path):
    """All of metrics.csv but the seconds."""
    return [(row.step, row.split, row.name, row.value) for row in RunFolder(path).metrics().rows]


def weights(model):
    return {key: value.clone() for key, value in model.module.state_dict().items()}


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def wait_for(condition, timeout_s=20.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


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


def test_threads_that_prepare_batches_change_nothing(recipe, spec):
    results = []
    for workers in (0, 1, 3):
        made = []
        run_inline(train, spec(recipe(workers=workers), f"w{workers}", made, jitter=0.1))
        results.append(weights(made[0]))
    assert equal(results[0], results[1])
    assert equal(results[0], results[2])
    assert not any(thread.name.startswith("batches") for thread in threading.enumerate())


def test_a_failure_of_a_batch_in_a_thread_is_the_failure_of_the_training(recipe, spec):
    def fail(step):
        if step == 4:
            raise Failure("The song is damaged.")

    with pytest.raises(Failure, match="The song is damaged"):
        run_inline(train, spec(recipe(workers=2), on_batch=fail))


def test_batches_of_a_step_are_averaged(recipe, spec):
    """Four batches of 8 move the weights like one of 32 of the same examples."""
    one, four = [], []
    run_inline(train, spec(recipe(batch_size=32), "one", one))
    split = recipe(batch_size=8, accumulate=4)

    class Split(Regression):
        def batch(self, step, rank, world):
            whole = one[0].batch(step // 4, 0, 1)
            return tuple(part[8 * (step % 4) :][:8] for part in whole)

    def make(recipe, device, context):
        four.append(Split(recipe))
        return four[0]

    run_inline(train, replace(spec(split, "four"), make=make))
    assert np.abs(one[0].weights() - four[0].weights()).max() < 1e-5


def test_losses_that_are_not_finite_are_left_out_and_counted(recipe, spec, tmp_path):
    made = []

    class Sometimes(Regression):
        steps: ClassVar[list[int]] = []

        def losses(self, batch):
            self.steps.append(len(self.steps))
            losses = super().losses(batch)
            return losses | {"total": losses["total"] * (np.nan if self.steps[-1] % 5 == 2 else 1)}

    def make(recipe, device, context):
        made.append(Sometimes(recipe))
        return made[0]

    context = Context()
    result = run_inline(train, replace(spec(recipe(log_every=1)), make=make), context=context)
    assert result.step == 20
    assert np.isfinite(made[0].weights()).all()
    assert [text for text in context.warnings if "not finite" in text]
    metrics = RunFolder(result.run).metrics()
    assert metrics.last("train", "skipped") == 4
    steps, values = metrics.curve("train", "total")
    assert set(range(1, 21)) - set(steps) == {3, 8, 13, 18}
    assert np.isfinite(values).all()
    assert "4 (not finite)" in (result.bundle / "card.md").read_text()


def test_a_training_that_diverged_fails_and_says_so(recipe, spec, tmp_path):
    class Never(Regression):
        def losses(self, batch):
            return {"total": super().losses(batch)["total"] * np.inf}

    job = replace(spec(recipe()), make=lambda recipe, device, context: Never(recipe))
    with pytest.raises(Failure, match="10 times in a row"):
        run_inline(train, job)
    status = RunFolder(tmp_path / "run").status()
    assert status.state == "failed"
    assert "10 times in a row" in status.message


def test_it_stops_early_once_the_score_is_worn_out(recipe, spec, tmp_path):
    class Worse(Regression):
        scores = iter((3.0, 2.0, 2.5, 2.1, 2.0, 1.0))

        def validate(self, context):
            return {"score": next(self.scores)}

    job = spec(recipe(steps=100, validate_every=10, checkpoint_every=100, patience=3))
    result = run_inline(train, replace(job, make=lambda recipe, device, context: Worse(recipe)))
    assert (result.step, result.best_step, result.best_score) == (40, 10, 2.0)
    assert RunFolder(result.run).status().state == "done"
    assert "00000010" in {path.name for path in (tmp_path / "run" / "checkpoints").iterdir()}


def test_the_bundle_holds_the_averages_of_the_best_step(recipe, spec, tmp_path):
    """An average kept by hand over every step's weights, with the documented decay."""
    history = []

    class Watched(Regression):
        def losses(self, batch):
            history.append(self.weights())
            return super().losses(batch)

        def validate(self, context):
            history.append(self.weights())  # these are the averages
            return {"score": float(20 - len(history))}

    job = spec(recipe(ema_decay=0.5, validate_every=20, log_every=20))
    made = []
    run_inline(
        train,
        replace(job, make=lambda recipe, device, context: made.append(Watched(recipe)) or made[0]),
    )
    weights = [*history[2:-1], made[0].weights()]  # after each step
    average = history[1]
    for number, now in enumerate(weights):
        decay = min(0.5, (1 + number) / (10 + number))
        average = decay * average + (1 - decay) * now
    assert np.abs(history[-1] - average).max() < 1e-5
    bundle = load_bundle(tmp_path / "run" / "bundle")
    assert np.abs(bundle.tensors["weight"].numpy()[0] - average[:-1]).max() < 1e-5
    assert np.abs(made[0].weights() - average).max() > 1e-3  # training goes on with its own


@pytest.mark.parametrize("workers", [0, 2])
def test_a_cancel_takes_effect_within_one_step(recipe, spec, tmp_path, workers):
    context = Context()

    def cancel(step):
        if step == 7:
            context.cancel_event.set()

    with pytest.raises(Cancelled):
        run_inline(train, spec(recipe(workers=workers), on_batch=cancel), context=context)
    folder = RunFolder(tmp_path / "run")
    status = folder.status()
    assert status.state == "stopped"
    assert status.step <= 8
    assert f"{status.step:08d}" in {path.name for path in folder.checkpoints.iterdir()}


def test_a_paused_training_waits_without_working_and_goes_on(recipe, spec, tmp_path):
    folder = RunFolder(tmp_path / "run")
    done = []
    straight = []
    run_inline(train, spec(recipe(), "straight", straight, jitter=0.1))

    def pause(step):
        if step == 7:
            folder.pause()

    made = []
    job = spec(recipe(), made=made, on_batch=pause, jitter=0.1)
    thread = threading.Thread(target=lambda: done.append(run_inline(train, job)))
    thread.start()
    wait_for(lambda: (status := folder.status()) is not None and status.state == "paused")
    used, step = time.process_time(), folder.status().step
    time.sleep(0.5)
    assert time.process_time() - used < 0.2
    assert folder.status().step == step == 8
    resumed = time.monotonic()
    folder.resume()
    wait_for(lambda: folder.status().step > step or folder.status().state != "paused")
    assert time.monotonic() - resumed < 0.5
    thread.join(20)
    assert done[0].step == 20
    assert folder.status().seconds < 0.5 + RunFolder(tmp_path / "straight").status().seconds + 2
    assert equal(weights(straight[0]), weights(made[0]))


@pytest.mark.parametrize("way", ["cancel", "stop file"])
def test_a_paused_training_can_be_stopped(recipe, spec, tmp_path, way):
    folder = RunFolder(tmp_path / "run")
    context = Context()
    ended = []

    def job():
        with pytest.raises(Cancelled):
            run_inline(
                train,
                spec(recipe(), on_batch=lambda step: folder.pause()),
                context=context,
            )
        ended.append(time.monotonic())

    thread = threading.Thread(target=job)
    thread.start()
    wait_for(lambda: (status := folder.status()) is not None and status.state == "paused")
    asked = time.monotonic()
    if way == "cancel":
        context.cancel_event.set()
    else:
        folder.stop()
    thread.join(20)
    assert ended[0] - asked < 1.0
    assert folder.status().state == "stopped"
    assert run_inline(train, spec(recipe(), resume=True)).step == 20  # PAUSE is forgotten


def test_a_folder_with_a_training_is_not_overwritten(recipe, spec, tmp_path):
    run_inline(train, spec(recipe(steps=1)))
    before = (tmp_path / "run" / "metrics.csv").read_bytes()
    with pytest.raises(Failure, match="holds a training already"):
        run_inline(train, spec(recipe(steps=1)))
    with pytest.raises(Failure, match="no training"):
        run_inline(train, spec(recipe(), "nowhere", resume=True))
    assert (tmp_path / "run" / "metrics.csv").read_bytes() == before
    assert not (tmp_path / "nowhere").exists()


def test_a_finished_training_can_be_given_more_steps(recipe, spec):
    run_inline(train, spec(recipe(steps=5)))
    assert run_inline(train, spec(recipe(steps=12), resume=True)).step == 12


def test_reports_carry_the_status_and_count_up(recipe, spec):
    reports = []
    context = Context(reports.append, interval_s=0.0)
    run_inline(train, spec(recipe()), context=context)
    statuses = [report.partial for report in reports]
    assert all(isinstance(status, RunStatus) for status in statuses)
    steps = [status.step for status in statuses]
    assert steps == sorted(steps)
    assert statuses[0].state == "running"
    assert statuses[-1].state == "done"
    assert (reports[-1].done, reports[-1].total) == (20, 20)


def test_previews_are_audio_and_figures_are_plots(recipe, spec):
    result = run_inline(train, spec(recipe(preview_every=10)))
    folder = RunFolder(result.run)
    samples = folder.samples()
    assert [(sample.step, sample.name) for sample in samples] == [
        (0, "tone"),
        (10, "tone"),
        (20, "tone"),
    ]
    before, after = (soundfile.read(path)[0] for path in (samples[0].before, samples[0].after))
    assert (before == 0).all()
    assert (after == 0.25).all()
    figure = folder.figures()["weights"]
    assert figure["style"] == "bar"
    assert figure["series"][0]["x"] == list("abcde")


def test_the_first_and_the_newest_previews_are_kept(recipe, spec):
    result = run_inline(train, spec(recipe(preview_every=1)))
    steps = [sample.step for sample in RunFolder(result.run).samples()]
    assert steps == [0, *range(12, 21)]


def test_a_preview_that_fails_does_not_end_the_training(recipe, spec):
    class Mute(Regression):
        def previews(self):
            clip = Clip(np.full((1, 64), np.nan, np.float32), 8000)
            return (Preview("broken", clip, clip),)

    job = replace(spec(recipe()), make=lambda recipe, device, context: Mute(recipe))
    context = Context()
    result = run_inline(train, job, context=context)
    assert result.step == 20
    assert [text for text in context.warnings if "previews" in text]
    assert RunFolder(result.run).samples() == ()


def test_a_loss_that_comes_now_and_then_is_logged_as_its_own_mean(recipe, spec):
    class Sometimes(Regression):
        def batch(self, step, rank, world):
            return (*super().batch(step, rank, world), step)

        def losses(self, batch):
            extra = {"rare": torch.tensor(float(batch[2]))} if batch[2] % 3 == 0 else {}
            return super().losses(batch[:2]) | extra

    loops = {"log_every": 7, "steps": 14, "accumulate": 2}
    job = replace(spec(recipe(**loops)), make=lambda recipe, device, context: Sometimes(recipe))
    result = run_inline(train, job)
    steps, values = RunFolder(result.run).metrics().curve("train", "rare")
    # batches 0..13 hold 0 3 6 9 12, one in each of five steps; then 15 18 21 24 27
    assert steps.tolist() == [7, 14]
    assert values.tolist() == [6.0, 21.0]


def test_no_file_of_a_run_is_a_pickle(recipe, spec, tmp_path):
    run_inline(train, spec(recipe(preview_every=5)))
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    kinds = {path.suffix or path.name for path in files}
    assert kinds == {".toml", ".json", ".csv", ".wav", ".safetensors", ".md", ".lock"}
    files = [path for path in files if path.name != ".lock"]
    assert (tmp_path / "run" / ".lock").read_bytes() == b""
    for path in files:
        assert not zipfile.is_zipfile(path)
        with pytest.raises(Exception):  # noqa: B017 - whatever unpickling says to it
            pickle.loads(path.read_bytes())  # noqa: S301


def test_weights_that_decay_are_matrices(recipe):
    module = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Conv1d(2, 2, 3))
    groups = make_optimizer(module, recipe(weight_decay=0.1).loop).param_groups
    assert [(len(group["params"]), group["weight_decay"]) for group in groups] == [
        (2, 0.1),
        (4, 0.0),
    ]


def test_gradients_are_clipped_to_their_norm(recipe):
    """With plain numbers: the gradient of w·x is x."""
    module = nn.Linear(2, 1, bias=False)
    settings = recipe(clip_norm=1.0).loop
    stepper = Stepper(module, lambda x: {"total": module(x).sum()}, settings, Solo(), "cpu")
    measured, changed = stepper.step(0, [torch.tensor([[3.0, 4.0]])])
    assert changed
    assert measured["gradient_norm"] == pytest.approx(5.0)
    assert module.weight.grad.flatten().tolist() == pytest.approx([0.6, 0.8])
