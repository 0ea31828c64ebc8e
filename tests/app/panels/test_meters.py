"""The meters panel against known signals."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.panels.meters import MetersPanel
from tests.app.fakes import FakeServices
from tests.app.panels.mastering_fakes import FakeTaps, mastering_services

RATE = 48000
# A 997 Hz sine at -20 dBFS on both channels reads -20 LUFS: the K filter has +0.691 dB there, which
# BS.1770's offset takes off, and two channels add the 3 dB that a sine has less than its peak.
SINE = 0.1 * np.sin(2 * np.pi * 997 * np.arange(6 * RATE) / RATE)


class Bench:
    """A panel on a player that plays from an array."""

    def __init__(self, qtbot: QtBot, samples: np.ndarray, dock: QWidget | None = None) -> None:
        self.services: FakeServices = mastering_services()
        self.services.open_clip(samples, RATE)
        heard = samples if len(samples) == 2 else np.concatenate([samples, samples])
        self.services.player.taps = FakeTaps(heard, heard)
        self.services.player.set_slots([SimpleNamespace(label="Original")] * 2)
        self.panel = MetersPanel(self.services, dock)  # type: ignore[arg-type]
        self.panel.resize(220, 640)
        qtbot.addWidget(dock or self.panel)
        (dock or self.panel).show()

    def play(self, seconds: float) -> None:
        player = self.services.player
        player.play()
        for _ in range(round(seconds * 30)):
            player.taps.play(RATE // 30)
            self.panel.tick()
        self.panel._frame = -1  # show the numbers of the last moment
        self.panel.tick()

    def read(self, key: str) -> float:
        text = self.panel.values[key].text().replace("−", "-").replace("∞", "inf")
        return float(text)


def test_a_sine_reads_what_the_standard_says(qtbot: QtBot) -> None:
    bench = Bench(qtbot, np.stack([SINE, SINE]))
    bench.play(4.0)
    for key in ("integrated", "short_term", "momentary"):
        assert bench.read(key) == pytest.approx(-20.0, abs=0.1)
    assert bench.read("target") == pytest.approx(-6.0, abs=0.1)
    assert bench.read("peak") == pytest.approx(-20.0, abs=0.1)
    assert bench.read("true_peak") == pytest.approx(-20.0, abs=0.1)
    assert bench.read("rms") == pytest.approx(-23.0, abs=0.15)  # shown with one decimal
    assert bench.panel.correlation.value == pytest.approx(1.0)


def test_the_listening_gain_is_taken_off(qtbot: QtBot) -> None:
    bench = Bench(qtbot, np.stack([SINE, SINE]) * 10 ** (-6 / 20))
    bench.services.player.gains_db[0] = -6.0
    bench.play(4.0)
    assert bench.read("integrated") == pytest.approx(-20.0, abs=0.1)
    assert bench.read("peak") == pytest.approx(-20.0, abs=0.1)


def test_a_mono_track_reads_as_its_file_does(qtbot: QtBot) -> None:
    bench = Bench(qtbot, SINE[None])
    bench.play(4.0)
    assert bench.read("integrated") == pytest.approx(-23.0, abs=0.1)
    assert len(bench.panel.peaks.bars) == 1
    assert math.isnan(bench.panel.correlation.value)


def test_no_frame_is_missed_or_counted_twice(qtbot: QtBot) -> None:
    samples = np.zeros((2, 3 * RATE))
    samples[:, 31337] = 0.5  # one click somewhere
    bench = Bench(qtbot, samples)
    player = bench.services.player
    player.play()
    for frames in (1, 700, 1600, 9000, 3, 20033, 5000):
        player.taps.play(frames)
        bench.panel.tick()
    assert bench.panel._levels is not None
    assert bench.panel._loudness[0].frames == 1 + 700 + 1600 + 9000 + 3 + 20033 + 5000
    assert max(bench.panel._levels._max_db) == pytest.approx(20 * math.log10(0.5))


def test_each_slot_has_its_own_loudness(qtbot: QtBot) -> None:
    bench = Bench(qtbot, np.stack([SINE, SINE]))
    bench.play(2.0)
    player = bench.services.player
    player.select(1)
    player.taps = FakeTaps(np.zeros((2, 9 * RATE)), np.zeros((2, 9 * RATE)))
    player.taps.play(bench.panel._read_frames)
    bench.play(1.0)
    assert bench.read("integrated") == -math.inf
    player.select(0)
    bench.play(0.1)
    assert bench.read("integrated") == pytest.approx(-20.0, abs=0.3)


def test_reset_begins_anew(qtbot: QtBot) -> None:
    bench = Bench(qtbot, np.stack([SINE * 10, SINE]))
    bench.play(2.0)
    assert bench.panel.peaks.bars[0].lit
    bench.panel.commands()[0].run()
    assert bench.read("integrated") == -math.inf
    bench.services.player.taps = FakeTaps(np.zeros((2, 9 * RATE)), np.zeros((2, 9 * RATE)))
    bench.services.player.taps.play(bench.panel._read_frames)
    bench.play(0.1)
    assert not bench.panel.peaks.bars[0].lit


def test_a_true_peak_over_the_ceiling_is_shown_in_the_error_colour(qtbot: QtBot) -> None:
    bench = Bench(qtbot, np.stack([SINE, SINE]) * 9.9)
    bench.play(0.5)
    error = bench.services.theme.tokens.error
    assert error in bench.panel.values["true_peak"].styleSheet()


def test_it_sleeps_when_the_music_has_ended_and_when_nobody_looks(qtbot: QtBot) -> None:
    bench = Bench(qtbot, np.stack([SINE, SINE]))
    bench.play(0.5)
    timer = bench.panel._timer
    assert timer.isActive()
    bench.panel.hide()
    assert not timer.isActive()
    bench.panel.show()
    assert timer.isActive()
    bench.services.player.pause()
    for _ in range(200):
        bench.panel._clock.invalidate()
        bench.panel.tick()
        if not timer.isActive():
            break
    assert not timer.isActive()


def test_another_clip_starts_empty(qtbot: QtBot) -> None:
    bench = Bench(qtbot, np.stack([SINE, SINE]))
    bench.play(2.0)
    session = bench.services.session
    other = bench.services.open_clip(np.stack([SINE, SINE]), RATE, "other.wav")
    session.edit("Show", session.state.with_current(other))
    assert bench.read("integrated") == -math.inf


@pytest.mark.parametrize("size", [(220, 640), (200, 420), (900, 220), (600, 200)])
def test_nothing_is_cut_off_in_a_column_or_a_row(qtbot: QtBot, size: tuple[int, int]) -> None:
    dock = QWidget()  # the panel alone would be a window, which keeps its layout's least size
    bench = Bench(qtbot, np.stack([SINE, SINE]), dock)
    bench.panel.resize(*size)
    QApplication.processEvents()
    assert bench.panel.size().toTuple() == size
    inside = bench.panel.rect()
    for widget in bench.panel.findChildren(QWidget):
        if widget.isVisible():
            corner = widget.mapTo(bench.panel, widget.rect().bottomRight())
            assert inside.contains(corner), (widget.accessibleName(), corner)
