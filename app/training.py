"""Training: the runs of this user, those this window trains, and what can be done with them."""

from __future__ import annotations

import contextlib
import logging
import re
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

import resources
from app.models import Models
from app.training_launch import Launch
from app.training_tasks import (
    InstallSpec,
    RunInfo,
    RunSpec,
    delete,
    install,
    look,
    train_run,
)
from engine.cache import Cache
from engine.lanes import Job, JobState, Lane, Lanes
from engine.locations import Locations
from engine.tasks import Failure
from engine.training.recipe import Recipe, save_recipe
from engine.training.run_folder import RunFolder, new_run

log = logging.getLogger("audiobench.training")
SHIPPED = Path(resources.__file__).parent / "models"


class Training(QObject):
    """Starts, steers and lists trainings.

    Everything is asked of the run folder, so that a training another process runs (the command
    line's, say) is shown and steered in the same way.

    Attributes
    ----------
    runs
        All runs, the newest first, as they were when they were last looked at.

    Signals
    -------
    changed()
        ``runs`` is another, or a job of this window began, moved or ended.
    failed(Failure), noticed(str)
        Something went wrong; something is worth a line.
    closing()
        The window ends.
    """

    changed = Signal()
    failed = Signal(object)
    noticed = Signal(str)
    closing = Signal()

    def __init__(
        self,
        lanes: Lanes,
        cache: Cache,
        models: Models,
        locations: Locations,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.lanes = lanes
        self.cache = cache
        self.runs: tuple[RunInfo, ...] = ()
        self.root = locations.data / "runs"
        self.models_root = locations.data / "models"
        self._models = models
        self._jobs: dict[Path, Job] = {}
        self._specs: dict[str, RunSpec] = {}
        self._looking: Job | None = None
        self._look_again = False
        self._closing = self._told_owed = False
        lanes.submitted.connect(self._adopt)

    def job(self, folder: RunFolder) -> Job | None:
        """The job of this window that trains there now, or waits for its lane."""
        return self._jobs.get(folder.path)

    @property
    def trained_here(self) -> tuple[RunFolder, ...]:
        """Runs this window trains."""
        return tuple(RunFolder(path) for path in self._jobs)

    @property
    def owed(self) -> tuple[RunInfo, ...]:
        """Runs a window began and was closed before they ended; nobody trains them now."""
        return tuple(
            info
            for info in self.runs
            if info.launch.owed
            and info.folder.path not in self._jobs
            and (info.status is None or info.status.state == "stopped")
        )

    def info(self, folder: RunFolder) -> RunInfo | None:
        """What was last seen of a run."""
        return next((info for info in self.runs if info.folder == folder), None)

    def refresh(self) -> None:
        """Look at all runs again, in a lane."""
        if self._looking is not None:
            self._look_again = True
            return
        job = self.lanes.submit("Find trainings", look, self.root, quiet=True)
        self._looking, self._look_again = job, False

        def take() -> None:
            self._looking = None
            if job.state is JobState.DONE and job.result != self.runs:
                self.runs = job.result
                self._tell_owed()
                self.changed.emit()
            elif job.state is JobState.FAILED and job.failure is not None:
                self.failed.emit(job.failure)
            if self._look_again:
                self.refresh()

        job.ended.connect(take)

    def start(self, recipe: Recipe, device: str = "cpu", processes: int = 1) -> RunFolder:
        """Begin a training in a new run folder.

        Raises
        ------
        Failure
            If the folder cannot be made.
        """
        try:
            folder = new_run(self.root, recipe.name)
            save_recipe(recipe, folder.recipe_path)
            Launch(device, processes, owed=True).write(folder.path)
        except OSError as error:
            raise Failure(
                f"No run folder could be made in {self.root}.",
                f"{error.strerror or error}.",
                "Free the disk or mend the folder's rights, and start again.",
            ) from error
        self._submit(RunSpec(folder.path, recipe, device, processes))
        return folder

    def go_on(self, folder: RunFolder, steps: int | None = None) -> None:
        """Go on with a run from its last checkpoint, where it was begun; to ``steps`` in all.

        Raises
        ------
        Failure
            If its recipe is missing or damaged, or the steps are not allowed.
        """
        if folder.path in self._jobs:
            folder.resume()
            return
        recipe = folder.recipe()
        if steps is not None:
            recipe = recipe.with_loop(steps=steps)
        launch = replace(Launch.read(folder.path), owed=True)
        launch.write(folder.path)
        self._submit(RunSpec(folder.path, recipe, launch.device, launch.processes))

    def let_go(self, folder: RunFolder) -> None:
        """Offer to go on with this run no more."""
        self._settle(folder.path)
        self.refresh()

    def pause(self, folder: RunFolder) -> None:
        """Let it wait before its next step."""
        folder.pause()

    def unpause(self, folder: RunFolder) -> None:
        """Let it go on after a pause."""
        folder.resume()

    def stop(self, folder: RunFolder) -> None:
        """End it after the step it is at, with a checkpoint from which it can go on."""
        job = self._jobs.get(folder.path)
        if job is not None:
            job.cancel()
        else:
            folder.stop()

    def free_name(self, name: str) -> str:
        """The name, with a number where a model of that name is there already."""
        names = [name, *(f"{name}-{number}" for number in range(2, 1000))]
        return next((each for each in names if not self.has_model(each)), name)

    def has_model(self, name: str) -> bool:
        """Whether a model of that name is installed, or comes with the program."""
        return (self.models_root / name).exists() or self.is_shipped(name)

    @staticmethod
    def is_shipped(name: str) -> bool:
        """Whether a model of that name comes with the program."""
        return (SHIPPED / name).exists()

    def install(self, folder: RunFolder, name: str, *, replacing: bool = False) -> Job:
        """Put a run's best model among the installed ones."""
        spec = InstallSpec(folder, self.models_root / name, replacing)
        job = self.lanes.submit(f"Install the model {name}", install, spec)

        def end() -> None:
            if job.state is JobState.DONE:
                log.info("installed %s", job.result)
                self._models.refresh()
                self.noticed.emit(f"“{name}” is installed: choose it where you master.")
            elif job.failure is not None:
                self.failed.emit(job.failure)

        job.ended.connect(end)
        return job

    def delete(self, folder: RunFolder) -> Job:
        """Remove a run for good."""
        job = self.lanes.submit(f"Delete {folder.name}", delete, folder, quiet=True)

        def end() -> None:
            if job.failure is not None:
                self.failed.emit(job.failure)
            self.refresh()

        job.ended.connect(end)
        return job

    def close(self) -> None:
        """The window closes: what it trains stays owed, to be offered the next time."""
        self._closing = True
        self.closing.emit()

    def _tell_owed(self) -> None:
        """Once, when the window has opened."""
        told, self._told_owed = self._told_owed, True
        if self.owed and not told:
            names = ", ".join(info.folder.name for info in self.owed)
            self.noticed.emit(f"A training can go on: {names}. See View, Layout, Train.")

    def _submit(self, spec: RunSpec) -> Job:
        lane = spec.device if spec.device.startswith("cuda") else Lane.TRAINING
        title = title_of(spec)
        self._specs[title] = spec
        return self.lanes.submit(title, train_run, spec, lane=lane, seed=spec.recipe.seed)

    def _adopt(self, job: Job) -> None:
        """Follow a job that trains, also one that somebody started again in the list of jobs."""
        spec = self._specs.get(job.title)
        if spec is None or spec.folder in self._jobs:
            return
        self._jobs[spec.folder] = job
        job.changed.connect(self.changed)
        job.ended.connect(lambda: self._end(spec, job))
        self.refresh()
        self.changed.emit()

    def _end(self, spec: RunSpec, job: Job) -> None:
        del self._jobs[spec.folder]
        if self._closing:
            return
        self._settle(spec.folder)
        if job.state is JobState.DONE:
            result = job.result
            log.info("trained %s: best score %.5g", spec.recipe.name, result.best_score)
            self.noticed.emit(
                f"“{spec.recipe.name}” is trained: best score {result.best_score:.4g}"
                f" at step {result.best_step}."
            )
        elif job.state is JobState.FAILED and job.failure is not None:
            log.warning("%s", job.failure)
            self.failed.emit(job.failure)
        self.refresh()
        self.changed.emit()

    @staticmethod
    def _settle(path: Path) -> None:
        # a full disk leaves it owed, and then it is offered once more
        with contextlib.suppress(OSError):
            replace(Launch.read(path), owed=False).write(path)


def title_of(spec: RunSpec) -> str:
    """What the list of jobs calls a training; the time tells those of one name apart."""
    stamp = re.match(r"\d{8}-(\d\d)(\d\d)(\d\d)-", spec.folder.name)
    when = f" ({':'.join(stamp.groups())})" if stamp else ""
    return f"Train {spec.recipe.name}{when}"
