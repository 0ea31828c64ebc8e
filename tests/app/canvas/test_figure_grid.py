"""Figures of a run become plots that stay in place when their numbers change."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pytestqt.qtbot import QtBot

from app.canvas.bars import BarPlot
from app.canvas.curves import CurvePlot
from app.canvas.figure_grid import FigureGrid, chart_of, lines_of
from app.theme import Theme

BARS: dict[str, Any] = {
    "title": "Errors",
    "style": "bar",
    "y_label": "dB",
    "series": [
        {"label": "model", "x": ["mild", "strong"], "y": [1.0, 2.5]},
        {"label": "nothing", "x": ["strong", "other"], "y": [4.0, None]},
    ],
}
LINE: dict[str, Any] = {
    "title": "Curve",
    "style": "line",
    "log_x": True,
    "x_label": "Hz",
    "series": [{"label": "a", "x": [100.0, 10.0, 1000.0], "y": [2.0, 1.0, None]}],
}


def test_bars_of_several_series_share_their_categories() -> None:
    chart = chart_of(BARS)
    assert chart.categories == ("mild", "strong", "other")
    assert [each.values for each in chart.series] == [(1.0, 2.5, 0.0), (0.0, 4.0, 0.0)]


def test_lines_run_from_left_to_right_and_leave_out_what_is_not_known() -> None:
    (line,) = lines_of(LINE)
    np.testing.assert_array_equal(line.x, [10.0, 100.0, 1000.0])
    assert line.y[0] == 1.0 and line.y[1] == 2.0 and math.isnan(line.y[2])
    assert not line.dots
    assert lines_of(LINE | {"style": "scatter"})[0].dots


def test_plots_come_change_and_go(qtbot: QtBot) -> None:
    grid = FigureGrid(Theme("dark"))
    qtbot.addWidget(grid)
    grid.resize(800, 300)
    grid.show()
    grid.show_figures({"errors": BARS, "curve": LINE})
    bars, line = grid.plots
    assert isinstance(bars, BarPlot) and isinstance(line, CurvePlot)
    assert line.log_x and line.across == "Hz"
    more = BARS | {"series": [{"label": "model", "x": ["mild"], "y": [7.0]}]}
    grid.show_figures({"errors": more, "curve": LINE})
    assert grid.plots == [bars, line], "the same plots with other numbers"
    assert bars.chart.series[0].values == (7.0,)
    grid.show_figures({"curve": LINE})
    assert grid.plots == [line]
    grid.show_figures({})
    assert grid.plots == []


def test_narrow_grids_stack_their_plots(qtbot: QtBot) -> None:
    grid = FigureGrid(Theme("dark"))
    qtbot.addWidget(grid)
    grid.resize(700, 600)
    grid.show()
    grid.show_figures({"errors": BARS, "curve": LINE})
    qtbot.waitUntil(lambda: grid.plots[0].width() > 250)

    def tops() -> set[int]:
        return {plot.parentWidget().y() for plot in grid.plots}

    qtbot.waitUntil(lambda: len(tops()) == 1)
    grid.resize(400, 600)
    qtbot.waitUntil(lambda: len(tops()) == 2)
