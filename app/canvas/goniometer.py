"""Goniometer: left against right, turned so that mono stands upright."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import Theme, number_font

GLOW_S = 0.25
MAX_POINTS = 2048
FULL_GLOW = 6.0
# The picture grows to fill the scope, up to this much gain, and shrinks at once.
MAX_GAIN = 30.0
GROW_PER_S = 0.5
_HALF_SQRT = float(np.sqrt(0.5))


class Goniometer(QWidget):
    """A dot for every frame, glowing on for a quarter of a second.

    Left only leans to the left, right only to the right, mono is upright, out of phase is flat.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._glow: NDArray[np.float32] = np.zeros((1, 1), np.float32)
        self._radius = 1.0
        self._colors = self._table()
        self.setAccessibleName("Goniometer")
        self.setToolTip("Left against right: upright is mono, flat is out of phase")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self._take_colors)

    def sizeHint(self) -> QSize:
        """The size at which everything is readable."""
        return QSize(180, 180)

    def minimumSizeHint(self) -> QSize:
        """The least size at which nothing is cut off."""
        return QSize(90, 90)

    @property
    def dark(self) -> bool:
        """Whether nothing glows any more."""
        return float(self._glow.max()) < 0.02

    def push(self, block: NDArray[np.floating], elapsed_s: float) -> None:
        """Show frames ``[2, n]``; the earlier ones fade by the time elapsed."""
        if self.dark and not block.shape[1]:
            return
        self._glow *= np.float32(np.exp(-elapsed_s / GLOW_S))
        if block.shape[1]:
            self._light(np.nan_to_num(block[:, -MAX_POINTS:], posinf=0.0, neginf=0.0), elapsed_s)
        self.update()

    def reset(self) -> None:
        """Go dark."""
        self._glow[:] = 0.0
        self._radius = 1.0
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the widget."""
        tokens = self._theme.tokens
        side = min(self.width(), self.height())
        box = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
        with QPainter(self) as painter:
            painter.fillRect(box, QColor(tokens.field))
            levels = np.minimum(self._glow * (255.0 / FULL_GLOW), 255.0).astype(np.uint8)
            pixels = np.ascontiguousarray(self._colors[levels])
            rows, columns = pixels.shape
            image = QImage(pixels.data, columns, rows, columns * 4, QImage.Format.Format_RGB32)
            painter.drawImage(box, image)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor(tokens.line), 1.0))
            middle, reach = box.center(), side / 2 - 4
            slant = reach * _HALF_SQRT
            painter.drawLine(middle - QPointF(slant, slant), middle + QPointF(slant, slant))
            painter.drawLine(middle - QPointF(-slant, slant), middle + QPointF(-slant, slant))
            painter.setFont(number_font(8.0))
            painter.setPen(QColor(tokens.muted))
            flag = Qt.AlignmentFlag
            inner = box.adjusted(5, 3, -5, -3)
            painter.drawText(inner, flag.AlignLeft | flag.AlignTop, "L")
            painter.drawText(inner, flag.AlignRight | flag.AlignTop, "R")
            painter.drawText(inner, flag.AlignHCenter | flag.AlignTop, "M")
            painter.drawText(inner, flag.AlignLeft | flag.AlignVCenter, "S")
            painter.setPen(QColor(tokens.line))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the content to the new size."""
        side = max(int(min(self.width(), self.height()) * self.devicePixelRatioF()), 1)
        self._glow = np.zeros((side, side), np.float32)

    def _light(self, block: NDArray[np.floating], elapsed_s: float) -> None:
        left, right = block[0], block[-1]
        across, up = (right - left) * _HALF_SQRT, (left + right) * _HALF_SQRT
        reach = float(max(np.abs(across).max(), np.abs(up).max()))
        shrunk = self._radius * (1.0 - GROW_PER_S * min(elapsed_s, 1.0))
        self._radius = max(reach, shrunk, 1.0 / MAX_GAIN)
        side = self._glow.shape[0]
        scale = (side / 2 - 1) / self._radius * 0.92
        x = np.clip(side / 2 + across * scale, 0, side - 1).astype(np.intp)
        y = np.clip(side / 2 - up * scale, 0, side - 1).astype(np.intp)
        hits = np.bincount(y * side + x, minlength=side * side)
        self._glow += hits.reshape(side, side).astype(np.float32)
        np.minimum(self._glow, 4.0 * FULL_GLOW, out=self._glow)

    def _take_colors(self) -> None:
        self._colors = self._table()
        self.update()

    def _table(self) -> NDArray[np.uint32]:
        """256 colours from the background to the colour of the result."""
        tokens = self._theme.tokens
        start, stop = QColor(tokens.field), QColor(tokens.after)
        share = np.linspace(0.0, 1.0, 256) ** 0.6
        channels = [
            np.round(a + (b - a) * share).astype(np.uint32)
            for a, b in zip(start.getRgb()[:3], stop.getRgb()[:3], strict=True)  # type: ignore[index]
        ]
        red, green, blue = channels
        table: NDArray[np.uint32] = np.uint32(0xFF000000) | red << 16 | green << 8 | blue
        return table
