"""Bars that show a level: peaks, loudness, gain reduction, correlation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import Theme, Tokens, number_font

LABEL_HEIGHT = 16.0
SCALE_WIDTH = 24.0
BAR_WIDTH = 30.0


@dataclass(frozen=True, slots=True)
class Scale:
    """The axis of a bar.

    Parameters
    ----------
    low, high
        Ends.
    ticks
        Values that are labelled.
    origin
        Where bars begin; the lower end when None. Gain reduction hangs from 0, and what a stage
        makes louder rises from there in another colour.
    warn, error
        From where on a bar is painted in the warning and the error colour.
    """

    low: float
    high: float
    ticks: tuple[float, ...]
    origin: float | None = None
    warn: float = math.inf
    error: float = math.inf

    def share(self, value: float) -> float:
        """Place of a value between the ends, in [0, 1]."""
        if math.isnan(value):
            return 0.0
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


PEAK_SCALE = Scale(-60.0, 3.0, (0.0, -6.0, -12.0, -24.0, -36.0, -48.0, -60.0), warn=-6.0, error=0.0)
LOUDNESS_SCALE = Scale(-41.0, -4.0, (-5.0, -9.0, -14.0, -18.0, -23.0, -30.0, -36.0))
REDUCTION_SCALE = Scale(-12.0, 0.0, (0.0, -3.0, -6.0, -9.0, -12.0), origin=0.0)
GAIN_SCALE = Scale(-12.0, 6.0, (6.0, 3.0, 0.0, -3.0, -6.0, -9.0, -12.0), origin=0.0)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar's reading.

    ``value`` fills the bar; ``inner`` (RMS) fills it more strongly up to there; ``hold`` is a line;
    ``lit`` lights the clip lamp above it.
    """

    label: str
    value: float = -math.inf
    inner: float = -math.inf
    hold: float = -math.inf
    lit: bool = False


class BarMeter(QWidget):
    """Vertical bars side by side on one scale.

    Parameters
    ----------
    scale
        The axis.
    name
        Accessible name.
    lamps
        Whether each bar has a clip lamp; a click on the meter emits ``clicked`` to clear them.
    """

    clicked = Signal()

    def __init__(
        self,
        theme: Theme,
        scale: Scale,
        name: str,
        *,
        lamps: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._lamps = lamps
        self.scale = scale
        self.bars: tuple[Bar, ...] = ()
        self.mark: float | None = None
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """The size at which everything is readable."""
        return QSize(int(SCALE_WIDTH) + 26 * max(len(self.bars), 1), 160)

    def minimumSizeHint(self) -> QSize:
        """The least size at which nothing is cut off."""
        return QSize(int(SCALE_WIDTH) + 16 * max(len(self.bars), 1), 80)

    def show_bars(self, bars: Sequence[Bar], mark: float | None = None) -> None:
        """Show readings; ``mark`` is a line across all bars (the loudness target)."""
        bars = tuple(bars)
        if (bars, mark) == (self.bars, self.mark):
            return
        if len(bars) != len(self.bars):
            self.updateGeometry()
        self.bars, self.mark = bars, mark
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of what is under the pointer."""
        self.clicked.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the widget."""
        tokens = self._theme.tokens
        lamp = 7.0 if self._lamps else 0.0
        top = 5.0 + lamp
        area = QRectF(
            SCALE_WIDTH, top, self.width() - SCALE_WIDTH - 1, self.height() - top - LABEL_HEIGHT - 1
        )
        if area.width() < 4 or area.height() < 4:
            return
        with QPainter(self) as painter:
            painter.setFont(number_font(7.5))
            self._ticks(painter, tokens, area)
            slot = area.width() / max(len(self.bars), 1)
            gap = 2.0 if slot > 10 else 1.0
            for index, bar in enumerate(self.bars):
                width = min(slot - 2 * gap, BAR_WIDTH)
                x = area.left() + slot * (index + 0.5) - width / 2
                box = QRectF(x, area.top(), width, area.height())
                self._bar(painter, tokens, box, bar)
                if self._lamps:
                    lit = QColor(tokens.error if bar.lit else tokens.raised)
                    painter.fillRect(QRectF(x, 2, box.width(), lamp), lit)
                painter.setPen(QColor(tokens.muted))
                # A lone bar is narrower than its number, which has the scale's room as well.
                left, room = (x + width / 2 - slot / 2, slot)
                if len(self.bars) == 1:
                    left, room = 0.0, float(self.width())
                label = QRectF(left, area.bottom() + 1, room, LABEL_HEIGHT)
                painter.drawText(label, Qt.AlignmentFlag.AlignCenter, bar.label)
            if self.mark is not None:
                y = self._y(area, self.mark)
                painter.setPen(QPen(QColor(tokens.accent), 1.5))
                painter.drawLine(QPointF(area.left() - 4, y), QPointF(area.right(), y))

    def _y(self, box: QRectF, value: float) -> float:
        return box.bottom() - box.height() * self.scale.share(value)

    def _ticks(self, painter: QPainter, tokens: Tokens, area: QRectF) -> None:
        last = -math.inf
        for value in self.scale.ticks:
            y = self._y(area, value)
            painter.setPen(QColor(tokens.grid))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            if y - last < 12:
                continue
            last = y
            painter.setPen(QColor(tokens.muted))
            box = QRectF(0, y - 7, SCALE_WIDTH - 5, 14)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(box, right, f"{value:g}".replace("-", "−"))

    def _bar(self, painter: QPainter, tokens: Tokens, box: QRectF, bar: Bar) -> None:
        painter.fillRect(box, QColor(tokens.field))
        scale = self.scale
        if scale.origin is not None:
            start, stop = self._y(box, scale.origin), self._y(box, bar.value)
            color = tokens.accent if bar.value > scale.origin else tokens.warn
            painter.fillRect(QRectF(box.left(), start, box.width(), stop - start), QColor(color))
            if scale.low < scale.origin < scale.high:
                painter.fillRect(
                    QRectF(box.left(), start - 0.5, box.width(), 1), QColor(tokens.muted)
                )
        else:
            # Zones from below; with an inner bar, the part above it is painted fainter.
            zones = (
                (scale.low, scale.warn, tokens.good),
                (scale.warn, scale.error, tokens.warn),
                (scale.error, math.inf, tokens.error),
            )
            for low, high, color in zones:
                for reach, alpha in (
                    (bar.value, 1.0 if bar.inner == -math.inf else 0.45),
                    (bar.inner, 1.0),
                ):
                    top = min(reach, high)
                    if top > low:
                        fill = QColor(color)
                        fill.setAlphaF(alpha)
                        y = self._y(box, top)
                        painter.fillRect(
                            QRectF(box.left(), y, box.width(), self._y(box, low) - y), fill
                        )
        if bar.hold > scale.low and bar.hold != bar.value:
            y = self._y(box, bar.hold)
            over = bar.hold >= scale.error
            painter.fillRect(
                QRectF(box.left(), y, box.width(), 2), tokens.error if over else tokens.text
            )


class CorrelationBar(QWidget):
    """Phase correlation of left and right, from -1 (opposite) over 0 to +1 (the same)."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.value = math.nan
        self.setAccessibleName("Stereo correlation")
        self.setToolTip("Correlation of left and right: +1 mono, 0 wide, below 0 cancels in mono")
        self.setFixedHeight(32)
        self.setMinimumWidth(80)
        theme.changed.connect(self.update)

    def show_value(self, value: float) -> None:
        """Show a correlation; not-a-number shows none."""
        if value != self.value:
            self.value = value
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the widget."""
        tokens = self._theme.tokens
        with QPainter(self) as painter:
            box = QRectF(6, 3, self.width() - 12, 10)
            painter.fillRect(box, QColor(tokens.field))
            middle = box.center().x()
            if not math.isnan(self.value):
                x = middle + self.value * box.width() / 2
                color = tokens.error if self.value < -0.1 else tokens.good
                painter.fillRect(
                    QRectF(min(x, middle), box.top(), abs(x - middle), box.height()), QColor(color)
                )
                painter.fillRect(QRectF(x - 1, box.top() - 1, 3, box.height() + 2), tokens.text)
            painter.setPen(QColor(tokens.line))
            painter.drawRect(box)
            painter.setFont(number_font(7.5))
            painter.setPen(QColor(tokens.muted))
            for place, text, side in (
                (box.left() - 6, "−1", Qt.AlignmentFlag.AlignLeft),
                (middle - 20, "0", Qt.AlignmentFlag.AlignHCenter),
                (box.right() - 34, "+1", Qt.AlignmentFlag.AlignRight),
            ):
                painter.drawText(QRectF(place, 15, 40, 14), side, text)
