"""The task behind "Band usage": a folder before a model, read through the cache."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.models import Shelf
from engine.cache import Cache
from engine.tasks import Context, Failure

if TYPE_CHECKING:
    from engine.mastering.usage import BandUsage


@dataclass(frozen=True, slots=True)
class UsageSpec:
    """Which folder, which model (as a session names it), and where decoded audio goes."""

    folder: Path
    model: str
    cache: Cache
    shelf: Shelf


def find_usage(spec: UsageSpec, context: Context) -> BandUsage:
    """Ask the model about every recording of the folder.

    Raises
    ------
    Failure
        If the model cannot be loaded or the folder holds no audio.
    """
    from engine.audio.store import decode
    from engine.mastering.usage import band_usage

    predictor, why = spec.shelf.predictor(spec.model)
    if predictor is None:
        raise Failure("There is no model to ask.", why, "Choose an installed model.")
    return band_usage(
        spec.folder, predictor, context, lambda path, part: decode(path, spec.cache, part)
    )
