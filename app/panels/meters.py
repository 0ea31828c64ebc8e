"""Meters panel: peaks, loudness, correlation and goniometer of what is heard."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QElapsedTimer, QSize, Qt, QTimer
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.canvas.goniometer import Goniometer
from app.canvas.live_meters import LevelMeter, Levels
from app.canvas.meters import LOUDNESS_SCALE, PEAK_SCALE, Bar, BarMeter, CorrelationBar
from app.commands import Command
from app.document.state import DEFAULT_LUFS, SessionState
from app.panels.base import Panel, Services
from app.theme import number_font
from app.widgets.elided import ElidedLabel
from app.widgets.numbers import format_level
from engine.tasks import Context

if TYPE_CHECKING:
    from engine.audio.loudness import LoudnessMeter
    from engine.lanes import Job

FRAME_MS = 33
NUMBERS_EVERY = 4  # frames; digits that change 30 times a second cannot be read
ROWS = (
    ("integrated", "Integrated", "LUFS", "Gated loudness since the reset"),
    ("target", "To target", "LU", "Integrated loudness over the loudness target"),
    ("short_term", "Short-term", "LUFS", "Loudness of the last 3 s"),
    ("momentary", "Momentary", "LUFS", "Loudness of the last 0.4 s"),
    ("range", "Range", "LU", "Loudness range (LRA) since the reset"),
    ("true_peak", "True peak", "dBTP", "Highest peak between the samples since the reset"),
    ("peak", "Peak", "dBFS", "Highest sample since the reset"),
    ("rms", "RMS", "dBFS", "Mean power of the last 0.3 s; a full-scale sine reads −3"),
)


class MetersPanel(Panel):
    """Reads what is played 30 times a second; the level of listening is taken off.

    The player turns slots down so that they compare at equal loudness. A meter that showed this
    would show the comparison, not the track. Every slot keeps its own loudness history, so
    that switching back and forth mixes nothing.
    """

    panel_id = "meters"
    title = "Meters"
    narrowest_px = 200

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self.setAutoFillBackground(True)
        self._clip_id: str | None = None
        self._read_frames = 0
        self._frame = 0
        self._levels: LevelMeter | None = None
        self._loudness: dict[int, LoudnessMeter] = {}
        self._ready = services.lanes is None
        self._preparing: Job | None = None
        self._clock = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setInterval(FRAME_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        theme = services.theme
        self.source = ElidedLabel(self)
        self.source.setProperty("muted", True)
        self.source.setAccessibleName("What is measured")
        self.reset_button = QToolButton(self)
        self.reset_button.setText("Reset")
        self.reset_button.setAccessibleName("Reset the meters")
        self.reset_button.setToolTip("Start integrated loudness, range and peaks anew")
        self.reset_button.clicked.connect(self.reset)
        self.peaks = BarMeter(theme, PEAK_SCALE, "Peak and RMS level", lamps=True)
        self.peaks.clicked.connect(self.reset_peaks)
        self.peaks.setToolTip("Peak (faint), RMS (strong), hold. Click to put out the clip lamps.")
        self.loudness = BarMeter(theme, LOUDNESS_SCALE, "Loudness")
        self.loudness.setToolTip("Momentary, short-term, integrated; the line is the target")
        self.correlation = CorrelationBar(theme)
        self.goniometer = Goniometer(theme)
        self.values: dict[str, QLabel] = {}
        self._numbers = self._make_numbers()
        head = QHBoxLayout()
        head.addWidget(self.source, 1)
        head.addWidget(self.reset_button)
        self._grid = QGridLayout()
        self._grid.setSpacing(8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addLayout(self._grid, 1)
        self._tall: bool | None = None
        self._arrange(tall=True)
        services.player.playing_changed.connect(self._wake)
        services.player.slot_changed.connect(lambda _slot: self._show_source())
        services.player.slots_changed.connect(self._show_source)
        services.session.changed.connect(self._follow)
        self._follow(services.session.state)
        self._show(None)

    def commands(self) -> list[Command]:
        """What can be done here, for menus, keys and the palette."""
        return [Command("meters.reset", "Reset meters", self.reset, (), "View")]

    def reset(self) -> None:
        """Start everything that is summed up or held anew."""
        for meter in self._loudness.values():
            meter.reset()
        self.reset_peaks()
        self._show(None)

    def reset_peaks(self) -> None:
        """Put out the clip lamps and forget the largest peaks."""
        if self._levels is not None:
            self._levels.reset()

    # -- feeding ---------------------------------------------------------------------------

    def tick(self) -> None:
        """Take what was played since the last time and show it."""
        elapsed_s = self._clock.restart() / 1000.0 if self._clock.isValid() else FRAME_MS / 1000.0
        player = self.services.player
        if player.rate <= 0:
            self._timer.stop()
            return
        block = self._new_frames()
        channels = self._channels()
        if self._levels is None or (self._levels.rate, self._levels.channels) != (
            player.rate,
            channels,
        ):
            self._levels = LevelMeter(player.rate, channels)
            self._loudness.clear()
        heard = block[:channels]
        levels = self._levels.push(heard, elapsed_s)
        meter = self._meter(player.rate, channels)
        if meter is not None and player.playing and heard.shape[1]:
            meter.push(heard)
        self.goniometer.push(block, elapsed_s)
        self._show(levels)
        if not player.playing and max(levels.peak_db) < PEAK_SCALE.low and self.goniometer.dark:
            self._timer.stop()

    def _new_frames(self) -> NDArray[np.float32]:
        """What was played since the last call ``[2, n]``, at the level it has in the file."""
        player = self.services.player
        written = player.taps.written_frames
        fresh = written - self._read_frames
        self._read_frames = written
        if fresh <= 0 or not player.playing:
            return np.zeros((2, 0), np.float32)
        after = player.taps.recent(fresh)[1]
        return after * np.float32(10.0 ** (-self._listening_gain_db() / 20.0))

    def _listening_gain_db(self) -> float:
        player = self.services.player
        return player.gain_db(player.current_slot) if player.slots else 0.0

    def _channels(self) -> int:
        """One for a mono track: played on both speakers it would read 3 LU more than its file."""
        clip = self.services.session.state.current
        return 1 if clip is not None and clip.channels == 1 else 2

    def _meter(self, rate: int, channels: int) -> LoudnessMeter | None:
        """The loudness meter of the slot that is heard, None while its code is being loaded."""
        slot = self.services.player.current_slot
        if slot not in self._loudness:
            if not self._ready:
                self._prepare(rate, channels)
                return None
            from engine.audio.loudness import LoudnessMeter

            self._loudness[slot] = LoudnessMeter(rate, channels)
        return self._loudness[slot]

    def _prepare(self, rate: int, channels: int) -> None:
        """Load the compiled meters in a lane: it would hold the window for a second."""
        if self._preparing is None:
            job = self.services.lanes.submit("Prepare the meters", _prepare, (rate, channels))
            job.ended.connect(self._prepared)
            self._preparing = job

    def _prepared(self) -> None:
        self._ready = True
        self._preparing = None

    def _wake(self, playing: bool = True) -> None:
        if playing and self.isVisible() and not self._timer.isActive():
            self._read_frames = self.services.player.taps.written_frames
            self._clock.start()
            self._timer.start()

    def _follow(self, state: SessionState) -> None:
        if state.current_id != self._clip_id:
            self._clip_id = state.current_id
            self._loudness.clear()
            self._levels = None
            self.goniometer.reset()
            self._show(None)
        self._show_source()

    # -- showing ---------------------------------------------------------------------------

    def _show(self, levels: Levels | None) -> None:
        labels = ("L", "R") if self._channels() == 2 else ("M",)
        if levels is None:
            self.peaks.show_bars([Bar(label) for label in labels])
            self.correlation.show_value(math.nan)
        else:
            readings = zip(
                labels, levels.peak_db, levels.rms_db, levels.hold_db, levels.clipped, strict=False
            )
            self.peaks.show_bars([Bar(*reading) for reading in readings])
            self.correlation.show_value(levels.correlation)
        meter = self._loudness.get(self.services.player.current_slot)
        nothing = -math.inf
        fast = (meter.momentary_lufs, meter.short_term_lufs) if meter else (nothing, nothing)
        self._frame += 1
        if levels is None or self._frame % NUMBERS_EVERY == 0:
            self._integrated = meter.integrated_lufs if meter else nothing
            self._show_numbers(levels, meter)
        named = zip("MSI", (*fast, self._integrated), strict=True)
        self.loudness.show_bars([Bar(*each) for each in named], self._target())

    def _show_numbers(self, levels: Levels | None, meter: LoudnessMeter | None) -> None:
        nothing = -math.inf
        numbers = {
            "integrated": self._integrated,
            "target": self._integrated - self._target(),
            "short_term": meter.short_term_lufs if meter else nothing,
            "momentary": meter.momentary_lufs if meter else nothing,
            "range": meter.range_lu if meter else 0.0,
            "true_peak": float(meter.true_peak.recent_peaks_dbtp.max()) if meter else nothing,
            "peak": max(levels.max_db) if levels else nothing,
            "rms": max(levels.rms_db) if levels else nothing,
        }
        for key, value in numbers.items():
            self.values[key].setText(format_level(value))
        over = numbers["true_peak"] > self._ceiling() + 0.05
        color = self.services.theme.tokens.error if over else self.services.theme.tokens.text
        self.values["true_peak"].setStyleSheet(f"color: {color}")

    def _target(self) -> float:
        clip = self.services.session.state.current
        return clip.mastering.lufs if clip is not None else DEFAULT_LUFS

    def _ceiling(self) -> float:
        clip = self.services.session.state.current
        return clip.mastering.ceiling_dbtp if clip is not None else 0.0

    def _show_source(self) -> None:
        player = self.services.player
        if not player.slots:
            self.source.setText("Nothing loaded")
            return
        label = player.slots[min(player.current_slot, len(player.slots) - 1)].label
        gain_db = self._listening_gain_db()
        self.source.setText(label)
        self.source.setToolTip(
            f"{label} is played at {gain_db:+.1f} dB to compare at equal loudness; "
            "the meters show its own level."
            if abs(gain_db) >= 0.05
            else f"{label} is played at its own level."
        )

    # -- layout ----------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Stand in a column in a narrow dock, in a row in a low one."""
        super().resizeEvent(event)
        self._arrange(tall=self.height() >= self.width())

    def showEvent(self, event: QShowEvent) -> None:
        """Read only while somebody looks."""
        super().showEvent(event)
        self._wake(self.services.player.playing)

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop reading."""
        super().hideEvent(event)
        self._timer.stop()

    def minimumSizeHint(self) -> QSize:
        """Small enough for a dock to take the panel from the bottom to the side."""
        return QSize(200, 170)

    def _arrange(self, *, tall: bool) -> None:
        if tall is self._tall:
            return
        self._tall = tall
        grid = self._grid
        for widget in (self.peaks, self.loudness, self._numbers, self.correlation, self.goniometer):
            grid.removeWidget(widget)
        for index in range(4):
            grid.setRowStretch(index, 0)
            grid.setColumnStretch(index, 0)
        if tall:
            grid.addWidget(self.peaks, 0, 0)
            grid.addWidget(self.loudness, 0, 1)
            grid.addWidget(self._numbers, 1, 0, 1, 2)
            grid.addWidget(self.correlation, 2, 0, 1, 2)
            grid.addWidget(self.goniometer, 3, 0, 1, 2)
            grid.setRowStretch(0, 3)
            grid.setRowStretch(3, 2)
            grid.setColumnStretch(0, 2)
            grid.setColumnStretch(1, 3)
        else:
            grid.addWidget(self.peaks, 0, 0, 2, 1)
            grid.addWidget(self.loudness, 0, 1, 2, 1)
            grid.addWidget(self._numbers, 0, 2, 2, 1)
            grid.addWidget(self.goniometer, 0, 3)
            grid.addWidget(self.correlation, 1, 3)
            grid.setRowStretch(0, 1)
            for column, stretch in enumerate((2, 3, 0, 3)):
                grid.setColumnStretch(column, stretch)

    def _make_numbers(self) -> QWidget:
        numbers = QWidget(self)
        grid = QGridLayout(numbers)
        grid.setContentsMargins(2, 2, 2, 2)
        grid.setVerticalSpacing(3)
        for row, (key, title, unit, hint) in enumerate(ROWS):
            name, value, unit_label = QLabel(title), QLabel("–"), QLabel(unit)
            for label in (name, unit_label):
                label.setProperty("muted", True)
            name.setToolTip(hint)
            value.setToolTip(hint)
            value.setAccessibleName(title)
            value.setFont(number_font(13.0 if key == "integrated" else 0.0))
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            value.setMinimumWidth(52)
            for column, label in enumerate((name, value, unit_label)):
                grid.addWidget(label, row, column)
            self.values[key] = value
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(len(ROWS), 1)
        return numbers


def _prepare(spec: tuple[int, int], context: Context) -> None:
    """Import and compile what a loudness meter runs on."""
    from engine.audio.loudness import LoudnessMeter

    rate, channels = spec
    LoudnessMeter(rate, channels).push(np.zeros((channels, rate // 10), np.float32))
