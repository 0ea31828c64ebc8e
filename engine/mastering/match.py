"""Matches kept as presets of one's own, found by name beside the built-in ones.

A match is a :class:`Target` as JSON in a folder of the user's data; the file is named like the
match.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from engine.atomic import write_text
from engine.locations import Locations
from engine.mastering import targets
from engine.mastering.analysis import Analysis
from engine.mastering.targets import PresetInfo, Target
from engine.tasks import Failure

SUFFIX = ".json"
LONGEST_NAME = 60
# What every file system takes: no separators, no leading dot, no trailing dot or space.
_NAME = re.compile(r"[\w(][\w ()&+,.'-]*(?<![. ])")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def of_references(
    references: Sequence[Analysis], weights: Sequence[float] | None, name: str, heard: str
) -> Target:
    """A target made of recordings alone, to be used for any other.

    Parameters
    ----------
    references, weights
        What was measured of the recordings, and how much each counts.
    name
        Of the match.
    heard
        What the recordings are called.
    """
    target = targets.from_references(None, references, weights, name)
    return replace(target, source=f"Match of {heard}")


def presets(locations: Locations) -> list[PresetInfo]:
    """The built-in presets, "balanced" first, then one's own by name."""
    own = []
    for path in _own(locations):
        try:
            source = Target.from_json(path.read_text(encoding="utf-8")).source
        except (OSError, UnicodeDecodeError, Failure):
            source = "This file cannot be read as a target."
        own.append(PresetInfo(path.stem, path.stem, source, str(path)))
    return [*targets.presets(), *own]


def find(name: str, locations: Locations) -> Target:
    """The preset of this name, built-in or one's own.

    Raises
    ------
    Failure
        If there is none, or its file cannot be read.
    """
    built_in = [preset.name for preset in targets.presets()]
    path = None if name in built_in else _path_of(name, locations)
    if name in built_in:
        return targets.from_preset(name)
    if path is None:
        known = [*built_in, *(each.stem for each in _own(locations))]
        raise Failure(
            f"There is no mastering preset called {name!r}.",
            f"The presets are {', '.join(known)}.",
            "Choose one of them or give a reference track.",
        )
    try:
        return replace(Target.from_json(path.read_text(encoding="utf-8")), name=path.stem)
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(
            f"The preset {name} could not be read.", f"{error}.", "Delete it and save it again."
        ) from error


def save(target: Target, name: str, locations: Locations, replacing: bool = False) -> Path:
    """Keep a target under a name.

    Raises
    ------
    Failure
        If the name is taken (by one's own preset unless ``replacing``) or no name for a file, or
        the folder cannot be written.
    """
    name = check_name(name, locations, replacing)
    path = _folder(locations) / f"{name}{SUFFIX}"
    present = _path_of(name, locations)
    if present is not None:
        path = present  # the same name in other letters
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, replace(target, name=name).to_json())
    except OSError as error:
        raise _trouble("saved", name, error) from error
    return path


def check_name(name: str, locations: Locations, replacing: bool = False) -> str:
    """The name without blanks around it; raises Failure where :func:`save` would."""
    return _free(name, locations, allowed=name if replacing else "")


def rename(old: str, new: str, locations: Locations) -> Path:
    """Give a preset of one's own another name; raises Failure like :func:`save`."""
    path = _own_path(old, locations)
    target = path.with_name(f"{_free(new, locations, allowed=old)}{SUFFIX}")
    try:
        return path.rename(target)
    except OSError as error:
        raise _trouble("renamed", old, error) from error


def delete(name: str, locations: Locations) -> None:
    """Remove a preset of one's own; raises Failure where there is none."""
    path = _own_path(name, locations)
    try:
        path.unlink()
    except OSError as error:
        raise _trouble("deleted", name, error) from error


def _folder(locations: Locations) -> Path:
    return locations.data / "presets"


def _own(locations: Locations) -> list[Path]:
    folder = _folder(locations)
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if path.suffix == SUFFIX and path.is_file()]
    return sorted(found, key=lambda path: path.stem.casefold())


def _path_of(name: str, locations: Locations) -> Path | None:
    """The file of one's own preset; names differ by more than upper and lower case."""
    wanted = name.casefold()
    return next((each for each in _own(locations) if each.stem.casefold() == wanted), None)


def _own_path(name: str, locations: Locations) -> Path:
    path = _path_of(name, locations)
    if path is None:
        raise Failure(
            f"There is no preset of yours called {name!r}.",
            "Built-in presets can be neither renamed nor deleted.",
            "Choose one that you saved.",
        )
    return path


def _free(name: str, locations: Locations, allowed: str) -> str:
    """The name, if a preset may be called so; ``allowed`` is one that may be taken."""
    name = name.strip()
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME or _DEVICES.fullmatch(name):
        raise Failure(
            f"A preset cannot be called {name!r}.",
            f"Its name becomes a file's: letters, digits, spaces and ()&+,.'- up to "
            f"{LONGEST_NAME} characters.",
            "Choose another name.",
        )
    if name.casefold() in {preset.name.casefold() for preset in targets.presets()}:
        raise Failure(f"{name} is a built-in preset.", "It stays.", "Choose another name.")
    taken = _path_of(name, locations)
    if taken is not None and taken.stem.casefold() != allowed.strip().casefold():
        raise Failure(
            f"There is a preset called {taken.stem} already.",
            "Saving under its name would lose it.",
            "Choose another name, or replace or delete it first.",
        )
    return name


def _trouble(what: str, name: str, error: OSError) -> Failure:
    return Failure(
        f"The preset {name} could not be {what}.",
        f"{error.strerror or error}.",
        "See that the folder can be written and has space.",
    )
