"""SpectrogramView: tiles of decibels as a picture; transforms are never computed here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget

from app.canvas.axes import frequency_ticks
from app.canvas.colormaps import ColorMap, color_table
from app.canvas.overlays import Marks
from app.canvas.pitch import FrequencyScale
from app.canvas.rowmap import RowMap
from app.canvas.strip import StripReader, keys_for, level_for
from app.canvas.tiles import TileLoader
from app.canvas.tilesource import TileKey, TileSource
from app.canvas.timeline import TimeAxis
from app.canvas.timeview import TimeView
from app.theme import Theme, number_font

# From here on columns are wide enough for blending between them to be seen.
BLEND_FROM_PX_PER_COLUMN = 1.5
# Coarser tiles take too long to be computed before they are wanted.
AHEAD_UP_TO_LEVEL = 2


class SpectrogramView(TimeView):
    """A spectrogram that fills in as its tiles arrive.

    Parameters
    ----------
    loader
        Where tiles come from; :meth:`set_source` gives it the clip's.
    """

    def __init__(
        self,
        axis: TimeAxis,
        marks: Marks,
        theme: Theme,
        loader: TileLoader,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(axis, marks, theme, parent)
        self._loader = loader
        self._reader = StripReader(loader)
        self._scale = FrequencyScale.LOG
        self._color_map = ColorMap.MAGMA
        self._range_db = (-100.0, -10.0)
        self._rows_stale = True
        self._table: list[int] = []
        self.setAccessibleName("Spectrogram")
        self.setMinimumHeight(80)
        loader.arrived.connect(self.refresh)

    @property
    def top_hz(self) -> float:
        """The highest frequency, half the sample rate."""
        source = self._loader.source
        return source.rate / 2.0 if source else self.axis.rate / 2.0

    def set_source(self, source: TileSource | None) -> None:
        """Show another spectrogram."""
        self._loader.set_source(source)
        self._rows_stale = True
        self._table = []
        self.refresh()

    def set_scale(self, scale: FrequencyScale) -> None:
        """Space the frequency axis otherwise."""
        self._scale = scale
        self._rows_stale = True
        self.refresh()

    def set_colors(self, color_map: ColorMap, low_db: float, high_db: float) -> None:
        """Use another colour map or range; only the colour table changes."""
        self._color_map = color_map
        self._range_db = (low_db, high_db)
        self._table = []
        self.refresh()

    def frequency_at(self, height: float) -> float:
        """Hz at a height in [0, 1] from the bottom."""
        return float(self._scale.frequency_hz(min(max(height, 0.0), 1.0), self.top_hz))

    def level_at(self, frame: float, frequency_hz: float) -> float | None:
        """The level in dB at a place, from the finest tile that is there; None if none is."""
        source = self._loader.source
        if source is None:
            return None
        shown = level_for(source, self.axis.span_frames / self.plot.width())
        row = min(max(round(frequency_hz / self.top_hz * (source.bins - 1)), 0), source.bins - 1)
        for level in (*range(shown + 1), *range(shown + 1, source.levels)):
            column = int(source.column_at(frame, level))
            tile = self._loader.get(TileKey(level, column // source.tile_columns))
            column %= source.tile_columns
            if tile is not None and column < tile.data.shape[1]:
                return float(source.level_db[tile.data[row, column]])
        return None

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Map the frequency axis to the new height."""
        self._rows_stale = True
        super().resizeEvent(event)

    def paint_content(self, painter: QPainter, plot: QRectF) -> None:
        """Draw the columns that are there, ask for those that are not."""
        source = self._loader.source
        self._paint_axis(painter, plot)
        if source is None or self.axis.empty:
            return
        ratio = painter.device().devicePixelRatioF()
        height = max(round(plot.height() * ratio), 1)
        if self._rows_stale:
            self._reader.set_rows(RowMap(source.bins, self.top_hz, self._scale, height))
            self._rows_stale = False
        if not self._table:
            self._table = color_table(self._color_map, source.level_db, *self._range_db)
        width = max(round(plot.width() * ratio), 1)
        start, stop, count, offset = self.axis.columns(width)
        step = (stop - start) / count
        level = level_for(source, step)
        first = source.column_at(start + 0.5 * step, level)
        place = first + np.arange(count) * (step / (source.hop << level))
        codes, there = self._codes(source, level, place)
        self._blit(painter, plot, codes, there, offset, ratio)
        self._want(source, level)

    def _codes(
        self, source: TileSource, level: int, place: NDArray[np.floating]
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Pixel columns at the given columns of a level (fractions blend)."""
        px_per_column = len(place) / max(place[-1] - place[0], 1e-9)
        blend = px_per_column >= BLEND_FROM_PX_PER_COLUMN
        # A column's own time is its middle.
        centred = place - 0.5 if blend else place
        lower = np.floor(centred).astype(np.intp)
        first, stop = int(lower[0]), int(lower[-1]) + 2
        strip, there = self._reader.read(source, level, first, stop)
        index = lower - first
        picture = np.take(strip, index, axis=1)
        known = there[index]
        if blend:
            weight = np.rint((centred - lower) * 256.0).astype(np.uint16)
            right = np.where(there[index + 1], index + 1, index)
            index = np.where(known, index, right)
            mixed = np.take(strip, index, axis=1) * (256 - weight)
            mixed += np.take(strip, right, axis=1) * weight
            picture = (mixed >> 8).astype(np.uint8)
            known = there[index]
        return picture, known

    def _blit(
        self,
        painter: QPainter,
        plot: QRectF,
        codes: NDArray[np.uint8],
        there: NDArray[np.bool_],
        offset: float,
        ratio: float,
    ) -> None:
        rows, count = codes.shape
        # The rows of an 8-bit QImage begin at multiples of four bytes.
        padded = np.ascontiguousarray(np.pad(codes, ((0, 0), (0, -count % 4))))
        image = QImage(padded.data, count, rows, padded.shape[1], QImage.Format.Format_Indexed8)
        image.setColorTable(self._table)
        painter.save()
        painter.setClipRect(plot)
        left = plot.left() + offset / ratio
        edges = np.flatnonzero(np.diff(there, prepend=False, append=False)).reshape(-1, 2)
        for begin, end in edges.tolist():
            target = QRectF(left + begin / ratio, plot.top(), (end - begin) / ratio, plot.height())
            painter.drawImage(target, image, QRectF(begin, 0, end - begin, rows))
        painter.restore()

    def _want(self, source: TileSource, level: int) -> None:
        start, stop = self.axis.start_frame, self.axis.stop_frame
        wanted = keys_for(source, level, start, stop)
        if level <= AHEAD_UP_TO_LEVEL:
            # What comes into view next, once what is in view is there.
            span = stop - start
            beside = keys_for(source, level, start - span / 2.0, stop + span / 2.0)
            wanted += [key for key in beside if key not in wanted]
        self._loader.want(wanted)

    def _paint_axis(self, painter: QPainter, plot: QRectF) -> None:
        tokens = self.tokens
        painter.fillRect(QRectF(0.0, 0.0, plot.left(), plot.height()), QColor(tokens.panel))
        painter.setFont(number_font(max(self.font().pointSizeF() - 1.0, 6.5)))
        painter.setPen(QPen(QColor(tokens.muted), 1.0))
        flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for tick in frequency_ticks(self._scale, self.top_hz, plot.height()):
            y = plot.bottom() - self._scale.position(tick.value, self.top_hz) * plot.height()
            painter.drawLine(QPointF(plot.left() - 4.0, y), QPointF(plot.left(), y))
            painter.drawText(QRectF(0.0, y - 8.0, plot.left() - 7.0, 16.0), flags, tick.label)
        painter.save()
        painter.setPen(QColor(tokens.muted))
        painter.drawText(QRectF(4.0, plot.bottom() - 16.0, 24.0, 14.0), "Hz")
        painter.restore()
