"""A line that says that only what one stage changes is heard, and a button to end that."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from app.widgets.elided import ElidedLabel


class HeardNote(QWidget):
    """Hidden until something else than the whole chain is heard.

    Signals
    -------
    stopped()
        The whole chain should be heard again.
    """

    stopped = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = ElidedLabel(self)
        font = self.text.font()
        font.setBold(True)
        self.text.setFont(font)
        self.stop = QToolButton(self)
        self.stop.setText("Whole chain")
        self.stop.setAccessibleName("Hear the whole chain again")
        self.stop.setToolTip("Hear the whole chain again")
        self.stop.clicked.connect(self.stopped)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.text, 1)
        row.addWidget(self.stop)
        self.show_name("")

    def show_name(self, name: str) -> None:
        """Say that only what this stage changes is heard; empty hides the line."""
        text = f"Δ Heard: only the {name}’s change" if name else ""
        self.text.setText(text)
        self.text.setToolTip(text)
        self.setAccessibleName(text)
        self.setVisible(bool(name))
