"""Line plot: curves over steps or any other numbers, with a read-out under the pointer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.canvas.bars import colour
from app.canvas.lines import Line, Numbers, extent, number_text, smooth, thin, ticks
from app.theme import Theme, Tokens, number_font

LEFT, RIGHT, TOP, BOTTOM = 58.0, 12.0, 24.0, 38.0
RAW_ALPHA = 70
MARK_RADIUS = 4.5
# Qt needs a second for a wide, smooth stroke through thousands of points: lines of more points
# than this are hairlines, and what is denser than the pixels is not smoothed.
WIDE_POINTS = 600


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
        self._picture: QPixmap | None = None
        self.setAccessibleName(title)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(180, 110)
        theme.changed.connect(self._repaint)

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

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw anew."""
        super().resizeEvent(event)
        self._picture = None

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the picture, which only other lines change, and the read-out over it."""
        scale = self.devicePixelRatioF()
        if self._picture is None or self._picture.devicePixelRatio() != scale:
            self._picture = QPixmap(self.size() * scale)
            self._picture.setDevicePixelRatio(scale)
            with QPainter(self._picture) as painter:
                self._draw(painter)
        with QPainter(self) as painter:
            painter.drawPixmap(0, 0, self._picture)
            painter.setFont(number_font(8.0))
            self._read_out(painter, self._theme.tokens)

    def _repaint(self) -> None:
        self._picture = None
        self.update()

    def _measure(self) -> None:
        self._smoothed = [smooth(line.y, self.smoothing) for line in self.lines]
        x = extent([line.x for line in self.lines], self.log_x)
        if not self.log_x:  # there is nothing before the first step or after the last
            whole = [line.x for line in self.lines if len(line.x)]
            low = min((float(each[0]) for each in whole), default=0.0)
            high = max((float(each[-1]) for each in whole), default=1.0)
            x = (low, high) if high > low else (low - 0.5, low + 0.5)
        self._ends = x, extent(self._smoothed, self.log_y)
        newest = [(line.label, float(line.y[-1])) for line in self.lines if len(line.y)]
        told = [f"{label} {number_text(value)}" for label, value in newest]
        self.setAccessibleDescription(", ".join(told))
        self._repaint()

    def _draw(self, painter: QPainter) -> None:
        tokens, area = self._theme.tokens, self.area
        painter.fillRect(self.rect(), QColor(tokens.panel))
        painter.fillRect(area, QColor(tokens.field))
        painter.setFont(self.font())
        painter.setPen(QColor(tokens.text))
        head = QRectF(LEFT, 2, area.width(), TOP - 4)
        painter.drawText(head, Qt.AlignmentFlag.AlignLeft, self.title)
        painter.setFont(number_font(8.0))
        if any(len(line.x) for line in self.lines):
            self._axes(painter, tokens)
            painter.setClipRect(area.adjusted(-MARK_RADIUS, -MARK_RADIUS, MARK_RADIUS, MARK_RADIUS))
            self._curves(painter, tokens)
            painter.setClipping(False)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        else:
            painter.setPen(QColor(tokens.muted))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, self.empty)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(tokens.line), 1.0))
        painter.drawRect(area)

    def _places(self, line: Line, y: Numbers) -> list[QPointF]:
        """Pixels of what of a line can be shown, thinned out."""
        area, shown = self.area, np.isfinite(y) & ((y > 0.0) | (not self.log_y))
        (left, right), (low, high) = self._ends
        across = area.left() + _share(line.x[shown], left, right, self.log_x) * area.width()
        up = area.bottom() - _share(y[shown], low, high, self.log_y) * area.height()
        across, up = thin(across, up, round(area.width()))
        return [QPointF(*place) for place in zip(across.tolist(), up.tolist(), strict=True)]

    def _curves(self, painter: QPainter, tokens: Tokens) -> None:
        if self.smoothing > 1:
            for line in self.lines:
                pale = colour(line.colour, tokens)
                pale.setAlpha(RAW_ALPHA)
                self._stroke(painter, line, line.y, pale, wide=False)
        for line, smoothed in zip(self.lines, self._smoothed, strict=True):
            self._stroke(painter, line, smoothed, colour(line.colour, tokens), wide=True)
            if line.marked is not None and line.marked < len(line.x):
                at = self.place(float(line.x[line.marked]), float(smoothed[line.marked]))
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                painter.setBrush(QColor(tokens.good))
                painter.setPen(QPen(QColor(tokens.field), 1.5))
                painter.drawEllipse(at, MARK_RADIUS, MARK_RADIUS)

    def _stroke(
        self, painter: QPainter, line: Line, y: Numbers, ink: QColor, *, wide: bool
    ) -> None:
        points = self._places(line, y)
        dense = len(points) > 2.0 * self.area.width()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, not dense)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if len(points) == 1 or line.dots:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink)
            for point in points:
                painter.drawEllipse(point, 2.5, 2.5)
        elif line.dashed:
            painter.setPen(QPen(ink, 1.0, Qt.PenStyle.DashLine))
            painter.drawPolyline(points)
        elif wide and len(points) <= WIDE_POINTS:
            painter.setPen(QPen(ink, 2.0))
            painter.drawLines([QLineF(*pair) for pair in itertools.pairwise(points)])
        else:
            painter.setPen(QPen(ink, 1.0))
            painter.drawPolyline(points)

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
