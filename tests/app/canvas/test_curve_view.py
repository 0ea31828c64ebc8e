"""The curves of a run: what is shown, switched, scaled and compared."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QListWidgetItem
from pytestqt.qtbot import QtBot

from app.canvas.curve_view import CurveView
from app.curve_store import CurveStore
from app.theme import Theme
from app.training_news import News

TRAIN, VALIDATION = "train", "validation"


def store(*keys: tuple[str, str], count: int = 10, slope: float = 1.0) -> CurveStore:
    curves = CurveStore()
    steps = np.arange(1, count + 1)
    points = dict.fromkeys(keys, (steps, slope * steps))
    curves.take(News(False, points, None, None, None, None, float("nan")))
    return curves


ALL = ((TRAIN, "gate_loss"), (TRAIN, "total"), (VALIDATION, "worst"), (VALIDATION, "score"))


@pytest.fixture
def view(qtbot: QtBot) -> CurveView:
    view = CurveView(Theme("dark"))
    qtbot.addWidget(view)
    view.resize(900, 300)
    view.show()
    view.show_curves(store(*ALL), 4)
    return view


def labels(view: CurveView, split: str) -> list[str]:
    return [line.label for line in view.plots[split].lines]


def item(view: CurveView, text: str) -> QListWidgetItem:
    return view.legend.findItems(text, Qt.MatchFlag.MatchExactly)[0]


def test_at_first_what_counts_is_shown(view: CurveView) -> None:
    assert labels(view, TRAIN) == ["total"]
    assert labels(view, VALIDATION) == ["score"]
    rows = [view.legend.item(row).text() for row in range(view.legend.count())]
    assert rows == ["Training", "total", "gate loss", "Validation", "score", "worst"]


def test_the_legend_switches_curves_and_new_points_change_nothing_about_that(
    view: CurveView,
) -> None:
    item(view, "gate loss").setCheckState(Qt.CheckState.Checked)
    item(view, "score").setCheckState(Qt.CheckState.Unchecked)
    assert labels(view, TRAIN) == ["total", "gate loss"]
    assert labels(view, VALIDATION) == []
    view.show_curves(store(*ALL, (TRAIN, "late"), count=20), 4)
    assert labels(view, TRAIN) == ["total", "gate loss"]
    assert item(view, "gate loss").checkState() == Qt.CheckState.Checked
    assert item(view, "late").checkState() == Qt.CheckState.Unchecked


def test_a_curve_keeps_its_colour_when_others_are_switched(view: CurveView) -> None:
    view.show_curve(TRAIN, "gate_loss", True)
    total, gate = view.plots[TRAIN].lines
    assert total.colour != gate.colour
    view.show_curve(TRAIN, "total", False)
    assert [line.colour for line in view.plots[TRAIN].lines] == [gate.colour]


def test_the_best_step_is_marked_in_the_score_alone(view: CurveView) -> None:
    view.show_curve(VALIDATION, "worst", True)
    score, worst = view.plots[VALIDATION].lines
    assert score.marked == 3 and score.x[3] == 4.0
    assert worst.marked is None
    view.show_curves(store(*ALL), None)
    assert view.plots[VALIDATION].lines[0].marked is None


def test_scale_and_smoothing_reach_the_plots(view: CurveView) -> None:
    view.log_y.setChecked(True)
    view.smoothing.setCurrentIndex(2)
    assert view.plots[TRAIN].log_y and view.plots[VALIDATION].log_y
    assert view.plots[TRAIN].smoothing == 20
    assert view.plots[VALIDATION].smoothing == 1, "a validation is a mean already"


def test_another_run_is_drawn_dashed_in_the_same_colours(view: CurveView) -> None:
    view.show_other("other", store((TRAIN, "total"), count=5, slope=2.0))
    mine, theirs = view.plots[TRAIN].lines
    assert theirs.dashed and not mine.dashed and theirs.colour == mine.colour
    assert theirs.label == "total, other" and len(theirs.x) == 5
    view.show_other("", None)
    assert labels(view, TRAIN) == ["total"]


def test_the_run_to_compare_with_stays_chosen_while_it_is_there(view: CurveView) -> None:
    told: list[object] = []
    view.compare_chosen.connect(told.append)
    assert not view.compare.isEnabled()
    view.offer([("A", "a"), ("B", "b")])
    view.compare.setCurrentIndex(2)
    assert told == ["b"]
    view.offer([("New", "n"), ("A", "a"), ("B", "b")])
    assert view.compare.currentData() == "b" and told == ["b"]
    view.offer([("New", "n")])
    assert view.compare.currentData() is None and told == ["b", None]


def test_another_theme_keeps_what_is_switched(view: CurveView) -> None:
    view.show_curve(TRAIN, "gate_loss", True)
    view._theme.choose("light")
    assert item(view, "gate loss").checkState() == Qt.CheckState.Checked
    assert item(view, "total").checkState() == Qt.CheckState.Checked
