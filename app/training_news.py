"""News of a run: what its folder holds that nobody has read yet."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.tasks import Context
from engine.training.metrics import TRAIN, MetricsReader
from engine.training.run_folder import RunFolder, RunStatus, Sample

Key = tuple[str, str]
Points = tuple[NDArray[np.int64], NDArray[np.float64]]
# Logged steps over which the speed is measured.
PACE_STEPS = 30


@dataclass(frozen=True, slots=True)
class News:
    """What came since the last reading.

    Parameters
    ----------
    restarted
        The curves begin anew: forget those there are.
    curves
        Steps and values to append, by split and name.
    status
        Where the training is; None if it has not begun.
    figures, samples, card
        None where they are as they were.
    steps_per_s
        How fast it is at the moment; NaN while unknown.
    """

    restarted: bool
    curves: dict[Key, Points]
    status: RunStatus | None
    figures: dict[str, dict[str, Any]] | None
    samples: tuple[Sample, ...] | None
    card: str | None
    steps_per_s: float


@dataclass(slots=True)
class RunReader:
    """Reads a run folder bit by bit, so that a long file of curves is read once.

    It is used by one job at a time, in a lane.
    """

    folder: RunFolder
    _metrics: MetricsReader = field(init=False)
    _figures: object = None
    _samples: tuple[Sample, ...] | None = None
    _card: object = None
    _pace: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=PACE_STEPS))

    def __post_init__(self) -> None:
        self._metrics = MetricsReader(self.folder.metrics_path)

    def read(self) -> News:
        """What is new."""
        rows = self._metrics.read()
        restarted = self._metrics.restarted
        if restarted:
            self._pace.clear()
        grouped: dict[Key, tuple[list[int], list[float]]] = {}
        for row in rows:
            steps, values = grouped.setdefault((row.split, row.name), ([], []))
            steps.append(row.step)
            values.append(row.value)
            if row.split == TRAIN and (not self._pace or self._pace[-1][0] != row.step):
                self._pace.append((row.step, row.seconds))
        curves = {
            key: (np.array(steps, np.int64), np.array(values, np.float64))
            for key, (steps, values) in grouped.items()
        }
        status = self.folder.status()
        return News(
            restarted, curves, status, self._new_figures(), self._new_samples(),
            self._new_card(), self._steps_per_s(status),
        )  # fmt: skip

    def _new_figures(self) -> dict[str, dict[str, Any]] | None:
        stamps = {path: _stamp(path) for path in (self.folder.path / "figures").glob("*.json")}
        if stamps == self._figures:
            return None
        self._figures = stamps
        return self.folder.figures()

    def _new_samples(self) -> tuple[Sample, ...] | None:
        samples = self.folder.samples()
        if samples == self._samples:
            return None
        self._samples = samples
        return samples

    def _new_card(self) -> str | None:
        path = self.folder.bundle / "card.md"
        stamp = _stamp(path)
        if stamp == self._card:
            return None
        self._card = stamp
        return path.read_text(encoding="utf-8", errors="replace") if stamp else ""

    def _steps_per_s(self, status: RunStatus | None) -> float:
        if len(self._pace) > 1:
            (first, began), (last, now) = self._pace[0], self._pace[-1]
            if last > first and now > began:
                return (last - first) / (now - began)
        if status is not None and status.step and status.seconds > 0.0:
            return status.step / status.seconds
        return float("nan")


def read_news(reader: RunReader, _context: Context) -> News:
    """The task of a lane."""
    return reader.read()


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
