"""The equalizer graph: what the bands do, drawn on the live spectrum, with handles to move them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.canvas.frequency import Plot
from app.canvas.response_curves import Curves, at_height, describe, height_db
from app.canvas.response_keys import FINE, NO_HANDLE, next_handle, press
from app.canvas.response_menu import menu_at
from app.canvas.response_painter import ResponsePainter
from app.theme import Theme, Tokens
from engine.mastering.parameters import Band, BandKind
from engine.mastering.ranges import PARAM_RANGES

HIT_PIXELS = 13.0


class ResponseView(QWidget):
    """Bands, their sum and the spectrum before and after; edits leave it as signals.

    The view keeps no truth: it shows what :meth:`show_bands` gave it last.

    Signals
    -------
    edited(int, object)
        A person changed fields of a band: index and ``dict`` of changes (sent as an object: a
        dictionary sent as itself turns enumerations into plain strings on the way).
    edit_finished()
        The drag is over; what follows is another step.
    selected(int)
        Another band is the selected one.
    solo_requested(int)
        The band's solo should be switched; -1: solo off.
    reset_requested(int)
        The band should be as it was at first.
    crowded()
        A band was asked for, and all are in use.
    """

    edited = Signal(int, object)
    edit_finished = Signal()
    selected = Signal(int)
    solo_requested = Signal(int)
    reset_requested = Signal(int)
    crowded = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Equalizer graph")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(280, 104)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setToolTip(
            "Drag a handle: frequency and gain. Wheel: Q. Shift: fine. Double-click a handle: gain "
            "to 0; elsewhere: a new band. Right-click: kind, bypass, solo. Keys: Tab, arrows, +/−. "
            "A handle is as large and as strong as its gate is open; a ring does nothing."
        )
        self._theme = theme
        self.bands: tuple[Band, ...] = ()
        self.heard: tuple[Band, ...] = ()
        self.rate = 48000
        self.range_db = 12.0
        self.selected_index = -1
        self.solo_index = -1
        self.editable = True
        self.before_db: NDArray[np.float64] | None = None
        self.after_db: NDArray[np.float64] | None = None
        self.spectrum_hz: NDArray[np.float64] | None = None
        self.curves = Curves()
        self._painter = ResponsePainter(self)
        self._grid: QPixmap | None = None
        self._curves: QPixmap | None = None
        self._dragged = -1
        self._drag_at = QPointF()
        self._drag_value = (0.0, 0.0)
        self.hovered_index = -1
        theme.changed.connect(self._repaint_all)

    def sizeHint(self) -> QSize:
        """The size at which everything is readable."""
        return QSize(640, 280)

    # -- what is shown ---------------------------------------------------------------------

    def show_bands(
        self, bands: tuple[Band, ...], heard: tuple[Band, ...] | None = None, rate: int = 48000
    ) -> None:
        """Show bands; ``heard`` are the same ones as they sound (scaled by the amount)."""
        heard = bands if heard is None else heard
        if (bands, heard, rate) == (self.bands, self.heard, self.rate):
            return
        self.bands, self.heard, self.rate = bands, heard, rate
        if self.selected_index >= len(bands):
            self.selected_index = -1
        self._tell_screen_reader()
        self._repaint_curves()

    def show_spectra(
        self,
        frequencies_hz: NDArray[np.float64] | None,
        before_db: NDArray[np.float64] | None,
        after_db: NDArray[np.float64] | None,
    ) -> None:
        """Show levels in dB per column, None for none."""
        self.spectrum_hz, self.before_db, self.after_db = frequencies_hz, before_db, after_db
        self.update()

    def set_range_db(self, range_db: float) -> None:
        """Let the gain axis reach from ``-range_db`` to ``+range_db``."""
        self.range_db = range_db
        self._repaint_all()

    def set_solo(self, index: int) -> None:
        """Show a band as the only one heard; -1 for none."""
        self.solo_index = index
        self._repaint_curves()

    def set_editable(self, editable: bool) -> None:
        """Hold the handles while somebody else (the fit) moves them."""
        self.editable = editable
        self._dragged = -1
        self.update()

    def select(self, index: int) -> None:
        """Make a band the selected one; -1 for none."""
        if index != self.selected_index and -1 <= index < len(self.bands):
            self.selected_index = index
            self._tell_screen_reader()
            self.selected.emit(index)
            self._repaint_curves()

    @property
    def plot(self) -> Plot:
        """Where the graph lies in the widget."""
        left, top, right, bottom = 40.0, 10.0, 40.0, 20.0
        width = max(self.width() - left - right, 1.0)
        return Plot(left, top, width, max(self.height() - top - bottom, 1.0), self.range_db)

    def handle_point(self, index: int) -> QPointF:
        """Where the handle of a band is drawn."""
        band, plot = self.bands[index], self.plot
        y = plot.y(height_db(band))
        return QPointF(plot.x(band.frequency_hz), min(max(y, plot.top + 2), plot.bottom - 2))

    # -- painting --------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the grid, the spectrum, the curves, the handles."""
        tokens, paint = self._theme.tokens, self._painter
        if self._grid is None:
            self._grid = self._layer(paint.grid)
        if self._curves is None:
            self._curves = self._layer(paint.curves)
        with QPainter(self) as painter:
            painter.drawPixmap(0, 0, self._grid)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            paint.spectra(painter, tokens)
            painter.drawPixmap(0, 0, self._curves)
            paint.handles(painter, tokens)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the layers to the new size."""
        self._repaint_all()

    def changeEvent(self, event: QEvent) -> None:
        """Fit the layers to another screen."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._repaint_all()

    def _layer(self, paint: Callable[[QPainter, Tokens], None]) -> QPixmap:
        """What changes seldom is painted once, so that a frame of the spectrum is cheap."""
        ratio = self.devicePixelRatioF()
        layer = QPixmap(self.size() * ratio)
        layer.setDevicePixelRatio(ratio)
        layer.fill(Qt.GlobalColor.transparent)
        with QPainter(layer) as painter:
            paint(painter, self._theme.tokens)
        return layer

    def _repaint_all(self) -> None:
        self._grid = None
        self._repaint_curves()

    def _repaint_curves(self) -> None:
        self._curves = None
        self.update()

    # -- mouse -----------------------------------------------------------------------------

    def handle_at(self, point: QPointF) -> int:
        """The band whose handle is under a point, -1 for none; the selected one wins."""
        near = [
            (index != self.selected_index, math.hypot(offset.x(), offset.y()), index)
            for index in range(len(self.bands))
            for offset in [self.handle_point(index) - point]
            if math.hypot(offset.x(), offset.y()) <= HIT_PIXELS
        ]
        return min(near)[2] if near else -1

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of what is under the pointer."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        index = self.handle_at(event.position())
        if index < 0:
            return
        self.select(index)
        if self.editable:
            band = self.bands[index]
            self._dragged, self._drag_at = index, event.position()
            self._drag_value = (self.plot.x(band.frequency_hz), height_db(band))
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move what is held, or light up what is under the pointer."""
        if self._dragged < 0:
            hovered = self.handle_at(event.position())
            if hovered != self.hovered_index:
                self.hovered_index = hovered
                shape = Qt.CursorShape
                self.setCursor(shape.SizeAllCursor if hovered >= 0 else shape.ArrowCursor)
                self.update()
            return
        moved = event.position() - self._drag_at
        self._drag_at = event.position()
        scale = 0.1 if event.modifiers() & FINE else 1.0
        plot = self.plot
        x, level_db = self._drag_value
        # Kept unclamped, so that the handle comes back where the pointer left the graph.
        x += moved.x() * scale
        level_db -= moved.y() * scale * 2.0 * plot.range_db / plot.height
        self._drag_value = (x, level_db)
        changes = at_height(self.bands[self._dragged], level_db)
        self.edit(self._dragged, {"frequency_hz": plot.frequency_hz(x), **changes})

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        if self._dragged >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self._dragged = -1
            self.edit_finished.emit()
            self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Reset what was double-clicked."""
        if not self.editable or event.button() != Qt.MouseButton.LeftButton:
            return
        index = self.handle_at(event.position())
        if index >= 0:
            self.flatten(index)
        else:
            self.add_band(event.position())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Turn the value under the pointer."""
        hovered = self.handle_at(event.position())
        index = hovered if hovered >= 0 else self.selected_index
        if index < 0 or not self.editable:
            event.ignore()
            return
        turned = (event.angleDelta().y() or event.angleDelta().x()) / 120.0
        self.turn_q(index, turned * (0.2 if event.modifiers() & FINE else 1.0))
        event.accept()

    def leaveEvent(self, event: Any) -> None:
        """Forget what was under the pointer."""
        self.hovered_index = -1
        self.update()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Show what can be done here."""
        point = QPointF(event.pos())
        if event.reason() == QContextMenuEvent.Reason.Keyboard and self.selected_index >= 0:
            point = self.handle_point(self.selected_index)
        index = self.handle_at(point)
        self.select(index)
        if self.editable:
            menu_at(self, point).exec(self.mapToGlobal(point.toPoint()))

    # -- keyboard --------------------------------------------------------------------------

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab goes through the handles first and leaves after the last one."""
        following = next_handle(self, forward) if self.hasFocus() else NO_HANDLE
        if following != NO_HANDLE:
            self.select(following)
            return True
        return super().focusNextPrevChild(forward)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show that the keyboard is here."""
        super().focusInEvent(event)
        if event.reason() == Qt.FocusReason.TabFocusReason and self.bands:
            self.select(min(range(len(self.bands)), key=lambda i: self.bands[i].frequency_hz))
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show that the keyboard has gone."""
        super().focusOutEvent(event)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Do what the key says."""
        if self.selected_index < 0 or not self.editable or not press(self, event):
            super().keyPressEvent(event)

    # -- edits -----------------------------------------------------------------------------

    def add_band(self, point: QPointF) -> None:
        """Bring the next unused band to a point of the graph."""
        unused = next((i for i, band in enumerate(self.bands) if not band.active), -1)
        if unused < 0:
            self.crowded.emit()
            return
        plot = self.plot
        frequency_hz = plot.frequency_hz(point.x())
        kind = BandKind.BELL
        if frequency_hz < 40.0:
            kind = BandKind.LOW_SHELF
        elif frequency_hz > 12000.0:
            kind = BandKind.HIGH_SHELF
        changes = {"kind": kind, "frequency_hz": frequency_hz, "gain_db": plot.gain_db(point.y())}
        self.change(unused, {**changes, "q": Band().q, "gate": 1.0, "enabled": True})
        self.select(unused)

    def flatten(self, index: int) -> None:
        """Take a band's gain away, or a pass filter's resonance."""
        band = self.bands[index]
        self.change(index, {"gain_db": 0.0} if band.kind.has_gain else {"q": Band().q})

    def turn_q(self, index: int, steps: float) -> None:
        """Make a band narrower by some steps, or wider by negative ones."""
        self.edit(index, {"q": self.bands[index].q * 1.12**steps})

    def toggle_solo(self, index: int) -> None:
        """Ask for a band's solo, or for its end."""
        self.solo_requested.emit(-1 if self.solo_index == index else index)

    def change(self, index: int, changes: dict[str, Any]) -> None:
        """Change a band as a step of its own."""
        self.edit_finished.emit()
        self.edit(index, changes)
        self.edit_finished.emit()

    def edit(self, index: int, changes: dict[str, Any]) -> None:
        """Ask for changes of a band, each held within its range."""
        for name in changes.keys() - {"kind", "enabled"}:
            changes[name] = PARAM_RANGES[f"band.{name}"].clamp(changes[name])
        self.edited.emit(index, changes)

    def _tell_screen_reader(self) -> None:
        if 0 <= self.selected_index < len(self.bands):
            self.setAccessibleDescription(
                describe(self.selected_index, self.bands[self.selected_index])
            )
