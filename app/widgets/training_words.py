"""How a training is put into words: its name, how far it is, how long it takes."""

from __future__ import annotations

import math
import re
import time

from engine.training.run_folder import RunFolder, RunStatus

_STAMPED = re.compile(r"^(\d{8}-\d{6})-(.+)$")


def name_of(folder: RunFolder) -> str:
    """What a person called it; a folder of the window or the command line begins with the time."""
    match = _STAMPED.match(folder.name)
    return match[2] if match else folder.name


def began(status: RunStatus | None) -> str:
    """When it began: "21 Nov, 09:05"; empty while it waits."""
    if status is None or status.started_at <= 0.0:
        return ""
    return time.strftime("%d %b, %H:%M", time.localtime(status.started_at)).lstrip("0")


def state_of(status: RunStatus | None) -> str:
    """One word."""
    return status.state if status is not None else "not begun"


def score_text(status: RunStatus | None) -> str:
    """The best score and its step; empty before the first validation."""
    if status is None or not math.isfinite(status.best_score):
        return ""
    return f"best {status.best_score:.4g} at step {count(status.best_step)}"


def step_text(status: RunStatus | None) -> str:
    """ "step 250 of 6 000"."""
    return f"step {count(status.step)} of {count(status.steps)}" if status is not None else ""


def pace_text(steps_per_s: float) -> str:
    """ "3.2 steps/s", or seconds for a step where it is slow; empty while unknown."""
    if not math.isfinite(steps_per_s) or steps_per_s <= 0.0:
        return ""
    if steps_per_s < 0.95:
        return f"{1.0 / steps_per_s:.3g} s a step"
    return f"{steps_per_s:.3g} steps/s"


def left_text(status: RunStatus | None, steps_per_s: float) -> str:
    """ "about 12 min left"; empty while unknown or when it has ended."""
    if status is None or status.ended or not math.isfinite(steps_per_s) or steps_per_s <= 0.0:
        return ""
    return f"about {duration((status.steps - status.step) / steps_per_s)} left"


def duration(seconds: float) -> str:
    """ "40 s", "12 min", "3 h 05 min"."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def count(number: int) -> str:
    """A whole number with thin spaces."""
    return f"{number:,}".replace(",", "\u202f")
