"""How the equalizer graph is painted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from app.canvas.frequency import HIGH_HZ, LABELLED_HZ, LINES_HZ, LOW_HZ, label_hz
from app.canvas.polygon import polygon
from app.canvas.response_curves import describe, heard_alone_hz
from app.theme import Tokens, number_font
from engine.mastering.parameters import Band

if TYPE_CHECKING:
    from app.canvas.response import ResponseView

SPECTRUM_TOP_DB = 0.0
SPECTRUM_BOTTOM_DB = -90.0
HANDLE_PIXELS = 10.0
SHUT_PIXELS = 6.5
VISIBLE_DB = 0.04


def with_alpha(color: str, alpha: float) -> QColor:
    """A token's colour, translucent."""
    result = QColor(color)
    result.setAlphaF(alpha)
    return result


def handle_radius(band: Band) -> float:
    """How large a handle is, in pixels: the wider its gate is open, the larger."""
    return SHUT_PIXELS + (HANDLE_PIXELS - SHUT_PIXELS) * band.gate


class ResponsePainter:
    """Paints a ``ResponseView`` layer by layer."""

    def __init__(self, view: ResponseView) -> None:
        self._view = view

    def grid(self, painter: QPainter, tokens: Tokens) -> None:
        """Background, lines and the labels of the axes."""
        plot = self._view.plot
        painter.fillRect(self._view.rect(), QColor(tokens.panel))
        painter.fillRect(QRectF(plot.left, plot.top, plot.width, plot.height), QColor(tokens.field))
        painter.setFont(number_font(8.0))
        strong, faint = QPen(QColor(tokens.line)), QPen(QColor(tokens.grid))
        for frequency_hz in (hz for hz in LINES_HZ if 20 <= hz <= 20000):
            painter.setPen(strong if frequency_hz in (100, 1000, 10000) else faint)
            x = round(plot.x(frequency_hz)) + 0.5
            painter.drawLine(QPointF(x, plot.top), QPointF(x, plot.bottom))
        step_db = plot.range_db / (4 if plot.height > 150 else 2)
        painter.setPen(faint)
        gains_db = [step_db * i for i in range(-4, 5) if abs(step_db * i) <= plot.range_db]
        for gain_db in gains_db:
            y = round(plot.y(gain_db)) + 0.5
            painter.drawLine(QPointF(plot.left, y), QPointF(plot.right, y))
        painter.setPen(QPen(QColor(tokens.muted), 1.0))
        zero = round(plot.y(0.0)) + 0.5
        painter.drawLine(QPointF(plot.left, zero), QPointF(plot.right, zero))
        centre, right = Qt.AlignmentFlag.AlignCenter, Qt.AlignmentFlag.AlignRight
        middle = Qt.AlignmentFlag.AlignVCenter
        for frequency_hz in LABELLED_HZ:
            # The unit stands once, at the end of the axis.
            text = label_hz(frequency_hz) + (" Hz" if frequency_hz == 20000 else "")
            x = plot.x(frequency_hz)
            painter.drawText(QRectF(x - 24, plot.bottom + 2, 48, 16), centre, text)
        for gain_db in gains_db:
            text = f"{gain_db:+g}".replace("-", "−") if gain_db else "0 dB"
            painter.drawText(
                QRectF(0, plot.y(gain_db) - 8, plot.left - 5, 16), right | middle, text
            )
        left = Qt.AlignmentFlag.AlignLeft | middle
        painter.setPen(with_alpha(tokens.muted, 0.75))
        for level_db in (0, -30, -60, -90):
            y = plot.y(plot.range_db) + plot.height * level_db / SPECTRUM_BOTTOM_DB
            text = f"{level_db}".replace("-", "−")
            painter.drawText(QRectF(plot.right + 5, y - 8, 36, 16), left, text)

    def handles(self, painter: QPainter, tokens: Tokens) -> None:
        """Handles, the selected one on top, the words for it, and the frame."""
        view, plot = self._view, self._view.plot
        for index in range(len(view.bands)):
            if index != view.selected_index:
                self._handle(painter, tokens, index)
        if view.selected_index >= 0:
            self._handle(painter, tokens, view.selected_index)
        self._readout(painter, tokens)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(tokens.accent if view.hasFocus() else tokens.line), 1.0))
        painter.drawRect(QRectF(plot.left - 0.5, plot.top - 0.5, plot.width + 1, plot.height + 1))

    def spectra(self, painter: QPainter, tokens: Tokens) -> None:
        """The spectrum before, filled, and after, as a line."""
        view, plot = self._view, self._view.plot
        if view.spectrum_hz is None:
            return
        if view.before_db is not None:
            line = self._polygon(view.spectrum_hz, view.before_db, spectrum=True)
            area = QPolygonF(line)
            area.append(QPointF(line.last().x(), plot.bottom))
            area.append(QPointF(line.first().x(), plot.bottom))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(with_alpha(tokens.before, 0.28))
            painter.drawPolygon(area)
        if view.after_db is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(with_alpha(tokens.after, 0.65), 1.0))
            painter.drawPolyline(self._polygon(view.spectrum_hz, view.after_db, spectrum=True))

    def curves(self, painter: QPainter, tokens: Tokens) -> None:
        """What each band does, faintly, and what is heard of them together."""
        view, plot = self._view, self._view.plot
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(QRectF(plot.left, plot.top, plot.width, plot.height))
        curves = view.curves
        for index, band in enumerate(view.heard):
            if not band.active:
                continue
            line = self._band_line(band)
            chosen = index in (view.selected_index, view.solo_index)
            if chosen and not line.isEmpty():
                area = QPolygonF(line)
                area.append(QPointF(line.last().x(), plot.y(0.0)))
                area.append(QPointF(line.first().x(), plot.y(0.0)))
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(with_alpha(tokens.accent, 0.16))
                painter.drawPolygon(area)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            faintness = 0.9 if chosen else 0.15 + 0.35 * band.gate
            painter.setPen(QPen(with_alpha(tokens.accent, faintness), 1.0))
            painter.drawPolyline(line)
        if 0 <= view.solo_index < len(view.bands):
            self._shade_unheard(painter, tokens, view.bands[view.solo_index])
        painter.setPen(QPen(QColor(tokens.after), 2.2))
        total_db = curves.total_db(view.heard, view.rate)
        painter.drawPolyline(self._polygon(curves.frequencies_hz, total_db))

    def _shade_unheard(self, painter: QPainter, tokens: Tokens, band: Band) -> None:
        """Darken what is not heard while a band is heard alone."""
        plot = self._view.plot
        low_hz, high_hz = heard_alone_hz(band)
        left, right = plot.x(max(low_hz, LOW_HZ)), plot.x(min(high_hz, HIGH_HZ))
        shade = with_alpha(tokens.window, 0.7)
        painter.fillRect(QRectF(plot.left, plot.top, left - plot.left, plot.height), shade)
        painter.fillRect(QRectF(right, plot.top, plot.right - right, plot.height), shade)

    def _band_line(self, band: Band) -> QPolygonF:
        """The part of a band's curve that does something; ten flat rests would hide the axis."""
        curves = self._view.curves
        response_db = curves.band_db(band, self._view.rate)
        bent = np.flatnonzero(np.abs(response_db) > VISIBLE_DB)
        if not len(bent):
            return QPolygonF()
        part = slice(max(bent[0] - 1, 0), bent[-1] + 2)
        return self._polygon(curves.frequencies_hz[part], response_db[part])

    def _polygon(
        self,
        frequencies_hz: NDArray[np.float64],
        values_db: NDArray[np.float64],
        spectrum: bool = False,
    ) -> QPolygonF:
        plot = self._view.plot
        span = np.log(frequencies_hz / 20.0) / np.log(1000.0)
        x = plot.left + plot.width * span
        if spectrum:
            y = plot.top + plot.height * (values_db - SPECTRUM_TOP_DB) / SPECTRUM_BOTTOM_DB
        else:
            y = plot.top + plot.height * (0.5 - 0.5 * values_db / plot.range_db)
        # The spectrum ends at the frame; curves run on beyond it, but not so far as to cost time.
        beyond = 0.0 if spectrum else 50.0
        y = np.clip(y, plot.top - beyond, plot.bottom + beyond)
        return polygon(x, y)

    def _handle(self, painter: QPainter, tokens: Tokens, index: int) -> None:
        """A disc as large and as strong as the gate is open; a band that does nothing is a ring."""
        view = self._view
        band, point = view.bands[index], view.handle_point(index)
        chosen = index == view.selected_index
        muted = view.solo_index >= 0 and view.solo_index != index
        radius = handle_radius(band) + (1.5 if index == view.hovered_index else 0)
        strength = (0.3 + 0.7 * band.gate) * (0.45 if muted else 1.0)
        edge = QColor(tokens.accent if chosen else tokens.text)
        edge.setAlphaF(1.0 if chosen else max(strength, 0.5))
        stands_at = view.plot.y(band.effective_gain_db)
        if band.kind.has_gain and abs(stands_at - point.y()) > radius:
            painter.setPen(QPen(with_alpha(tokens.text, 0.4), 1.0, Qt.PenStyle.DotLine))
            painter.drawLine(point, QPointF(point.x(), stands_at))
        # The handle is opaque underneath: what shines through makes its number unreadable.
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.field))
        painter.drawEllipse(point, radius, radius)
        filled = band.active
        if filled:
            painter.setBrush(with_alpha(tokens.accent, strength * (1.0 if chosen else 0.6)))
        else:
            painter.setBrush(Qt.BrushStyle.NoBrush)
        dashes = Qt.PenStyle.SolidLine if band.enabled else Qt.PenStyle.DashLine
        painter.setPen(QPen(edge, 2.0 if chosen else 1.2, dashes))
        painter.drawEllipse(point, radius, radius)
        bright = chosen and filled and strength > 0.7
        number = QColor(tokens.accent_text if bright else tokens.text)
        number.setAlphaF(1.0 if filled or chosen else max(0.8 * strength, 0.55))
        painter.setPen(number)
        painter.setFont(number_font(7.5 if radius > 8.0 else 6.5))
        box = QRectF(point.x() - 12, point.y() - 8, 24, 16)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(index + 1))

    def _readout(self, painter: QPainter, tokens: Tokens) -> None:
        view, plot = self._view, self._view.plot
        index = view.hovered_index if view.hovered_index >= 0 else view.selected_index
        if not 0 <= index < len(view.bands):
            return
        text = describe(index, view.bands[index])
        painter.setFont(number_font(8.5))
        metrics = painter.fontMetrics()
        box = QRectF(plot.left + 6, plot.top + 5, metrics.horizontalAdvance(text) + 14, 20)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(with_alpha(tokens.panel, 0.85))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(QColor(tokens.text))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
