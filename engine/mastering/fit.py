"""Fit: find the chain's parameters that bring a recording to a target, by gradient.

No trained model is asked. Stage by stage, each on what the one before leaves: tone (equalizer
bands from long-term spectra), dynamics (compressor on the loudest and softest passages), width
(one number from the side-to-mid levels), level (limiter gain, predicted; ``loudness_solve``
makes it exact). The result is editable numbers with a sentence for each stage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from engine.audio.clip import Clip
from engine.mastering.analysis import Analysis, analyse
from engine.mastering.differentiable import BandTensors, power_response
from engine.mastering.dynamics import STEPS as COMPRESSOR_STEPS
from engine.mastering.dynamics import fit_compressor
from engine.mastering.fit_record import (
    PRIOR_WEIGHT,
    SHORTEST_S,
    FitResult,
    FitSettings,
    FitStep,
)
from engine.mastering.losses import decibels
from engine.mastering.loudness_solve import MAX_GAIN_DB, MAX_REDUCTION_DB
from engine.mastering.parameters import Band, ChainParameters, Compressor, Limiter
from engine.mastering.ranges import PARAM_RANGES
from engine.mastering.reach import fit_within_reach
from engine.mastering.refine import refine_bands, refine_compressor
from engine.mastering.targets import Target
from engine.mastering.tone import ToneProblem, fit_bands
from engine.mastering.width import fit_width
from engine.tasks import Context

if TYPE_CHECKING:
    from engine.audio.store import StoredAudio

__all__ = ["FitResult", "FitSettings", "FitStep", "fit"]

UNLIKE_ENOUGH = 1.5


def fit(
    audio: Clip | StoredAudio,
    target: Target,
    settings: FitSettings | None = None,
    context: Context | None = None,
    analysis: Analysis | None = None,
    start: ChainParameters | None = None,
    prior_weight: float = PRIOR_WEIGHT,
) -> FitResult:
    """Find parameters for a recording.

    Parameters
    ----------
    audio
        The recording.
    target
        What to aim for.
    settings
        Limits and stages.
    context
        Progress carries the :class:`ChainParameters` so far as ``partial``; cancelled within a
        step.
    analysis
        The recording's analysis where it is known already.
    start
        A chain to go on from, a model's prediction say; what the fit does not touch stays as it
        is in it. None for a fit of its own.
    prior_weight
        How strongly the fit is pulled back to ``start``: loss in dB^2 per squared dB of distance
        (:mod:`engine.mastering.refine`); 0 for a start and no pull. A compressor is not pulled
        back where the target knows how the loudness of this recording should move.

    Raises
    ------
    Failure
        If a sample is not a finite number.
    """
    settings = settings or FitSettings()
    context = context or Context()
    analysis = analysis or analyse(audio, context.part(0.0, 0.1))
    limiter = Limiter(ceiling_dbtp=target.ceiling_dbtp)
    identity = replace(_identity(), limiter=limiter)
    if analysis.frames < SHORTEST_S * analysis.rate:
        return FitResult(identity, (), {"all": "Too short to judge (under 0.4 s): left as it is."})
    if analysis.silent:
        return FitResult(identity, (), {"all": "Silent (under -70 LUFS): left as it is."})
    history: list[FitStep] = []
    explanation: dict[str, str] = {}
    prior = None if start is None else _Prior(start, prior_weight)
    parameters = identity if start is None else replace(start, limiter=limiter)
    if settings.tone:
        bands = _fit_tone(analysis, target, settings, context, parameters, history, prior)
        parameters = replace(parameters, bands=bands)
        explanation["tone"] = _say_tone(bands) + _say_trust(analysis, target)
    if settings.dynamics:
        compressor, why = _fit_dynamics(
            audio, analysis, target, context, parameters, history, prior
        )
        parameters = replace(parameters, compressor=compressor)
        explanation["dynamics"] = why
    if settings.width and analysis.channels == 2:
        if prior is None:
            width, why = fit_width(analysis, target, settings.max_width_db)
        else:
            width, why = prior.fit_width(analysis, target, settings.max_width_db)
        parameters = replace(parameters, imager=replace(parameters.imager, width=width))
        explanation["width"] = why
    gain_db, why = _level(analysis, target, parameters)
    parameters = replace(parameters, limiter=replace(parameters.limiter, gain_db=gain_db))
    explanation["level"] = why
    context.report(1.0, 1.0, "Fitted", parameters)
    return FitResult(parameters, tuple(history), explanation)


@dataclass(frozen=True, slots=True)
class _Prior:
    """Where the fit starts, and how strongly it is pulled back there."""

    start: ChainParameters
    weight: float

    def fit_width(
        self, analysis: Analysis, target: Target, max_change_db: float
    ) -> tuple[float, str]:
        """Width on from the start's: what is missing after it, pulled back by the prior.

        The loss outside the tolerance is a parabola of curvature 1 in dB, the prior one of
        curvature ``weight``.
        """
        start = self.start.imager.width if self.start.imager.enabled else 1.0
        if start <= 0.0:
            return start, "Mono, as predicted."
        begun = replace(analysis, side=analysis.side * start**2)
        more, why = fit_width(begun, target, max_change_db)
        width = start * more ** (1.0 / (1.0 + self.weight))
        width = PARAM_RANGES["imager.width"].clamp(round(width, 4))
        return width, why if start == 1.0 else f"From the predicted {start:.0%}: {why}"


def _identity() -> ChainParameters:
    bands = tuple(replace(band, gate=0.0) for band in ChainParameters().bands)
    return ChainParameters(bands=bands, compressor=Compressor())


def _fit_tone(
    analysis: Analysis,
    target: Target,
    settings: FitSettings,
    context: Context,
    parameters: ChainParameters,
    history: list[FitStep],
    prior: _Prior | None,
) -> tuple[Band, ...]:
    progress = context.part(0.1, 0.6, "Tone")

    def watch(step: int, loss: float, bands: tuple[Band, ...]) -> None:
        context.checkpoint()
        history.append(FitStep("tone", step, loss))
        progress.report(step, settings.steps, f"{loss:.2f} dB²", replace(parameters, bands=bands))

    problem = ToneProblem.of(analysis, target)
    max_gain_db = min(settings.max_gain_db, target.max_gain_db, 12.0)
    max_curve_db = min(1.5 * max_gain_db, target.max_curve_db)
    trust = _trust(problem, target)
    if trust == 0.0:
        return parameters.bands
    if prior is not None:
        refined = refine_bands(
            problem,
            prior.start.bands,
            trust * max_gain_db,
            trust * max_curve_db,
            settings.max_bands,
            prior.weight,
            settings.refine_steps,
            watch,
        )
        # With nothing to pull back to, the start is worth what it leads to.
        if prior.weight > 0.0 or _right(problem, refined, settings.max_bands):
            return refined
    limits = (trust * max_gain_db, trust * max_curve_db, settings.max_bands, settings.steps)
    if target.fill_dips:
        return fit_bands(problem, *limits, watch)
    return fit_within_reach(problem, *limits, watch)[0]


def _right(problem: ToneProblem, bands: tuple[Band, ...], max_bands: int) -> bool:
    """Whether few enough bands leave nothing that is worth another one."""
    with torch.no_grad():
        loss = float(problem.loss(problem.curve(BandTensors.of(bands))))
    return loss <= problem.negligible_db2 and sum(band.active for band in bands) <= max_bands


def _fit_dynamics(
    audio: Clip | StoredAudio,
    analysis: Analysis,
    target: Target,
    context: Context,
    parameters: ChainParameters,
    history: list[FitStep],
    prior: _Prior | None,
) -> tuple[Compressor, str]:
    progress = context.part(0.6, 0.95, "Dynamics")

    def watch(step: int, loss: float, compressor: Compressor) -> None:
        context.checkpoint()
        history.append(FitStep("dynamics", step, loss))
        partial = replace(parameters, compressor=compressor)
        progress.report(step, COMPRESSOR_STEPS, f"{loss:.2f} dB²", partial)

    # How the loudness of this very recording should move is worth more than any guess.
    if prior is None or not prior.start.compressor.active or target.contour_lufs:
        return fit_compressor(audio, analysis, target, parameters.bands, watch)
    start, weight = prior.start.compressor, prior.weight
    return refine_compressor(audio, analysis, target, parameters.bands, start, weight, watch)


def _level(analysis: Analysis, target: Target, parameters: ChainParameters) -> tuple[float, str]:
    """Limiter gain that meets the loudness, as predicted from spectra and sample peaks."""
    response = power_response(
        BandTensors.of(parameters.bands), torch.from_numpy(analysis.frequencies_hz), analysis.rate
    ).numpy()
    weights = analysis.k_weights * np.gradient(analysis.frequencies_hz)
    before, after = (float((analysis.power * weights * r).sum()) for r in (1.0, response))
    moved_db = float(decibels(torch.tensor(after / before)))
    loud = analysis.contour_lufs[analysis.loud]
    present = 10.0 * float(np.log10(np.mean(10.0 ** (loud / 10.0)))) + moved_db
    wanted_db = target.lufs - present
    headroom_db = target.ceiling_dbtp - (float(analysis.peak_db.max()) + moved_db)
    gain_db = min(wanted_db, headroom_db + MAX_REDUCTION_DB, MAX_GAIN_DB)
    gain_db = PARAM_RANGES["limiter.gain_db"].clamp(gain_db)
    return gain_db, f"About {gain_db:+.1f} dB into the limiter."


def _trust(problem: ToneProblem, target: Target) -> float:
    """Share of the allowed gain that a target deserves for this recording, in (0, 1]."""
    if target.unlike_db is None:
        return 1.0
    far = problem.outside_db() / target.unlike_db
    if target.fill_dips:
        return 1.0 / max(far, 1.0)
    # A preset knows music in general. Half corrected would be corrected again by a second pass, so
    # what is clearly no such music is let be.
    return min(max((UNLIKE_ENOUGH - far) / (UNLIKE_ENOUGH - 1.0), 0.0), 1.0)


def _say_trust(analysis: Analysis, target: Target) -> str:
    trust = _trust(ToneProblem.of(analysis, target), target)
    if trust == 1.0:
        return ""
    if trust == 0.0:
        return " The recording is too unlike the target to be judged by it."
    return f" Held back to {trust:.0%}: the recording is very unlike the target."


def _say_tone(bands: tuple[Band, ...]) -> str:
    active = sorted((band for band in bands if band.active), key=lambda band: band.frequency_hz)
    if not active:
        return "The balance is within what the target allows: no band is used."
    parts = [f"{band.effective_gain_db:+.1f} dB at {band.frequency_hz:.0f} Hz" for band in active]
    return f"{len(active)} of {len(bands)} bands: {', '.join(parts)}."
