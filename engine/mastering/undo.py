"""Undo: the fit to a reference that is the same recording, in two rounds.

A compressor between the two recordings moves how much each passage counts, which the spectra of the
whole show as a curve. The first round finds equalizer and expander; what its result still lacks
against the reference is free of most of that, and the second round fits the equalizer to it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.audio.clip import Clip
from engine.audio.store import StoredAudio
from engine.mastering.analysis import Analysis, analyse, band_centres_hz
from engine.mastering.biquad import response_db
from engine.mastering.chain import render
from engine.mastering.fit import FitResult, FitSettings, fit
from engine.mastering.parameters import ChainParameters, Limiter
from engine.mastering.targets import Target, from_references, same_recording
from engine.mastering.tone import ToneProblem
from engine.tasks import Context

FOLLOW = FitSettings(max_gain_db=12.0, max_bands=10, max_width_db=12.0)
"""How far the fit may go where it knows what is right."""
LONGEST_S = 120.0
"""What is rendered between the rounds: the middle of the recording."""


def undo(
    audio: Clip | StoredAudio,
    reference: Clip | StoredAudio,
    target: Target,
    settings: FitSettings = FOLLOW,
    context: Context | None = None,
    analysis: Analysis | None = None,
    start: ChainParameters | None = None,
) -> FitResult:
    """Fit to the same recording.

    Parameters
    ----------
    audio, reference
        What is wrong, and what is right.
    target
        Made of the reference for this recording.
    settings, context, analysis, start
        As for :func:`engine.mastering.fit.fit`.
    """
    context = context or Context()
    fitted = fit(audio, target, settings, context.part(0.0, 0.5), analysis, start, 0.0)
    if not fitted.parameters.compressor.active:
        return fitted
    analysis = analysis or analyse(audio)
    missing = _still_missing(audio, reference, analysis, fitted.parameters, target)
    if missing is None:
        return fitted
    progress = context.part(0.5, 1.0)
    again = fit(audio, missing, settings, progress, analysis, fitted.parameters, 0.0)
    return replace(again, history=fitted.history + again.history)


def _still_missing(
    audio: Clip | StoredAudio,
    reference: Clip | StoredAudio,
    analysis: Analysis,
    parameters: ChainParameters,
    target: Target,
) -> Target | None:
    """The target with the balance the equalizer has to make, the other stages being as they are.

    None where the rendering is not known as the same recording any more.
    """
    frames = min(round(LONGEST_S * audio.rate), audio.frames)
    first = (audio.frames - frames) // 2
    whole = frames == audio.frames
    heard = _part(audio, first, frames)
    scale = reference.rate / audio.rate
    wanted = analyse(
        reference if whole else _part(reference, round(first * scale), round(frames * scale))
    )
    rendered = analyse(render(heard, replace(parameters, limiter=Limiter(enabled=False))))
    if not same_recording(rendered, wanted):
        return None
    nearer = from_references(rendered, [wanted])
    rest = ToneProblem.of(rendered, nearer).difference_db().numpy()
    present_db = analysis.band_db(analysis.power)
    curve_db = response_db(parameters.bands, band_centres_hz(), audio.rate)
    return replace(
        target,
        balance_db=tuple(np.asarray(present_db + curve_db + rest).tolist()),
        broad_tolerance_db=nearer.broad_tolerance_db,
        detail_tolerance_db=nearer.detail_tolerance_db,
    )


def _part(audio: Clip | StoredAudio, first: int, frames: int) -> Clip:
    last = min(first + frames, audio.frames)
    return audio.part(first, last) if isinstance(audio, Clip) else audio.clip(first, last)
