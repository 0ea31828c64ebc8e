"""ClipView: overview, ruler, waveform and spectrogram of one clip over one time axis."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.canvas.axes import LevelScale, TimeUnit
from app.canvas.overlays import Marks
from app.canvas.overview import Overview
from app.canvas.readout import cursor_text, span_text
from app.canvas.ruler import TimeRuler
from app.canvas.spectrogram import SpectrogramView
from app.canvas.tiles import TileLoader
from app.canvas.timeline import TimeAxis
from app.canvas.wave import WaveSource, WaveView
from app.theme import Theme, number_font


class ViewMode(StrEnum):
    """Which pictures are shown."""

    WAVE = "wave"
    SPECTROGRAM = "spectrogram"
    BOTH = "both"


class ClipView(QWidget):
    """The linked views, and a line that says what is under the cursor and what is selected."""

    def __init__(self, theme: Theme, loader: TileLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.axis = TimeAxis(self)
        self.marks = Marks(self)
        self.overview = Overview(self.axis, self.marks, theme)
        self.ruler = TimeRuler(self.axis, self.marks, theme)
        self.wave = WaveView(self.axis, self.marks, theme)
        self.spectrogram = SpectrogramView(self.axis, self.marks, theme, loader)
        self.mode = ViewMode.BOTH
        self.unit = TimeUnit.CLOCK
        self._available_frames = 0
        self._splitter = QSplitter(Qt.Orientation.Vertical)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.addWidget(self.wave)
        self._splitter.addWidget(self.spectrogram)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self.overview)
        column.addWidget(self.ruler)
        column.addWidget(self._splitter, 1)
        column.addWidget(self._foot())
        self.marks.changed.connect(self.show_status)
        for view in (self.ruler, self.wave):
            view.pointed.connect(lambda frame, _height: self._point(frame))
            view.left.connect(self.readout.clear)
        self.spectrogram.pointed.connect(self._point_spectrum)
        self.spectrogram.left.connect(self.readout.clear)

    def _foot(self) -> QWidget:
        self.readout = QLabel()
        self.readout.setAccessibleName("Under the cursor")
        self.status = QLabel()
        self.status.setAccessibleName("Selection and loop")
        self.status.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.setContentsMargins(8, 3, 8, 3)
        for label in (self.readout, self.status):
            label.setFont(number_font())
            label.setMinimumWidth(1)
        # Text that changes at every move must not move the layout.
        self.readout.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row.addWidget(self.readout, 1)
        row.addWidget(self.status)
        return foot

    def set_mode(self, mode: ViewMode) -> None:
        """Show the waveform, the spectrogram or both."""
        self.mode = mode
        self.wave.setVisible(mode is not ViewMode.SPECTROGRAM)
        self.spectrogram.setVisible(mode is not ViewMode.WAVE)

    @property
    def focus_target(self) -> QWidget:
        """The picture that takes keys when nothing else was chosen."""
        return self.spectrogram if self.mode is ViewMode.SPECTROGRAM else self.wave

    def set_scale(self, scale: LevelScale) -> None:
        """Show levels linearly or in dB."""
        self.wave.set_scale(scale)

    def set_unit(self, unit: TimeUnit) -> None:
        """Count clock time or samples."""
        self.unit = unit
        self.ruler.set_unit(unit)
        self.show_status()

    def set_waves(
        self, before: WaveSource | None, after: WaveSource | None, available_frames: int
    ) -> None:
        """Show these waveforms, the second behind the first."""
        self._available_frames = available_frames
        self.overview.set_source(before)
        self.wave.set_sources(before, after, available_frames)
        self.show_status()

    def show_status(self) -> None:
        """Say how far decoding is, what is selected and what is looped."""
        axis, marks, parts = self.axis, self.marks, []
        if self._available_frames < axis.total_frames:
            parts.append(f"Decoding {100.0 * self._available_frames / axis.total_frames:.0f} %")
        for name, span in (("Selection", marks.selection), ("Loop", marks.loop)):
            if span is not None:
                parts.append(span_text(name, span, axis.rate, self.unit))
        self.status.setText("      ".join(parts))

    def _point(self, frame: float) -> None:
        self.readout.setText(cursor_text(frame, self.axis.rate, self.unit))

    def _point_spectrum(self, frame: float, height: float) -> None:
        frequency_hz = self.spectrogram.frequency_at(height)
        level_db = self.spectrogram.level_at(frame, frequency_hz)
        text = cursor_text(frame, self.axis.rate, self.unit, frequency_hz, level_db)
        self.readout.setText(text)
