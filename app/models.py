"""Models and presets of one's own: what is installed, and what a clip asks for, found in a lane."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

import resources
from app.document.state import AUTO_MODEL, NO_MODEL
from engine.lanes import Job, JobState, Lanes
from engine.locations import Locations
from engine.tasks import Context, Failure

if TYPE_CHECKING:
    from engine.mastering.models.library import ModelInfo
    from engine.mastering.prediction import Predictor
    from engine.mastering.targets import Target


@dataclass(frozen=True, slots=True)
class OwnPreset:
    """A match a person saved: its name, what it was made of, and its delivery."""

    name: str
    description: str
    lufs: float
    ceiling_dbtp: float


@dataclass(frozen=True, slots=True)
class Installed:
    """The models there are, shipped ones first, and the presets of one's own."""

    models: tuple[ModelInfo, ...] = ()
    presets: tuple[OwnPreset, ...] = ()


class Shelf:
    """Finds models and presets, and keeps the model that was loaded last.

    Used in lanes, from any thread: what it imports is heavy.

    Parameters
    ----------
    locations
        Where a user's own models and presets lie, beside the shipped ones.
    """

    def __init__(self, locations: Locations) -> None:
        self.locations = locations
        self._lock = threading.Lock()
        self._loaded: tuple[object, Predictor] | None = None

    def look(self) -> Installed:
        """Everything there is."""
        from engine.mastering import match
        from engine.mastering.models.library import installed
        from engine.mastering.targets import presets

        built_in = {preset.name for preset in presets()}
        own = []
        for preset in match.presets(self.locations):
            if preset.name in built_in:
                continue
            try:
                target = match.find(preset.name, self.locations)
            except Failure:
                continue  # damaged: it could not be mastered to
            own.append(OwnPreset(preset.name, preset.description, target.lufs, target.ceiling_dbtp))
        return Installed(installed(self.locations), tuple(own))

    def target(self, name: str) -> Target | None:
        """A preset of one's own by name; None for a built-in one. Raises :class:`Failure`."""
        if name in resources.stems("presets", ".json"):
            return None
        from engine.mastering import match

        return match.find(name, self.locations)

    def predictor(self, choice: str) -> tuple[Predictor | None, str]:
        """What predicts for a choice of the session, or None and why there is nothing.

        Parameters
        ----------
        choice
            ``AUTO_MODEL``, ``NO_MODEL`` or the name of a model.
        """
        if choice == NO_MODEL:
            return None, ""
        from engine.mastering.models.library import default_model, find_model

        try:
            folder = default_model(self.locations)
            if choice != AUTO_MODEL:
                folder = find_model(choice, self.locations)
            if folder is None:
                return None, "No model is installed."
            return self._load(folder), ""
        except Failure as failure:
            return None, f"{failure.what} {failure.why}".strip()

    def _load(self, folder: Path) -> Predictor:
        from engine.mastering.models.library import load

        # A model that was trained again lies in the same folder with newer files.
        stamp = (folder, *sorted(file.stat().st_mtime_ns for file in folder.iterdir()))
        with self._lock:
            if self._loaded is None or self._loaded[0] != stamp:
                self._loaded = (stamp, load(folder))
            return self._loaded[1]


class Models(QObject):
    """What is installed, as the window shows it.

    Attributes
    ----------
    shelf
        For tasks that need a model or a preset.
    installed
        What there is; None while nobody has looked.

    Signals
    -------
    changed()
        Something else is installed now.
    """

    changed = Signal()

    def __init__(self, lanes: Lanes, locations: Locations, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lanes = lanes
        self._job: Job | None = None
        self.shelf = Shelf(locations)
        self.installed: Installed | None = None

    def refresh(self) -> None:
        """Look again, in a lane; nothing happens while that is being done."""
        if self._job is not None:
            return
        job = self._lanes.submit("Find models", _look, self.shelf, quiet=True)
        self._job = job

        def take() -> None:
            self._job = None
            if job.state is JobState.DONE and job.result != self.installed:
                self.installed = job.result
                self.changed.emit()

        job.ended.connect(take)


def _look(shelf: Shelf, _context: Context) -> Installed:
    return shelf.look()
