"""What is under the cursor and what is selected, in words."""

from __future__ import annotations

from app.canvas.axes import TimeUnit, count_text, time_text
from app.canvas.pitch import frequency_text, note_text

Span = tuple[int, int]
GAP = "   "


def place_text(frame: float, rate: int, unit: TimeUnit) -> str:
    """A place in time: ``00:01.500`` or ``72 000``."""
    return count_text(frame) if unit is TimeUnit.SAMPLES else time_text(frame / rate)


def cursor_text(
    frame: float,
    rate: int,
    unit: TimeUnit,
    frequency_hz: float | None = None,
    level_db: float | None = None,
) -> str:
    """Time, and in a spectrogram also frequency, note and level in dB."""
    parts = [place_text(frame, rate, unit)]
    if frequency_hz is not None:
        parts += [frequency_text(frequency_hz), note_text(frequency_hz)]
    if level_db is not None:
        parts.append(f"{level_db:.1f} dB")
    return GAP.join(part for part in parts if part)


def span_text(name: str, span: Span, rate: int, unit: TimeUnit) -> str:
    """Such as ``Selection 00:01.000 – 00:02.500 (1.500 s)``."""
    start, stop = (place_text(frame, rate, unit) for frame in span)
    length = span[1] - span[0]
    size = f"{count_text(length)} samples" if unit is TimeUnit.SAMPLES else f"{length / rate:.3f} s"
    return f"{name} {start} – {stop} ({size})"
