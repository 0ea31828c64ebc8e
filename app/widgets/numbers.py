"""How parameter values are written and read: "1.25 kHz", "+2.5 dB", "80 %"."""

from __future__ import annotations

import math
import re

from engine.mastering.ranges import Range

_RATIO = re.compile(r"^\s*([\d.,]+)\s*:\s*([\d.,]*\d)")
_NUMBER = re.compile(r"^\s*([+\-−]?\d*[.,]?\d+(?:e[+\-]?\d+)?)\s*(k?)", re.IGNORECASE)


def format_value(limits: Range, value: float, *, percent: bool = False) -> str:
    """A value with its unit, with as many digits as an engineer would say.

    Parameters
    ----------
    limits
        The range the value lives in; its unit decides the form.
    value
        The physical value.
    percent
        Write a share (1 = 100 %).
    """
    if percent:
        return f"{value * 100:.0f} %"
    if limits.unit == "Hz":
        return format_hz(value)
    if limits.unit in ("dB", "dBTP", "LUFS", "dBFS"):
        sign = "+" if limits.unit == "dB" and limits.low < 0.0 < limits.high else ""
        text = f"{value:{sign}.1f}"
        return f"{text.replace('-', '−')} {limits.unit}"
    if limits.unit == "ms":
        return f"{value:.{1 if value < 99.95 else 0}f} ms"
    if limits.unit == ":1":
        if 0.0 < value < 1.0:  # it expands
            return f"1:{1.0 / value:.2f}"
        return f"{value:.{2 if value < 4.0 else 1}f}:1"
    return f"{value:.2f}" if limits.high < 100 else f"{value:.1f}"


def format_hz(frequency_hz: float) -> str:
    """A frequency: "63 Hz", "1.25 kHz", "12.5 kHz"."""
    if frequency_hz >= 999.5:
        return f"{frequency_hz / 1000:.{2 if frequency_hz < 9995 else 1}f} kHz"
    return f"{frequency_hz:.{1 if 0 < frequency_hz < 99.95 else 0}f} Hz"


def format_level(level_db: float) -> str:
    """A measured level without its unit; infinite silence is "−∞"."""
    if math.isnan(level_db):
        return "–"
    if level_db == -math.inf:
        return "−∞"
    return f"{level_db:.1f}".replace("-", "−")


def parse_value(text: str, *, percent: bool = False) -> float:
    """Read what :func:`format_value` writes, and what people type: "1.2k", "-3", "80%", "1:2".

    Raises
    ------
    ValueError
        If there is no number in the text.
    """
    match = _NUMBER.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a number")
    number = _number(match[1])
    if match[2]:
        number *= 1000.0
    if ratio := _RATIO.match(text):
        over = _number(ratio[2])
        if over == 0.0:
            raise ValueError(f"{text!r} divides by zero")
        return number / over
    return number / 100.0 if percent else number


def _number(text: str) -> float:
    return float(text.replace(",", ".").replace("−", "-"))
