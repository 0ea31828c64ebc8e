"""An evaluation as tables: rows as CSV, everything as JSON, one HTML page for people."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import IO, Any

import resources
from engine.atomic import replacing, write_text
from engine.mastering.evaluate.suite import Evaluation, Row
from engine.mastering.evaluate.summary import METRICS, Bar, Group, bars, groups
from engine.plain_json import finite
from engine.tasks import Failure

SUFFIXES = (".html", ".json", ".csv")
BOX_WIDTH, BOX_HEIGHT = 300.0, 18.0


@dataclass(frozen=True, slots=True)
class Box:
    """A box plot in the drawing's own units: from p10 to p90, the median and the mean."""

    low: float
    high: float
    median: float
    mean: float
    width: float = BOX_WIDTH
    height: float = BOX_HEIGHT


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table and its box, None where nothing could be measured."""

    group: Group
    box: Box | None


@dataclass(frozen=True, slots=True)
class Table:
    """One metric of one kind of harm: lines by tier, listening and method."""

    title: str
    unit: str
    kind: str
    reach: float
    lines: tuple[Line, ...]


class RowFile:
    """Rows as CSV, each on the disk as soon as it is there."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._writer = csv.writer(file)
        self._writer.writerow([item.name for item in fields(Row)])

    def write(self, row: Row) -> None:
        """Append one row."""
        self._writer.writerow(["" if value is None else value for value in astuple(row)])
        self._file.flush()


@contextmanager
def row_file(path: Path) -> Iterator[RowFile]:
    """A CSV file that grows while the suite runs; what there is stays if it is cancelled.

    Raises
    ------
    Failure
        If it cannot be written.
    """
    try:
        file = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise _unwritable(path, error) from error
    with file:
        yield RowFile(file)


def _unwritable(path: Path, error: OSError) -> Failure:
    return Failure(
        "The report could not be written.",
        f"{path}: {error.strerror or error}.",
        "Choose another folder or free some space.",
    )


def as_dict(evaluation: Evaluation) -> dict[str, Any]:
    """Everything as plain values; what does not exist is null."""
    document: dict[str, Any] = finite(
        {
            "settings": asdict(evaluation.settings),
            "songs": evaluation.songs,
            "skipped": evaluation.skipped,
            "bars": [asdict(bar) for bar in bars(evaluation.rows)],
            "groups": [asdict(group) for group in groups(evaluation.rows)],
            "rows": [asdict(row) for row in evaluation.rows],
        }
    )
    return document


def to_html(evaluation: Evaluation) -> str:
    """One page that needs no other file."""
    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(resources.text("templates", "master_eval.html"))
    found = groups(evaluation.rows)
    failed = [row for row in evaluation.rows if row.error]
    return template.render(
        evaluation=evaluation,
        methods=list(dict.fromkeys(row.method for row in evaluation.rows)),
        bars=bars(evaluation.rows),
        sections=[
            (title, list(members))
            for title, members in itertools.groupby(tables(found), lambda table: table.title)
        ],
        failed=failed,
        words=words,
        number=number,
        share=share,
    )


def tables(found: Sequence[Group]) -> list[Table]:
    """The groups as one table for each metric and kind; those without any value are left out."""
    made = []
    for (metric, kind), members in itertools.groupby(found, lambda item: (item.metric, item.kind)):
        lines = list(members)
        highest = max((line.p90 for line in lines if line.p90 is not None), default=None)
        if highest is None:
            continue
        title, unit = METRICS[metric]
        reach = max(highest, 1e-3)
        made.append(Table(title, unit, kind, reach, tuple(_line(line, reach) for line in lines)))
    return made


def _line(group: Group, reach: float) -> Line:
    p10, p50, p90, mean = group.p10, group.p50, group.p90, group.mean
    if p10 is None or p50 is None or p90 is None or mean is None:
        return Line(group, None)
    scale = BOX_WIDTH / reach
    places = (round(min(value, reach) * scale, 1) for value in (p10, p90, p50, mean))
    return Line(group, Box(*places))


def words(name: str) -> str:
    """An identifier for people: underscores are spaces."""
    return name.replace("_", " ")


def number(value: float | None, digits: int = 2) -> str:
    """A figure, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def share(value: float | None) -> str:
    """A share in percent, or a dash."""
    return "–" if value is None else f"{value:.0%}"


def write_report(evaluation: Evaluation, path: Path) -> None:
    """Write the report as its suffix says, whole or not at all.

    Raises
    ------
    Failure
        If the suffix is unknown or the place cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise Failure(
            f"A report cannot be written as {path.suffix or path.name!r}.",
            "Reports are HTML, JSON or CSV.",
            "Give it a name that ends in .html, .json or .csv.",
        )
    try:
        if suffix == ".html":
            write_text(path, to_html(evaluation))
        elif suffix == ".json":
            write_text(path, json.dumps(as_dict(evaluation), indent=1, allow_nan=False))
        else:
            with replacing(path) as temporary, row_file(temporary) as file:
                for row in evaluation.rows:
                    file.write(row)
    except OSError as error:
        raise _unwritable(path, error) from error


def bar_rows(found: Sequence[Bar]) -> list[tuple[str, ...]]:
    """The bars as a text table, headings first."""
    said = {True: "met", False: "not met", None: "–"}
    return [
        ("Bar", "", "Method", "Reached", "Asked", ""),
        *(
            (str(bar.number), bar.title, bar.method, bar.reached, bar.asked, said[bar.met])
            for bar in found
        ),
    ]


def group_rows(found: Sequence[Group], metric: str) -> list[tuple[str, ...]]:
    """One metric as a text table, headings first; groups without a value are left out."""
    return [
        (
            "Kind",
            "Tier",
            "Reference",
            "Method",
            "n",
            "mean",
            "p10",
            "p50",
            "p90",
            "better",
            "worse",
        ),
        *(
            (
                words(item.kind),
                item.tier,
                item.listening,
                item.method,
                str(item.count),
                *(number(value) for value in (item.mean, item.p10, item.p50, item.p90)),
                share(item.better),
                share(item.worse),
            )
            for item in found
            if item.metric == metric and item.count
        ),
    ]
