"""The training loop: a task every kind of model shares."""

from __future__ import annotations

import contextlib
import math
import os
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from engine.failures import as_failure
from engine.tasks import Cancelled, Context, Failure
from engine.training.averages import Averages
from engine.training.batches import Batches
from engine.training.checkpoint import LoopState, list_checkpoints, load_checkpoint, load_state
from engine.training.metrics import TRAIN, VALIDATION
from engine.training.optimization import Stepper, seed_step
from engine.training.recipe import Recipe, save_recipe
from engine.training.recorder import Recorder
from engine.training.run_folder import RunFolder, State
from engine.training.schedule import learning_rate
from engine.training.team import Solo, Team
from engine.training.trainable import SCORE, TOTAL, Make

PAUSE_POLL_S = 0.1
MOST_SKIPPED_IN_A_ROW = 10
GO, END, STOP = 0, 1, 2


@dataclass(frozen=True, slots=True)
class TrainSpec:
    """What to train and where.

    Parameters
    ----------
    recipe
        Of the training.
    run
        Its run folder; made if it is not there.
    make
        Makes the model of the recipe's kind.
    resume
        Go on from the newest checkpoint of ``run``; otherwise it must hold no training.
    """

    recipe: Recipe
    run: Path
    make: Make
    resume: bool = False


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a training gave: steps made, the best of them, and the bundle of its weights."""

    run: Path
    step: int
    best_step: int
    best_score: float
    bundle: Path


def train(spec: TrainSpec, context: Context) -> TrainResult:
    """Train until all steps are made or the score has stopped getting better; a task.

    ``progress.partial`` is the :class:`RunStatus`. Cancelled, it ends before the next step with a
    checkpoint, from which ``resume`` goes on bit for bit.

    Raises
    ------
    Failure
        If the folder holds a training already, a checkpoint does not fit, or too many losses in a
        row were not finite. The run's status says so, too.
    Cancelled
        If the task was cancelled or the run asked to stop.
    """
    return train_in_team(spec, context, Solo())


def train_in_team(spec: TrainSpec, context: Context, team: Team) -> TrainResult:
    """Train as one process of a team; see :func:`train`."""
    folder = RunFolder(spec.run)
    with contextlib.ExitStack() as stack:
        if team.rank == 0:
            check_run(folder, spec.recipe, resume=spec.resume)
            stack.enter_context(folder.held())
            begin_run(folder, spec.recipe)
        team.follow(GO)
        loop = _Loop(spec, context, team, folder)
        try:
            return loop.run()
        except Cancelled:
            loop.tell("stopped", "Stopped; it can be resumed.")
            raise
        except BaseException as error:
            with contextlib.suppress(OSError):  # a full disk is told by the error itself
                loop.tell("failed", str(as_failure(error)))
            raise


def check_run(folder: RunFolder, recipe: Recipe, *, resume: bool) -> None:
    """Refuse a folder in which this training cannot begin or go on; change nothing.

    Raises
    ------
    Failure
        If it holds a training and ``resume`` is False, or none and it is True; if another process
        works on it; if it is of another kind.
    """
    status = folder.status()
    if status is not None and not resume:
        raise Failure(
            f"The folder {folder.path} holds a training already.",
            f"It is {status.state} at step {status.step}.",
            "Resume it, or choose another folder.",
        )
    if status is None and resume:
        raise Failure(f"There is no training in {folder.path} to resume.")
    if status is not None and not status.ended and status.process != os.getpid():
        raise Failure(
            f"The training in {folder.path} is still {status.state}.",
            f"Process {status.process} on {status.host} works on it.",
            "Wait until it ends, or stop it.",
        )
    if resume and (kind := folder.recipe().kind) != recipe.kind:
        raise Failure(
            f"The training in {folder.path} is of the kind “{kind}”, not “{recipe.kind}”."
        )


def begin_run(folder: RunFolder, recipe: Recipe) -> None:
    """Forget old requests to pause or stop, and keep the recipe."""
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.clear_requests()
    save_recipe(recipe, folder.recipe_path)


class _Loop:
    """One training in one process; only the leader of a team validates and writes."""

    def __init__(self, spec: TrainSpec, context: Context, team: Team, folder: RunFolder) -> None:
        self.context = context
        self.team = team
        self.folder = folder
        self.recipe = spec.recipe
        self.settings = spec.recipe.loop
        self.state = LoopState(started_at=time.time())
        self.recorder = (
            Recorder(folder, spec.recipe, context, team.world) if team.rank == 0 else None
        )
        self._spec = spec
        self._loss = math.nan
        self._clock = time.monotonic()

    def run(self) -> TrainResult:
        """Train to the end."""
        steps = list_checkpoints(self.folder.checkpoints) if self._spec.resume else ()
        newest = self.folder.checkpoints / f"{steps[-1]:08d}" if steps else None
        if newest is not None:  # so that the status never goes back
            self.state = load_state(newest)
        self.tell("running", "Preparing data and model.")
        self._prepare(newest)
        try:
            self._train()
        except Cancelled:
            self._save()
            raise
        return self._finish()

    def tell(self, state: State, message: str = "") -> None:
        """Say where the training is."""
        if self.recorder is not None:
            self.recorder.tell(self.state, state, message, self._loss)

    def _prepare(self, newest: Path | None) -> None:
        """Make the model, and put the newest checkpoint into it."""
        device = self.context.device
        if self.settings.precision == "bf16" and not device.startswith("cuda"):
            self.context.warn("bf16 is for GPUs; this training computes in float32.")
        self._seed(0, 0)  # the same first weights in every process
        self.trainable = self._spec.make(self.recipe, device, self.context)
        self.module = self.trainable.module
        self.module.train()
        self.averages = Averages(self.module, self.settings.ema_decay)
        self.stepper = Stepper(self.module, self.trainable.losses, self.settings, self.team, device)
        if newest is not None:
            self.state = load_checkpoint(newest, self.module, self.averages, self.stepper.optimizer)
        if self.recorder is not None:
            self.recorder.begin(self.state if newest is not None else None)
        self.team.follow(GO)  # nobody trains, and stops, before all have read the checkpoint

    def _train(self) -> None:
        count = self.settings.accumulate
        make = partial(self.trainable.batch, rank=self.team.rank, world=self.team.world)
        self._clock = time.monotonic()
        with Batches(make, self.settings.steps * count, self.settings.workers) as batches:
            while self._milestones() == GO:
                self._wait()
                first = self.state.step * count
                numbers = range(first, first + count)
                self._step([batches.get(number, self._check) for number in numbers])

    def _seed(self, rank: int, step: int) -> None:
        seed_step(self.recipe.seed, rank, step, self.context.device)

    def _check(self) -> None:
        """While waiting for a batch: stop at once, unless others would wait for this process."""
        if self.team.world == 1:
            self.context.checkpoint()

    def _wait(self) -> None:
        """Before a step: wait while paused, stop if one of the team was asked to."""
        if self.folder.paused:
            self._tick()
            self.tell("paused", "Paused.")
            while self.folder.paused and not self._asked_to_stop():
                time.sleep(PAUSE_POLL_S)
            self._clock = time.monotonic()
            self.tell("running", "Going on.")
        if self.team.any(self._asked_to_stop()):
            raise Cancelled

    def _asked_to_stop(self) -> bool:
        return self.context.cancel_event.is_set() or self.folder.stop_asked

    def _step(self, batches: list[Any]) -> None:
        state = self.state
        self._seed(self.team.rank, state.step + 1)
        measured, changed = self.stepper.step(state.step, batches)
        state.step += 1
        if changed:
            self.averages.update(state.updates)
            state.record(measured)
        else:
            self._skip()
        self._tick()
        self._loss = measured[TOTAL]
        if state.step % self.settings.log_every == 0 or state.step == self.settings.steps:
            means = state.take_window()
            if self.recorder is not None:
                rate = learning_rate(state.step - 1, self.settings)
                extra = {"learning_rate": rate, "skipped": float(state.skipped)}
                self.recorder.numbers(state, TRAIN, means | extra)
        self.tell("running")

    def _skip(self) -> None:
        state = self.state
        state.skipped += 1
        state.skipped_in_a_row += 1
        self.context.warn("Steps whose loss or gradients were not finite were left out.")
        if state.skipped_in_a_row >= MOST_SKIPPED_IN_A_ROW:
            raise Failure(
                f"The loss was not finite {state.skipped_in_a_row} times in a row.",
                f"At step {state.step} the training had diverged.",
                "Lower the learning rate or clip_norm, or look for bad data, and start again.",
            )

    def _tick(self) -> None:
        """Add the time since the last tick."""
        now = time.monotonic()
        self.state.seconds += now - self._clock
        self._clock = now

    def _milestones(self) -> int:
        """Do what is due at this step and say whether to go on; all of the team agree."""
        outcome = GO
        if self.recorder is not None:
            try:
                outcome = self._lead(self.recorder)
            except Cancelled:
                outcome = STOP
        outcome = self.team.follow(outcome)
        if outcome == STOP:
            raise Cancelled
        return outcome

    def _lead(self, recorder: Recorder) -> int:
        """Validate, listen and save where it is due; what was done at this step is not redone."""
        state, settings = self.state, self.settings
        last = state.step >= settings.steps
        if last or state.step % settings.validate_every == 0:
            self._validate(recorder)
        last = last or 0 < settings.patience <= state.stale
        if last or (settings.preview_every and state.step % settings.preview_every == 0):
            self._preview(recorder)
        if last or (state.step and state.step % settings.checkpoint_every == 0):
            self._save()
        return END if last else GO

    def _validate(self, recorder: Recorder) -> None:
        state = self.state
        if state.validated_step == state.step:
            return
        self.tell("running", "Validating.")
        self._seed(0, 0)
        with self.averages.used():
            scores = {key: float(v) for key, v in self.trainable.validate(self.context).items()}
            figures = self.trainable.figures()
        self._tick()
        recorder.numbers(state, VALIDATION, scores)
        recorder.figures(figures)
        if not math.isfinite(scores[SCORE]):
            self.context.warn("A validation's score was not finite.")
        if state.judge(scores, scores[SCORE]):
            # the bundle first: killed in between, the run comes back to this step and repeats it
            recorder.bundle(state, self.trainable, self.averages)
            self._save()
        self.tell("running", f"Validated: score {scores[SCORE]:.4g}.")

    def _preview(self, recorder: Recorder) -> None:
        if self.state.previewed_step == self.state.step:
            return
        self._seed(0, 0)
        try:
            with self.averages.used():
                previews = self.trainable.previews()
            recorder.previews(self.state.step, previews)
        except (Failure, OSError, ArithmeticError, ValueError, RuntimeError) as error:
            # hours of training are worth more than something to listen to
            self.context.warn(f"Some previews could not be made. {as_failure(error)}")
        self.state.previewed_step = self.state.step
        self._tick()

    def _save(self) -> None:
        if self.recorder is not None:
            self._tick()
            optimizer = self.stepper.optimizer
            self.recorder.checkpoint(self.state, self.module, self.averages, optimizer)

    def _finish(self) -> TrainResult:
        state, bundle = self.state, self.folder.bundle
        if self.recorder is not None:
            if not bundle.exists():  # no validation gave a number
                self.recorder.bundle(state, self.trainable, self.averages)
            self.recorder.card(state, self.trainable)
            early = state.step < self.settings.steps
            why = "The score had stopped getting better." if early else "All steps were made."
            self.tell("done", why)
        return TrainResult(self.folder.path, state.step, state.best_step, state.best_score, bundle)
