"""Curves grow by what came, and begin anew when the file does."""

from __future__ import annotations

import numpy as np

from app.curve_store import CurveStore
from app.training_news import News


def news(curves: dict, restarted: bool = False) -> News:
    return News(restarted, curves, None, None, None, None, float("nan"))


def points(start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    steps = np.arange(start, stop)
    return steps, steps * 0.5


def test_pieces_become_one_curve() -> None:
    store = CurveStore()
    for start in range(0, 3000, 7):
        assert store.take(news({("train", "total"): points(start, min(start + 7, 3000))}))
    steps, values = store.curve("train", "total")
    np.testing.assert_array_equal(steps, np.arange(3000))
    np.testing.assert_array_equal(values, np.arange(3000) * 0.5)
    assert store.names("train") == ("total",)
    assert store.names("validation") == ()


def test_no_news_changes_nothing() -> None:
    store = CurveStore()
    assert not store.take(news({}))
    assert len(store.curve("train", "total")[0]) == 0


def test_a_restart_forgets_what_was() -> None:
    store = CurveStore()
    store.take(news({("train", "total"): points(0, 9), ("train", "old"): points(0, 9)}))
    assert store.take(news({("train", "total"): points(0, 4)}, restarted=True))
    assert len(store.curve("train", "total")[0]) == 4
    assert store.names("train") == ("total",)
