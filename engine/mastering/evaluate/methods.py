"""Methods: ways to repair a degraded recording, all behind one interface.

Loudness and limiter are left out, so that only tone, dynamics, saturation and width count.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Protocol

from engine.audio.clip import Clip
from engine.mastering.chain import render
from engine.mastering.parameters import Amounts, ChainParameters, Limiter, Residual
from engine.mastering.prediction import Predictor
from engine.tasks import Context

PRESET = "balanced"


@dataclass(frozen=True, slots=True)
class Repair:
    """What a method made of a recording.

    ``parameters`` is None where the method is no chain of ours; ``seconds`` is what it took,
    without reading and writing files; ``note`` is what a reader should know.
    """

    clip: Clip
    parameters: ChainParameters | None
    seconds: float
    note: str = ""


class Method(Protocol):
    """One way to repair."""

    @property
    def name(self) -> str:
        """What tables call it."""

    @property
    def needs_reference(self) -> bool:
        """Whether it cannot work without one."""

    def repair(self, degraded: Clip, reference: Clip | None, context: Context) -> Repair:
        """Repair a recording, with the help of a reference where there is one."""


def without_limiter(parameters: ChainParameters) -> ChainParameters:
    """The same chain at its own level: no limiting, no gain."""
    return replace(parameters, limiter=Limiter(enabled=False))


def untouched() -> ChainParameters:
    """A chain that does nothing at all."""
    parameters = ChainParameters()
    bands = tuple(replace(band, gate=0.0) for band in parameters.bands)
    return without_limiter(replace(parameters, bands=bands))


@dataclass(frozen=True, slots=True)
class Identity:
    """Doing nothing: what every method has to beat."""

    name: str = "identity"
    needs_reference: bool = False

    def repair(self, degraded: Clip, reference: Clip | None, context: Context) -> Repair:
        """Give back what came."""
        return Repair(degraded, untouched(), 0.0)


@dataclass(frozen=True, slots=True)
class Fit:
    """The fit that no training went into: to a preset, or to the reference.

    A reference that is the same recording is followed as far as the chain goes; another one
    within the limits of an ordinary master.
    """

    name: str = "fit"
    needs_reference: bool = False

    def repair(self, degraded: Clip, reference: Clip | None, context: Context) -> Repair:
        """Analyse, fit, render."""
        began = time.perf_counter()
        parameters = _fitted(degraded, reference, context)
        clip = render(degraded, parameters)
        return Repair(clip, parameters, time.perf_counter() - began)


@dataclass(frozen=True, slots=True)
class Predicted:
    """A trained model, at the amounts the program uses: all but the residual.

    With ``fits`` its prediction is where a fit starts, with ``residual`` its network takes part.
    """

    predictor: Predictor
    name: str
    fits: bool = False
    residual: bool = False
    needs_reference: bool = False

    def repair(self, degraded: Clip, reference: Clip | None, context: Context) -> Repair:
        """Predict, fit where that is asked for, render."""
        began = time.perf_counter()
        references = () if reference is None else (reference,)
        prediction = self.predictor.predict(degraded, references, (1.0,) * len(references), context)
        amounts = Amounts(residual=1.0 if self.residual else 0.0)
        parameters = without_limiter(prediction.parameters.scaled(amounts))
        if self.fits:
            parameters = _fitted(degraded, reference, context, parameters)
        make = getattr(self.predictor, "residual_stage", None)
        stage = None
        if make is not None and parameters.residual.active:
            stage = make(prediction, degraded.rate, degraded.channels, 1.0)
        if stage is None:  # a model without a network, or silence
            parameters = replace(parameters, residual=Residual())
        clip = render(degraded, parameters, stage)
        return Repair(clip, parameters, time.perf_counter() - began)

    def then_fit(self, name: str) -> Predicted:
        """The same model, with a fit that goes on from what it predicts."""
        return replace(self, name=name, fits=True)

    def with_residual(self, name: str) -> Predicted:
        """The same model, with what its network adds."""
        return replace(self, name=name, residual=True)


def _fitted(
    degraded: Clip,
    reference: Clip | None,
    context: Context,
    start: ChainParameters | None = None,
) -> ChainParameters:
    """What the fit finds, from ``start`` on where there is one."""
    from engine.mastering.analysis import analyse
    from engine.mastering.fit import fit
    from engine.mastering.targets import from_preset, from_references
    from engine.mastering.undo import FOLLOW, undo

    analysis = analyse(degraded, context)
    if reference is None:
        target = from_preset(PRESET)
    else:
        target = from_references(analysis, [analyse(reference, context)])
    if reference is not None and target.contour_lufs:
        fitted = undo(degraded, reference, target, FOLLOW, context, analysis, start)
    else:
        fitted = fit(degraded, target, None, context, analysis, start)
    return without_limiter(fitted.parameters)
