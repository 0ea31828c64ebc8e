"""Charts of the reports: where a point of a curve is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from engine.charts import HEIGHT, LEFT, TOP, WIDTH, frequency_chart


def points(path: str) -> list[tuple[float, float]]:
    assert path[0] == "M"
    pairs = [each.split() for each in path[1:].split(" L")]
    return [(float(x), float(y)) for x, y in pairs]


def test_a_decade_is_a_third_of_the_width_and_the_range_is_the_height() -> None:
    hz = [20.0, 200.0, 2000.0, 20000.0]
    levels = np.array([6.0, 0.0, -6.0, 0.0])
    chart = frequency_chart("EQ", hz, [("after", "all", levels)], (-6.0, 6.0), 3.0)
    (line,) = chart.lines
    found = points(line.path)
    assert [x for x, _ in found] == pytest.approx([LEFT + WIDTH * i / 3 for i in range(4)], abs=0.1)
    wanted = [TOP, TOP + HEIGHT / 2, TOP + HEIGHT, TOP + HEIGHT / 2]
    assert [y for _, y in found] == pytest.approx(wanted, abs=0.1)
    assert [tick.label for tick in chart.up] == ["−6", "−3", "0", "3", "6"]


def test_levels_outside_the_range_are_drawn_at_its_edge() -> None:
    levels = np.array([100.0, -100.0])
    chart = frequency_chart("EQ", [100.0, 1000.0], [("after", "all", levels)], (-6.0, 6.0), 6.0)
    assert [y for _, y in points(chart.lines[0].path)] == [TOP, TOP + HEIGHT]


def test_curves_must_have_a_level_for_each_frequency() -> None:
    with pytest.raises(ValueError):
        frequency_chart("EQ", [100.0], [("after", "all", np.zeros(2))], (-6.0, 6.0), 6.0)
