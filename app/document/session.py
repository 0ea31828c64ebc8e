"""Session: the open document, its history and whether it is saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.document.history import History, Step
from app.document.state import SessionState


class Session(QObject):
    """The one mutable thing of the document: which state is current.

    Signals
    -------
    changed(SessionState)
        The state is another one: an edit, undo, redo, or a session that was opened.
    status_changed()
        Path, dirty flag or undo labels may be different.
    opened()
        The document was replaced as a whole (open, new, recover).
    """

    changed = Signal(object)
    status_changed = Signal()
    opened = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = SessionState()
        self._saved: SessionState | None = self._state
        self._path: Path | None = None
        self._history = History()

    @property
    def state(self) -> SessionState:
        """What is open now."""
        return self._state

    @property
    def path(self) -> Path | None:
        """The session file, None while it was never saved."""
        return self._path

    @property
    def dirty(self) -> bool:
        """Whether the state differs from what was last saved or opened."""
        return self._state != self._saved

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self.undo_label)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to do again."""
        return bool(self.redo_label)

    @property
    def undo_label(self) -> str:
        """What undo would take back, empty when nothing."""
        return self._history.undo_label

    @property
    def redo_label(self) -> str:
        """What redo would do again, empty when nothing."""
        return self._history.redo_label

    def edit(self, label: str, state: SessionState, merge: str = "") -> None:
        """Make ``state`` current as one undoable step.

        Parameters
        ----------
        label
            What the user reads behind Undo, such as "Move band 3".
        state
            The new state; an equal one is no edit.
        merge
            Edits in a row with the same key are one step (a drag). :meth:`seal` ends it.
        """
        if not label:
            raise ValueError("an edit needs a label")
        if state == self._state:
            return
        self._history.push(Step(label, self._state, state, merge))
        self._show(state)

    def adjust(self, change: Callable[[SessionState], SessionState]) -> None:
        """Apply what is no decision of the user, without an undo step: a file that was found.

        The change is made to every earlier state too, so undo does not take it back.
        """
        self._history.map(change)
        state = change(self._state)
        if state != self._state:
            self._show(state)

    def seal(self) -> None:
        """End a drag; call on mouse release."""
        self._history.seal()

    def undo(self) -> None:
        """Take the last step back; nothing happens when there is none."""
        state = self._history.undo()
        if state is not None:
            self._show(state)

    def redo(self) -> None:
        """Do again what was undone last; nothing happens when there is nothing."""
        state = self._history.redo()
        if state is not None:
            self._show(state)

    def open(self, state: SessionState, path: Path | None = None, *, dirty: bool = False) -> None:
        """Replace the document; ``dirty`` for one that was recovered and is not saved."""
        self._history.clear()
        self._path = path
        self._saved = None if dirty else state
        self._state = state
        self.opened.emit()
        self.changed.emit(state)
        self.status_changed.emit()

    def mark_saved(self, path: Path) -> None:
        """Note that the current state was written to ``path``."""
        self._path = path
        self._saved = self._state
        self._history.seal()
        self.status_changed.emit()

    def _show(self, state: SessionState) -> None:
        self._state = state
        self.changed.emit(state)
        self.status_changed.emit()
