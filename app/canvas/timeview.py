"""TimeView: what every picture over the time axis has in common.

The picture is drawn once into a pixmap at the screen's resolution; marks are drawn over it. A
moving playhead therefore repaints two stripes of a few pixels and nothing else.
"""

from __future__ import annotations

from enum import Enum, auto

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QWidget

from app.canvas.axes import GUTTER_PX
from app.canvas.overlays import Handle, Marks, paint_lines, paint_spans
from app.canvas.timeline import TimeAxis
from app.theme import Theme, Tokens

PAN_STEPS = 10.0
NUDGE_PX = 10.0
STRIPE_PX = 4


class _Grab(Enum):
    NOTHING = auto()
    SPAN = auto()
    HANDLE = auto()
    PAN = auto()


class TimeView(QWidget):
    """A picture over a shared :class:`TimeAxis` with shared :class:`Marks`.

    Wheel zooms at the cursor, shift and wheel, a sideways swipe or the middle button pan. A click
    seeks, a drag selects (or loops, where ``drags_loop``), edges can be dragged, a double click
    selects all or nothing. Arrow keys move the playhead, with Shift the end and with Ctrl+Shift
    the start of the selection, with Alt and Ctrl+Alt those of the loop; Up and Down zoom.

    Signals
    -------
    pointed(frame, height)
        The cursor is over a frame, at a height in [0, 1] from the bottom.
    left()
        The cursor is gone.
    """

    pointed = Signal(float, float)
    left = Signal()
    drags_loop = False

    def __init__(
        self, axis: TimeAxis, marks: Marks, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.axis = axis
        self.marks = marks
        self.tokens: Tokens = theme.tokens
        self._picture = QPixmap()
        self._stale = True
        self._grab = _Grab.NOTHING
        self._handle: Handle | None = None
        self._pressed_at = QPointF()
        self._pressed_frame = 0.0
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        axis.changed.connect(self.refresh)
        marks.changed.connect(self.update)
        marks.playhead_moved.connect(self._repaint_stripes)
        marks.hover_moved.connect(self._repaint_stripes)
        theme.changed.connect(self._take_theme)

    @property
    def plot(self) -> QRectF:
        """The part of the widget the time axis spans, right of the gutter."""
        return QRectF(GUTTER_PX, 0.0, max(self.width() - GUTTER_PX, 1), self.height())

    def paint_content(self, painter: QPainter, plot: QRectF) -> None:
        """Draw everything but the marks; called only when it is out of date."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Draw the content anew at the next paint."""
        self._stale = True
        self.update()

    def frame_at(self, x: float) -> float:
        """The frame under widget pixel ``x``, clamped to the audio."""
        frame = self.axis.frame_at(x - self.plot.left(), self.plot.width())
        return min(max(frame, 0.0), float(self.axis.total_frames))

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """Copy what is out of date from the picture and draw the marks over it."""
        ratio = self.devicePixelRatioF()
        if self._stale or self._picture.devicePixelRatio() != ratio:
            self._draw_picture(ratio)
        area = event.rect()
        source = QRectF(
            area.x() * ratio, area.y() * ratio, area.width() * ratio, area.height() * ratio
        )
        # "with": a painter that outlives an error would take the process down with it.
        with QPainter(self) as painter:
            painter.drawPixmap(QRectF(area), self._picture, source)
            if not self.axis.empty:
                paint_spans(painter, self.marks, self.axis, self.plot, self.tokens)
                paint_lines(painter, self.marks, self.axis, self.plot, self.tokens)
            if self.hasFocus():
                painter.setPen(QColor(self.tokens.accent))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(self.plot.adjusted(0.5, 0.5, -0.5, -0.5))

    def _draw_picture(self, ratio: float) -> None:
        size = (round(self.width() * ratio), round(self.height() * ratio))
        if (self._picture.width(), self._picture.height()) != size:
            self._picture = QPixmap(*size)
        self._picture.setDevicePixelRatio(ratio)
        self._picture.fill(QColor(self.tokens.field))
        with QPainter(self._picture) as painter:
            self.paint_content(painter, self.plot)
        self._stale = False

    def _repaint_stripes(self, old: float | None, new: float | None) -> None:
        for frame in (old, new):
            if frame is not None:
                x = round(self.plot.left() + self.axis.x_of(frame, self.plot.width()))
                if 0 <= x <= self.width():
                    self.update(QRect(x - STRIPE_PX, 0, 2 * STRIPE_PX, self.height()))

    def _take_theme(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Draw at the new size."""
        self._stale = True
        super().resizeEvent(event)

    # -- zooming and panning

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the cursor, or pan."""
        angle = event.angleDelta()
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if abs(angle.x()) > abs(angle.y()) or shift:
            delta = angle.x() if abs(angle.x()) > abs(angle.y()) else angle.y()
            pixels = event.pixelDelta()
            moved = pixels.x() or (pixels.y() if shift else 0)
            share = moved / self.plot.width() if moved else delta / 120.0 / PAN_STEPS
            self.axis.pan(-share * self.axis.span_frames)
        else:
            self.axis.zoom_notches(angle.y() / 120.0, self.frame_at(event.position().x()))
        event.accept()

    def event(self, event: QEvent) -> bool:
        """Zoom by a pinch on a trackpad."""
        if (
            isinstance(event, QNativeGestureEvent)
            and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture
        ):
            factor = max(1.0 + event.value(), 0.1)
            self.axis.zoom(factor, self.frame_at(event.position().x()))
            return True
        return super().event(event)

    # -- mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of an edge, begin a selection, or begin to pan."""
        if self.axis.empty:
            return
        self._pressed_at = event.position()
        self._pressed_frame = self.frame_at(event.position().x())
        if event.button() == Qt.MouseButton.MiddleButton:
            self._grab = _Grab.PAN
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif event.button() == Qt.MouseButton.LeftButton:
            self._handle = self._hit(event.position())
            self._grab = _Grab.HANDLE if self._handle else _Grab.SPAN
            selection = self.marks.selection
            extends = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            if extends and selection and not self._handle and not self.drags_loop:
                middle = (selection[0] + selection[1]) / 2.0
                before = self._pressed_frame < middle
                self._handle = Handle.SELECTION_START if before else Handle.SELECTION_STOP
                self._grab = _Grab.HANDLE
                self._drag_to(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with a drag, or show what is under the cursor."""
        position = event.position()
        if self._grab is _Grab.NOTHING:
            self._point(position)
            return
        self._drag_to(position)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag; a press that did not move seeks."""
        grab, self._grab, self._handle = self._grab, _Grab.NOTHING, None
        self._show_cursor(event.position())
        if grab is _Grab.SPAN:
            if self._is_click(event.position()):
                self.marks.seek_requested.emit(round(self._pressed_frame))
            else:
                self.marks.edit_ended.emit()
        elif grab is _Grab.HANDLE:
            self.marks.edit_ended.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Select everything, or nothing if something was selected."""
        if self.axis.empty or event.button() != Qt.MouseButton.LeftButton:
            return
        span = self.marks.loop if self.drags_loop else self.marks.selection
        everything = (0, self.axis.total_frames) if span is None else None
        self.marks.request(self.drags_loop, everything)
        self.marks.edit_ended.emit()

    def leaveEvent(self, event: QEvent) -> None:
        """Take the hover line away."""
        self.marks.set_hover(None)
        self.left.emit()
        super().leaveEvent(event)

    def _drag_to(self, position: QPointF) -> None:
        if self._grab is _Grab.PAN:
            moved = position.x() - self._pressed_at.x()
            self._pressed_at = position
            self.axis.pan(-moved * self.axis.span_frames / self.plot.width())
            return
        if self._grab is _Grab.SPAN and self._is_click(position):
            return
        plot = self.plot
        over = max(plot.left() - position.x(), 0.0) - max(position.x() - plot.right(), 0.0)
        if over:
            self.axis.pan(-over / plot.width() * self.axis.span_frames * 0.5)
        frame = self.frame_at(position.x())
        if self._grab is _Grab.SPAN:
            self.marks.request(self.drags_loop, (round(self._pressed_frame), round(frame)))
        elif self._handle is not None:
            self._handle = self.marks.move(self._handle, frame, self.axis.total_frames)

    def _is_click(self, position: QPointF) -> bool:
        moved = (position - self._pressed_at).manhattanLength()
        return moved < QApplication.startDragDistance() / 2

    def _hit(self, position: QPointF) -> Handle | None:
        plot = self.plot
        return self.marks.hit(self.axis, position.x() - plot.left(), plot.width())

    def _point(self, position: QPointF) -> None:
        self._show_cursor(position)
        if self.axis.empty or not self.plot.contains(position):
            self.marks.set_hover(None)
            self.left.emit()
            return
        frame = self.frame_at(position.x())
        self.marks.set_hover(frame)
        self.pointed.emit(frame, 1.0 - position.y() / max(self.height(), 1))

    def _show_cursor(self, position: QPointF) -> None:
        handle = None if self.axis.empty else self._hit(position)
        shape = Qt.CursorShape.SizeHorCursor if handle else Qt.CursorShape.IBeamCursor
        self.setCursor(shape if self.plot.contains(position) else Qt.CursorShape.ArrowCursor)

    # -- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the playhead or an edge, or zoom; everything else goes to the window."""
        direction = {Qt.Key.Key_Left: -1.0, Qt.Key.Key_Right: 1.0}.get(Qt.Key(event.key()))
        zoom = {Qt.Key.Key_Up: 1.0, Qt.Key.Key_Down: -1.0}.get(Qt.Key(event.key()))
        page = {Qt.Key.Key_PageUp: -1.0, Qt.Key.Key_PageDown: 1.0}.get(Qt.Key(event.key()))
        if self.axis.empty or (direction is None and zoom is None and page is None):
            super().keyPressEvent(event)
        elif direction is not None:
            self._nudge(direction, event.modifiers())
        elif zoom is not None:
            self.axis.zoom_notches(zoom, self.axis.anchor(self.marks.playhead))
        elif page is not None:
            self.axis.pan(page * self.axis.span_frames * 0.9)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """End the undo step of edges that were moved by keys."""
        if not event.isAutoRepeat() and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.marks.edit_ended.emit()
        super().keyReleaseEvent(event)

    def _nudge(self, direction: float, modifiers: Qt.KeyboardModifier) -> None:
        step = direction * max(self.axis.span_frames * NUDGE_PX / self.plot.width(), 1.0)
        control = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        if modifiers & Qt.KeyboardModifier.AltModifier:
            handle = Handle.LOOP_START if control else Handle.LOOP_STOP
        elif modifiers & Qt.KeyboardModifier.ShiftModifier:
            handle = Handle.SELECTION_START if control else Handle.SELECTION_STOP
        else:
            frame = min(max(self.marks.playhead + step, 0.0), self.axis.total_frames)
            self.axis.reveal(frame)
            self.marks.seek_requested.emit(round(frame))
            return
        span = self.marks.span(handle)
        if span is None:
            start = self.marks.playhead
            self.marks.request(handle.on_loop, (round(start), round(start + step)))
            return
        edge = span[0] if handle.at_start else span[1]
        self.marks.move(handle, edge + step, self.axis.total_frames)
        self.axis.reveal(edge + step)
