"""Chooses who finds the chain: the best model there is, a certain one, or none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QWidget

from app.document.state import AUTO_MODEL, NO_MODEL, MasteringEntry

FIXED = {AUTO_MODEL: "Automatic", NO_MODEL: "No model: fit to preset"}


class Bundle(Protocol):
    """An installed model, as far as it is shown."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def folder(self) -> Path:
        """Where it lies; the folder's name is what a session calls it by."""

    @property
    def variant(self) -> str:
        """Its design: 1A to 1D."""


def title_of(model: Bundle) -> str:
    """What a model is called in a list: "mastering-1d (1D)"."""
    return f"{model.name} ({model.variant})"


def explain(entry: MasteringEntry, installed: Sequence[Bundle] | None) -> str:
    """What Master will do with the model that is chosen, in a sentence or two.

    Parameters
    ----------
    entry
        How the clip is mastered.
    installed
        The models there are; None while nobody has looked.
    """
    aim = "the references" if entry.references else "the preset"
    if entry.model == NO_MODEL:
        return f"No model is asked: the chain is fitted to {aim}."
    named = next((each for each in installed or () if each.folder.name == entry.model), None)
    if entry.model == AUTO_MODEL:
        if installed is not None and not installed:
            return f"No model is installed: the chain is fitted to {aim}."
        who = "The best installed model"
    elif named is None and installed is not None:
        return f"“{entry.model}” is not installed: the chain is fitted to {aim}."
    else:
        who = f"“{entry.model}”"
    heard = "the recording and the references" if entry.references else "the recording"
    goes_on = f" The fit to {aim} goes on from there." if entry.refine else ""
    return (
        f"{who} listens to {heard} and sets the chain as far as it is sure; the preset gives "
        f"loudness and ceiling.{goes_on}"
    )


class ModelChooser(QComboBox):
    """Automatic, every installed model with its design, and none.

    Signals
    -------
    edited(object)
        ``{"model": name}``, for the :class:`~app.document.state.MasteringEntry`.
    opened()
        The list is about to be shown: a model may have been trained since.
    """

    edited = Signal(object)
    opened = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Model")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumContentsLength(9)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._installed: tuple[Bundle, ...] | None = None
        self._entry = MasteringEntry()
        self.activated.connect(lambda _: self.edited.emit({"model": self.currentData()}))
        self._fill()

    @property
    def installed(self) -> tuple[Bundle, ...] | None:
        """The models there are; None while nobody has looked."""
        return self._installed

    def show_models(self, installed: Sequence[Bundle]) -> None:
        """Offer these models."""
        if tuple(installed) != self._installed:
            self._installed = tuple(installed)
            self._fill()

    def show_entry(self, entry: MasteringEntry) -> None:
        """Show which one is chosen for a clip."""
        self._entry = entry
        if self.findData(entry.model) < 0 or self.currentData() != entry.model:
            self._fill()
        self.setToolTip(explain(entry, self._installed))

    def showPopup(self) -> None:
        """Open the list."""
        self.opened.emit()
        super().showPopup()
        width = self.view().sizeHintForColumn(0) + 32
        self.view().window().setMinimumWidth(max(width, self.width()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Turn the value under the pointer, with the focus only."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _fill(self) -> None:
        chosen = self._entry.model
        self.clear()
        self._offer(AUTO_MODEL, FIXED[AUTO_MODEL])
        for each in self._installed or ():
            self._offer(each.folder.name, title_of(each))
        if chosen not in FIXED and self.findData(chosen) < 0:
            self._offer(
                chosen, f"{chosen} (not installed)" if self._installed is not None else chosen
            )
        self._offer(NO_MODEL, FIXED[NO_MODEL])
        self.setCurrentIndex(self.findData(chosen))

    def _offer(self, name: str, title: str) -> None:
        self.addItem(title, name)
        entry = MasteringEntry(model=name)
        hint = explain(entry, self._installed)
        self.setItemData(self.count() - 1, hint, Qt.ItemDataRole.ToolTipRole)
