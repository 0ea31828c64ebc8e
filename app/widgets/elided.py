"""A label that ends in "…" where there is not room for all of its text."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget


class ElidedLabel(QLabel):
    """One line of text that gives way; the whole text stays its accessible one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._short = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def set_short(self, text: str) -> None:
        """Say what stands there where there is not room for the whole text."""
        self._short = text
        self.update()

    def minimumSizeHint(self) -> QSize:
        """Room for a word."""
        return QSize(40, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint as much of the text as fits."""
        box = self.contentsRect()
        metrics = self.fontMetrics()
        whole = self.text()
        if self._short and metrics.horizontalAdvance(whole) > box.width():
            whole = self._short
        text = metrics.elidedText(whole, Qt.TextElideMode.ElideRight, box.width())
        with QPainter(self) as painter:
            painter.setPen(self.palette().color(self.foregroundRole()))
            painter.drawText(box, self.alignment(), text)
