"""Marks over the time axis (playhead, selection, loop, hover) and how they are drawn and hit."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from app.canvas.timeline import TimeAxis
from app.theme import Tokens

Span = tuple[int, int]

GRAB_PX = 5.0
HANDLE_PX = 7.0


class Handle(StrEnum):
    """What a drag takes hold of."""

    SELECTION_START = "start of the selection"
    SELECTION_STOP = "end of the selection"
    LOOP_START = "start of the loop"
    LOOP_STOP = "end of the loop"

    @property
    def on_loop(self) -> bool:
        """Whether it belongs to the loop."""
        return self in (Handle.LOOP_START, Handle.LOOP_STOP)

    @property
    def at_start(self) -> bool:
        """Whether it is the earlier edge."""
        return self in (Handle.SELECTION_START, Handle.LOOP_START)


class Marks(QObject):
    """Where playhead, hover line, selection and loop are, in frames; shared by linked views.

    The setters show what the document says. What the user does with the mouse or keys is asked
    for by the ``..._edited`` and ``seek_requested`` signals; whoever owns the document answers
    by setting it. ``edit_ended`` closes a drag.
    """

    changed = Signal()
    playhead_moved = Signal(float, float)
    hover_moved = Signal(object, object)
    seek_requested = Signal(int)
    selection_edited = Signal(object)
    loop_edited = Signal(object)
    edit_ended = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.playhead = 0.0
        self.hover: float | None = None
        self.selection: Span | None = None
        self.loop: Span | None = None

    def set_playhead(self, frame: float) -> None:
        """Move the playhead; views repaint two stripes."""
        old, self.playhead = self.playhead, frame
        if old != frame:
            self.playhead_moved.emit(old, frame)

    def set_hover(self, frame: float | None) -> None:
        """Move the hover line, None hides it."""
        old, self.hover = self.hover, frame
        if old != frame:
            self.hover_moved.emit(old, frame)

    def set_spans(self, selection: Span | None, loop: Span | None) -> None:
        """Show another selection and loop."""
        if (selection, loop) != (self.selection, self.loop):
            self.selection, self.loop = selection, loop
            self.changed.emit()

    def span(self, handle: Handle) -> Span | None:
        """The span a handle belongs to."""
        return self.loop if handle.on_loop else self.selection

    def move(self, handle: Handle, frame: float, total_frames: int) -> Handle:
        """Ask for an edge at ``frame``; crossing the other edge takes hold of that one."""
        span = self.span(handle)
        if span is None:
            return handle
        fixed = span[1] if handle.at_start else span[0]
        moved = round(min(max(frame, 0.0), total_frames))
        self.request(handle.on_loop, (moved, fixed))
        if (moved < fixed) == handle.at_start:
            return handle
        if handle.on_loop:
            return Handle.LOOP_START if moved < fixed else Handle.LOOP_STOP
        return Handle.SELECTION_START if moved < fixed else Handle.SELECTION_STOP

    def request(self, on_loop: bool, span: Span | None) -> None:
        """Ask for a selection or loop; an empty one is none."""
        if span is not None:
            span = (min(span), max(span))
            span = span if span[1] > span[0] else None
        (self.loop_edited if on_loop else self.selection_edited).emit(span)

    def hit(self, axis: TimeAxis, x: float, width: float) -> Handle | None:
        """The edge within reach of pixel ``x``, the nearest one first."""
        edges = []
        if self.loop is not None:
            edges += [(Handle.LOOP_START, self.loop[0]), (Handle.LOOP_STOP, self.loop[1])]
        if self.selection is not None:
            start, stop = self.selection
            edges += [(Handle.SELECTION_START, start), (Handle.SELECTION_STOP, stop)]
        reach = [(abs(axis.x_of(frame, width) - x), handle) for handle, frame in edges]
        best = min(reach, default=(GRAB_PX + 1, None), key=lambda pair: pair[0])
        return best[1] if best[0] <= GRAB_PX else None


def paint_spans(
    painter: QPainter, marks: Marks, axis: TimeAxis, plot: QRectF, tokens: Tokens
) -> None:
    """Draw selection and loop over ``plot``: a tint, two edges, and handles on the loop."""
    if marks.selection is not None:
        _paint_span(painter, marks.selection, axis, plot, QColor(tokens.selection), 44)
    if marks.loop is not None:
        color = QColor(tokens.loop)
        edges = _paint_span(painter, marks.loop, axis, plot, color, 26)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        for x, direction in zip(edges, (1.0, -1.0), strict=True):
            if not plot.left() <= x <= plot.right():
                continue
            top = plot.top()
            corner = [
                QPointF(x, top),
                QPointF(x + direction * HANDLE_PX, top),
                QPointF(x, top + HANDLE_PX * 1.5),
            ]
            painter.drawPolygon(QPolygonF(corner))


def paint_lines(
    painter: QPainter, marks: Marks, axis: TimeAxis, plot: QRectF, tokens: Tokens
) -> None:
    """Draw the hover line and the playhead over ``plot``."""
    width = plot.width()
    if marks.hover is not None:
        color = QColor(tokens.text)
        color.setAlpha(110)
        painter.setPen(QPen(color, 1.0, Qt.PenStyle.DotLine))
        _line(painter, plot, axis.x_of(marks.hover, width))
    painter.setPen(QPen(QColor(tokens.playhead), 1.5))
    _line(painter, plot, axis.x_of(marks.playhead, width))


def _paint_span(
    painter: QPainter, span: Span, axis: TimeAxis, plot: QRectF, color: QColor, alpha: int
) -> tuple[float, float]:
    left, right = (plot.left() + axis.x_of(frame, plot.width()) for frame in span)
    area = QRectF(left, plot.top(), max(right - left, 1.0), plot.height()).intersected(plot)
    fill = QColor(color)
    fill.setAlpha(alpha)
    painter.fillRect(area, fill)
    painter.setPen(QPen(color, 1.0))
    for x in (left, right):
        _line(painter, plot, x - plot.left())
    return left, right


def _line(painter: QPainter, plot: QRectF, x: float) -> None:
    if 0.0 <= x <= plot.width():
        at = plot.left() + x
        painter.drawLine(QPointF(at, plot.top()), QPointF(at, plot.bottom()))
