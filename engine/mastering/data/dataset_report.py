"""A collection's statistics as tables for the terminal, and as JSON or one HTML page."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

import resources
from engine.atomic import write_text
from engine.charts import Chart, frequency_chart
from engine.mastering.data.degradation import Tier, error_grid_hz
from engine.mastering.data.neutral import third_octaves_hz
from engine.mastering.data.statistics import DatasetStatistics, Spread
from engine.tasks import Failure

Rows = list[tuple[str, ...]]
NONE = "–"


def words(name: str) -> str:
    """A kind as people write it: ``out of family``."""
    return name.replace("_", " ").replace("eq", "EQ")


def number(value: float | None, signed: bool = False) -> str:
    """Two decimals with a real minus sign; a dash where there is no number."""
    if value is None or not math.isfinite(value):
        return NONE
    value = round(value, 2) + 0.0  # a rounded -0.0 becomes positive
    return (f"{value:+.2f}" if signed else f"{value:.2f}").replace("-", "−")


def length(seconds: float) -> str:
    """``2 h 05 min``, ``3 min 20 s``, ``12.5 s``."""
    if seconds < 60.0:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _cells(spread: Spread | None) -> tuple[str, ...]:
    if spread is None:
        return (NONE,) * 4
    return tuple(number(value) for value in (spread.mean, spread.std, spread.p10, spread.p90))


def measure_rows(statistics: DatasetStatistics) -> Rows:
    """Header and one row for each measure of the songs."""
    rows: Rows = [("Measure", "Unit", "Mean", "Std", "p10", "p90")]
    for name, (unit, spread) in statistics.measures().items():
        rows.append((name.capitalize(), unit, *_cells(spread)))
    return rows


def split_rows(statistics: DatasetStatistics) -> Rows:
    """Header and one row for each split."""
    rows: Rows = [("Split", "Songs", "Groups")]
    for split, (songs, groups) in statistics.splits().items():
        rows.append((split.value, str(songs), str(groups)))
    return rows


def harm_rows(statistics: DatasetStatistics) -> Rows:
    """Header and one row for each kind and tier: what doing nothing about it costs."""
    rows: Rows = [
        ("Kind", "Tier", "EQ error dB", "p10", "p90", "Contour LU", "Change dB, p10..p90")
    ]
    for harm in statistics.harms:
        error, contour, change = harm.eq_error_db, harm.contour_error_lu, harm.change_db
        rows.append(
            (
                words(harm.kind.value),
                harm.tier.value,
                number(error.mean),
                number(error.p10),
                number(error.p90),
                number(None if contour is None else contour.mean),
                NONE
                if change is None
                else f"{number(change.p10, True)}..{number(change.p90, True)}",
            )
        )
    return rows


def spectrum_chart(statistics: DatasetStatistics) -> Chart | None:
    """Mean third octaves of the songs and one standard deviation around them; None for silence."""
    spectra = statistics.spectra_db
    if not len(spectra):
        return None
    frequencies_hz = third_octaves_hz()
    reach = frequencies_hz <= 0.45 * statistics.settings.rate
    mean, std = spectra.mean(axis=0)[reach], spectra.std(axis=0)[reach]
    curves = (
        ("before", "mean + standard deviation", mean + std),
        ("after", "mean", mean),
        ("before", "mean − standard deviation", mean - std),
    )
    top_db = 10.0 * np.ceil(float((mean + std).max()) / 10.0)
    return frequency_chart(
        "Spectrum of the songs (third octaves, dB re the whole)",
        frequencies_hz[reach].tolist(),
        curves,
        (top_db - 70.0, top_db),
        10.0,
    )


def tone_chart(statistics: DatasetStatistics) -> Chart:
    """How far the kinds that have a tone move it, RMS over the draws."""
    curves = []
    for tier, style in ((Tier.MILD, "before"), (Tier.STRONG, "after")):
        rows = [
            np.array(harm.curve_rms_db)
            for harm in statistics.harms
            if harm.tier is tier and harm.eq_error_db.mean > 0.0
        ]
        mean = np.sqrt(np.mean(np.square(rows), axis=0))
        curves.append((style, f"{tier.value} (within {tier.reach_db:.0f} dB a band)", mean))
    return frequency_chart(
        "How far the degradations move the tone (dB RMS)",
        error_grid_hz().tolist(),
        curves,
        (0.0, max(9.0, 3.0 * np.ceil(max(float(curve.max()) for *_, curve in curves) / 3.0))),
        3.0,
    )


def to_json(statistics: DatasetStatistics) -> str:
    """Everything as JSON; what does not exist is null."""
    return json.dumps(statistics.to_dict(), indent=1, allow_nan=False)


def to_html(statistics: DatasetStatistics, title: str) -> str:
    """One page that needs no other file."""
    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(resources.text("templates", "dataset.html"))
    charts = [spectrum_chart(statistics), tone_chart(statistics)]
    return template.render(
        title=title,
        statistics=statistics,
        charts=[chart for chart in charts if chart is not None],
        tables=[
            ("Songs", measure_rows(statistics), 2),
            ("Splits", split_rows(statistics), 1),
            ("What doing nothing costs", harm_rows(statistics), 2),
        ],
        length=length,
        level=number,
    )


def write_report(statistics: DatasetStatistics, path: Path, title: str) -> None:
    """Write a page or JSON, as the suffix says, whole or not at all.

    Raises
    ------
    Failure
        If the suffix is another one or the place cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in (".html", ".htm", ".json"):
        raise Failure(
            f"A report cannot be written as {path.suffix or path.name!r}.",
            "Reports are JSON or HTML.",
            "Give it a name that ends in .json or .html.",
        )
    text = to_json(statistics) if suffix == ".json" else to_html(statistics, title)
    try:
        write_text(path, text)
    except OSError as error:
        raise Failure(
            "The report could not be written.",
            f"{path}: {error.strerror or error}.",
            "Choose another folder or free some space.",
        ) from error
