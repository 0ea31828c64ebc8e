"""Clip list: one row a clip, its name and a line of what it is."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPalette
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.theme import Theme

DETAIL_ROLE = Qt.ItemDataRole.UserRole + 1
STATUS_ROLE = Qt.ItemDataRole.UserRole + 2
PAD_X, PAD_Y = 8, 5

Index = QModelIndex | QPersistentModelIndex


class ClipDelegate(QStyledItemDelegate):
    """Paints the name above, and below it the details (muted) and the status (accent)."""

    def __init__(self, theme: Theme, parent: Any = None) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Two lines of text and some air."""
        return QSize(160, 2 * option.fontMetrics.height() + 2 * PAD_Y + 2)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one row."""
        tokens = self._theme.tokens
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawPrimitive(
            QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget
        )
        name_color = option.palette.color(
            QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        )
        muted = name_color if selected else QColor(tokens.muted)
        area = option.rect.adjusted(PAD_X, PAD_Y, -PAD_X, -PAD_Y)
        metrics, height = option.fontMetrics, option.fontMetrics.height()
        upper = QRect(area.left(), area.top(), area.width(), height)
        lower = QRect(area.left(), area.bottom() - height + 1, area.width(), height)
        elide = Qt.TextElideMode.ElideMiddle
        name = metrics.elidedText(str(index.data()), elide, area.width())
        painter.setPen(name_color)
        painter.drawText(upper, Qt.AlignmentFlag.AlignLeft, name)
        status = str(index.data(STATUS_ROLE) or "")
        painter.setPen(name_color if selected else QColor(tokens.accent))
        painter.drawText(lower, Qt.AlignmentFlag.AlignRight, status)
        room = area.width() - (metrics.horizontalAdvance(status) + 10 if status else 0)
        detail = metrics.elidedText(
            str(index.data(DETAIL_ROLE) or ""), Qt.TextElideMode.ElideRight, room
        )
        painter.setPen(muted)
        painter.drawText(lower, Qt.AlignmentFlag.AlignLeft, detail)
        painter.restore()
