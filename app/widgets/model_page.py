"""The page about the model: its answer, the amounts, the references."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QSizePolicy, QWidget

from app.widgets.amounts_box import AmountsBox
from app.widgets.answer_box import AnswerBox
from app.widgets.references import ReferenceList

ROW_WIDTH = 780
REFERENCES_HEIGHT = 74


class ModelPage(QScrollArea):
    """Three boxes side by side, or stacked where there is not the width for that."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName("Model, amounts and references")
        self.answer = AnswerBox(self)
        self.amounts = AmountsBox(self)
        self.references = ReferenceList(self)
        content = QWidget(self)
        self._grid = QGridLayout(content)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(6)
        self._in_row: bool | None = None
        self._arrange(in_row=True)
        self.setWidget(content)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def sizeHint(self) -> QSize:
        """The size at which everything is readable."""
        content = self.widget()
        return content.sizeHint() if content is not None else super().sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the content to the new size."""
        super().resizeEvent(event)
        self._arrange(in_row=self.viewport().width() >= ROW_WIDTH)

    def _arrange(self, *, in_row: bool) -> None:
        if in_row is self._in_row:
            return
        self._in_row = in_row
        for place, (box, share) in enumerate(
            ((self.answer, 4), (self.amounts, 6), (self.references, 5))
        ):
            self._grid.removeWidget(box)
            row, column = (0, place) if in_row else (place, 0)
            self._grid.addWidget(box, row, column)
            self._grid.setColumnStretch(place, share if in_row else int(place == 0))
            self._grid.setRowStretch(place, int(place == (0 if in_row else 2)))
        self.references.setMinimumHeight(0 if in_row else REFERENCES_HEIGHT)
        self.updateGeometry()
