"""Route: where the chain comes from — set by hand, predicted by a model, or fitted to a target.

A model's prediction is used as it is. A reference that is the same recording is followed by the
fit, which starts from the prediction; so is any other target when a refinement is asked for.
Without a model the fit does it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from engine.audio.store import StoredAudio, decode
from engine.cache import recipe_key
from engine.locations import Locations
from engine.mastering import match
from engine.mastering.analysis import Analysis, analyse
from engine.mastering.chain import ResidualProcessor
from engine.mastering.fit_record import SHORTEST_S, FitResult, FitSettings, FitStep
from engine.mastering.master_spec import MasterSpec
from engine.mastering.parameters import ChainParameters, Limiter, Multiband, Residual
from engine.mastering.prediction import Prediction, Predictor
from engine.mastering.rendering import Network
from engine.mastering.targets import (
    Target,
    from_references,
    same_recording,
    with_delivery,
)
from engine.tasks import Cancelled, Context, Failure


@dataclass(frozen=True, slots=True)
class Found:
    """A chain, what it aims at, where it comes from and why it is as it is."""

    target: Target
    parameters: ChainParameters
    prediction: Prediction | None
    history: tuple[FitStep, ...]
    explanation: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    residual: Callable[[float], ResidualProcessor | None] | None = None
    heard: str = ""

    def network(self, chain: ChainParameters) -> Network:
        """The residual's network with the amount of ``chain``, ready to render it."""
        if self.residual is None or not chain.residual.active:
            return Network()
        return Network(self.residual(chain.residual.amount), self.heard)


def find_chain(
    spec: MasterSpec, source: StoredAudio, analysis: Analysis, context: Context
) -> Found:
    """The chain for a recording, with the ceiling asked for.

    Raises
    ------
    Failure
        If a reference cannot be read or holds nothing audible, or the target is unknown.
    """
    references = tuple(
        decode(path, spec.cache, context.part(0.0, 0.1, "Reference")) for path in spec.references
    )
    progress = context.part(0.1, 0.2, "Reference")
    heard = [analyse(reference, progress) for reference in references]
    target = _target(spec, analysis, heard)
    same = len(heard) == 1 and spec.custom_target is None and same_recording(analysis, heard[0])
    progress = context.part(0.2, 1.0)
    if spec.parameters is not None:
        limiter = replace(spec.parameters.limiter, ceiling_dbtp=target.ceiling_dbtp)
        by_hand = Found(
            target, replace(spec.parameters, limiter=limiter), None, (), {"all": "Set by hand."}
        )
        return _with_network(by_hand, spec, source, references, progress)
    if spec.model is None:
        if same:
            fitted = _follow(source, references[0], target, spec.settings, progress, analysis)
        else:
            fitted = _fit(source, target, spec.settings, progress, analysis)
        warnings = (spec.without_model,) if spec.without_model else ()
        return _of_fit(target, fitted, None, warnings)
    why_not = _unfit(analysis)
    if why_not:
        return _untouched(target, why_not)
    try:
        prediction = _predict(spec, spec.model, source, references, progress.part(0.0, 0.4))
    except (Cancelled, MemoryError):
        raise
    except Exception as error:  # a model that fails must not cost the user the master
        reason = error.what if isinstance(error, Failure) else f"{type(error).__name__}: {error}."
        text = f"The model {spec.model.name} failed and the sound is left as it is. {reason}"
        return _untouched(target, text, (text,))
    limiter = Limiter(ceiling_dbtp=target.ceiling_dbtp)
    start = replace(prediction.parameters, limiter=limiter)
    if not same and not spec.refine:
        named = replace(
            target, name=_aim(spec, prediction), source=f"Predicted by the model {prediction.model}"
        )
        found = Found(named, start, prediction, (), _explain(prediction))
        return _with_residual(found, spec.model, prediction, source, references, spec.weights)
    progress = progress.part(0.4, 1.0)
    if same:
        fitted = _follow(source, references[0], target, spec.settings, progress, analysis, start)
    else:
        fitted = _fit(source, target, spec.settings, progress, analysis, start)
    found = _of_fit(target, fitted, prediction)
    goal = "the reference, which is the same recording" if same else "the target"
    told = {**_explain(prediction), **fitted.explanation}
    told["model"] = f"{told['model']} Fitted to {goal} from there on."
    found = replace(found, explanation=told)
    return _with_residual(found, spec.model, prediction, source, references, spec.weights)


def _fit(
    source: StoredAudio,
    target: Target,
    settings: FitSettings,
    context: Context,
    analysis: Analysis,
    start: ChainParameters | None = None,
) -> FitResult:
    """The fit, which loads torch; rendering given parameters does without."""
    from engine.mastering.fit import fit

    return fit(source, target, settings, context, analysis, start)


def _follow(
    source: StoredAudio,
    reference: StoredAudio,
    target: Target,
    settings: FitSettings,
    context: Context,
    analysis: Analysis,
    start: ChainParameters | None = None,
) -> FitResult:
    """The fit to the same recording, as far as it goes where nobody set other limits.

    The residual sits it out: what is right is known, and there is nothing to add to it. So does
    the three-band compressor, whose work the fit of the one compressor would do once more.
    """
    from engine.mastering.undo import FOLLOW, undo

    limits = FOLLOW if settings == FitSettings() else settings
    if start is not None:
        start = replace(start, residual=Residual(), multiband=Multiband())
    return undo(source, reference, target, limits, context, analysis, start)


def _with_network(
    found: Found,
    spec: MasterSpec,
    source: StoredAudio,
    references: tuple[StoredAudio, ...],
    context: Context,
) -> Found:
    """With the network that parameters set by hand name, where it is the model's that is given.

    The network has to listen again: what it does depends on the whole recording.
    """
    wanted = found.parameters.scaled(spec.amounts).residual
    if not wanted.active or spec.model is None or spec.model.model_hash != wanted.model:
        return found
    prediction = _predict(spec, spec.model, source, references, context)
    return _with_residual(found, spec.model, prediction, source, references, spec.weights)


def _with_residual(
    found: Found,
    model: Predictor,
    prediction: Prediction,
    source: StoredAudio,
    references: tuple[StoredAudio, ...],
    weights: tuple[float, ...],
) -> Found:
    make = getattr(model, "residual_stage", None)  # a predictor need not have one
    if make is None:
        return found

    def residual(amount: float) -> ResidualProcessor | None:
        stage: ResidualProcessor | None = make(prediction, source.rate, source.channels, amount)
        return stage

    hashes = tuple(reference.content_hash for reference in references)
    heard = recipe_key(references=hashes, weights=weights) if hashes else ""
    return replace(found, residual=residual, heard=heard)


def _target(spec: MasterSpec, analysis: Analysis, heard: list[Analysis]) -> Target:
    if spec.custom_target is not None:
        target = spec.custom_target
    elif heard:
        name = ", ".join(path.name for path in spec.references)
        target = from_references(analysis, heard, spec.weights or None, name)
    else:
        target = match.find(spec.target, spec.locations or Locations.standard())
    return with_delivery(target, spec.lufs, spec.ceiling_dbtp)


def _predict(
    spec: MasterSpec,
    model: Predictor,
    source: StoredAudio,
    references: tuple[StoredAudio, ...],
    context: Context,
) -> Prediction:
    """Ask the model, and take no chain from it that could not be written down and read again."""
    context.report(0.0, 1.0, f"Asking {model.name}")
    prediction = model.predict(source, references, spec.weights, context)
    ChainParameters.from_dict(prediction.parameters.to_dict())
    return prediction


def _unfit(analysis: Analysis) -> str:
    """Why there is nothing to predict from; empty when there is."""
    if analysis.frames < SHORTEST_S * analysis.rate:
        return f"Too short to judge (under {SHORTEST_S:g} s): left as it is."
    return "Silent (under -70 LUFS): left as it is." if analysis.silent else ""


def _untouched(target: Target, why: str, warnings: tuple[str, ...] = ()) -> Found:
    bands = tuple(replace(band, gate=0.0) for band in ChainParameters().bands)
    limiter = Limiter(ceiling_dbtp=target.ceiling_dbtp)
    return Found(
        target, ChainParameters(bands=bands, limiter=limiter), None, (), {"all": why}, warnings
    )


def _of_fit(
    target: Target,
    fitted: FitResult,
    prediction: Prediction | None,
    warnings: tuple[str, ...] = (),
) -> Found:
    explanation = dict(fitted.explanation)
    return Found(target, fitted.parameters, prediction, fitted.history, explanation, warnings)


def _aim(spec: MasterSpec, prediction: Prediction) -> str:
    """What the master is called to aim at."""
    names = ", ".join(path.name for path in spec.references)
    return f"{prediction.model}, {names}" if prediction.referenced and names else prediction.model


def _explain(prediction: Prediction) -> dict[str, str]:
    """A sentence per stage, with the model's confidence in it."""
    parameters, confidence = prediction.parameters, prediction.confidence
    bands = sorted((b for b in parameters.bands if b.active), key=lambda b: b.frequency_hz)
    moves = ", ".join(f"{b.effective_gain_db:+.1f} dB at {b.frequency_hz:.0f} Hz" for b in bands)
    tone = f"{len(bands)} of {len(parameters.bands)} bands: {moves}." if bands else "No band."
    heard = "the references" if prediction.referenced else "no reference"
    compressor = parameters.compressor
    explanation = {
        "model": f"{prediction.model} ({prediction.variant}) listened to {prediction.windows} "
        f"window{'s' * (prediction.windows != 1)} and {heard}.",
        "tone": f"{tone} {_trusts(confidence.tone, 'tone correction')}",
    }
    dynamics = "Left as they are."
    if parameters.compressor.active:
        what = "Compression" if compressor.ratio > 1.0 else "Upward expansion"
        dynamics = f"{what} {compressor.ratio:.2f}:1 above {compressor.threshold_db:.1f} dB."
    if parameters.multiband.active:
        dynamics += " Three bands on top." if compressor.active else " Three bands."
    explanation["dynamics"] = f"{dynamics} {_trusts(confidence.dynamics, 'change of dynamics')}"
    width = parameters.imager.width
    said = f"Width {width:.0%}." if parameters.imager.active else "Width is left as it is."
    explanation["width"] = f"{said} {_trusts(confidence.width, 'change of width')}"
    return explanation


def _trusts(share: float, what: str) -> str:
    return f"The model trusts {share:.0%} of its {what}."
