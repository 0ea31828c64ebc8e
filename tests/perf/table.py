"""A table of budgets: what was aimed at, what was measured, and how they relate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

# A busy machine may be this much slower than the budget; what is slower still is a fault.
TOLERANCE = 3.0


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement; ``target`` is None for what has no budget and is only told."""

    name: str
    value: float
    unit: str
    target: float | None = None

    @property
    def ratio(self) -> float | None:
        """Measured over target: up to 1 the budget is kept."""
        return None if self.target is None else self.value / self.target

    @property
    def cells(self) -> tuple[str, ...]:
        """Name, target, measured, ratio, verdict."""
        if self.ratio is None:
            return self.name, "", f"{self.value:.3g} {self.unit}", "", ""
        verdict = "kept" if self.ratio <= 1 else "MISSED"
        target = f"{self.target:.3g} {self.unit}"
        return self.name, target, f"{self.value:.3g} {self.unit}", f"{self.ratio:.2f}", verdict


@dataclass
class Table:
    """Rows under one title, printed as Markdown so that they can go into a document."""

    title: str
    rows: list[Row] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str, target: float | None = None) -> None:
        """Add one number."""
        self.rows.append(Row(name, value, unit, target))

    def add_frames(self, name: str, seconds: Sequence[float]) -> None:
        """Add median and 95th percentile of frame times, against the budgets of a frame."""
        milliseconds = 1000.0 * np.asarray(seconds)
        self.add(f"{name}, median", float(np.median(milliseconds)), "ms", 16.0)
        self.add(f"{name}, p95", float(np.percentile(milliseconds, 95)), "ms", 50.0)

    def show(self) -> None:
        """Print it, and fail where a budget is missed by more than a busy machine explains."""
        heads = ("", "target", "measured", "ratio", "")
        lines = [heads, *(row.cells for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
        print(f"\n\n{self.title}\n")
        for number, line in enumerate(lines):
            print("| " + " | ".join(map(str.ljust, line, widths)) + " |")
            if number == 0:
                print("|-" + "-|-".join("-" * width for width in widths) + "-|")
        beyond = [row.name for row in self.rows if row.ratio and row.ratio > TOLERANCE]
        assert not beyond, f"far beyond the budget: {', '.join(beyond)}"
