"""The line plot: where points lie, what the pointer reads out, and how long a frame takes."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from app.canvas.bars import colour
from app.canvas.curves import CurvePlot
from app.canvas.lines import Line
from app.theme import Theme


@pytest.fixture
def plot(qtbot: QtBot) -> CurvePlot:
    plot = CurvePlot(Theme("dark"), "Loss", "step")
    qtbot.addWidget(plot)
    plot.resize(600, 300)
    plot.show()
    return plot


def picture(plot: CurvePlot) -> QImage:
    return plot.grab().toImage()


def has_near(image: QImage, x: float, y: float, ink: QColor) -> bool:
    """Whether a pixel of about this colour lies within two pixels."""
    for column in range(round(x) - 2, round(x) + 3):
        for row in range(round(y) - 2, round(y) + 3):
            seen = image.pixelColor(column, row)
            differences = (
                abs(seen.red() - ink.red()),
                abs(seen.green() - ink.green()),
                abs(seen.blue() - ink.blue()),
            )
            if max(differences) < 40:
                return True
    return False


def test_a_line_is_drawn_through_its_points(plot: CurvePlot) -> None:
    x, y = np.array([0.0, 50.0, 100.0]), np.array([1.0, 3.0, 2.0])
    plot.show_lines([Line("total", x, y)])
    image, ink = picture(plot), colour(0, Theme("dark").tokens)
    for step, value in ((25.0, 2.0), (50.0, 3.0), (75.0, 2.5)):
        at = plot.place(step, value)
        assert has_near(image, at.x(), at.y(), ink)
    beside = plot.place(25.0, 2.6)
    assert not has_near(image, beside.x(), beside.y(), ink)


def test_on_a_logarithmic_axis_equal_ratios_are_equally_far_apart(plot: CurvePlot) -> None:
    plot.show_lines([Line("total", np.arange(3.0), np.array([0.01, 1.0, 100.0]))])
    plot.set_scale(log_y=True)
    heights = [plot.place(0.0, value).y() for value in (0.01, 0.1, 1.0, 10.0)]
    np.testing.assert_allclose(np.diff(heights), np.diff(heights)[0])


def test_the_pointer_reads_the_nearest_step_of_every_line(plot: CurvePlot) -> None:
    steps = np.arange(0.0, 101.0, 10.0)
    plot.show_lines([Line("a", steps, steps * 2.0), Line("b", steps[::2], steps[::2] * 3.0)])
    found = plot.values_at(plot.place(41.0, 0.0).x())
    assert found is not None
    step, values = found
    assert step == 40.0
    assert [(line.label, value) for line, value in values] == [("a", 80.0), ("b", 120.0)]
    assert plot.values_at(2.0) is None, "beside the plot there is nothing"


def test_the_pointer_reads_smoothed_values_where_they_are_drawn(plot: CurvePlot) -> None:
    plot.show_lines([Line("a", np.arange(4.0), np.array([0.0, 2.0, 4.0, 6.0]))])
    plot.set_scale(smoothing=2)
    found = plot.values_at(plot.place(3.0, 0.0).x())
    assert found is not None and found[1][0][1] == 5.0


def test_the_best_point_is_marked(plot: CurvePlot) -> None:
    line = Line("score", np.array([0.0, 10.0, 20.0]), np.array([3.0, 1.0, 2.0]), marked=1)
    plot.show_lines([line])
    at = plot.place(10.0, 1.0)
    assert has_near(picture(plot), at.x(), at.y(), QColor(Theme("dark").tokens.good))


def test_what_is_not_finite_or_cannot_be_shown_is_left_out(plot: CurvePlot) -> None:
    y = np.array([np.nan, np.inf, -1.0, 0.0, 2.0])
    plot.show_lines([Line("a", np.arange(5.0), y)])
    plot.set_scale(log_y=True)
    image, ink = picture(plot), colour(0, Theme("dark").tokens)
    at = plot.place(4.0, 2.0)
    assert has_near(image, at.x(), at.y(), ink), "a single point is a dot"
    found = [
        (x, y)
        for x in range(round(plot.area.left()) + 2, round(at.x()) - 6, 3)
        for y in range(round(plot.area.top()), round(plot.area.bottom()), 3)
        if has_near(image, x, y, ink)
    ]
    assert not found


def test_nothing_to_show_is_said(plot: CurvePlot) -> None:
    plot.show_lines([])
    empty = picture(plot)
    plot.empty = "Other words."
    plot.show_lines([])
    assert picture(plot) != empty


def repaint_s(plot: CurvePlot, image: QImage) -> float:
    """The least processor time a repaint takes while the pointer moves."""
    took = []
    for x in range(100, 400, 50):
        plot._hover = float(x)
        start = time.thread_time()
        plot.render(image)
        took.append(time.thread_time() - start)
    return min(took)


def test_ten_thousand_points_are_painted_in_a_frame(plot: CurvePlot) -> None:
    """The least processor time of several, so that a busy machine does not decide."""
    plot.resize(700, 400)
    rng = np.random.default_rng(1)
    x = np.arange(10_000.0)
    took = []
    for _ in range(7):
        lines = [Line("total", x, rng.standard_normal(len(x)))]
        image = QImage(plot.size(), QImage.Format.Format_RGB32)
        start = time.thread_time()
        plot.show_lines(lines)
        plot.render(image)
        took.append(time.thread_time() - start)
    assert min(took) < 0.016
    assert repaint_s(plot, image) < 0.016, "the pointer moves over a picture that is there"
