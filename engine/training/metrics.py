"""Curves of a training in a file that one process writes and others follow."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.atomic import write_text

HEADER = ("step", "seconds", "split", "name", "value")
TRAIN, VALIDATION = "train", "validation"


@dataclass(frozen=True, slots=True)
class Metric:
    """One number: after how many steps and seconds, of which split, what, how much."""

    step: int
    seconds: float
    split: str
    name: str
    value: float

    def line(self) -> str:
        """Its line of the file; reading it gives the same bits."""
        buffer = io.StringIO()
        row = (self.step, f"{self.seconds:.3f}", self.split, self.name, repr(self.value))
        csv.writer(buffer, lineterminator="\n").writerow(row)
        return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Metrics:
    """All numbers there are so far, in the order they were written."""

    rows: tuple[Metric, ...] = ()

    def names(self, split: str) -> tuple[str, ...]:
        """What was logged of a split, in the order it first came."""
        return tuple(dict.fromkeys(row.name for row in self.rows if row.split == split))

    def curve(self, split: str, name: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Steps and values of one name."""
        rows = [row for row in self.rows if row.split == split and row.name == name]
        steps = np.array([row.step for row in rows], np.int64)
        return steps, np.array([row.value for row in rows], np.float64)

    def last(self, split: str, name: str) -> float:
        """The newest value; NaN if there is none."""
        for row in reversed(self.rows):
            if row.split == split and row.name == name:
                return row.value
        return math.nan


class MetricsWriter:
    """Appends to the file; every call's lines are handed to the system at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.exists():
            write_text(path, ",".join(HEADER) + "\n")

    def keep_until(self, step: int, validated_step: int) -> None:
        """Drop what came after ``step`` (validations: ``validated_step``), and a cut off line."""
        limits = {VALIDATION: min(step, validated_step)}
        rows = MetricsReader(self._path).read()
        kept = [row for row in rows if row.step <= limits.get(row.split, step)]
        write_text(self._path, ",".join(HEADER) + "\n" + "".join(row.line() for row in kept))

    def append(self, step: int, seconds: float, split: str, values: Mapping[str, float]) -> None:
        """Add one line for each value."""
        rows = (Metric(step, seconds, split, name, value) for name, value in values.items())
        with self._path.open("a", encoding="utf-8", newline="") as file:
            file.write("".join(row.line() for row in rows))


class MetricsReader:
    """Follows the file: each :meth:`read` gives what has come since the last.

    A last line without its end is left for the next time; a line that is none is left out. When a
    training is resumed the file is replaced by a shorter one: then ``restarted`` is True and
    everything is given again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity = 0
        self._offset = 0
        self.restarted = False

    def read(self) -> tuple[Metric, ...]:
        """New rows; none while there is no file."""
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, io.SEEK_END)
                identity = self._path.stat().st_ino
                known = self._identity == identity and size >= self._offset
                self.restarted = self._offset > 0 and not known
                self._identity, self._offset = identity, self._offset if known else 0
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            self.restarted, self._offset = self._offset > 0, 0
            return ()
        complete = data[: data.rfind(b"\n") + 1]
        self._offset += len(complete)
        text = complete.decode("utf-8", errors="replace")
        return tuple(_metrics(csv.reader(io.StringIO(text))))


def _metrics(lines: Iterable[list[str]]) -> Iterable[Metric]:
    for line in lines:
        try:
            step, seconds, split, name, value = line
            yield Metric(int(step), float(seconds), split, name, float(value))
        except ValueError:  # the header, or a line a full disk or a dying process left behind
            continue
