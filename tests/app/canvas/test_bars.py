"""Bars: heights in proportion, axes that end above them, words for what is pointed at."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from app.canvas.bars import BarPlot, Chart, Series, colour, round_up
from app.canvas.usage_plots import MOST_GROUPS, active_chart, gate_chart
from app.theme import DARK, LIGHT, Theme
from engine.mastering.parameters import Band
from engine.mastering.usage import BandUsage, TrackUsage

CHART = Chart(("a", "b"), (Series("One", (1.0, 2.0)), Series("Two", (4.0, 0.0))), "Letter", "Count")


@pytest.fixture
def plot(qtbot: QtBot) -> BarPlot:
    plot = BarPlot(Theme("dark"), "Test")
    qtbot.addWidget(plot)
    plot.resize(600, 300)
    plot.show_chart(CHART)
    return plot


def usage(*tracks: tuple[str, tuple[float, ...]]) -> BandUsage:
    """Usage of tracks by group and gates; every band has a gain."""
    made = tuple(
        TrackUsage(Path("x.wav"), group, tuple(Band(gain_db=1.0, gate=gate) for gate in gates))
        for group, gates in tracks
    )
    return BandUsage(Path("/songs"), "small", "ab", made, ())


def test_heights_are_in_proportion_and_stand_on_the_axis(plot: BarPlot) -> None:
    tall, low = plot.bar(0, 1), plot.bar(0, 0)
    assert tall.height() == pytest.approx(4 * low.height())
    assert tall.height() == pytest.approx(plot.area.height()), "4 is the end of the axis"
    for bar in (tall, low, plot.bar(1, 1)):
        assert bar.bottom() == pytest.approx(plot.area.bottom())
    assert plot.bar(1, 1).height() == 0.0


def test_bars_do_not_overlap_and_stay_inside(plot: BarPlot) -> None:
    bars = [plot.bar(category, series) for category in (0, 1) for series in (0, 1)]
    for left, right in itertools.pairwise(bars):
        assert left.right() <= right.left() + 1e-9
    assert plot.area.left() <= bars[0].left() and bars[-1].right() <= plot.area.right()


def test_a_bar_is_painted_where_it_is_said_to_be(plot: BarPlot) -> None:
    picture = plot.grab().toImage()
    middle = plot.bar(0, 1).center().toPoint()
    assert picture.pixelColor(middle).name() == colour(1, DARK).name()
    above = plot.bar(0, 0)
    beside = above.topLeft().toPoint()
    beside.setX(round(above.center().x()))
    beside.setY(beside.y() - 11)
    assert picture.pixelColor(beside).name() == QColor(DARK.field).name()


def test_pointing_at_a_column_tells_its_value(plot: BarPlot) -> None:
    column = plot.bar(0, 0)
    point = column.center().toPoint()
    point.setY(round(plot.area.top()) + 3)  # above the bar: a short one is hard to hit
    assert plot.text_at(point) == "One, Letter a: 1"
    assert plot.text_at(plot.rect().topLeft()) == ""


def test_a_screen_reader_hears_every_value(plot: BarPlot) -> None:
    assert plot.accessibleDescription() == "One: a 1, b 2. Two: a 4, b 0"


@given(st.floats(1e-6, 1e9))
def test_the_axis_ends_at_a_round_number_just_above(value: float) -> None:
    end = round_up(value)
    assert value * (1 - 1e-9) <= end <= value * 2.0000001
    assert f"{end:e}"[:8] in {f"{digit}.000000" for digit in (1, 2, 4, 5, 8)}


def test_an_empty_chart_is_an_empty_plot(plot: BarPlot) -> None:
    plot.show_chart(Chart((), ()))
    assert not plot.grab().isNull()
    assert Chart(("a",), (Series("none", (0.0,)),)).top == 1.0


def test_eight_series_have_eight_colours_that_stand_out_on_both_themes() -> None:
    for tokens in (DARK, LIGHT):
        colours = [colour(series, tokens) for series in range(8)]
        assert len({each.name() for each in colours}) == 8
        ground = QColor(tokens.field).lightnessF()
        assert all(abs(each.lightnessF() - ground) > 0.25 for each in colours)


def test_gates_are_shown_for_all_and_for_each_group() -> None:
    chart = gate_chart(usage(("Rock", (1.0, 0.0)), ("Rock", (0.5, 0.0)), ("Jazz", (0.0, 1.0))))
    assert [each.name for each in chart.series] == ["All (3)", "Jazz (1)", "Rock (2)"]
    assert chart.series[0].values == pytest.approx((0.5, 1 / 3))
    assert chart.series[2].values == (0.75, 0.0)
    assert chart.top == 1.0 and chart.text(0.75) == "75 %"


def test_one_group_is_not_shown_twice() -> None:
    assert len(gate_chart(usage(("Rock", (1.0,)))).series) == 1


def test_of_many_groups_the_largest_are_shown() -> None:
    tracks = [(f"group {number:02}", (1.0,)) for number in range(12)]
    chart = gate_chart(usage(*tracks, ("group 11", (1.0,)), ("group 11", (1.0,))))
    assert len(chart.series) == 1 + MOST_GROUPS
    assert chart.series[-1].name == "group 11 (3)"


def test_tracks_are_counted_by_open_bands() -> None:
    chart = active_chart(usage(("", (1.0, 1.0)), ("", (0.9, 0.1)), ("", (0.6, 0.0))))
    assert chart.categories == ("0", "1", "2")
    assert chart.series[0].values == (0.0, 2.0, 1.0)
