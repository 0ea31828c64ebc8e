"""The recipes that come with the program."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import resources
from engine.tasks import Failure
from engine.training.recipe import Recipe, load_recipe, parse_recipe

FOLDER = "recipes"
SUFFIX = ".toml"


def shipped_recipes() -> tuple[str, ...]:
    """Their names, sorted."""
    if not files("resources").joinpath(FOLDER).is_dir():
        return ()
    return tuple(resources.stems(FOLDER, SUFFIX))


def find_recipe(text: str) -> Recipe:
    """A recipe by the path of its file or, if there is no such file, by its shipped name.

    Raises
    ------
    Failure
        If there is neither, or it cannot be used.
    """
    names = shipped_recipes()
    if Path(text).is_file() or text not in names:
        if not Path(text).exists() and Path(text).suffix != SUFFIX:
            raise Failure(
                f"There is no recipe called “{text}”.",
                f"Shipped are: {', '.join(names) or 'none'}.",
                "Name one of these or the path of a recipe file.",
            )
        return load_recipe(text)
    return parse_recipe(resources.text(FOLDER, f"{text}{SUFFIX}"), Path(f"{text}{SUFFIX}"))
