"""Curves that grow at their end, without being copied for every point that comes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.training_news import Key, News

FIRST_ROOM = 256


class CurveStore:
    """What was logged of a run, by split and name."""

    def __init__(self) -> None:
        self._curves: dict[Key, _Growing] = {}

    def take(self, news: News) -> bool:
        """Append what came; tell whether anything is another."""
        if news.restarted:
            self._curves = {}
        for key, (steps, values) in news.curves.items():
            self._curves.setdefault(key, _Growing()).append(steps, values)
        return news.restarted or bool(news.curves)

    def names(self, split: str) -> tuple[str, ...]:
        """What there is of a split, in the order it first came."""
        return tuple(name for part, name in self._curves if part == split)

    def curve(self, split: str, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Steps and values; empty where there are none."""
        curve = self._curves.get((split, name))
        return curve.arrays if curve is not None else (np.zeros(0), np.zeros(0))


class _Growing:
    """Steps and values in arrays that double when they are full."""

    def __init__(self) -> None:
        self._room = np.zeros((2, FIRST_ROOM))
        self._count = 0

    @property
    def arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self._room[0, : self._count], self._room[1, : self._count]

    def append(self, steps: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        stop = self._count + len(steps)
        if stop > self._room.shape[1]:
            larger = np.zeros((2, max(2 * self._room.shape[1], stop)))
            larger[:, : self._count] = self._room[:, : self._count]
            self._room = larger
        self._room[0, self._count : stop] = steps
        self._room[1, self._count : stop] = values
        self._count = stop
