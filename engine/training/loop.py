"""The training loop: a task every kind of model shares."""

from __future__ import annotations

import math
import os
import socket
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from engine.audio.export_format import ExportFormat
from engine.audio.writer import write_audio
from engine.failures import as_failure
from engine.plain_json import finite
from engine.tasks import Cancelled, Context, Failure
from engine.training.averages import Averages
from engine.training.batches import Batches
from engine.training.bundle import save_bundle, write_card
from engine.training.card import render_card
from engine.training.checkpoint import (
    LoopState,
    list_checkpoints,
    load_checkpoint,
    save_checkpoint,
)
from engine.training.machine import machine_name
from engine.training.metrics import TRAIN, VALIDATION, MetricsWriter
from engine.training.optimization import Stepper, seed_step
from engine.training.recipe import Recipe, save_recipe
from engine.training.run_folder import SIDES, RunFolder, RunStatus, State
from engine.training.schedule import learning_rate
from engine.training.team import Solo, Team
from engine.training.trainable import SCORE, TOTAL, Make

STATUS_INTERVAL_S = 0.5
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
    """What a training gave."""

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
    if team.rank == 0:
        _open(folder, spec)
    team.follow(GO)
    loop = _Loop(spec, context, team, folder)
    try:
        return loop.run()
    except Cancelled:
        loop.tell("stopped", "Stopped; it can be resumed.")
        raise
    except BaseException as error:
        loop.tell("failed", str(as_failure(error)))
        raise


def _open(folder: RunFolder, spec: TrainSpec) -> None:
    """Make the folder ready, or refuse it."""
    status = folder.status()
    if status is not None and not spec.resume:
        raise Failure(
            f"The folder {folder.path} holds a training already.",
            f"It is {status.state} at step {status.step}.",
            "Resume it, or choose another folder.",
        )
    if status is None and spec.resume:
        raise Failure(f"There is no training in {folder.path} to resume.")
    if status is not None and not status.ended and status.process != os.getpid():
        raise Failure(
            f"The training in {folder.path} is still {status.state}.",
            f"Process {status.process} on {status.host} works on it.",
            "Wait until it ends, or stop it.",
        )
    if spec.resume and (kind := folder.recipe().kind) != spec.recipe.kind:
        raise Failure(f"The training in {folder.path} is of the kind “{kind}”, not this recipe's.")
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.clear_requests()
    save_recipe(spec.recipe, folder.recipe_path)


class _Loop:
    """One training in one process; only the leader of a team validates and writes."""

    def __init__(self, spec: TrainSpec, context: Context, team: Team, folder: RunFolder) -> None:
        self.spec = spec
        self.context = context
        self.team = team
        self.folder = folder
        self.settings = spec.recipe.loop
        self.state = LoopState(started_at=time.time())
        self.loss = math.nan
        self._leads = team.rank == 0
        self._saved_step = -1
        self._told_at = -math.inf
        self._clock = time.monotonic()

    def run(self) -> TrainResult:
        """Train to the end."""
        self.tell("running", "Preparing data and model.")
        self._prepare()
        try:
            self._train()
        except Cancelled:
            self._save()
            raise
        return self._finish()

    def tell(self, state: State, message: str = "") -> None:
        """Write and report where the training is."""
        if not self._leads:
            return
        now = self.state
        status = RunStatus(
            state=state,
            step=now.step,
            steps=self.settings.steps,
            best_step=now.best_step,
            best_score=now.best_score,
            started_at=now.started_at,
            seconds=now.seconds,
            message=message,
            process=os.getpid(),
            host=socket.gethostname(),
        )
        text = message or f"step {now.step}, loss {self.loss:.4g}, best score {now.best_score:.4g}"
        self.context.report(now.step, self.settings.steps, text, status)
        if state != "running" or message or time.monotonic() - self._told_at > STATUS_INTERVAL_S:
            self._told_at = time.monotonic()
            self.folder.write_status(status)

    def _prepare(self) -> None:
        recipe, device = self.spec.recipe, self.context.device
        if recipe.loop.precision == "bf16" and not device.startswith("cuda"):
            self.context.warn("bf16 is for GPUs; this training computes in float32.")
        seed_step(recipe.seed, 0, 0)  # the same first weights in every process
        self.trainable = self.spec.make(recipe, device, self.context)
        self.module = self.trainable.module
        self.module.train()
        self.averages = Averages(self.module, self.settings.ema_decay)
        self.stepper = Stepper(self.module, self.trainable.losses, self.settings, self.team, device)
        steps = list_checkpoints(self.folder.checkpoints) if self.spec.resume else ()
        if steps:
            newest = self.folder.checkpoints / f"{steps[-1]:08d}"
            self.state = load_checkpoint(newest, self.module, self.averages, self.stepper.optimizer)
            self._saved_step = self.state.step
        if self._leads:
            self.metrics = MetricsWriter(self.folder.metrics_path)
            self.metrics.keep_until(self.state.step if steps else -1)
        self.team.follow(GO)

    def _train(self) -> None:
        count, rank, world = self.settings.accumulate, self.team.rank, self.team.world
        make = partial(self.trainable.batch, rank=rank, world=world)
        self._clock = time.monotonic()
        with Batches(make, self.settings.steps * count, self.settings.workers) as batches:
            while self._milestones() == GO:
                self._wait()
                first = self.state.step * count
                numbers = range(first, first + count)
                self._step([batches.get(number, self._check) for number in numbers])

    def _check(self) -> None:
        """Raise Cancelled if it shall stop; for waiting where others need not agree."""
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

    def _step(self, batches: list[object]) -> None:
        state = self.state
        seed_step(self.spec.recipe.seed, self.team.rank, state.step + 1)
        measured, changed = self.stepper.step(state.step, batches)
        state.step += 1
        if changed:
            self.averages.update(state.updates)
            state.updates += 1
            state.skipped_in_a_row = 0
            state.window_steps += 1
            for name, value in measured.items():
                state.window[name] = state.window.get(name, 0.0) + value
        else:
            self._skip()
        self._tick()
        self.loss = measured[TOTAL]
        if state.step % self.settings.log_every == 0 or state.step == self.settings.steps:
            self._log()
        self.tell("running")

    def _skip(self) -> None:
        state = self.state
        state.skipped += 1
        state.skipped_in_a_row += 1
        self.context.warn("Losses or gradients that were not finite were left out.")
        if state.skipped_in_a_row >= MOST_SKIPPED_IN_A_ROW:
            raise Failure(
                f"The loss was not finite {state.skipped_in_a_row} times in a row.",
                f"At step {state.step} the training had diverged.",
                "Lower the learning rate or clip_norm, or look for bad data, and start again.",
            )

    def _log(self) -> None:
        state = self.state
        means = {name: value / state.window_steps for name, value in state.window.items()}
        state.window, state.window_steps = {}, 0
        if self._leads:
            rate = learning_rate(state.step - 1, self.settings)
            numbers = means | {"learning_rate": rate, "skipped": float(state.skipped)}
            self.metrics.append(state.step, state.seconds, TRAIN, numbers)

    def _tick(self) -> None:
        """Add the time since the last tick."""
        now = time.monotonic()
        self.state.seconds += now - self._clock
        self._clock = now

    def _milestones(self) -> int:
        """What is due at this step; tells whether to go on. Doing it twice does it once."""
        outcome = GO
        if self._leads:
            try:
                outcome = self._lead()
            except Cancelled:
                outcome = STOP
        outcome = self.team.follow(outcome)
        if outcome == STOP:
            raise Cancelled
        return outcome

    def _lead(self) -> int:
        state, settings = self.state, self.settings
        last = state.step >= settings.steps
        if (last or state.step % settings.validate_every == 0) and (
            state.validated_step != state.step
        ):
            self._validate()
        worn_out = 0 < settings.patience <= state.stale
        last = last or worn_out
        every = settings.preview_every
        if (last or (every and state.step % every == 0)) and state.previewed_step != state.step:
            self._preview()
        if last or (state.step and state.step % settings.checkpoint_every == 0):
            self._save()
        return END if last else GO

    def _validate(self) -> None:
        state = self.state
        self.tell("running", "Validating.")
        seed_step(self.spec.recipe.seed, 0, 0)
        with self.averages.used():
            scores = {key: float(v) for key, v in self.trainable.validate(self.context).items()}
            figures = self.trainable.figures()
        score = scores[SCORE]
        self._tick()
        self.metrics.append(state.step, state.seconds, VALIDATION, scores)
        for figure in figures:
            self.folder.write_figure(figure.name, asdict(figure))
        state.validated_step = state.step
        if not math.isfinite(score):
            self.context.warn("A validation's score was not finite.")
        if state.better(score):
            state.best_step, state.best_score, state.stale = state.step, score, 0
            state.best_scores = scores
            self._bundle()
            self._save()
        else:
            state.stale += 1
        self.tell("running", f"Validated: score {score:.4g}.")

    def _preview(self) -> None:
        state = self.state
        seed_step(self.spec.recipe.seed, 0, 0)
        with self.averages.used():
            previews = self.trainable.previews()
        exact = ExportFormat("wav", 32)
        for preview in previews:
            for side, clip in zip(SIDES, (preview.before, preview.after), strict=True):
                path = self.folder.sample_path(state.step, preview.name, side)
                path.parent.mkdir(parents=True, exist_ok=True)
                write_audio(path, [clip.samples], clip.rate, clip.channels, exact)
        state.previewed_step = state.step
        self._tick()

    def _save(self) -> None:
        if not self._leads or self._saved_step == self.state.step:
            return
        self._tick()
        optimizer = self.stepper.optimizer
        root = self.folder.checkpoints
        save_checkpoint(root, self.state, self.module, self.averages, optimizer)
        self._saved_step = self.state.step

    def _bundle(self) -> None:
        recipe = self.spec.recipe
        save_bundle(
            self.folder.bundle,
            self.averages.tensors,
            dict(finite(dict(self.trainable.config()))),
            kind=recipe.kind,
            name=recipe.name,
            scores=self.state.best_scores,
            card=self._card(),
        )

    def _card(self) -> str:
        description = self.trainable.description()
        machine = machine_name(self.context.device)
        return render_card(self.spec.recipe, self.state, description, machine, self.team.world)

    def _finish(self) -> TrainResult:
        state = self.state
        if self._leads:
            if not self.folder.bundle.exists():  # no validation gave a number
                self._bundle()
            write_card(self.folder.bundle, self._card())
            early = state.step < self.settings.steps
            why = "The score had stopped getting better." if early else "All steps were made."
            self.tell("done", why)
        return TrainResult(
            self.folder.path, state.step, state.best_step, state.best_score, self.folder.bundle
        )
