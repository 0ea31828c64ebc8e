"""Card: what a model was trained on, how, and how good it is, as Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from engine.plain_json import finite
from engine.training.checkpoint import LoopState
from engine.training.recipe import Recipe


def render_card(
    recipe: Recipe,
    state: LoopState,
    description: Mapping[str, Any],
    machine: str,
    processes: int = 1,
) -> str:
    """The text of ``card.md``.

    Parameters
    ----------
    recipe
        Quoted whole.
    state
        Of the loop: steps, time, and the best validation, whose scores are listed.
    description
        The kind's own entries (``Trainable.description()``), in their order; texts become
        paragraphs, tables become tables.
    machine
        Name of the processor or GPU.
    processes
        How many of them trained together.
    """
    facts: dict[str, Any] = {
        "Kind": recipe.kind,
        "Seed": recipe.seed,
        "Weights of step": f"{state.best_step} of {state.step} trained",
        "Training time": _duration(state.seconds),
        "Machine": machine if processes == 1 else f"{processes} x {machine}",
    }
    if state.skipped:
        facts["Steps left out"] = f"{state.skipped} (not finite)"
    parts = [f"# {recipe.name}", _table(facts)]
    for title, value in description.items():
        parts += [f"## {title[:1].upper()}{title[1:].replace('_', ' ')}", _entry(value)]
    scores = {key: f"{value:.4g}" for key, value in state.best_scores.items()}
    parts += ["## Scores", "On held-out data, at the step of these weights; of “score” less is"]
    parts[-1] += " better."
    parts += [_table(scores) if scores else "None were measured."]
    parts += ["## Recipe", f"```toml\n{recipe.to_toml().strip()}\n```"]
    return "\n\n".join(parts) + "\n"


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def _entry(value: Any) -> str:
    if isinstance(value, Mapping):
        return _table(value)
    if isinstance(value, list | tuple):
        return "\n".join(f"- {_cell(item)}" for item in value)
    return str(value)


def _table(rows: Mapping[str, Any]) -> str:
    lines = ["| | |", "|---|---|"]
    lines += [f"| {_cell(key)} | {_cell(value)} |" for key, value in rows.items()]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    plain = isinstance(value, str | int | float)
    text = str(value) if plain else json.dumps(finite(value), ensure_ascii=False)
    return " ".join(text.replace("|", "\\|").split())
