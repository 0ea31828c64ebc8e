"""The line that says what mastering did: before and after."""

from __future__ import annotations

from typing import Any

from app.document.state import MasteringEntry
from app.widgets.numbers import format_level


def summarise(entry: MasteringEntry, loaded: Any, is_open: bool) -> tuple[str, str]:
    """One line and its long form.

    Parameters
    ----------
    entry
        How the clip is mastered.
    loaded
        The library's :class:`~app.library.LoadedClip`, or None.
    is_open
        Whether there is a clip at all.
    """
    if not is_open:
        return "Open a track to master it.", ""
    before = getattr(loaded, "loudness", None)
    after = getattr(loaded, "rendered_loudness", None)
    if before is None:
        return "Measuring…" if entry.parameters is None else _bands(entry), ""
    if after is None or entry.rendering_key is None:
        parts = [_measured("Source", before)]
        if entry.parameters is not None:
            parts.append(_bands(entry))
            parts.append("not rendered yet, hear it in Live")
        return " · ".join(parts), _detail(before, None)
    parts = [
        f"{format_level(before.integrated_lufs)} → {format_level(after.integrated_lufs)} LUFS",
        f"{format_level(before.range_lu)} → {format_level(after.range_lu)} LU",
        f"{format_level(before.true_peak_dbtp)} → {format_level(after.true_peak_dbtp)} dBTP",
        _bands(entry),
    ]
    missed_lu = after.integrated_lufs - entry.lufs
    if abs(missed_lu) > 0.2:
        parts.insert(1, f"{abs(missed_lu):.1f} LU {'above' if missed_lu > 0 else 'below'} target")
    return " · ".join(parts), _detail(before, after)


def _measured(what: str, loudness: Any) -> str:
    lufs, peak = format_level(loudness.integrated_lufs), format_level(loudness.true_peak_dbtp)
    return f"{what} {lufs} LUFS, {peak} dBTP"


def _bands(entry: MasteringEntry) -> str:
    if entry.parameters is None:
        return "not mastered yet"
    active = sum(band.active for band in entry.parameters.scaled(entry.amount).bands)
    return "no bands active" if not active else f"{active} band{'s' * (active > 1)} active"


def _detail(before: Any, after: Any) -> str:
    rows = (
        ("Integrated loudness", "integrated_lufs", "LUFS"),
        ("Loudness range", "range_lu", "LU"),
        ("Loudest short-term", "max_short_term_lufs", "LUFS"),
        ("Loudest momentary", "max_momentary_lufs", "LUFS"),
        ("True peak", "true_peak_dbtp", "dBTP"),
        ("Sample peak", "sample_peak_dbfs", "dBFS"),
    )
    lines = []
    for title, field, unit in rows:
        text = format_level(getattr(before, field))
        if after is not None:
            text += f" → {format_level(getattr(after, field))}"
        lines.append(f"{title}: {text} {unit}")
    return "\n".join(lines)
