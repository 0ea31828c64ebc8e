"""Lines of numbers as they are drawn: smoothed, thinned out, with round ticks; pure functions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.canvas.axes import Tick, step_125

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One line of a plot.

    Parameters
    ----------
    label
        What the legend and the read-out call it.
    x, y
        Places, ``x`` ascending; what is not finite is left out.
    colour
        Number of its colour; see :func:`app.canvas.bars.colour`.
    dashed
        For what the others are compared with.
    dots
        Points without a line between them.
    marked
        Index of the point that is marked, such as the best; None for none.
    """

    label: str
    x: Numbers
    y: Numbers
    colour: int = 0
    dashed: bool = False
    dots: bool = False
    marked: int | None = None


def smooth(values: Numbers, points: int) -> Numbers:
    """The mean over each point and those before it, ``points`` in all, less at the beginning.

    What is not finite takes no part.
    """
    if points <= 1 or len(values) == 0:
        return values
    finite = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(finite, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(finite)])
    stops = np.arange(1, len(values) + 1)
    starts = np.maximum(stops - points, 0)
    held = counts[stops] - counts[starts]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((sums[stops] - sums[starts]) / held)


def thin(x: Numbers, y: Numbers, columns: int) -> tuple[Numbers, Numbers]:
    """At most four points for each of ``columns`` columns, which draw the same picture.

    Of each column the first, the lowest, the highest and the last point are kept.
    """
    if len(x) <= 4 * columns or columns < 1:
        return x, y
    span = float(x[-1] - x[0])
    where = (x - x[0]) * (columns / span if span > 0.0 else 0.0)
    column = np.minimum(where.astype(np.int64), columns - 1)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    stops = np.append(starts[1:], len(x))
    order = np.lexsort((y, column))  # within a column from the lowest to the highest
    kept = np.unique(np.concatenate([starts, stops - 1, order[starts], order[stops - 1]]))
    return x[kept], y[kept]


def extent(lines: list[Numbers], log: bool) -> tuple[float, float]:
    """Lower and upper end of an axis that shows all of these numbers, with a little air.

    A logarithmic axis leaves out what is not above 0.
    """
    finite = [values[np.isfinite(values) & ((values > 0.0) | (not log))] for values in lines]
    whole = np.concatenate(finite) if finite else np.zeros(0)
    if len(whole) == 0:
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = float(whole.min()), float(whole.max())
    if log:
        low, high = math.log10(low), math.log10(high)
    air = 0.06 * (high - low) or 0.05 * abs(high) or 0.5
    low, high = low - air, high + air
    return (10.0**low, 10.0**high) if log else (low, high)


def ticks(low: float, high: float, most: int, log: bool) -> list[Tick]:
    """Round numbers between two ends, at most about ``most`` of them."""
    if log:
        return _log_ticks(low, high, most)
    step = step_125((high - low) / max(most, 1))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [Tick(number * step, number_text(number * step)) for number in range(first, last + 1)]


def number_text(value: float) -> str:
    """A number in few digits: "0.25", "12 000", "3e-05"."""
    if value == 0.0 or not math.isfinite(value):
        return "0" if value == 0.0 else "–"
    if abs(value) >= 10_000.0 and abs(value) < 1e9:
        return f"{value:,.0f}".replace(",", "\u202f").replace("-", "−")
    return f"{value:.4g}".replace("-", "−")


def _log_ticks(low: float, high: float, most: int) -> list[Tick]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for steps in ((1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 5), (1, 3), (1,)):
        values = [m * 10.0**power for power in range(first, last + 1) for m in steps]
        inside = [value for value in values if low <= value <= high]
        if len(inside) <= most:
            return [Tick(value, number_text(value)) for value in inside]
    skip = math.ceil((last - first) / max(most, 1))
    decades = [10.0**power for power in range(first, last + 1, skip)]
    return [Tick(value, number_text(value)) for value in decades if low <= value <= high]
