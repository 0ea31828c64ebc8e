"""Level meters against closed forms, and the bars that show them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from app.canvas.gain_meter import GainMeter, gain_text
from app.canvas.live_meters import HOLD_S, PEAK_FALL_DB_PER_S, LevelMeter
from app.canvas.meters import (
    GAIN_SCALE,
    LOUDNESS_SCALE,
    PEAK_SCALE,
    REDUCTION_SCALE,
    Bar,
    BarMeter,
    CorrelationBar,
)
from app.theme import DARK, Theme

RATE = 48000


def sine(frames: int, amplitude: float = 1.0, phase: float = 0.0) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * 1000 * np.arange(frames) / RATE + phase)


def test_a_full_scale_sine_peaks_at_zero_and_has_three_decibels_less_power() -> None:
    meter = LevelMeter(RATE)
    wave = sine(2 * RATE)
    levels = meter.push(np.stack([wave, 0.5 * wave]), 2.0)
    assert levels.peak_db == pytest.approx((0.0, 20 * math.log10(0.5)), abs=0.01)
    assert levels.rms_db == pytest.approx((-3.01, -9.03), abs=0.02)


def test_peaks_fall_at_their_rate_and_the_hold_stays_for_its_time() -> None:
    meter = LevelMeter(RATE, 1)
    meter.push(np.full((1, 10), 0.5), 0.01)
    nothing = np.zeros((1, 0))
    later = meter.push(nothing, 1.0)
    top_db = 20 * math.log10(0.5)
    assert later.peak_db[0] == pytest.approx(top_db - PEAK_FALL_DB_PER_S)
    assert later.hold_db[0] == pytest.approx(top_db)
    assert meter.push(nothing, HOLD_S).hold_db[0] < top_db


@pytest.mark.parametrize(
    ("right", "expected"),
    [(sine(RATE), 1.0), (-sine(RATE), -1.0), (sine(RATE, phase=math.pi / 2), 0.0)],
)
def test_correlation_is_one_for_mono_minus_one_inverted_zero_in_quadrature(
    right: np.ndarray, expected: float
) -> None:
    levels = LevelMeter(RATE).push(np.stack([sine(RATE), right]), 1.0)
    assert levels.correlation == pytest.approx(expected, abs=1e-6)


def test_silence_and_one_sided_sound_have_no_correlation() -> None:
    assert math.isnan(LevelMeter(RATE).push(np.zeros((2, 480)), 0.01).correlation)
    one_sided = np.stack([sine(480), np.zeros(480)])
    assert math.isnan(LevelMeter(RATE).push(one_sided, 0.01).correlation)


def test_the_clip_lamp_burns_until_the_reset() -> None:
    meter = LevelMeter(RATE)
    loud = np.stack([np.full(10, 32767 / 32768), np.full(10, 0.9)])
    assert meter.push(loud, 0.01).clipped == (True, False)
    assert meter.push(np.zeros((2, 10)), 5.0).clipped == (True, False)
    meter.reset()
    assert meter.push(np.zeros((2, 10)), 0.01).clipped == (False, False)


def test_broken_samples_count_as_silence() -> None:
    levels = LevelMeter(RATE).push(np.array([[np.nan, 0.1], [np.inf, 0.1]]), 0.01)
    assert levels.peak_db == pytest.approx((-20.0, -20.0))


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_every_value_has_a_place_on_every_scale(value: float) -> None:
    for scale in (PEAK_SCALE, LOUDNESS_SCALE, REDUCTION_SCALE):
        assert 0.0 <= scale.share(value) <= 1.0


def picture(meter: BarMeter | CorrelationBar, width: int, height: int) -> list[str]:
    """Colours down the middle of the last bar."""
    meter.resize(width, height)
    image = meter.grab().toImage()
    return [image.pixelColor(width - 16, y).name() for y in range(height)]


def test_a_bar_is_as_high_as_its_value(qtbot: QtBot) -> None:
    meter = BarMeter(Theme("dark"), LOUDNESS_SCALE, "Loudness")
    qtbot.addWidget(meter)
    heights = []
    for value in (-41.0, -22.5, -4.0):
        meter.show_bars([Bar("I", value)])
        heights.append(picture(meter, 52, 220).count(QColor(DARK.good).name()))
    empty, half, full = heights
    assert empty == 0
    assert half == pytest.approx(full / 2, abs=2)
    assert full > 150


def test_a_reduction_hangs_from_the_top(qtbot: QtBot) -> None:
    meter = BarMeter(Theme("dark"), REDUCTION_SCALE, "Reduction")
    qtbot.addWidget(meter)
    meter.show_bars([Bar("GR", -6.0)])
    column = picture(meter, 52, 220)
    painted = [y for y, color in enumerate(column) if color == QColor(DARK.warn).name()]
    assert painted and painted[0] < 10
    assert painted[-1] < 120


def test_expansion_rises_from_zero_in_another_colour(qtbot: QtBot) -> None:
    meter = BarMeter(Theme("dark"), GAIN_SCALE, "Gain")
    qtbot.addWidget(meter)
    found = {}
    for value, color in ((-6.0, DARK.warn), (3.0, DARK.accent)):
        meter.show_bars([Bar("", value)])
        column = picture(meter, 52, 220)
        found[value] = [y for y, painted in enumerate(column) if painted == QColor(color).name()]
        other = DARK.accent if color == DARK.warn else DARK.warn
        assert QColor(other).name() not in column
    assert max(found[3.0]) <= min(found[-6.0])
    assert len(found[-6.0]) == pytest.approx(2 * len(found[3.0]), abs=3)


@pytest.mark.parametrize(
    ("reduction_db", "text"), [(0.0, ""), (0.04, ""), (3.21, "−3.2"), (-1.26, "+1.3")]
)
def test_a_gain_carries_its_sign(reduction_db: float, text: str) -> None:
    assert gain_text(reduction_db) == text


def test_each_band_moves_to_its_own_side(qtbot: QtBot) -> None:
    meter = GainMeter(Theme("dark"), {"low": "Low", "mid": "Mid", "high": "High"}, "Bands")
    qtbot.addWidget(meter)
    meter.resize(600, 18)
    meter.show_reductions({"low": 6.0, "high": -6.0})
    image = meter.grab().toImage()
    row = [image.pixelColor(x, 9).name() for x in range(600)]
    down = [x for x, color in enumerate(row) if color == QColor(DARK.warn).name()]
    up = [x for x, color in enumerate(row) if color == QColor(DARK.accent).name()]
    assert down and max(down) < 200
    assert up and min(up) > 400
    assert len(down) == pytest.approx(len(up), abs=2)


def test_the_lamp_lights_in_the_error_colour_and_a_click_asks_to_put_it_out(qtbot: QtBot) -> None:
    meter = BarMeter(Theme("dark"), PEAK_SCALE, "Peak", lamps=True)
    qtbot.addWidget(meter)
    meter.show_bars([Bar("L", -10.0, lit=True)])
    assert QColor(DARK.error).name() in picture(meter, 52, 200)[:10]
    meter.show_bars([Bar("L", -10.0)])
    assert QColor(DARK.error).name() not in picture(meter, 52, 200)
    with qtbot.waitSignal(meter.clicked):
        qtbot.mouseClick(meter, Qt.MouseButton.LeftButton)


def test_out_of_phase_warns(qtbot: QtBot) -> None:
    bar = CorrelationBar(Theme("dark"))
    qtbot.addWidget(bar)
    bar.resize(200, 32)

    def colors() -> set[str]:
        image = bar.grab().toImage()
        return {image.pixelColor(x, 8).name() for x in range(200)}

    bar.show_value(0.8)
    assert QColor(DARK.good).name() in colors()
    bar.show_value(-0.8)
    assert QColor(DARK.error).name() in colors()
    bar.show_value(math.nan)
    assert not {QColor(DARK.good).name(), QColor(DARK.error).name()} & colors()
