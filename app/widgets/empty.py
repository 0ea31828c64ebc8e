"""EmptyState: what a view says while it has nothing to show."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget


class EmptyState(QWidget):
    """A headline and a line of help in the middle of the space."""

    def __init__(self, headline: str, help_text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._headline = QLabel()
        font = self._headline.font()
        font.setPointSizeF(font.pointSizeF() * 1.6)
        self._headline.setFont(font)
        self._help = QLabel()
        self._help.setProperty("muted", True)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.addStretch(1)
        for label in (self._headline, self._help):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
            column.addWidget(label)
        column.addStretch(1)
        self.show_text(headline, help_text)

    def show_text(self, headline: str, help_text: str = "") -> None:
        """Say something else."""
        self._headline.setText(headline)
        self._help.setText(help_text)
        self.setAccessibleName(headline)
        self.setAccessibleDescription(help_text)
