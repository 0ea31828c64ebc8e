"""Models: which trained bundles are installed, and the one a clip asks for, loaded in a lane."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.document.state import AUTO_MODEL, NO_MODEL
from engine.lanes import Job, JobState, Lanes
from engine.locations import Locations
from engine.tasks import Context, Failure

if TYPE_CHECKING:
    from engine.mastering.models.library import ModelInfo
    from engine.mastering.prediction import Predictor


class ModelShelf:
    """Finds bundles and keeps the predictor that was loaded last; used in lanes, from any thread.

    Parameters
    ----------
    locations
        Where a user's own bundles lie, beside the shipped ones.
    """

    def __init__(self, locations: Locations) -> None:
        self._locations = locations
        self._lock = threading.Lock()
        self._loaded: tuple[str, Predictor] | None = None

    def installed(self) -> tuple[ModelInfo, ...]:
        """Every bundle there is, the best first."""
        from engine.mastering.models.library import installed

        return tuple(installed(self._locations))

    def predictor(self, choice: str) -> tuple[Predictor | None, str]:
        """What predicts for a choice of the session, or None and why there is nothing.

        Parameters
        ----------
        choice
            ``AUTO_MODEL``, ``NO_MODEL`` or the name of a bundle.
        """
        if choice == NO_MODEL:
            return None, ""
        there = self.installed()
        if choice == AUTO_MODEL:
            chosen = there[0] if there else None
            why = "No model is installed: the chain is fitted to the target."
        else:
            chosen = next((each for each in there if each.name == choice), None)
            why = f"The model “{choice}” is not installed: the chain is fitted to the target."
        if chosen is None:
            return None, why
        try:
            return self._load(chosen), ""
        except Failure as failure:
            return None, f"{failure.what} {failure.why} The chain is fitted to the target."

    def _load(self, info: ModelInfo) -> Predictor:
        from engine.mastering.models.library import load

        with self._lock:
            if self._loaded is None or self._loaded[0] != info.hash:
                self._loaded = (info.hash, load(info.folder))
            return self._loaded[1]


class Models(QObject):
    """The installed bundles, as the window shows them.

    Attributes
    ----------
    installed
        The bundles there are; None while nobody has looked.

    Signals
    -------
    changed()
        Others are installed now.
    """

    changed = Signal()

    def __init__(
        self, lanes: Lanes, locations: Locations | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._lanes = lanes
        self._job: Job | None = None
        self.shelf = ModelShelf(locations or Locations.standard())
        self.installed: tuple[ModelInfo, ...] | None = None

    def refresh(self) -> None:
        """Look again, in a lane; nothing happens while that is being done."""
        if self._job is not None:
            return
        job = self._lanes.submit("Find models", _installed, self.shelf, quiet=True)
        self._job = job

        def take() -> None:
            self._job = None
            if job.state is JobState.DONE and job.result != self.installed:
                self.installed = job.result
                self.changed.emit()

        job.ended.connect(take)


def _installed(shelf: ModelShelf, _context: Context) -> tuple[ModelInfo, ...]:
    return shelf.installed()
