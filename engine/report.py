"""The report of a master: JSON for machines, one self-contained HTML page for people."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import resources
from engine.atomic import write_text
from engine.charts import HIGHEST_HZ, LOWEST_HZ, Chart, frequency_chart
from engine.plain_json import finite
from engine.tasks import Failure

if TYPE_CHECKING:
    from engine.audio.loudness import Loudness
    from engine.mastering.master import MasterResult

LOUDNESS_ROWS = (
    ("integrated_lufs", "Integrated loudness", "LUFS"),
    ("range_lu", "Loudness range", "LU"),
    ("max_momentary_lufs", "Loudest 400 ms", "LUFS"),
    ("max_short_term_lufs", "Loudest 3 s", "LUFS"),
    ("true_peak_dbtp", "True peak", "dBTP"),
    ("sample_peak_dbfs", "Sample peak", "dBFS"),
)


def as_dict(result: MasterResult) -> dict[str, Any]:
    """Everything a master measured and set, as plain values; no value that JSON lacks."""
    document = {
        "name": result.name,
        "target": {
            "name": result.target.name,
            "source": result.target.source,
            "lufs": result.target.lufs,
            "ceiling_dbtp": result.target.ceiling_dbtp,
        },
        "amounts": asdict(result.amounts),
        "prediction": asdict(result.prediction) if result.prediction is not None else None,
        "effects": [asdict(effect) | {"text": effect.text} for effect in result.effects],
        "audio": {
            "rate": result.rendered.rate,
            "channels": result.rendered.channels,
            "frames": result.rendered.frames,
        },
        "before": asdict(result.before),
        "after": asdict(result.after),
        "limiter_reduction_db": result.limiter_reduction_db,
        "bands_used": sum(band.active for band in result.applied.bands),
        "parameters": result.parameters.to_dict(),
        "applied": result.applied.to_dict(),
        "balance_before": asdict(result.balance_before),
        "balance_after": asdict(result.balance_after),
        "explanation": dict(result.explanation),
        "warnings": list(result.warnings),
        "history": [asdict(step) for step in result.history],
    }
    plain: dict[str, Any] = finite(document)
    return plain


def to_json(result: MasterResult) -> str:
    """The report as JSON; levels of silence (minus infinity) are null."""
    return json.dumps(as_dict(result), indent=1, allow_nan=False)


def to_html(result: MasterResult) -> str:
    """The report as one HTML page that needs no other file."""
    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(resources.text("templates", "master_report.html"))
    from engine.mastering.amounts import describe

    bands = [band for band in result.applied.bands if band.active]
    return template.render(
        result=result,
        amounts=describe(result.amounts),
        loudness=_loudness_rows(result.before, result.after),
        bands=sorted(bands, key=lambda band: band.frequency_hz),
        charts=[_balance_chart(result), _equalizer_chart(result)],
        duration_s=result.rendered.frames / result.rendered.rate,
        level=_level,
        json=to_json(result),
    )


def write_report(result: MasterResult, path: Path | str) -> Path:
    """Write the report as its suffix says, ``.json`` or ``.html``, whole or not at all.

    Raises
    ------
    Failure
        If the suffix is another one or the place cannot be written.
    """
    path = Path(path)
    makers = {".json": to_json, ".html": to_html, ".htm": to_html}
    maker = makers.get(path.suffix.lower())
    if maker is None:
        raise Failure(
            f"A report cannot be written as {path.suffix or path.name!r}.",
            "Reports are JSON or HTML.",
            "Give it a name that ends in .json or .html.",
        )
    try:
        write_text(path, maker(result))
    except OSError as error:
        raise Failure(
            "The report could not be written.",
            f"{path}: {error.strerror or error}.",
            "Choose another folder or free some space.",
        ) from error
    return path


def _level(value: float, signed: bool = False) -> str:
    """A level with one decimal, minus infinity as people write it."""
    if not math.isfinite(value):
        return "−∞" if value < 0 else "–"
    value = round(value, 1) + 0.0  # a rounded -0.0 becomes positive
    text = f"{value:+.1f}" if signed else f"{value:.1f}"
    return text.replace("-", "−")


def _loudness_rows(before: Loudness, after: Loudness) -> list[tuple[str, str, str, str, str]]:
    """Label, unit, before, after and change of every loudness measure."""
    rows = []
    for field, label, unit in LOUDNESS_ROWS:
        old, new = getattr(before, field), getattr(after, field)
        both = math.isfinite(old) and math.isfinite(new)
        rows.append(
            (label, unit, _level(old), _level(new), _level(new - old, True) if both else "–")
        )
    return rows


def _balance_chart(result: MasterResult) -> Chart:
    before, after = result.balance_before, result.balance_after
    # Levelled to the same mean: the page shows the loudness elsewhere, here it is the shape.
    shift_db = float(np.mean(after.levels_db) - np.mean(before.levels_db))
    curves = (
        ("before", "before, at the loudness of after", np.asarray(before.levels_db) + shift_db),
        ("after", "after", np.asarray(after.levels_db)),
    )
    top_db = 10.0 * math.ceil(max(float(levels.max()) for *_, levels in curves) / 10.0)
    return frequency_chart(
        "Tonal balance (third octaves, dB)",
        before.frequencies_hz,
        curves,
        (top_db - 70.0, top_db),
        10.0,
    )


def _equalizer_chart(result: MasterResult) -> Chart:
    from engine.mastering.biquad import response_db

    frequencies_hz = np.geomspace(LOWEST_HZ, HIGHEST_HZ, 240)
    frequencies_hz = frequencies_hz[frequencies_hz < 0.5 * result.rendered.rate]
    curve_db = response_db(result.applied.bands, frequencies_hz, result.rendered.rate)
    reach_db = max(6.0, 3.0 * math.ceil(float(np.abs(curve_db).max()) / 3.0))
    return frequency_chart(
        "Equalizer (dB)",
        frequencies_hz.tolist(),
        (("after", "all bands together", curve_db),),
        (-reach_db, reach_db),
        3.0,
    )
