"""The equalizer graph: what it shows and what a hand does to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from scipy.signal import sosfreqz

from app.canvas.analyser import FLOOR_DB, WINDOW_FRAMES, Analyser
from app.canvas.frequency import HIGH_HZ, LOW_HZ, Plot
from app.canvas.polygon import polygon
from app.canvas.response import ResponseView
from app.canvas.response_curves import Curves, heard_alone_hz
from app.canvas.response_menu import menu_at
from app.theme import THEMES, Theme
from engine.mastering.biquad import sections
from engine.mastering.parameters import Band, BandKind, ChainParameters

BANDS = ChainParameters().bands


class Hand:
    """A view and everything it said; edits come back into it, as through a session."""

    def __init__(self, qtbot: QtBot) -> None:
        self.theme = Theme("dark")
        self.view = ResponseView(self.theme)
        qtbot.addWidget(self.view)
        self.view.resize(800, 300)
        self.view.show_bands(BANDS)
        self.view.show()
        self.edits: list[tuple[int, dict[str, Any]]] = []
        self.finished = 0
        self.view.edited.connect(self._take)
        self.view.edit_finished.connect(self._finish)

    def _take(self, index: int, changes: dict[str, Any]) -> None:
        self.edits.append((index, changes))
        parameters = ChainParameters(self.view.bands).with_band(index, **changes)
        self.view.show_bands(parameters.bands)

    def _finish(self) -> None:
        self.finished += 1

    def point(self, index: int) -> QPoint:
        return self.view.handle_point(index).toPoint()

    def drag(self, index: int, by: QPoint, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
        start, left = self.point(index), Qt.MouseButton.LeftButton
        QTest.mousePress(self.view, left, modifier, start)
        for step in range(1, 5):
            at = start + by * step / 4
            position = QPointF(at)
            moved = QMouseEvent(
                QEvent.Type.MouseMove,
                position,
                self.view.mapToGlobal(position),
                Qt.MouseButton.NoButton,
                left,
                modifier,
            )
            QApplication.sendEvent(self.view, moved)
        QTest.mouseRelease(self.view, left, modifier, start + by)

    def wheel(self, index: int, notches: float) -> QWheelEvent:
        return self.wheel_at(self.view.handle_point(index), notches)

    def wheel_at(self, at: QPointF, notches: float) -> QWheelEvent:
        event = QWheelEvent(
            at,
            self.view.mapToGlobal(at),
            QPoint(),
            QPoint(0, round(120 * notches)),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(self.view, event)
        return event


@pytest.fixture
def hand(qtbot: QtBot) -> Iterator[Hand]:
    yield Hand(qtbot)


@given(st.floats(LOW_HZ, HIGH_HZ), st.floats(-18.0, 18.0), st.sampled_from([6.0, 12.0, 18.0]))
def test_axes_read_back_what_they_place(frequency_hz: float, gain_db: float, reach: float) -> None:
    plot = Plot(40.0, 10.0, 700.0, 240.0, reach)
    assert plot.frequency_hz(plot.x(frequency_hz)) == pytest.approx(frequency_hz, rel=1e-9)
    assert plot.gain_db(plot.y(gain_db)) == pytest.approx(gain_db, abs=1e-9)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), max_size=50))
def test_a_polygon_has_the_points_it_was_given(points: list[tuple[float, float]]) -> None:
    x, y = np.array(points, np.float64).reshape(-1, 2).T
    assert [each.toTuple() for each in polygon(x, y).toList()] == points


def test_every_decade_is_as_wide() -> None:
    plot = Plot(0.0, 0.0, 900.0, 100.0, 12.0)
    assert plot.x(2000.0) - plot.x(200.0) == pytest.approx(plot.x(200.0) - plot.x(20.0))


def test_sum_curve_is_the_response_of_the_filters_in_series() -> None:
    bands = [
        Band(BandKind.HIGH_PASS, 40.0),
        Band(BandKind.BELL, 500.0, 6.0, 2.0, gate=0.5),
        Band(BandKind.BELL, 3000.0, -9.0, 4.0, enabled=False),
        Band(BandKind.HIGH_SHELF, 8000.0, 3.0),
    ]
    curves = Curves(200)
    angles = 2.0 * np.pi * curves.frequencies_hz / 48000
    _, response = sosfreqz(sections(bands, 48000), worN=angles)
    expected_db = 20.0 * np.log10(np.abs(response))
    np.testing.assert_allclose(curves.total_db(bands, 48000), expected_db, atol=1e-6)


@given(st.floats(100.0, 8000.0), st.floats(0.3, 12.0))
def test_a_soloed_bell_is_heard_between_its_half_power_points(hz: float, q: float) -> None:
    low_hz, high_hz = heard_alone_hz(Band(BandKind.BELL, hz, 3.0, q))
    # |H| of the band pass 1 / (1 + jQ(f/f0 - f0/f)) is 1/sqrt(2) where Q(f/f0 - f0/f) is 1.
    for edge_hz in (low_hz, high_hz):
        assert q * abs(edge_hz / hz - hz / edge_hz) == pytest.approx(1.0)
    assert low_hz < hz < high_hz


def test_inactive_bands_are_flat_to_the_last_bit() -> None:
    curves = Curves()
    for band in (Band(gain_db=0.0), Band(gain_db=9.0, gate=0.0), Band(gain_db=9.0, enabled=False)):
        assert not curves.band_db(band, 44100).any()


def test_dragging_a_handle_moves_frequency_and_gain_as_one_edit(hand: Hand) -> None:
    hand.drag(4, QPoint(80, -40))
    plot, band = hand.view.plot, hand.view.bands[4]
    assert {index for index, _ in hand.edits} == {4}
    assert len(hand.edits) == 4 and hand.finished == 1
    assert plot.x(band.frequency_hz) == pytest.approx(plot.x(BANDS[4].frequency_hz) + 80, abs=1.5)
    assert band.gain_db == pytest.approx(40 * 2 * plot.range_db / plot.height, rel=0.03)


def test_shift_makes_a_drag_ten_times_finer(hand: Hand) -> None:
    hand.drag(4, QPoint(0, -40), Qt.KeyboardModifier.ShiftModifier)
    plot = hand.view.plot
    coarse_db = 40 * 2 * plot.range_db / plot.height
    assert hand.view.bands[4].gain_db == pytest.approx(coarse_db / 10, rel=0.05)


def test_a_drag_beyond_the_graph_stays_in_the_ranges(hand: Hand) -> None:
    hand.drag(9, QPoint(4000, -4000))
    assert 19999.9 < hand.view.bands[9].frequency_hz <= 20000.0
    assert hand.view.bands[9].gain_db == 12.0


def test_dragging_a_pass_filter_up_raises_its_resonance(hand: Hand) -> None:
    bands = (Band(BandKind.HIGH_PASS, 200.0), *BANDS[1:])
    hand.view.show_bands(bands)
    hand.drag(0, QPoint(0, -30))
    assert hand.view.bands[0].q > bands[0].q
    assert hand.view.bands[0].gain_db == 0.0


def test_wheel_up_narrows_and_wheel_down_widens(hand: Hand) -> None:
    hand.wheel(3, 1.0)
    narrow = hand.view.bands[3].q
    assert narrow > BANDS[3].q
    hand.wheel(3, -1.0)
    assert hand.view.bands[3].q == pytest.approx(BANDS[3].q)


def test_the_wheel_scrolls_on_where_there_is_no_band(hand: Hand) -> None:
    hand.wheel(3, 1.0)
    hand.edits.clear()
    hand.view.select(-1)
    event = hand.wheel_at(QPointF(300, 20), 1.0)
    assert not hand.edits and not event.isAccepted()


def test_double_click_on_a_handle_takes_its_gain_away(hand: Hand) -> None:
    hand.view.show_bands(ChainParameters().with_band(5, gain_db=7.0).bands)
    QTest.mouseDClick(hand.view, Qt.MouseButton.LeftButton, pos=hand.point(5))
    assert hand.view.bands[5].gain_db == 0.0


def test_double_click_on_the_graph_puts_an_unused_band_there(hand: Hand) -> None:
    hand.view.show_bands(ChainParameters().with_band(0, gain_db=3.0).bands)
    plot = hand.view.plot
    at = QPoint(round(plot.x(700.0)), round(plot.y(6.0)))
    QTest.mouseDClick(hand.view, Qt.MouseButton.LeftButton, pos=at)
    band = hand.view.bands[1]
    assert band.active and band.kind is BandKind.BELL
    assert band.frequency_hz == pytest.approx(700.0, rel=0.02)
    assert band.gain_db == pytest.approx(6.0, abs=0.1)
    assert hand.view.selected_index == 1


def test_an_eleventh_band_is_refused_aloud(hand: Hand, qtbot: QtBot) -> None:
    hand.view.show_bands(tuple(Band(BandKind.BELL, 100.0 * (i + 1), 1.0) for i in range(10)))
    with qtbot.waitSignal(hand.view.crowded):
        hand.view.add_band(QPointF(400, 60))
    assert not hand.edits


def test_menu_changes_kind_bypasses_solos_and_resets(hand: Hand, qtbot: QtBot) -> None:
    def choose(title: str) -> None:
        menu = menu_at(hand.view, hand.view.handle_point(2))
        next(action for action in menu.actions() if action.text().split("\t")[0] == title).trigger()

    choose("High shelf")
    assert hand.view.bands[2].kind is BandKind.HIGH_SHELF
    choose("Bypass")
    assert not hand.view.bands[2].enabled
    with qtbot.waitSignal(hand.view.solo_requested) as solo:
        choose("Solo")
    assert solo.args == [2]
    with qtbot.waitSignal(hand.view.reset_requested) as reset:
        choose("Reset band")
    assert reset.args == [2]


def test_menu_on_the_graph_sets_its_range(hand: Hand) -> None:
    menu = menu_at(hand.view, QPointF(300, 20))
    next(action for action in menu.actions() if "18" in action.text()).trigger()
    assert hand.view.plot.range_db == 18.0


def test_tab_goes_through_the_handles_from_low_to_high_and_then_leaves(hand: Hand) -> None:
    hand.view.show_bands((Band(frequency_hz=900.0), Band(frequency_hz=90.0)))
    hand.view.activateWindow()
    QTest.qWaitForWindowActive(hand.view)
    hand.view.setFocus(Qt.FocusReason.TabFocusReason)
    QApplication.processEvents()
    visited = [hand.view.selected_index]
    while hand.view.focusNextPrevChild(True) and len(visited) < 5:
        if hand.view.selected_index == visited[-1]:
            break
        visited.append(hand.view.selected_index)
    assert visited[-2:] == [1, 0]


def test_keys_move_the_selected_band(hand: Hand) -> None:
    hand.view.select(4)
    QTest.keyClick(hand.view, Qt.Key.Key_Right)
    assert hand.view.bands[4].frequency_hz == pytest.approx(640.0 * 2 ** (1 / 12))
    QTest.keyClick(hand.view, Qt.Key.Key_Up)
    assert hand.view.bands[4].gain_db == pytest.approx(0.5)
    QTest.keyClick(hand.view, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert hand.view.bands[4].gain_db == pytest.approx(0.6)
    QTest.keyClick(hand.view, Qt.Key.Key_Plus)
    assert hand.view.bands[4].q > BANDS[4].q
    QTest.keyClick(hand.view, Qt.Key.Key_B)
    assert not hand.view.bands[4].enabled
    QTest.keyClick(hand.view, Qt.Key.Key_Delete)
    assert hand.view.bands[4].gain_db == 0.0


def test_nothing_can_be_moved_while_the_fit_moves_it(hand: Hand) -> None:
    hand.view.set_editable(False)
    hand.drag(4, QPoint(50, 50))
    hand.wheel(4, 1.0)
    QTest.keyClick(hand.view, Qt.Key.Key_Up)
    assert not hand.edits


def test_a_screen_reader_hears_the_selected_band(hand: Hand) -> None:
    hand.view.select(4)
    assert hand.view.accessibleDescription().startswith("Band 5, bell, 640 Hz")


@pytest.mark.parametrize("name", THEMES)
def test_the_background_is_the_themes(hand: Hand, name: str) -> None:
    hand.theme.choose(name)
    picture = hand.view.grab().toImage()
    assert picture.pixelColor(2, 2).name() == THEMES[name].panel


def test_a_full_scale_sine_reads_zero_decibels() -> None:
    rate, bin_number = 48000, 400
    frequency_hz = bin_number * rate / WINDOW_FRAMES
    wave = np.sin(2 * np.pi * frequency_hz * np.arange(WINDOW_FRAMES) / rate)
    analyser = Analyser(rate, tilt_db_per_octave=0.0)
    levels_db = analyser.push(np.stack([wave, wave]), 0.03)
    assert levels_db.max() == pytest.approx(0.0, abs=0.3)
    peak_hz = analyser.frequencies_hz[int(np.argmax(levels_db))]
    assert peak_hz == pytest.approx(frequency_hz, rel=0.03)


def test_the_spectrum_falls_at_its_rate_and_comes_to_rest() -> None:
    analyser = Analyser(44100, fall_db_per_s=30.0)
    first = analyser.push(np.random.default_rng(1).standard_normal((2, WINDOW_FRAMES)), 0.03).copy()
    second = analyser.fall(0.5)
    heard = first > FLOOR_DB + 20.0
    np.testing.assert_allclose(first[heard] - second[heard], 15.0)
    analyser.fall(10.0)
    assert analyser.quiet


def test_silence_and_broken_samples_stay_on_the_floor() -> None:
    analyser = Analyser(48000, tilt_db_per_octave=0.0)
    assert analyser.push(np.zeros((2, 100)), 0.03).max() == FLOOR_DB
    assert np.isfinite(analyser.push(np.full((2, 100), np.nan), 0.03)).all()


def test_nothing_is_shown_above_half_the_rate() -> None:
    analyser = Analyser(16000)
    noise = np.random.default_rng(2).standard_normal((1, WINDOW_FRAMES))
    levels_db = analyser.push(noise, 0.03)
    assert (levels_db[analyser.frequencies_hz > 8000] == FLOOR_DB).all()
