"""The plots a training leaves behind, side by side: bars, lines or points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from app.canvas.bars import BarPlot, Chart, Series
from app.canvas.curves import CurvePlot
from app.canvas.lines import Line
from app.theme import Theme

NARROWEST_PX = 300


class FigureGrid(QWidget):
    """As many plots in a row as there is room for; those that stay are only given new numbers."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._figures: dict[str, dict[str, Any]] = {}
        self._cells: dict[tuple[str, str], QWidget] = {}
        self._columns = 0
        self._empty = QLabel("Plots come with the first validation.", self)
        self._empty.setProperty("muted", True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 6, 0, 0)
        self._grid.addWidget(self._empty, 0, 0)

    def show_figures(self, figures: Mapping[str, dict[str, Any]]) -> None:
        """Show these plots, as :meth:`engine.training.run_folder.RunFolder.figures` gives them."""
        wanted = {
            (name, str(figure.get("style", "line"))): figure for name, figure in figures.items()
        }
        for key in [each for each in self._cells if each not in wanted]:
            cell = self._cells.pop(key)
            self._grid.removeWidget(cell)
            cell.deleteLater()
            self._columns = 0
        for key, figure in wanted.items():
            if key not in self._cells:
                self._cells[key] = self._cell(figure)
                self._columns = 0
            self._fill(self._cells[key], figure)
        self._empty.setVisible(not wanted)
        self._arrange()

    @property
    def plots(self) -> list[QWidget]:
        """The plots that are shown."""
        return [cell.property("plot") for cell in self._cells.values()]

    def resizeEvent(self, event: Any) -> None:
        """Take as many columns as there is room for."""
        super().resizeEvent(event)
        self._arrange()

    def _cell(self, figure: Mapping[str, Any]) -> QWidget:
        cell, title = QWidget(self), str(figure.get("title", ""))
        column = QVBoxLayout(cell)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        plot: QWidget
        if figure.get("style") == "bar":
            plot = BarPlot(self._theme, title, cell)
            unit = figure.get("y_label")
            column.addWidget(QLabel(f"{title} ({unit})" if unit else title, cell))
        else:
            plot = CurvePlot(self._theme, title, str(figure.get("x_label", "")), cell)
        column.addWidget(plot, 1)
        cell.setProperty("plot", plot)
        return cell

    def _fill(self, cell: QWidget, figure: Mapping[str, Any]) -> None:
        plot = cell.property("plot")
        if isinstance(plot, BarPlot):
            plot.show_chart(chart_of(figure))
        elif isinstance(plot, CurvePlot):
            plot.set_scale(log_x=bool(figure.get("log_x")))
            plot.show_lines(lines_of(figure))

    def _arrange(self) -> None:
        count = len(self._cells)
        columns = max(min(self.width() // NARROWEST_PX, count), 1)
        if columns == self._columns:
            return
        self._columns = columns
        for number, cell in enumerate(self._cells.values()):
            self._grid.removeWidget(cell)
            self._grid.addWidget(cell, 1 + number // columns, number % columns)
        for column in range(max(self._grid.columnCount(), columns)):
            self._grid.setColumnStretch(column, int(column < columns))


def chart_of(figure: Mapping[str, Any]) -> Chart:
    """A figure with bars; a series that lacks a category has no bar there."""
    series = figure.get("series", ())
    categories = tuple(dict.fromkeys(str(x) for each in series for x in each["x"]))
    bars = []
    for each in series:
        heights = dict(zip(map(str, each["x"]), each["y"], strict=True))
        values = tuple(_number(heights.get(category)) for category in categories)
        bars.append(Series(str(each["label"]), values))
    return Chart(categories, tuple(bars), str(figure.get("x_label", "")))


def lines_of(figure: Mapping[str, Any]) -> list[Line]:
    """A figure with lines or points, each from left to right."""
    found = []
    for number, each in enumerate(figure.get("series", ())):
        x = np.array([_number(value) for value in each["x"]])
        y = np.array([np.nan if value is None else float(value) for value in each["y"]])
        order = np.argsort(x, kind="stable")
        dots = figure.get("style") == "scatter"
        found.append(Line(str(each["label"]), x[order], y[order], number, dots=dots))
    return found


def _number(value: Any) -> float:
    """A number of a JSON file, in which what is not finite is null."""
    return 0.0 if value is None else float(value)
