"""What moves while the music plays: the spectrum on the graph, and what turns it up and down."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer

from app.canvas.analyser import WINDOW_FRAMES, Analyser
from app.canvas.gain_meter import GainMeter, gain_text
from app.canvas.meters import GAIN_SCALE, REDUCTION_SCALE, Bar, BarMeter
from app.canvas.response import ResponseView

FRAME_MS = 33
REDUCTION_FALL_DB_PER_S = 24.0
GAIN_STAGES = {"compressor": GAIN_SCALE, "limiter": REDUCTION_SCALE}
BANDS = {"low": "Low", "mid": "Mid", "high": "High"}


class Source(Protocol):
    """What is looked at: the player."""

    taps: Any
    playing_changed: Any

    @property
    def rate(self) -> int:
        """Sample rate in Hz, 0 while nothing is loaded."""

    @property
    def playing(self) -> bool:
        """Whether the playhead runs."""

    @property
    def slots(self) -> Sequence[Any]:
        """What can be heard; ``insert`` says whether through the live processor."""

    @property
    def current_slot(self) -> int:
        """Which of them is heard."""

    def insert_meters(self) -> dict[str, Any]:
        """What the live processor measured last; empty when it is not heard."""


class LiveDisplay(QObject):
    """Feeds graph and bars 30 times a second while something plays and somebody looks.

    After the music has stopped it goes on until everything has fallen to rest, then it sleeps.
    """

    def __init__(
        self,
        source: Source,
        graph: ResponseView,
        reductions: Mapping[str, BarMeter],
        bands: GainMeter,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._source = source
        self._graph = graph
        self._reductions = dict(reductions)
        self._bands = bands
        self._reduced_db = self._at_rest()
        self._analysers: tuple[Analyser, Analyser] | None = None
        self._visible = False
        self._clock = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setInterval(FRAME_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.tick)
        source.playing_changed.connect(self._wake)
        self._show_reductions()

    @property
    def awake(self) -> bool:
        """Whether it is feeding at present."""
        return self._timer.isActive()

    def set_visible(self, visible: bool) -> None:
        """Say whether anybody can see the graph."""
        self._visible = visible
        if visible:
            self._wake()
        else:
            self._timer.stop()

    def clear(self) -> None:
        """Forget the sound: another clip is on screen."""
        self._analysers = None
        self._reduced_db = self._at_rest()
        self._graph.show_spectra(None, None, None)
        self._show_reductions()

    def tick(self) -> None:
        """Show the newest sound."""
        elapsed_s = self._clock.restart() / 1000.0 if self._clock.isValid() else FRAME_MS / 1000.0
        rate = self._source.rate
        if rate <= 0:
            self._timer.stop()
            return
        if self._analysers is None or self._analysers[0].rate != rate:
            self._analysers = (Analyser(rate), Analyser(rate))
        before, after = self._analysers
        playing = self._source.playing
        if playing:
            blocks = self._source.taps.recent(WINDOW_FRAMES)
            for analyser, block in zip((before, after), blocks, strict=True):
                analyser.push(block, elapsed_s)
        else:
            before.fall(elapsed_s)
            after.fall(elapsed_s)
        self._graph.show_spectra(before.frequencies_hz, before.levels_db, after.levels_db)
        self._follow_reductions(
            self._source.insert_meters() if self._hears_chain() else {}, elapsed_s
        )
        if not playing and before.quiet and after.quiet and not any(self._reduced_db.values()):
            self._timer.stop()
            self.clear()

    def _hears_chain(self) -> bool:
        """Whether the live processor runs; what it said last stands for ever."""
        slots, current = self._source.slots, self._source.current_slot
        return self._source.playing and current < len(slots) and slots[current].insert

    def _wake(self) -> None:
        if self._visible and self._source.playing and not self._timer.isActive():
            self._clock.start()
            self._timer.start()

    def _at_rest(self) -> dict[str, float]:
        return dict.fromkeys((*self._reductions, *(f"multiband_{band}" for band in BANDS)), 0.0)

    def _follow_reductions(self, measured: dict[str, Any], elapsed_s: float) -> None:
        """Jump to what is stronger than what is shown, whatever its sign; else fall to rest."""
        fall_db = REDUCTION_FALL_DB_PER_S * elapsed_s
        for stage, shown_db in self._reduced_db.items():
            now_db = float(measured.get(f"{stage}_reduction_db", 0.0))
            fallen_db = math.copysign(max(abs(shown_db) - fall_db, 0.0), shown_db)
            self._reduced_db[stage] = max(now_db, fallen_db, key=abs)
        self._show_reductions()

    def _show_reductions(self) -> None:
        for stage, meter in self._reductions.items():
            reduced_db = self._reduced_db[stage]
            scale = meter.scale
            value = min(max(-reduced_db, scale.low), scale.high)
            meter.show_bars([Bar(gain_text(reduced_db) or "GR", value)])
        self._bands.show_reductions({band: self._reduced_db[f"multiband_{band}"] for band in BANDS})
