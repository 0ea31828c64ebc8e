"""``audiobench models``: which trained models there are, and what the designs cost."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine.cli.command import DONE, Command
from engine.cli.terminal import Terminal
from engine.locations import Locations
from engine.tasks import Failure

if TYPE_CHECKING:
    from engine.mastering.models.cost import Cost
    from engine.mastering.models.library import ModelInfo

DESCRIPTION = """\
List the trained models that are installed: their design, size and the hash of their weights. With
the name of one, print its card: what it was trained on and how good it is.

With --cost, also measure what the designs 1A to 1D and their parts cost on this machine:
parameters, floating-point operations and time for 5 s and 30 s of stereo at 44.1 kHz.
"""
RIGHT = frozenset({2, 3})
RIGHT_COST = frozenset(range(1, 6))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``models``."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="print the card of this model")
    parser.add_argument(
        "--cost", action="store_true", help="measure parameters, operations and time"
    )


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """List the models, or print one's card, and measure the designs if that is asked for."""
    from engine.mastering.models.library import installed

    models = installed(Locations.standard())
    if arguments.name is not None:
        models = (_named(arguments.name, models),)
        terminal.say(models[0].card.rstrip() or "This model has no card.")
    else:
        _print(models, terminal)
    document: dict[str, Any] = {"models": [_plain(model) for model in models]}
    if arguments.cost:
        found = _measured(terminal)
        _print_costs(found, terminal)
        document["costs"] = [asdict(cost) for cost in found]
    terminal.emit(document)
    return DONE


def _named(name: str, models: Sequence[ModelInfo]) -> ModelInfo:
    for model in models:
        if name in (model.name, model.folder.name):
            return model
    raise Failure(
        f"There is no model “{name}”.",
        f"Installed: {', '.join(model.name for model in models) or 'none'}.",
        "Name one of these, or train it.",
    )


def _plain(model: ModelInfo) -> dict[str, Any]:
    return asdict(model) | {"folder": str(model.folder)}


def _print(models: Sequence[ModelInfo], terminal: Terminal) -> None:
    if not models:
        terminal.say("No trained model is installed; mastering uses the fit without one.")
        return
    rows = [("Model", "Design", "Parameters", "Size", "Hash", "From")]
    rows += [
        (
            model.name,
            model.variant,
            f"{model.parameters:,}",
            f"{model.size_bytes / 1e6:.1f} MB",
            model.hash[:12],
            "audiobench" if model.shipped else str(model.folder),
        )
        for model in models
    ]
    terminal.table(rows, right=RIGHT)


def _measured(terminal: Terminal) -> tuple[Cost, ...]:
    from engine.mastering.models.cost import costs, designs

    with terminal.context("Measuring") as context:
        return costs(designs(), context=context)


def _print_costs(found: Sequence[Cost], terminal: Terminal) -> None:
    import torch

    lengths = [f"{seconds:g} s" for seconds in found[0].seconds]
    titles = [f"{what}, {length}" for what in ("GFLOP", "ms") for length in lengths]
    rows = [("Cost", "Parameters", *titles)]
    for cost in found:
        work = [f"{value:.3f}" if value else "-" for value in cost.gflop]
        times = [f"{value:.1f}" for value in cost.latency_ms]
        rows.append((cost.name, f"{cost.parameters:,}" if cost.parameters else "-", *work, *times))
    terminal.say()
    terminal.table(rows, right=RIGHT_COST)
    terminal.say()
    terminal.say(f"{torch.get_num_threads()} threads; a multiply-add counts as two operations.")


COMMAND = Command(
    "models", "which trained models there are, and their cost", add_arguments, run, DESCRIPTION
)
