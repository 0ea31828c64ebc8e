"""The learning rate of each step."""

from __future__ import annotations

import math

from engine.training.recipe import LoopSettings

FLOOR = 0.01


def learning_rate(step: int, settings: LoopSettings) -> float:
    """Linear warm-up, then half a cosine down to ``FLOOR`` of the highest rate.

    Parameters
    ----------
    step
        The step that is about to be made, from 0.
    settings
        Of the loop; the warm-up takes at most all steps.
    """
    warmup = min(settings.warmup_steps, settings.steps)
    if step < warmup:
        return settings.learning_rate * (step + 1) / warmup
    share = min((step - warmup) / max(settings.steps - warmup, 1), 1.0)
    return settings.learning_rate * (
        FLOOR + (1.0 - FLOOR) * 0.5 * (1.0 + math.cos(math.pi * share))
    )
