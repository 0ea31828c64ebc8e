"""The tasks behind the Training panel; they run in lanes, where importing torch harms nobody."""

from __future__ import annotations

import math
import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.training_launch import Launch
from engine.failures import as_failure
from engine.tasks import Cancelled, Context, Failure
from engine.training.recipe import Recipe, parse_recipe
from engine.training.run_folder import RunFolder, RunStatus

if TYPE_CHECKING:
    from engine.audio.intake import Intake
    from engine.cache import Cache
    from engine.devices import Device
    from engine.training.loop import TrainResult


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What to train, in which run folder, on which device, with how many processes."""

    folder: Path
    recipe: Recipe
    device: str = "cpu"
    processes: int = 1


def train_run(spec: RunSpec, context: Context) -> TrainResult:
    """Train in a run folder; where one began there already, go on with it.

    So a job that failed or was cancelled can simply be run again.

    Raises
    ------
    Failure, Cancelled
        As :func:`engine.training.loop.train`.
    """
    folder = RunFolder(spec.folder)
    try:
        return _train(spec, context, resume=folder.started)
    except Exception as error:
        if not folder.started and not isinstance(error, Cancelled):  # nobody else says so there
            steps, words = spec.recipe.loop.steps, str(as_failure(error))
            folder.write_status(
                RunStatus("failed", 0, steps, started_at=time.time(), message=words)
            )
        raise


def _train(spec: RunSpec, context: Context, *, resume: bool) -> TrainResult:
    from engine.cli.kinds import entry_of

    entry = entry_of(spec.recipe.kind)
    if spec.processes > 1:
        from engine.training.distributed import LaunchSpec, launch

        device = spec.device.partition(":")[0]
        together = LaunchSpec(spec.recipe, spec.folder, entry, spec.processes, device, resume)
        return launch(together, context)
    from engine.training.entry import load_entry
    from engine.training.loop import TrainSpec, train

    return train(TrainSpec(spec.recipe, spec.folder, load_entry(entry), resume), context)


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run as the list shows it.

    ``status`` is None until it begins; ``launch`` says how a window began it.
    """

    folder: RunFolder
    status: RunStatus | None
    launch: Launch
    has_model: bool = False


def look(root: Path, context: Context) -> tuple[RunInfo, ...]:
    """Every run below a folder, the newest first; those that have not begun before all others."""
    found = []
    for path in root.iterdir() if root.is_dir() else ():
        context.checkpoint()
        folder = RunFolder(path)
        status = folder.status()
        if path.name.startswith(".") or (status is None and not folder.recipe_path.is_file()):
            continue
        began = status.started_at if status is not None else math.inf
        has_model = (folder.bundle / "config.json").exists()
        found.append((began, path.name, RunInfo(folder, status, Launch.read(path), has_model)))
    return tuple(info for *_, info in sorted(found, key=lambda item: item[:2], reverse=True))


def check_recipe(text: str, _context: Context) -> Recipe:
    """Read a recipe as strictly as its kind does; raises :class:`Failure` for what is not right."""
    from engine.cli.kinds import entry_of

    recipe = parse_recipe(text)
    entry_of(recipe.kind)
    if recipe.kind == "mastering":
        from engine.mastering.train.settings import MasteringSettings

        MasteringSettings.of(recipe)
    return recipe


def find_devices(_spec: None, _context: Context) -> tuple[Device, ...]:
    """What one can train on, the processor first."""
    from engine.devices import list_devices

    return list_devices()


@dataclass(frozen=True, slots=True)
class InstallSpec:
    """A run, the folder its model goes to, and whether one that is there gives way."""

    run: RunFolder
    folder: Path
    replacing: bool = False


def install(spec: InstallSpec, _context: Context) -> Path:
    """Check a run's model and copy it to where the window and the command line look for models.

    Raises
    ------
    Failure
        If the run has no whole model, the name is taken, or the copy cannot be written.
    """
    from engine.training.bundle import load_bundle, save_bundle

    if spec.folder.exists() and not spec.replacing:
        raise Failure(
            f"A model “{spec.folder.name}” is installed already.", "", "Choose another name."
        )
    bundle = load_bundle(spec.run.bundle)
    try:
        save_bundle(
            spec.folder,
            bundle.tensors,
            bundle.config,
            kind=bundle.kind,
            name=spec.folder.name,
            scores=bundle.scores,
            card=bundle.card,
        )
    except OSError as error:
        raise Failure(
            f"The model could not be copied to {spec.folder}.",
            f"{error.strerror or error}.",
            "Free the disk or mend the folder's rights, and install it again.",
        ) from error
    return spec.folder


def delete(folder: RunFolder, _context: Context) -> None:
    """Remove a run with all its files; it leaves the list at once, or not at all.

    Raises
    ------
    Failure
        If somebody trains there, or the disk refuses.
    """
    gone = folder.path.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    try:
        with folder.held():
            pass
        folder.path.rename(gone)
        shutil.rmtree(gone)
    except OSError as error:
        raise Failure(
            f"The run {folder.name} could not be deleted.",
            f"{error.strerror or error}.",
            f"Remove {gone if gone.exists() else folder.path} by hand.",
        ) from error


@dataclass(frozen=True, slots=True)
class PreviewSpec:
    """The two files of a preview, and where decoded audio is kept."""

    before: Path
    after: Path
    cache: Cache


def load_preview(spec: PreviewSpec, context: Context) -> tuple[Intake, Intake]:
    """Both sides of a preview, decoded and measured."""
    from engine.audio.intake import IntakeSpec, take_in

    before = take_in(IntakeSpec(spec.before, spec.cache), context.part(0.0, 0.5))
    return before, take_in(IntakeSpec(spec.after, spec.cache), context.part(0.5, 1.0))
