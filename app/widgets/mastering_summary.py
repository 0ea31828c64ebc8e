"""The line that says what mastering did: before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.document.state import MasteringEntry
from app.widgets.numbers import format_level

if TYPE_CHECKING:
    from app.library import LoadedClip
    from engine.audio.loudness import Loudness
    from engine.mastering.master import MasterResult

NOTABLE_LU = 0.2
_ROWS = (
    ("Integrated loudness", "integrated_lufs", "LUFS"),
    ("Loudness range", "range_lu", "LU"),
    ("Loudest short-term", "max_short_term_lufs", "LUFS"),
    ("Loudest momentary", "max_momentary_lufs", "LUFS"),
    ("True peak", "true_peak_dbtp", "dBTP"),
    ("Sample peak", "sample_peak_dbfs", "dBFS"),
)


def summarise(
    entry: MasteringEntry, loaded: LoadedClip | None, result: MasterResult | None
) -> tuple[str, str]:
    """One line, and its long form for a tool tip.

    Parameters
    ----------
    entry
        How the clip is mastered.
    loaded
        What is loaded and measured of it.
    result
        What mastering reported, where it ran since the start.
    """
    before = loaded.loudness if loaded is not None else None
    after = loaded.rendered_loudness if loaded is not None and entry.rendering_key else None
    if before is None:
        return "Measuring…", ""
    if after is None:
        lufs, peak = format_level(before.integrated_lufs), format_level(before.true_peak_dbtp)
        done = "not mastered yet" if entry.parameters is None else f"{_bands(entry)}, not rendered"
        return f"{lufs} LUFS, {peak} dBTP · {done}", _measurements(before, None)
    parts = [
        f"{format_level(before.integrated_lufs)} → {format_level(after.integrated_lufs)} LUFS",
        f"{format_level(before.true_peak_dbtp)} → {format_level(after.true_peak_dbtp)} dBTP",
        f"{format_level(before.range_lu)} → {format_level(after.range_lu)} LU",
        _bands(entry),
    ]
    missed_lu = after.integrated_lufs - entry.lufs
    if abs(missed_lu) > NOTABLE_LU:
        side = "above" if missed_lu > 0 else "below"
        parts.insert(1, f"{abs(missed_lu):.1f} LU {side} target")
    detail = [_measurements(before, after)]
    if result is not None:
        if result.warnings:
            noun = "warning" if len(result.warnings) == 1 else "warnings"
            parts.insert(0, f"⚠ {len(result.warnings)} {noun}")
            detail = [*(f"⚠ {warning}" for warning in result.warnings), *detail]
        detail.append(f"Most the limiter takes off: {result.limiter_reduction_db:.1f} dB")
        detail += [f"{stage}: {why}" for stage, why in result.explanation.items()]
    return " · ".join(parts), "\n".join(detail)


def _bands(entry: MasteringEntry) -> str:
    """How many bands are at work."""
    if entry.parameters is None:
        return ""
    active = sum(band.active for band in entry.parameters.scaled(entry.amounts).bands)
    return "no band active" if not active else f"{active} band{'s' * (active > 1)}"


def _measurements(before: Loudness, after: Loudness | None) -> str:
    lines = []
    for title, field, unit in _ROWS:
        text = format_level(getattr(before, field))
        if after is not None:
            text += f" → {format_level(getattr(after, field))}"
        lines.append(f"{title}: {text} {unit}")
    return "\n".join(lines)
