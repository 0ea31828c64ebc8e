"""Audition: how loud the chain's present numbers will be, without rendering the whole track."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.audio.clip import Clip
from engine.audio.loudness import measure
from engine.audio.store import StoredAudio
from engine.mastering.chain import render
from engine.mastering.parameters import ChainParameters, Residual
from engine.tasks import Context

EXCERPT_S = 12.0
SEARCH_STEP_S = 1.0


@dataclass(frozen=True, slots=True)
class AuditionSpec:
    """Which audio through which numbers."""

    stored: StoredAudio
    parameters: ChainParameters


def loudness_change_lu(spec: AuditionSpec, context: Context) -> float:
    """By how much the live chain changes the loudness of the loudest part of a track.

    A residual network is left out, as it is from what is played live.

    Returns
    -------
    float
        Change of the integrated loudness in LU, taken from the loudest ``EXCERPT_S`` seconds; 0 for
        silence.
    """
    excerpt = loudest_part(spec.stored)
    context.checkpoint()
    before = measure(excerpt).integrated_lufs
    context.checkpoint()
    heard = replace(spec.parameters, residual=Residual())
    after = measure(render(excerpt, heard)).integrated_lufs
    change = after - before
    return float(change) if np.isfinite(change) else 0.0


def loudest_part(stored: StoredAudio) -> Clip:
    """The ``EXCERPT_S`` seconds with the most energy, found in steps of ``SEARCH_STEP_S``.

    Only every 16th sample is looked at: the search must not read an hour of audio.
    """
    length = round(EXCERPT_S * stored.rate)
    if stored.frames <= length:
        return stored.clip(0, stored.frames)
    step = round(SEARCH_STEP_S * stored.rate)
    frames = stored.map()
    energy = np.array(
        [
            float(np.square(frames[start : start + step : 16], dtype=np.float64).sum())
            for start in range(0, stored.frames - step + 1, step)
        ]
    )
    window = round(EXCERPT_S / SEARCH_STEP_S)
    sums = np.convolve(energy, np.ones(min(window, len(energy))), mode="valid")
    start = int(np.argmax(sums)) * step
    return stored.clip(start, min(start + length, stored.frames))
