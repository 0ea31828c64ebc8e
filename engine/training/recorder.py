"""Recorder: what a training leaves in its run folder."""

from __future__ import annotations

import math
import os
import shutil
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

import torch
from torch import nn

from engine.audio.export_format import ExportFormat
from engine.audio.writer import write_audio
from engine.plain_json import finite
from engine.tasks import Context
from engine.training.averages import Averages
from engine.training.bundle import save_bundle, write_card
from engine.training.card import render_card
from engine.training.checkpoint import LoopState, save_checkpoint
from engine.training.machine import machine_name
from engine.training.metrics import MetricsWriter
from engine.training.recipe import Recipe
from engine.training.run_folder import SIDES, RunFolder, RunStatus, State
from engine.training.trainable import Figure, Preview, Trainable

STATUS_INTERVAL_S = 0.5
# A set of previews can be tens of megabytes.
KEPT_PREVIEWS = 10


@dataclass(slots=True)
class Recorder:
    """Writes and reports; used by the leader of a team only.

    Parameters
    ----------
    folder, recipe, context
        Of the training.
    processes
        How many train together, for the card.
    """

    folder: RunFolder
    recipe: Recipe
    context: Context
    processes: int = 1
    _told_at: float = -math.inf
    _saved: tuple[int, int, int] = (-1, -1, -1)
    _metrics: MetricsWriter = field(init=False)

    def begin(self, now: LoopState | None) -> None:
        """Keep the curves up to the checkpoint where the training goes on; None is the start."""
        self._metrics = MetricsWriter(self.folder.metrics_path)
        if now is None:
            self._metrics.keep_until(-1, -1)
        else:
            self._metrics.keep_until(now.step, now.validated_step)
            self._saved = _milestones(now)

    def tell(self, now: LoopState, state: State, message: str = "", loss: float = math.nan) -> None:
        """Write and report where the training is; without a message, not at every call."""
        steps = self.recipe.loop.steps
        status = RunStatus(
            state=state,
            step=now.step,
            steps=steps,
            best_step=now.best_step,
            best_score=now.best_score,
            started_at=now.started_at,
            seconds=now.seconds,
            message=message,
            process=os.getpid(),
            host=socket.gethostname(),
            loss=loss,
        )
        self.context.report(now.step, steps, status.text, status)
        if message or time.monotonic() - self._told_at > STATUS_INTERVAL_S:
            self._told_at = time.monotonic()
            self.folder.write_status(status)

    def numbers(self, now: LoopState, split: str, values: Mapping[str, float]) -> None:
        """Append to the curves."""
        self._metrics.append(now.step, now.seconds, split, values)

    def figures(self, figures: Iterable[Figure]) -> None:
        """Replace the plots."""
        for figure in figures:
            self.folder.write_figure(figure.name, asdict(figure))

    def previews(self, step: int, previews: Iterable[Preview]) -> None:
        """Write audio as it is, 32-bit float; the first set and the newest nine are kept."""
        exact = ExportFormat("wav", 32)
        for preview in previews:
            for side, clip in zip(SIDES, (preview.before, preview.after), strict=True):
                path = self.folder.sample_path(step, preview.name, side)
                path.parent.mkdir(parents=True, exist_ok=True)
                write_audio(path, [clip.samples], clip.rate, clip.channels, exact)
        for old in self.folder.sample_sets()[1 : 1 - KEPT_PREVIEWS]:
            shutil.rmtree(old, ignore_errors=True)

    def checkpoint(
        self,
        now: LoopState,
        module: nn.Module,
        averages: Averages,
        optimizer: torch.optim.Optimizer,
    ) -> None:
        """Save where the training is, unless just that was saved already."""
        if self._saved != _milestones(now):
            save_checkpoint(self.folder.checkpoints, now, module, averages, optimizer)
            self._saved = _milestones(now)

    def bundle(self, now: LoopState, trainable: Trainable, averages: Averages) -> None:
        """Make the averages the run's bundle."""
        save_bundle(
            self.folder.bundle,
            averages.tensors,
            finite(dict(trainable.config())),
            kind=self.recipe.kind,
            name=self.recipe.name,
            scores=now.best_scores,
            card=self._card(now, trainable),
        )

    def card(self, now: LoopState, trainable: Trainable) -> None:
        """Write the bundle's card anew, with the steps and the time there are now."""
        write_card(self.folder.bundle, self._card(now, trainable))

    def _card(self, now: LoopState, trainable: Trainable) -> str:
        machine = machine_name(self.context.device)
        return render_card(self.recipe, now, trainable.description(), machine, self.processes)


def _milestones(now: LoopState) -> tuple[int, int, int]:
    return now.step, now.validated_step, now.previewed_step
