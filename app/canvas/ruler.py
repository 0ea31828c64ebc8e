"""TimeRuler: ticks of the time axis; a drag in it makes the loop."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.canvas.axes import TimeUnit, time_ticks
from app.canvas.overlays import Marks
from app.canvas.timeline import TimeAxis
from app.canvas.timeview import TimeView
from app.theme import Theme, number_font

HEIGHT_PX = 26


class TimeRuler(TimeView):
    """Time or sample numbers above the linked views."""

    drags_loop = True

    def __init__(
        self, axis: TimeAxis, marks: Marks, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(axis, marks, theme, parent)
        self.unit = TimeUnit.CLOCK
        self.setAccessibleName("Time ruler")
        self.setToolTip("Click to seek, drag to make the loop")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def sizeHint(self) -> QSize:
        """One line of numbers."""
        return QSize(400, HEIGHT_PX)

    def set_unit(self, unit: TimeUnit) -> None:
        """Count clock time or samples."""
        self.unit = unit
        self.refresh()

    def paint_content(self, painter: QPainter, plot: QRectF) -> None:
        """Draw ticks along the bottom and their labels right of them."""
        tokens = self.tokens
        painter.fillRect(QRectF(self.rect()), QColor(tokens.panel))
        painter.setPen(QPen(QColor(tokens.line), 1.0))
        painter.drawLine(
            QPointF(0.0, plot.bottom() - 0.5), QPointF(plot.right(), plot.bottom() - 0.5)
        )
        font = number_font(max(painter.font().pointSizeF() - 1.0, 7.0))
        painter.setFont(font)
        if self.axis.empty:
            return
        axis = self.axis
        ticks = time_ticks(axis.start_frame, axis.stop_frame, axis.rate, plot.width(), self.unit)
        for tick in ticks:
            x = plot.left() + axis.x_of(tick.value, plot.width())
            painter.setPen(QPen(QColor(tokens.muted if tick.label else tokens.line), 1.0))
            length = 9.0 if tick.label else 5.0
            painter.drawLine(QPointF(x, plot.bottom() - length), QPointF(x, plot.bottom()))
            width = painter.fontMetrics().horizontalAdvance(tick.label) + 2.0
            if tick.label and x + 4.0 + width <= plot.right():
                label = QRectF(x + 4.0, plot.top(), width, plot.height() - 4.0)
                painter.drawText(label, Qt.AlignmentFlag.AlignVCenter, tick.label)
        unit = "samples" if self.unit is TimeUnit.SAMPLES else "time"
        corner = QRectF(0.0, plot.top(), plot.left() - 6.0, plot.height() - 4.0)
        painter.setPen(QColor(tokens.muted))
        flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.fillRect(corner.adjusted(0, 0, 6, 0), QColor(tokens.panel))
        painter.drawText(corner, flags, unit)
