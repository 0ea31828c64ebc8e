"""``audiobench train``: train a model by a recipe."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.command import DONE, Command, UsageError
from engine.cli.kinds import entry_of
from engine.cli.terminal import Terminal, duration
from engine.tasks import Cancelled, Context, Progress

if TYPE_CHECKING:
    from engine.training.loop import TrainResult
    from engine.training.recipe import Recipe
    from engine.training.run_folder import RunFolder

DESCRIPTION = """\
Train a model by a recipe (a TOML file, or the name of one that is shipped; see --list).

A training lives in a run folder: recipe, curves (metrics.csv), plots, audible previews,
checkpoints and, from the first validation on, bundle/ with the best weights so far. Ctrl+C stops
after the current step; --resume goes on from there as if it had never stopped. Another process
can pause it by a file PAUSE in the folder, and stop it by a file STOP.

With --json: {"run", "step", "best_step", "best_score", "bundle"}, or with --list
{"recipes", "runs"}.
"""
FOLLOW_S = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``train``."""
    parser.add_argument("recipe", nargs="?", metavar="RECIPE", help="recipe file or shipped name")
    parser.add_argument("--list", action="store_true", help="list shipped recipes and runs")
    parser.add_argument("--run", type=Path, metavar="DIR", help="run folder to make and use")
    parser.add_argument("--resume", metavar="RUN", help="go on with this run (folder or name)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    parser.add_argument(
        "--processes", type=int, default=1, metavar="N", help="train with N processes together"
    )
    parser.add_argument("--steps", type=int, metavar="N", help="steps, instead of the recipe's")
    parser.add_argument("--name", help="name of the model, instead of the recipe's")


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Train, or list what there is."""
    if arguments.list:
        return _list(arguments, terminal)
    if (arguments.recipe is None) == (arguments.resume is None):
        raise UsageError("give a RECIPE, or --resume RUN")
    if arguments.resume is not None and arguments.run is not None:
        raise UsageError("--run makes a new run; leave it out with --resume")
    if arguments.processes < 1:
        raise UsageError("--processes must be at least 1")
    folder, recipe = _prepared(arguments)
    terminal.note(f"Run folder: {folder.path}")
    try:
        with _context(terminal, folder, _device(arguments)) as context:
            result = _train(arguments, folder, recipe, context)
    except Cancelled:
        if folder.started:
            terminal.note(f"To go on: audiobench train --resume {_quoted(folder.path)}")
        raise
    for warning in context.warnings:
        terminal.note(f"audiobench: {warning}")
    terminal.table(
        [
            ("Steps", str(result.step)),
            ("Best score", f"{result.best_score:.6g} at step {result.best_step}"),
            ("Model", str(result.bundle)),
        ]
    )
    terminal.emit(
        {
            "run": str(result.run),
            "step": result.step,
            "best_step": result.best_step,
            "best_score": result.best_score,
            "bundle": str(result.bundle),
        }
    )
    return DONE


def _prepared(arguments: argparse.Namespace) -> tuple[RunFolder, Recipe]:
    """The run folder and the recipe, with what the arguments change in it."""
    from dataclasses import replace

    from engine.training.run_folder import RunFolder, new_run, runs_root
    from engine.training.shipped import find_recipe

    if arguments.resume is not None:
        path = Path(arguments.resume)
        folder = RunFolder(path if path.is_dir() else runs_root() / arguments.resume)
        recipe = folder.recipe()
    else:
        recipe = find_recipe(arguments.recipe)
    if arguments.name:
        recipe = replace(recipe, name=arguments.name)
    if arguments.steps is not None:
        recipe = recipe.with_loop(steps=arguments.steps)
    entry_of(recipe.kind)  # an unknown kind makes no folder
    if arguments.resume is None:
        named = arguments.run is not None
        folder = RunFolder(arguments.run) if named else new_run(runs_root(), recipe.name)
    return folder, recipe


def _device(arguments: argparse.Namespace) -> str:
    from engine.devices import choose_device

    return choose_device(arguments.device)


def _train(
    arguments: argparse.Namespace, folder: RunFolder, recipe: Recipe, context: Context
) -> TrainResult:
    entry, resume = entry_of(recipe.kind), arguments.resume is not None
    if arguments.processes > 1:
        from engine.training.distributed import LaunchSpec, launch

        kind = context.device.partition(":")[0]
        spec = LaunchSpec(recipe, folder.path, entry, arguments.processes, kind, resume)
        return launch(spec, context)
    from engine.training.entry import load_entry
    from engine.training.loop import TrainSpec, train

    return train(TrainSpec(recipe, folder.path, load_entry(entry), resume), context)


@contextmanager
def _context(terminal: Terminal, folder: RunFolder, device: str) -> Iterator[Context]:
    """A context whose progress is a bar, with a line on standard error for each validation."""
    from engine.training.metrics import VALIDATION, MetricsReader

    reader = MetricsReader(folder.metrics_path)
    reader.read()
    told_at = time.monotonic()
    best = math.inf

    def follow() -> None:
        nonlocal best
        for row in reader.read():
            if (row.split, row.name) == (VALIDATION, "score"):
                mark = "  (best)" if row.value < best else ""
                best = min(best, row.value)
                passed = duration(row.seconds).partition(".")[0]
                terminal.note(f"step {row.step}  {passed}  score {row.value:.5g}{mark}")

    with terminal.context("Training", device=device) as bar:

        def show(progress: Progress) -> None:
            nonlocal told_at
            bar.report(progress.done, progress.total, progress.text, progress.partial)
            if time.monotonic() - told_at > FOLLOW_S:
                told_at = time.monotonic()
                follow()

        context = Context(show, terminal.cancel_event, device)
        try:
            yield context
        finally:
            follow()


def _list(arguments: argparse.Namespace, terminal: Terminal) -> int:
    from engine.training.run_folder import list_runs, runs_root
    from engine.training.shipped import find_recipe, shipped_recipes

    recipes = [(name, find_recipe(name)) for name in shipped_recipes()]
    terminal.say("Recipes:" if recipes else "No recipes are shipped.")
    terminal.table([(f"  {name}", it.kind, f"{it.loop.steps} steps") for name, it in recipes])
    root = arguments.run or runs_root()
    runs = [(folder, folder.status()) for folder in list_runs(root)]
    documents: list[dict[str, Any]] = []
    rows = []
    for folder, status in runs:
        if status is None:  # removed while we looked
            continue
        score = f"{status.best_score:.5g}" if math.isfinite(status.best_score) else "no score"
        rows.append(
            (f"  {folder.name}", status.state, f"step {status.step} of {status.steps}", score)
        )
        documents.append(
            {
                "name": folder.name,
                "path": str(folder.path),
                "state": status.state,
                "step": status.step,
                "steps": status.steps,
                "best_score": status.best_score,
            }
        )
    terminal.say(f"Runs in {root}:" if rows else f"There are no runs in {root}.")
    terminal.table(rows)
    shipped = [{"name": name, "kind": it.kind, "steps": it.loop.steps} for name, it in recipes]
    terminal.emit({"recipes": shipped, "runs": documents})
    return DONE


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))


COMMAND = Command("train", "train a model by a recipe", add_arguments, run, DESCRIPTION)
