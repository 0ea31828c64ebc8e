"""Line plot: curves over steps or any other numbers, with a read-out under the pointer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.canvas.bars import colour
from app.canvas.lines import Line, Numbers, extent, number_text, smooth, thin, ticks
from app.theme import Theme, Tokens, number_font

LEFT, RIGHT, TOP, BOTTOM = 58.0, 12.0, 24.0, 38.0
RAW_ALPHA = 70
MARK_RADIUS = 4.5


class CurvePlot(QWidget):
    """Draws lines over one pair of axes; either axis may be logarithmic.

    Smoothed lines keep their numbers as a pale shadow. However many points a line has, about
    four are drawn for each column of pixels.
    """

    def __init__(
        self, theme: Theme, title: str, across: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self.title, self.across, self.up = title, across, ""
        self.lines: tuple[Line, ...] = ()
        self.log_x = self.log_y = False
        self.smoothing = 1
        self.empty = "Nothing to show yet."
        self._hover: float | None = None
        self._smoothed: list[Numbers] = []
        self._ends = ((0.0, 1.0), (0.0, 1.0))
        self._polygons: dict[tuple[int, bool], QPolygonF] = {}
        self._drawn_for: QRectF | None = None
        self.setAccessibleName(title)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(220, 130)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """The size at which everything is readable."""
        return QSize(480, 280)

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Show other lines."""
        self.lines = tuple(lines)
        self._measure()

    def set_scale(self, *, log_x: bool = False, log_y: bool = False, smoothing: int = 1) -> None:
        """Choose the axes, and over how many points the mean is drawn."""
        if (log_x, log_y, smoothing) != (self.log_x, self.log_y, self.smoothing):
            self.log_x, self.log_y, self.smoothing = log_x, log_y, smoothing
            self._measure()

    @property
    def area(self) -> QRectF:
        """Where the lines are drawn."""
        return QRectF(
            LEFT,
            TOP,
            max(self.width() - LEFT - RIGHT, 1.0),
            max(self.height() - TOP - BOTTOM, 1.0),
        )

    def place(self, x: float, y: float) -> QPointF:
        """Where a point of the plot lies on the screen."""
        (left, right), (low, high) = self._ends
        area = self.area
        across = _share(np.array([x]), left, right, self.log_x)[0]
        up = _share(np.array([y]), low, high, self.log_y)[0]
        return QPointF(area.left() + across * area.width(), area.bottom() - up * area.height())

    def values_at(self, x_px: float) -> tuple[float, list[tuple[Line, float]]] | None:
        """The place under a pixel column, and what each line says at its point next to there."""
        (left, right), area = self._ends[0], self.area
        there = [line for line in self.lines if len(line.x)]
        if not there or not area.left() <= x_px <= area.right():
            return None
        share = (x_px - area.left()) / area.width()
        wanted = left * (right / left) ** share if self.log_x else left + share * (right - left)
        every = np.unique(np.concatenate([line.x for line in there]))
        x = float(every[_nearest(every, wanted)])
        reach = 1.5 * (right - left) * 3.0 / area.width()
        found = []
        for line, smoothed in zip(self.lines, self._smoothed, strict=True):
            if len(line.x):
                at = _nearest(line.x, x)
                sparse = len(line.x) < area.width() / 8
                if sparse or abs(float(line.x[at]) - x) <= reach:
                    found.append((line, float(smoothed[at])))
        return x, found

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Read out what is under the pointer."""
        self._hover = event.position().x()
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Hide the read-out."""
        self._hover = None
        self.update()
        super().leaveEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint axes, lines and the read-out."""
        tokens, area = self._theme.tokens, self.area
        if area != self._drawn_for:
            self._polygons, self._drawn_for = {}, area
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), QColor(tokens.panel))
            painter.fillRect(area, QColor(tokens.field))
            painter.setPen(QColor(tokens.text))
            painter.drawText(
                QRectF(LEFT, 2, area.width(), TOP - 4), Qt.AlignmentFlag.AlignLeft, self.title
            )
            painter.setFont(number_font(8.0))
            if not any(len(line.x) for line in self.lines):
                painter.setPen(QColor(tokens.muted))
                painter.drawText(area, Qt.AlignmentFlag.AlignCenter, self.empty)
            else:
                self._axes(painter, tokens)
                painter.setClipRect(area)
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                self._curves(painter, tokens)
                painter.setClipping(False)
                painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
                self._read_out(painter, tokens)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(tokens.line), 1.0))
            painter.drawRect(area)

    def _measure(self) -> None:
        self._smoothed = [smooth(line.y, self.smoothing) for line in self.lines]
        x = extent([line.x for line in self.lines], self.log_x)
        if not self.log_x:  # time has no air before its beginning
            whole = [line.x for line in self.lines if len(line.x)]
            low = min((float(each[0]) for each in whole), default=0.0)
            high = max((float(each[-1]) for each in whole), default=1.0)
            x = (low, high) if high > low else (low - 0.5, low + 0.5)
        self._ends = (
            x,
            extent(
                self._smoothed if self.smoothing > 1 else [line.y for line in self.lines],
                self.log_y,
            ),
        )
        self._polygons = {}
        told = ", ".join(
            f"{line.label} {number_text(float(line.y[-1]))}" for line in self.lines if len(line.y)
        )
        self.setAccessibleDescription(told)
        self.update()

    def _polygon(self, index: int, smoothed: bool) -> QPolygonF:
        key = index, smoothed
        if key not in self._polygons:
            line, area = self.lines[index], self.area
            y = self._smoothed[index] if smoothed else line.y
            shown = np.isfinite(y) & ((y > 0.0) | (not self.log_y))
            (left, right), (low, high) = self._ends
            across = area.left() + _share(line.x[shown], left, right, self.log_x) * area.width()
            up = area.bottom() - _share(y[shown], low, high, self.log_y) * area.height()
            across, up = thin(across, up, round(area.width()))
            self._polygons[key] = QPolygonF(
                [QPointF(a, b) for a, b in zip(across.tolist(), up.tolist(), strict=True)]
            )
        return self._polygons[key]

    def _curves(self, painter: QPainter, tokens: Tokens) -> None:
        if self.smoothing > 1:
            for index, line in enumerate(self.lines):
                pale = colour(line.colour, tokens)
                pale.setAlpha(RAW_ALPHA)
                self._stroke(painter, index, line, pale, 1.0, False)
        for index, line in enumerate(self.lines):
            self._stroke(painter, index, line, colour(line.colour, tokens), 1.6, self.smoothing > 1)
            if line.marked is not None and line.marked < len(line.x):
                at = self.place(float(line.x[line.marked]), float(line.y[line.marked]))
                painter.setBrush(QColor(tokens.good))
                painter.setPen(QPen(QColor(tokens.field), 1.5))
                painter.drawEllipse(at, MARK_RADIUS, MARK_RADIUS)
                painter.setBrush(Qt.BrushStyle.NoBrush)

    def _stroke(
        self, painter: QPainter, index: int, line: Line, ink: QColor, width: float, smoothed: bool
    ) -> None:
        polygon = self._polygon(index, smoothed)
        pen = QPen(ink, width)
        if line.dashed:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        if polygon.size() == 1 or line.dots:
            painter.setBrush(ink)
            for number in range(polygon.size()):
                painter.drawEllipse(polygon.at(number), 2.5, 2.5)
            painter.setBrush(Qt.BrushStyle.NoBrush)
        else:
            painter.drawPolyline(polygon)

    def _axes(self, painter: QPainter, tokens: Tokens) -> None:
        area = self.area
        (left, right), (low, high) = self._ends
        beside = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        centre = Qt.AlignmentFlag.AlignCenter
        for tick in ticks(low, high, max(int(area.height() / 34), 2), self.log_y):
            y = round(self.place(left, tick.value).y()) + 0.5
            painter.setPen(QColor(tokens.grid))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(QColor(tokens.muted))
            painter.drawText(QRectF(0, y - 8, LEFT - 5, 16), beside, tick.label)
        for tick in ticks(left, right, max(int(area.width() / 70), 2), self.log_x):
            x = round(self.place(tick.value, low).x()) + 0.5
            painter.setPen(QColor(tokens.grid))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            painter.setPen(QColor(tokens.muted))
            box = QRectF(min(max(x - 40, 0.0), self.width() - 80.0), area.bottom() + 3, 80, 15)
            painter.drawText(box, centre, tick.label)
        painter.drawText(
            QRectF(area.left(), area.bottom() + 19, area.width(), 16), centre, self.across
        )

    def _read_out(self, painter: QPainter, tokens: Tokens) -> None:
        found = self.values_at(self._hover) if self._hover is not None else None
        if found is None:
            return
        x, values = found
        area = self.area
        at = round(self.place(x, self._ends[1][0]).x()) + 0.5
        painter.setPen(QPen(QColor(tokens.muted), 1.0, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(at, area.top()), QPointF(at, area.bottom()))
        rows: list[tuple[Line | None, str]] = [(None, f"{self.across} {number_text(x)}".strip())]
        rows += [(line, f"{line.label}  {number_text(value)}") for line, value in values]
        metrics = painter.fontMetrics()
        width = max(metrics.horizontalAdvance(text) for _, text in rows) + 28.0
        height = 16.0 * len(rows) + 8.0
        left = at + 10.0 if at + 10.0 + width < area.right() else at - 10.0 - width
        box = QRectF(
            max(left, area.left() + 2.0), area.top() + 6.0, width, min(height, area.height() - 8.0)
        )
        fill = QColor(tokens.raised)
        fill.setAlpha(235)
        painter.fillRect(box, fill)
        painter.setPen(QColor(tokens.line))
        painter.drawRect(box)
        for number, (line, text) in enumerate(rows):
            y = box.top() + 4.0 + 16.0 * number
            if y + 14.0 > box.bottom():
                break
            if line is not None:
                painter.fillRect(QRectF(box.left() + 7, y + 4, 8, 8), colour(line.colour, tokens))
            painter.setPen(QColor(tokens.text if line is not None else tokens.muted))
            painter.drawText(
                QRectF(box.left() + 20, y, width, 16), Qt.AlignmentFlag.AlignVCenter, text
            )


def _share(values: Numbers, low: float, high: float, log: bool) -> Numbers:
    """Places between two ends as shares; below 0 on a logarithmic axis is far below."""
    if log:
        values = np.log(np.maximum(values, 1e-300))
        low, high = math.log(low), math.log(high)
    return np.asarray((values - low) / (high - low), np.float64)


def _nearest(ascending: Numbers, wanted: float) -> int:
    after = int(np.searchsorted(ascending, wanted))
    if after == 0:
        return 0
    if after == len(ascending):
        return after - 1
    closer = wanted - ascending[after - 1] < ascending[after] - wanted
    return after - 1 if closer else after
