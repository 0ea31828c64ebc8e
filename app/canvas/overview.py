"""Overview: the whole audio in one strip, with the visible window as a frame to drag."""

from __future__ import annotations

from enum import Enum, auto

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.canvas.axes import GUTTER_PX, LevelScale
from app.canvas.overlays import Marks
from app.canvas.timeline import TimeAxis
from app.canvas.wave import WaveSource
from app.canvas.waveraster import color_table, raster
from app.theme import Theme, Tokens

HEIGHT_PX = 48
EDGE_PX = 6.0
# A deep zoom would make the frame too thin to see and to grip.
LEAST_FRAME_PX = 8.0


class _Grip(Enum):
    START = auto()
    STOP = auto()
    BODY = auto()


class Overview(QWidget):
    """The whole waveform (all channels in one) and the window of a :class:`TimeAxis`.

    Drag the frame to scroll, its edges to resize; a click elsewhere centres it there. Left and
    Right scroll, Up and Down zoom.
    """

    def __init__(
        self, axis: TimeAxis, marks: Marks, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.axis = axis
        self.marks = marks
        self.tokens: Tokens = theme.tokens
        self._source: WaveSource | None = None
        self._picture = QPixmap()
        self._stale = True
        self._grip: _Grip | None = None
        self._grip_offset = 0.0
        self.setAccessibleName("Overview")
        self.setToolTip("The frame is what the views show: drag it, or its edges")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        axis.changed.connect(self.update)
        marks.changed.connect(self.update)
        marks.playhead_moved.connect(self._repaint_playhead)
        theme.changed.connect(self._take_theme)

    def sizeHint(self) -> QSize:
        """A strip."""
        return QSize(400, HEIGHT_PX)

    def set_source(self, source: WaveSource | None) -> None:
        """Show this waveform; call again when more of it is there."""
        self._source = source
        self._stale = True
        self.update()

    def _x_of(self, frame: float) -> float:
        total = max(self.axis.total_frames, 1)
        return GUTTER_PX + frame / total * self._width

    def _frame_at(self, x: float) -> float:
        share = (x - GUTTER_PX) / self._width
        return min(max(share, 0.0), 1.0) * self.axis.total_frames

    @property
    def _width(self) -> float:
        return max(float(self.width() - GUTTER_PX), 1.0)

    @property
    def _frame(self) -> QRectF:
        left, right = self._x_of(self.axis.start_frame), self._x_of(self.axis.stop_frame)
        if right - left < LEAST_FRAME_PX:
            middle = (left + right) / 2.0
            left, right = middle - LEAST_FRAME_PX / 2, middle + LEAST_FRAME_PX / 2
        return QRectF(left, 0.5, right - left, self.height() - 1.0)

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """Copy the strip, shade what is not visible, draw the frame and the playhead."""
        ratio = self.devicePixelRatioF()
        if self._stale or self._picture.devicePixelRatio() != ratio:
            self._draw_picture(ratio)
        with QPainter(self) as painter:
            painter.drawPixmap(QPointF(0.0, 0.0), self._picture)
            if not self.axis.empty:
                self._paint_marks(painter)
            if self.hasFocus():
                painter.setPen(QPen(QColor(self.tokens.accent), 1.0, Qt.PenStyle.DotLine))
                painter.drawRect(QRectF(self.rect()).adjusted(GUTTER_PX, 0.5, -0.5, -0.5))

    def _paint_marks(self, painter: QPainter) -> None:
        height = float(self.height())
        for span, token in (
            (self.marks.selection, self.tokens.selection),
            (self.marks.loop, self.tokens.loop),
        ):
            if span is not None:
                tint = QColor(token)
                tint.setAlpha(70)
                left, right = self._x_of(span[0]), self._x_of(span[1])
                painter.fillRect(QRectF(left, 0.0, max(right - left, 1.0), height), tint)
        frame = self._frame
        if not self.axis.shows_all:
            shade = QColor(self.tokens.window)
            shade.setAlpha(150)
            painter.fillRect(QRectF(GUTTER_PX, 0.0, frame.left() - GUTTER_PX, height), shade)
            rest = QRectF(frame.right(), 0.0, self.width() - frame.right(), height)
            painter.fillRect(rest, shade)
            painter.setPen(QPen(QColor(self.tokens.accent), 1.5))
            painter.drawRoundedRect(frame.adjusted(0.5, 0.5, -0.5, -0.5), 3.0, 3.0)
        painter.setPen(QPen(QColor(self.tokens.playhead), 1.5))
        x = self._x_of(self.marks.playhead)
        painter.drawLine(QPointF(x, 0.0), QPointF(x, height))

    def _draw_picture(self, ratio: float) -> None:
        size = (round(self.width() * ratio), round(self.height() * ratio))
        self._picture = QPixmap(*size)
        self._picture.setDevicePixelRatio(ratio)
        self._picture.fill(QColor(self.tokens.field))
        self._stale = False
        with QPainter(self._picture) as painter:
            gutter = QRectF(0.0, 0.0, GUTTER_PX, self.height())
            painter.fillRect(gutter, QColor(self.tokens.panel))
            if self._source is not None and not self.axis.empty:
                self._paint_wave(painter, self._source, size[1], ratio)

    def _paint_wave(self, painter: QPainter, source: WaveSource, rows: int, ratio: float) -> None:
        columns = max(round(self._width * ratio), 1)
        low, high, rms = source.peaks.columns(0, self.axis.total_frames, columns)
        body = np.sqrt((np.asarray(rms, dtype=np.float64) ** 2).mean(axis=0))
        drawn = raster(low.min(axis=0), high.max(axis=0), body, rows, LevelScale.LINEAR)
        picture = np.pad(drawn, ((0, 0), (0, -columns % 4)))
        image = QImage(picture.data, columns, rows, picture.shape[1], QImage.Format.Format_Indexed8)
        image.setColorTable(color_table(self.tokens))
        painter.drawImage(QRectF(GUTTER_PX, 0.0, self._width, self.height()), image)

    def _repaint_playhead(self, old: float, new: float) -> None:
        xs = {round(self._x_of(old)), round(self._x_of(new))}
        if len(xs) > 1:
            for x in xs:
                self.update(QRect(x - 2, 0, 5, self.height()))

    def _take_theme(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self._stale = True
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw at the new size."""
        self._stale = True
        super().resizeEvent(event)

    # -- mouse and keys

    def _hit(self, x: float) -> _Grip | None:
        frame = self._frame
        edge = min(EDGE_PX, frame.width() / 3.0)
        if abs(x - frame.left()) <= edge:
            return _Grip.START
        if abs(x - frame.right()) <= edge:
            return _Grip.STOP
        return _Grip.BODY if frame.left() < x < frame.right() else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the frame; outside it, bring it here first."""
        if self.axis.empty or event.button() != Qt.MouseButton.LeftButton:
            return
        x = event.position().x()
        self._grip = self._hit(x)
        if self._grip is None:
            self.axis.centre(self._frame_at(x))
            self._grip = _Grip.BODY
        self._grip_offset = self._frame_at(x) - self.axis.start_frame

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Scroll or resize."""
        x = event.position().x()
        if self._grip is None:
            edges = (_Grip.START, _Grip.STOP)
            grip = None if self.axis.empty else self._hit(x)
            self.setCursor(
                Qt.CursorShape.SizeHorCursor if grip in edges else Qt.CursorShape.OpenHandCursor
            )
            return
        frame = self._frame_at(x)
        if self._grip is _Grip.BODY:
            self.axis.pan(frame - self._grip_offset - self.axis.start_frame)
        elif self._grip is _Grip.START:
            self.axis.show(min(frame, self.axis.stop_frame - 1.0), self.axis.stop_frame)
        else:
            self.axis.show(self.axis.start_frame, max(frame, self.axis.start_frame + 1.0))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._grip = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show everything."""
        self.axis.show_all()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom around the frame under the cursor."""
        notches = event.angleDelta().y() / 120.0
        self.axis.zoom_notches(notches, self._frame_at(event.position().x()))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Scroll and zoom."""
        pan = {Qt.Key.Key_Left: -0.1, Qt.Key.Key_Right: 0.1}.get(Qt.Key(event.key()))
        zoom = {Qt.Key.Key_Up: 1.0, Qt.Key.Key_Down: -1.0}.get(Qt.Key(event.key()))
        if pan is not None:
            self.axis.pan(pan * self.axis.span_frames)
        elif zoom is not None:
            middle = (self.axis.start_frame + self.axis.stop_frame) / 2.0
            self.axis.zoom_notches(zoom, middle)
        else:
            super().keyPressEvent(event)
