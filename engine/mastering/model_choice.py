"""Which model masters: by name, by folder, the shipped one, or none.

Where nobody chose a model and none is installed, the fit does without one, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.locations import Locations
from engine.mastering.prediction import Predictor
from engine.tasks import Failure

AUTO = "auto"
NONE = "none"
WITHOUT = "Mastered by the fit without a model, which is held back."


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A loaded model, or None; ``note`` says why there is none although one was wanted."""

    model: Predictor | None
    note: str = ""


def choose_model(name: str, locations: Locations) -> ModelChoice:
    """Load a model.

    Parameters
    ----------
    name
        ``auto`` for the one that is shipped or installed, ``none``, a model's name, or the path
        of a bundle's folder.
    locations
        Where models are installed.

    Raises
    ------
    Failure
        If a model that was named is not there or cannot be loaded. ``auto`` never fails.
    """
    from engine.mastering.models import library

    if name == NONE:
        return ModelChoice(None)
    if name == AUTO:
        folder = library.default_model(locations)
        if folder is None:
            return ModelChoice(None, f"No trained model is installed. {WITHOUT}")
        try:
            return ModelChoice(library.load(folder))
        except Failure as failure:
            return ModelChoice(None, f"{failure.what} {WITHOUT}")
    return ModelChoice(library.load(library.find_model(name, locations)))


def model_of(model_hash: str, locations: Locations) -> ModelChoice:
    """The installed model with these weights, which parameters with a residual need.

    Raises
    ------
    Failure
        If it is not installed.
    """
    from engine.mastering.models import library

    for item in library.installed(locations):
        if item.hash == model_hash:
            return ModelChoice(library.load(item.folder))
    raise Failure(
        "The model whose residual these parameters use is not installed.",
        f"Its weights have the hash {model_hash}.",
        "Install that model, or leave the residual out with --residual 0.",
    )
