"""The curves of a training: losses beside validation, and a legend that switches them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

import resources
from app.canvas.bars import colour
from app.canvas.curves import CurvePlot
from app.canvas.lines import Line
from app.curve_store import CurveStore
from app.theme import Theme, Tokens
from engine.training.metrics import TRAIN, VALIDATION

SMOOTHING = (1, 5, 20, 50, 200)
# What each plot shows until somebody chooses otherwise.
FIRST = {TRAIN: "total", VALIDATION: "score"}
HEADINGS = {TRAIN: "Training", VALIDATION: "Validation"}
LEGEND_WIDTH = 176


class CurveView(QWidget):
    """Two plots over the steps, and what is drawn in them.

    Signals
    -------
    compare_chosen(object)
        Another run is to be drawn over this one, by the data it was offered with; None for none.
    """

    compare_chosen = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._curves = CurveStore()
        self._other: CurveStore | None = None
        self._other_name = ""
        self._best_step: int | None = None
        self._offered: tuple[tuple[str, object], ...] = ()
        self._hidden_or_shown: dict[tuple[str, str], bool] = {}
        self.plots = {
            TRAIN: CurvePlot(theme, "Training loss", "step", self),
            VALIDATION: CurvePlot(theme, "Validation", "step", self),
        }
        self.plots[TRAIN].empty = "The first losses come after a few steps."
        self.plots[VALIDATION].empty = "Nothing has been validated yet."
        self.log_y = QCheckBox("Logarithmic", self)
        self.log_y.setToolTip("Draw losses and scores on a logarithmic axis")
        self.log_y.toggled.connect(self._scale)
        self.smoothing = QComboBox(self)
        self.smoothing.setAccessibleName("Smoothing")
        self.smoothing.setToolTip("Draw the mean over so many points; the points stay as a shadow")
        for points in SMOOTHING:
            self.smoothing.addItem("none" if points == 1 else f"{points} points", points)
        self.smoothing.currentIndexChanged.connect(self._scale)
        self.compare = QComboBox(self)
        self.compare.setAccessibleName("Compare with")
        self.compare.setToolTip("Draw the curves of another run over these, dashed")
        self.compare.setMinimumContentsLength(12)
        self.compare.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.compare.currentIndexChanged.connect(
            lambda _index: self.compare_chosen.emit(self.compare.currentData())
        )
        self.legend = QListWidget(self)
        self.legend.setAccessibleName("Curves that are shown")
        self.legend.setFixedWidth(LEGEND_WIDTH)
        self.legend.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.legend.itemChanged.connect(self._switch)
        head = QHBoxLayout()
        head.addWidget(self.log_y)
        for text, box in (("Smoothing", self.smoothing), ("Compare with", self.compare)):
            label = QLabel(text, self)
            label.setProperty("muted", True)
            label.setBuddy(box)
            head.addSpacing(10)
            head.addWidget(label)
            head.addWidget(box)
        head.addStretch(1)
        row = QHBoxLayout()
        row.addWidget(self.plots[TRAIN], 1)
        row.addWidget(self.plots[VALIDATION], 1)
        row.addWidget(self.legend)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.addLayout(head)
        layout.addLayout(row, 1)
        self.offer(())
        theme.changed.connect(self._dress)
        self._dress(theme.tokens)

    def _dress(self, tokens: Tokens) -> None:
        """Boxes one sees also on a dark ground; a palette has no colour for them."""
        tick = f"tick-{'dark' if tokens.dark else 'light'}.svg"
        picture = Path(str(files(resources).joinpath("themes", tick))).as_posix()
        self.legend.setStyleSheet(
            "QListView::indicator { width: 12px; height: 12px; border-radius: 3px;"
            f" border: 1px solid {tokens.muted}; background: {tokens.field}; }}"
            f" QListView::indicator:checked {{ border-color: {tokens.accent};"
            f' background: {tokens.accent}; image: url("{picture}"); }}'
        )
        self._rebuild_legend()

    def offer(self, runs: Sequence[tuple[str, object]]) -> None:
        """Offer runs to compare with, by title and data; the one that is chosen stays."""
        if tuple(runs) == self._offered and self.compare.count():
            return
        self._offered = tuple(runs)
        chosen = self.compare.currentData()
        with QSignalBlocker(self.compare):
            self.compare.clear()
            self.compare.addItem("none", None)
            for title, data in runs:
                self.compare.addItem(title, data)
            index = max(self.compare.findData(chosen), 0) if chosen is not None else 0
            self.compare.setCurrentIndex(index)
        self.compare.setEnabled(bool(runs))
        if chosen is not None and index == 0:
            self.compare_chosen.emit(None)

    def show_curves(self, curves: CurveStore, best_step: int | None) -> None:
        """Show what is known of a run; ``best_step`` is marked in the score."""
        self._curves, self._best_step = curves, best_step
        if self._keys() != [each for each in self._listed() if each is not None]:
            self._rebuild_legend()
        self._draw()

    def show_other(self, name: str, curves: CurveStore | None) -> None:
        """Draw another run's curves over these, or none."""
        self._other_name, self._other = name, curves
        self._draw()

    def is_shown(self, split: str, name: str) -> bool:
        """Whether a curve is switched on."""
        return self._hidden_or_shown.get((split, name), FIRST[split] == name)

    def show_curve(self, split: str, name: str, shown: bool) -> None:
        """Switch a curve on or off."""
        self._hidden_or_shown[split, name] = shown
        self._rebuild_legend()
        self._draw()

    def _keys(self) -> list[tuple[str, str]]:
        return [(split, name) for split in FIRST for name in _sorted(self._curves, split)]

    def _listed(self) -> list[tuple[str, str] | None]:
        rows = range(self.legend.count())
        return [self.legend.item(row).data(Qt.ItemDataRole.UserRole) for row in rows]

    def _rebuild_legend(self) -> None:
        tokens = self._theme.tokens
        with QSignalBlocker(self.legend):
            self.legend.clear()
            for split in FIRST:
                names = _sorted(self._curves, split)
                if names:
                    heading = QListWidgetItem(HEADINGS[split], self.legend)
                    heading.setFlags(Qt.ItemFlag.NoItemFlags)
                for number, name in enumerate(names):
                    item = QListWidgetItem(_words(name), self.legend)
                    item.setData(Qt.ItemDataRole.UserRole, (split, name))
                    item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
                    shown = self.is_shown(split, name)
                    item.setCheckState(Qt.CheckState.Checked if shown else Qt.CheckState.Unchecked)
                    item.setIcon(_swatch(colour(number, tokens)))
                    item.setToolTip(_words(name))

    def _switch(self, item: QListWidgetItem) -> None:
        key = item.data(Qt.ItemDataRole.UserRole)
        if key is not None:
            self._hidden_or_shown[key] = item.checkState() == Qt.CheckState.Checked
            self._draw()

    def _scale(self) -> None:
        for split, plot in self.plots.items():
            # a validation is a mean already
            points = self.smoothing.currentData() if split == TRAIN else 1
            plot.set_scale(log_y=self.log_y.isChecked(), smoothing=points or 1)

    def _draw(self) -> None:
        for split, plot in self.plots.items():
            lines = []
            for number, name in enumerate(_sorted(self._curves, split)):
                if not self.is_shown(split, name):
                    continue
                label = _words(name)
                steps, values = self._curves.curve(split, name)
                best = (
                    self._best(steps) if (split, name) == (VALIDATION, FIRST[VALIDATION]) else None
                )
                lines.append(Line(label, steps, values, number, marked=best))
                if self._other is not None:
                    steps, values = self._other.curve(split, name)
                    text = f"{label}, {self._other_name}"
                    lines.append(Line(text, steps, values, number, dashed=True))
            plot.show_lines(lines)

    def _best(self, steps: np.ndarray) -> int | None:
        if self._best_step is None:
            return None
        found = np.flatnonzero(steps == self._best_step)
        return int(found[-1]) if len(found) else None


def _sorted(curves: CurveStore, split: str) -> list[str]:
    """The names of a split; the one that counts stands first and has the accent colour."""
    return sorted(curves.names(split), key=lambda name: name != FIRST[split])


def _words(name: str) -> str:
    return name.replace("_", " ")


def _swatch(ink: QColor) -> QIcon:
    picture = QPixmap(10, 10)
    picture.fill(ink)
    return QIcon(picture)
