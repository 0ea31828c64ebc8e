"""Grouped bars: one cluster per category, one bar per series, with axes that read at a glance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.theme import Theme, Tokens, number_font

LEFT, RIGHT, TOP, BOTTOM = 46.0, 12.0, 8.0, 38.0
LEGEND_HEIGHT = 20.0
GRID_LINES = 4
# Hues told apart also by people who see red and green alike, on light and on dark.
HUES = (212, 32, 165, 285, 52, 340, 190, 100)


@dataclass(frozen=True, slots=True)
class Series:
    """Bars of one colour: a name for the legend, and a height per category."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """What is plotted.

    Parameters
    ----------
    categories
        Labels below the clusters, in order.
    series
        The bars; each has as many values as there are categories.
    across, up
        Names of the axes.
    highest
        Upper end of the axis; None lets the values decide.
    percent
        Whether heights are shares, written in per cent.
    """

    categories: tuple[str, ...]
    series: tuple[Series, ...]
    across: str = ""
    up: str = ""
    highest: float | None = None
    percent: bool = False

    @property
    def top(self) -> float:
        """The upper end of the axis: round, and above every bar."""
        if self.highest is not None:
            return self.highest
        largest = max((value for each in self.series for value in each.values), default=0.0)
        return round_up(largest) if largest > 0.0 else 1.0

    def text(self, value: float) -> str:
        """A height in words."""
        return f"{value:.0%}".replace("%", " %") if self.percent else f"{value:g}"


def round_up(value: float) -> float:
    """The next 1, 2, 4, 5 or 8 times a power of ten: ends whose quarters are short numbers."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 5, 8, 10) if step * power >= value * (1 - 1e-12))


class BarPlot(QWidget):
    """Paints a :class:`Chart`; the pointer over a bar tells its value."""

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.chart = Chart((), ())
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(260, 150)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """The size at which everything is readable."""
        return QSize(640, 260)

    def show_chart(self, chart: Chart) -> None:
        """Show another chart."""
        if chart != self.chart:
            self.chart = chart
            self.setAccessibleDescription(_spoken(chart))
            self.update()

    @property
    def area(self) -> QRectF:
        """Where the bars stand."""
        top = TOP + (LEGEND_HEIGHT if len(self.chart.series) > 1 else 0.0)
        return QRectF(
            LEFT, top, max(self.width() - LEFT - RIGHT, 1.0), max(self.height() - top - BOTTOM, 1.0)
        )

    def bar(self, category: int, series: int) -> QRectF:
        """The rectangle of one bar."""
        area, chart = self.area, self.chart
        slot = area.width() / max(len(chart.categories), 1)
        count = max(len(chart.series), 1)
        width = min(slot * 0.78 / count, 44.0)
        left = area.left() + slot * (category + 0.5) - width * count / 2.0 + width * series
        share = min(max(chart.series[series].values[category] / chart.top, 0.0), 1.0)
        height = area.height() * share
        gap = 1.0 if width > 4.0 else 0.0
        return QRectF(left + gap / 2, area.bottom() - height, width - gap, height)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the axes, the bars and the legend."""
        tokens, area, chart = self._theme.tokens, self.area, self.chart
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), QColor(tokens.panel))
            painter.fillRect(area, QColor(tokens.field))
            painter.setFont(number_font(8.0))
            self._axes(painter, tokens)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            for series in range(len(chart.series)):
                painter.setBrush(colour(series, tokens))
                for category in range(len(chart.categories)):
                    painter.drawRect(self.bar(category, series))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(tokens.line), 1.0))
            painter.drawRect(area)
            if len(chart.series) > 1:
                self._legend(painter, tokens)

    def event(self, event: QEvent) -> bool:
        """Tell the value of the bar under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            text = self.text_at(event.pos())
            if text:
                QToolTip.showText(event.globalPos(), text, self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def text_at(self, point: QPoint) -> str:
        """What the column under a point says; empty where there is none."""
        chart, area = self.chart, self.area
        for category, label in enumerate(chart.categories):
            for series, each in enumerate(chart.series):
                bar = self.bar(category, series)
                column = QRectF(bar.left(), area.top(), bar.width(), area.height())
                if column.contains(QPointF(point)):
                    name = f"{each.name}, " if len(chart.series) > 1 else ""
                    return f"{name}{chart.across} {label}: {chart.text(each.values[category])}"
        return ""

    def _axes(self, painter: QPainter, tokens: Tokens) -> None:
        chart, area = self.chart, self.area
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for line in range(GRID_LINES + 1):
            value = chart.top * line / GRID_LINES
            y = round(area.bottom() - area.height() * line / GRID_LINES) + 0.5
            painter.setPen(QColor(tokens.grid))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(QColor(tokens.muted))
            painter.drawText(QRectF(0, y - 8, LEFT - 5, 16), right, chart.text(value))
        centre = Qt.AlignmentFlag.AlignCenter
        slot = area.width() / max(len(chart.categories), 1)
        widest = max(map(painter.fontMetrics().horizontalAdvance, chart.categories), default=0)
        step = max(math.ceil((widest + 6) / slot), 1)  # labels never run into one another
        for index in range(0, len(chart.categories), step):
            x = area.left() + slot * (index + 0.5)
            box = QRectF(x - slot * step / 2, area.bottom() + 3, slot * step, 15)
            painter.drawText(box, centre, chart.categories[index])
        below = QRectF(area.left(), area.bottom() + 19, area.width(), 16)
        painter.drawText(below, centre, chart.across)
        if chart.up and len(chart.series) <= 1:
            painter.setPen(QColor(tokens.muted))
            inside = QRectF(area.left() + 8, area.top() + 4, area.width() - 16, 16)
            painter.drawText(inside, Qt.AlignmentFlag.AlignRight, chart.up)

    def _legend(self, painter: QPainter, tokens: Tokens) -> None:
        metrics, x = painter.fontMetrics(), LEFT
        for index, each in enumerate(self.chart.series):
            width = metrics.horizontalAdvance(each.name)
            if x + width + 16 > self.width() - RIGHT:
                painter.setPen(QColor(tokens.muted))
                painter.drawText(QPointF(x, TOP + 10), "…")
                return
            painter.fillRect(QRectF(x, TOP + 1, 10, 10), colour(index, tokens))
            painter.setPen(QColor(tokens.text))
            painter.drawText(QPointF(x + 15, TOP + 10), each.name)
            x += width + 32


def colour(series: int, tokens: Tokens) -> QColor:
    """The colour of a series; after eight they come again, paler."""
    if series == 0:
        return QColor(tokens.accent)
    pale = series // len(HUES) % 2
    lightness = (0.62 if tokens.dark else 0.45) + (0.15 if pale else 0.0)
    return QColor.fromHslF(HUES[series % len(HUES)] / 360.0, 0.6, lightness)


def _spoken(chart: Chart) -> str:
    """The chart as a sentence per series, for screen readers."""
    parts: Sequence[str] = [
        f"{each.name}: "
        + ", ".join(
            f"{label} {chart.text(value)}"
            for label, value in zip(chart.categories, each.values, strict=True)
        )
        for each in chart.series
    ]
    return ". ".join(parts)
