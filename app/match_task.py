"""The tasks behind presets of one's own: measure references and keep what they sound like, give a
preset another name, remove it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.models import Shelf
from engine.cache import Cache
from engine.tasks import Context


@dataclass(frozen=True, slots=True)
class MatchSpec:
    """What to call the preset, of which recordings it is made, and how much each counts."""

    name: str
    references: tuple[Path, ...]
    weights: tuple[float, ...]
    cache: Cache
    shelf: Shelf
    replacing: bool = False


def save_match(spec: MatchSpec, context: Context) -> str:
    """Measure the recordings and keep the preset; its name.

    Raises
    ------
    Failure
        If a recording cannot be read or the preset cannot be kept under the name.
    """
    from engine.audio.store import decode
    from engine.mastering import match
    from engine.mastering.analysis import analyse

    heard = []
    count = len(spec.references)
    for index, path in enumerate(spec.references):
        part = context.part(index / count, (index + 1) / count, path.name)
        stored = decode(path, spec.cache, part.part(0.0, 0.7))
        heard.append(analyse(stored, part.part(0.7, 1.0)))
    names = ", ".join(path.name for path in spec.references)
    target = match.of_references(heard, spec.weights or None, spec.name, names)
    return match.save(target, spec.name, spec.shelf.locations, spec.replacing).stem


@dataclass(frozen=True, slots=True)
class MatchChange:
    """A preset of one's own and its new name; none to remove it."""

    name: str
    new_name: str
    shelf: Shelf


def change_match(spec: MatchChange, _context: Context) -> str:
    """Rename a preset, or delete it where there is no new name; the name it has now.

    Raises
    ------
    Failure
        If there is no such preset of one's own, or it cannot be called so.
    """
    from engine.mastering import match

    if spec.new_name:
        return match.rename(spec.name, spec.new_name, spec.shelf.locations).stem
    match.delete(spec.name, spec.shelf.locations)
    return ""
