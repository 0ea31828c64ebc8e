"""WaveView: minimum, maximum and RMS per pixel column, per channel, before and after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QWidget

from app.canvas.axes import LevelScale, level_ticks
from app.canvas.overlays import Marks
from app.canvas.timeline import ZOOM_STEP, TimeAxis
from app.canvas.timeview import TimeView
from app.canvas.waveraster import color_table, outline_raster, raster
from app.theme import Theme, number_font

LANE_GAP_PX = 3.0
LABELS_FROM_PX = 44.0
CLIP_LEVEL = 0.99999
GAIN_RANGE = (1.0, 1000.0)
# Fewer frames than this per pixel are drawn as a line through the samples.
LINE_BELOW_FRAMES_PER_PX = 0.75
DOTS_FROM_PX_PER_FRAME = 6.0


class PeakSource(Protocol):
    """What a peak pyramid offers a view."""

    def columns(
        self, start_frame: float, stop_frame: float, columns: int
    ) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]:
        """Minimum, maximum and RMS, each ``[channels, columns]``."""
        ...


@dataclass(frozen=True, slots=True)
class WaveSource:
    """One waveform: its peaks and how to read ``[channels, n]`` samples of a short part."""

    peaks: PeakSource
    samples: Callable[[int, int], NDArray[np.floating]]
    channels: int


class WaveView(TimeView):
    """The waveform of one clip, and of its mastered rendering behind it."""

    def __init__(
        self, axis: TimeAxis, marks: Marks, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(axis, marks, theme, parent)
        self._before: WaveSource | None = None
        self._after: WaveSource | None = None
        self._available_frames = 0
        self._scale = LevelScale.LINEAR
        self._gain = 1.0
        self.setAccessibleName("Waveform")
        self.setMinimumHeight(80)

    @property
    def scale(self) -> LevelScale:
        """How magnitudes become heights."""
        return self._scale

    def set_scale(self, scale: LevelScale) -> None:
        """Show linear or decibel heights."""
        self._scale = scale
        self.refresh()

    @property
    def gain(self) -> float:
        """How much taller than true the wave is drawn; its sound is not touched."""
        return self._gain

    def set_gain(self, gain: float) -> None:
        """Draw the wave taller (1 is true to scale), within ``GAIN_RANGE``."""
        self._gain = min(max(gain, GAIN_RANGE[0]), GAIN_RANGE[1])
        self.refresh()

    def fit_gain(self) -> None:
        """Draw the loudest visible moment as tall as the lane."""
        sources = [source for source in (self._before, self._after) if source is not None]
        window = (self.axis.start_frame, self.axis.stop_frame)
        peaks = [np.abs(source.peaks.columns(*window, 1)[:2]).max() for source in sources]
        loudest = max(peaks, default=0.0)
        self.set_gain(1.0 / loudest if loudest > 0.0 else 1.0)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """With Ctrl draw the wave taller or shorter, else as in every view."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.set_gain(self._gain * ZOOM_STEP ** (event.angleDelta().y() / 120.0))
            event.accept()
            return
        super().wheelEvent(event)

    def set_sources(
        self,
        before: WaveSource | None,
        after: WaveSource | None = None,
        available_frames: int = 0,
    ) -> None:
        """Show these waveforms; what lies behind ``available_frames`` is not decoded yet."""
        self._before, self._after = before, after
        self._available_frames = available_frames
        self.refresh()

    def paint_content(self, painter: QPainter, plot: QRectF) -> None:
        """Draw one lane per channel."""
        shown = self._before or self._after
        if shown is None or self.axis.empty:
            return
        gap = LANE_GAP_PX * (shown.channels - 1)
        height = max((plot.height() - gap) / shown.channels, 1.0)
        lanes = [
            QRectF(plot.left(), plot.top() + index * (height + LANE_GAP_PX), plot.width(), height)
            for index in range(shown.channels)
        ]
        for index, lane in enumerate(lanes):
            self._paint_grid(painter, lane, index, shown.channels)
        ratio = painter.device().devicePixelRatioF()
        if self.axis.span_frames / (plot.width() * ratio) < LINE_BELOW_FRAMES_PER_PX:
            self._paint_samples(painter, lanes)
        else:
            self._paint_columns(painter, lanes, ratio)
        self._paint_missing(painter, plot)

    def _paint_grid(self, painter: QPainter, lane: QRectF, channel: int, channels: int) -> None:
        tokens = self.tokens
        gutter = QRectF(0.0, lane.top(), lane.left(), lane.height())
        painter.fillRect(gutter, QColor(tokens.panel))
        if channel:
            line = QRectF(0.0, lane.top() - LANE_GAP_PX, lane.right(), LANE_GAP_PX)
            painter.fillRect(line, QColor(tokens.window))
        middle, half = lane.center().y(), lane.height() / 2.0 - 0.5
        painter.setPen(QPen(QColor(tokens.line), 1.0))
        painter.drawLine(QPointF(lane.left(), middle), QPointF(lane.right(), middle))
        painter.setFont(number_font(max(self.font().pointSizeF() - 1.0, 6.5)))
        if lane.height() >= LABELS_FROM_PX:
            for tick in level_ticks(self._scale, half, self._gain):
                height = float(self._scale.height(np.array([tick.value * self._gain]))[0]) * half
                for y in (middle - height, middle + height):
                    if 1.0 < y - lane.top() < lane.height() - 2.0:
                        painter.setPen(QPen(QColor(tokens.grid), 1.0))
                        painter.drawLine(QPointF(lane.left(), y), QPointF(lane.right(), y))
                label = QRectF(0.0, middle - height - 7.0, lane.left() - 6.0, 14.0)
                label.moveTop(max(label.top(), lane.top()))
                painter.setPen(QColor(tokens.muted))
                painter.drawText(
                    label, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, tick.label
                )
        name = ("L", "R")[channel] if channels == 2 else str(channel + 1)
        if channels > 1:
            painter.setPen(QColor(tokens.text))
            painter.drawText(
                gutter.adjusted(6.0, 0.0, 0.0, 0.0),
                Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
                name,
            )

    def _paint_columns(self, painter: QPainter, lanes: list[QRectF], ratio: float) -> None:
        width = max(round(lanes[0].width() * ratio), 1)
        start, stop, count, offset = self.axis.columns(width)
        before = self._before and self._before.peaks.columns(start, stop, count)
        after = self._after and self._after.peaks.columns(start, stop, count)
        table, gain = color_table(self.tokens), self._gain
        for channel, lane in enumerate(lanes):
            rows = max(round(lane.height() * ratio), 1)
            # The rows of an 8-bit QImage begin at multiples of four bytes.
            picture = np.zeros((rows, count + -count % 4), dtype=np.uint8)
            clipped = np.zeros(count, dtype=bool)
            if before and channel < len(before[0]):
                low, high, rms = (values[channel] for values in before)
                clipped |= np.maximum(high, -low) >= CLIP_LEVEL
                low, high, rms = low * gain, high * gain, rms * gain
                picture[:, :count] |= raster(low, high, rms, rows, self._scale)
            if after and channel < len(after[0]):
                low, high = after[0][channel], after[1][channel]
                clipped |= np.maximum(high, -low) >= CLIP_LEVEL
                drawn = outline_raster(low * gain, high * gain, rows, self._scale)
                picture[:, :count] |= drawn
            image = QImage(
                picture.data, count, rows, picture.shape[1], QImage.Format.Format_Indexed8
            )
            image.setColorTable(table)
            painter.save()
            painter.setClipRect(lane)
            left = lane.left() + offset / ratio
            painter.drawImage(QRectF(left, lane.top(), count / ratio, lane.height()), image)
            self._paint_clipping(painter, clipped, left, 1.0 / ratio, lane)
            painter.restore()

    def _paint_clipping(
        self, painter: QPainter, clipped: NDArray[np.bool_], left: float, step: float, lane: QRectF
    ) -> None:
        """Mark columns that touch full scale at the lane's top."""
        color = QColor(self.tokens.error)
        for column in np.flatnonzero(clipped).tolist():
            mark = QRectF(left + column * step, lane.top(), max(step, 1.5), 4.0)
            painter.fillRect(mark, color)

    def _paint_samples(self, painter: QPainter, lanes: list[QRectF]) -> None:
        start = max(int(self.axis.start_frame) - 1, 0)
        stop = min(int(self.axis.stop_frame) + 2, self._available_frames)
        if stop <= start:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = ((self._after, self.tokens.after), (self._before, self.tokens.wave))
        step = lanes[0].width() / self.axis.span_frames
        left = lanes[0].left() + self.axis.x_of(start, lanes[0].width())
        for source, color in colors:
            if source is None:
                continue
            samples = source.samples(start, stop)
            for lane, channel in zip(lanes, samples, strict=False):
                middle, half = lane.center().y(), lane.height() / 2.0 - 1.0
                heights = (middle - self._scale.height(channel * self._gain) * half).tolist()
                points = [QPointF(left + i * step, y) for i, y in enumerate(heights)]
                painter.save()
                painter.setClipRect(lane)
                painter.setPen(QPen(QColor(color), 1.4))
                painter.drawPolyline(QPolygonF(points))
                if step >= DOTS_FROM_PX_PER_FRAME:
                    size = min(step * 0.5, 6.0)
                    style, cap = Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap
                    painter.setPen(QPen(QColor(color), size, style, cap))
                    painter.drawPoints(QPolygonF(points))
                painter.restore()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_missing(self, painter: QPainter, plot: QRectF) -> None:
        """Hatch what is not decoded yet."""
        x = self.axis.x_of(self._available_frames, plot.width())
        if x >= plot.width() or self._available_frames >= self.axis.total_frames:
            return
        rest = QRectF(plot.left() + max(x, 0.0), plot.top(), plot.right(), plot.height())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.tokens.grid))
        pattern = painter.brush()
        pattern.setStyle(Qt.BrushStyle.BDiagPattern)
        painter.fillRect(rest.intersected(plot), pattern)
