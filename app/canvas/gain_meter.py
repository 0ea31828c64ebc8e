"""What the three bands of a compressor do at this moment: a bar and a signed number for each."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.theme import Theme, number_font

REACH_DB = 12.0
LEAST_DB = 0.05
BAR_HEIGHT = 7.0
GAP = 4.0


def gain_text(reduction_db: float) -> str:
    """The gain of a reduction with its sign; empty where there is as good as none."""
    if abs(reduction_db) < LEAST_DB:
        return ""
    return f"{-reduction_db:+.1f}".replace("-", "−")


class GainMeter(QWidget):
    """Horizontal bars side by side: to the left of the middle it is quieter, to the right louder.

    Parameters
    ----------
    titles
        The key of each bar and what is written before it.
    name
        Accessible name.
    """

    def __init__(
        self, theme: Theme, titles: Mapping[str, str], name: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._titles = dict(titles)
        self.reductions_db = dict.fromkeys(self._titles, 0.0)
        self.setAccessibleName(name)
        self.setToolTip(
            f"{name} while it plays, up to {REACH_DB:g} dB: to the left what a band is turned "
            "down by, to the right what it is turned up by (upward expansion)"
        )
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """The size at which everything is readable."""
        return QSize(120 * len(self._titles), 18)

    def minimumSizeHint(self) -> QSize:
        """The least size at which nothing is cut off."""
        return QSize(84 * len(self._titles), 18)

    def show_reductions(self, reductions_db: Mapping[str, float]) -> None:
        """Show gain reductions in dB; negative where a band is turned up."""
        shown = {key: float(reductions_db.get(key, 0.0)) for key in self._titles}
        if shown == self.reductions_db:
            return
        self.reductions_db = shown
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the widget."""
        tokens = self._theme.tokens
        font = number_font(8.0)
        metrics = QFontMetricsF(font)
        number = metrics.horizontalAdvance("−00.0") + 2.0
        slot = self.width() / max(len(self._titles), 1)
        left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        middle = Qt.AlignmentFlag.AlignVCenter
        with QPainter(self) as painter:
            painter.setFont(font)
            for index, (key, title) in enumerate(self._titles.items()):
                cell = QRectF(slot * index, 0.0, slot - 2.0 * GAP, self.height())
                words = metrics.horizontalAdvance(title) + GAP
                painter.setPen(QColor(tokens.muted))
                painter.drawText(cell, left | middle, title)
                bar = cell.adjusted(words, 0.0, -number - GAP, 0.0)
                bar = QRectF(
                    bar.left(), cell.center().y() - BAR_HEIGHT / 2, bar.width(), BAR_HEIGHT
                )
                reduction_db = self.reductions_db[key]
                self._bar(painter, bar, -reduction_db / REACH_DB)
                painter.setPen(QColor(tokens.text))
                painter.drawText(cell, right | middle, gain_text(reduction_db) or "0.0")

    def _bar(self, painter: QPainter, box: QRectF, share: float) -> None:
        tokens, zero = self._theme.tokens, box.center().x()
        painter.fillRect(box, QColor(tokens.field))
        long = min(abs(share), 1.0) * box.width() / 2.0
        start = zero if share > 0.0 else zero - long
        color = tokens.accent if share > 0.0 else tokens.warn
        painter.fillRect(QRectF(start, box.top(), long, box.height()), QColor(color))
        painter.setPen(QColor(tokens.line))
        painter.drawRect(box)
        painter.setPen(QPen(QColor(tokens.muted), 1.0))
        painter.drawLine(QPointF(zero, box.top() - 1.0), QPointF(zero, box.bottom() + 1.0))
