"""Band usage as two charts: how far each band is open, and how many bands a track has open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.canvas.bars import Chart, Series
from app.canvas.frequency import label_hz

if TYPE_CHECKING:
    from engine.mastering.usage import BandUsage

MOST_GROUPS = 7


def gate_chart(usage: BandUsage) -> Chart:
    """Mean gate per band: of all tracks, and of each group where there are several.

    Where there are more groups than colours, the ones with the most tracks are shown.
    """
    groups = usage.groups
    if len(groups) > MOST_GROUPS:
        largest = sorted(groups, key=lambda group: -group.tracks)[:MOST_GROUPS]
        groups = tuple(group for group in groups if group in largest)
    shown = (usage.total, *groups) if len(usage.groups) > 1 else (usage.total,)
    return Chart(
        tuple(label_hz(_rounded(frequency_hz)) for frequency_hz in usage.frequencies_hz),
        tuple(Series(f"{each.name} ({each.tracks})", each.mean_gates) for each in shown),
        across="Band at Hz",
        up="Mean gate",
        highest=1.0,
        percent=True,
    )


def active_chart(usage: BandUsage) -> Chart:
    """How many tracks have 0, 1, 2 ... bands open."""
    counts = usage.active_histogram
    return Chart(
        tuple(str(number) for number in range(len(counts))),
        (Series("Tracks", tuple(float(count) for count in counts)),),
        across="Open bands",
        up="Tracks",
    )


def _rounded(frequency_hz: float) -> float:
    """Two digits say where a band lies."""
    digits = len(str(int(frequency_hz)))
    return round(frequency_hz, 2 - digits)
