"""A button that lets one hear only what a stage changes: click to stay, hold for a moment."""

from __future__ import annotations

from PySide6.QtCore import QElapsedTimer, Qt, Signal
from PySide6.QtWidgets import QToolButton, QWidget

HOLD_MS = 400


class DifferenceButton(QToolButton):
    """Asks for a stage's difference when pressed.

    A click leaves it on until the next one; held longer, it is off again when let go. Whether it
    is on is said from outside, by :meth:`show_stage`: other things end the listening too.

    Signals
    -------
    asked(str)
        The stage to listen to; empty for the whole chain.
    """

    asked = Signal(str)

    def __init__(self, stage: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.stage = stage
        self._title = title
        self._began = False
        self._held = QElapsedTimer()
        self.setText("Δ")
        self.setCheckable(True)
        self.setAccessibleName(f"Listen to what the {title} changes")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFixedHeight(22)
        self.setMinimumWidth(24)
        self.pressed.connect(self._press)
        self.released.connect(self._release)
        self.show_stage("", False)

    def show_stage(self, stage: str, possible: bool) -> None:
        """Show which stage's difference is heard, and whether one can be."""
        self.setChecked(stage == self.stage)
        self.setEnabled(possible)
        self.setToolTip(
            f"Hear only what the {self._title} changes, in the Live slot, as loud as it is. "
            "Click to stay, hold for a moment."
            if possible
            else "There is no live chain yet: master the track or move a band first"
        )

    def nextCheckState(self) -> None:
        """Nothing: who listens says what is on."""

    def _press(self) -> None:
        self._began = not self.isChecked()
        self._held.start()
        if self._began:
            self.asked.emit(self.stage)

    def _release(self) -> None:
        if not self._began or self._held.elapsed() > HOLD_MS:
            self.asked.emit("")
