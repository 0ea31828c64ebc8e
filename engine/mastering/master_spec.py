"""What mastering is asked for, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.audio.loudness import Loudness
from engine.audio.store import StoredAudio
from engine.cache import Cache
from engine.locations import Locations
from engine.mastering.effects import StageEffect
from engine.mastering.fit_record import FitSettings, FitStep
from engine.mastering.loudness_solve import MAX_REDUCTION_DB
from engine.mastering.parameters import Amounts, ChainParameters
from engine.mastering.prediction import Prediction, Predictor
from engine.mastering.targets import Target
from engine.tasks import Failure


@dataclass(frozen=True, slots=True)
class MasterSpec:
    """What to master, and how.

    Parameters
    ----------
    source
        A file, or audio that is decoded already.
    cache
        Where decoded audio and the rendering go.
    target
        Name of a preset, built-in or one's own; used when there is no reference and no
        ``custom_target``. With a model only its loudness and ceiling count.
    references, weights
        Reference tracks, and how much each counts (equal by default).
    custom_target
        A target of one's own, as :meth:`Target.from_json` reads.
    lufs, ceiling_dbtp
        Delivery loudness and ceiling; None for the target's own, but no more loudness than there
        is where the peaks are limited already.
    amounts
        How much of each stage to apply.
    parameters
        The chain to render; None lets the model or the fit find it.
    keep_gain
        With ``parameters``: render their limiter gain as it is instead of solving for ``lufs``.
    model
        What predicts the chain; None for the fit without a model.
    without_model
        Why there is no model although one was wanted; told with the result.
    refine
        Fit to the target from the model's prediction on, which pulls back as a prior. A reference
        that is the same recording is always fitted.
    settings
        Limits of the fit.
    max_reduction_db
        The most the limiter may take off a peak to reach the loudness.
    locations
        Where one's own presets lie; None for the standard places.
    """

    source: StoredAudio | Path
    cache: Cache
    target: str = "balanced"
    references: tuple[Path, ...] = ()
    weights: tuple[float, ...] = ()
    custom_target: Target | None = None
    lufs: float | None = None
    ceiling_dbtp: float | None = None
    amounts: Amounts = field(default_factory=Amounts)
    parameters: ChainParameters | None = None
    keep_gain: bool = False
    model: Predictor | None = None
    without_model: str = ""
    refine: bool = False
    settings: FitSettings = field(default_factory=FitSettings)
    max_reduction_db: float = MAX_REDUCTION_DB
    locations: Locations | None = None

    def __post_init__(self) -> None:
        if self.weights and len(self.weights) != len(self.references):
            raise Failure("There must be as many weights as references.")
        if any(not weight >= 0.0 for weight in self.weights):
            raise Failure("A reference cannot have a negative weight.")


@dataclass(frozen=True, slots=True)
class TonalBalance:
    """Third-octave levels of the whole recording in dB re full scale, mid and side together."""

    frequencies_hz: tuple[float, ...]
    levels_db: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class MasterResult:
    """What mastering did.

    ``parameters`` are what the model or the fit found (or was given), with the limiter gain that
    was solved for; ``applied`` is what was rendered: the same with the amounts taken into
    account. ``prediction`` is the model's answer, None where none was asked. ``effects`` say what
    each stage did, as measured on the audio.
    """

    name: str
    target: Target
    amounts: Amounts
    parameters: ChainParameters
    applied: ChainParameters
    prediction: Prediction | None
    effects: tuple[StageEffect, ...]
    source: StoredAudio
    rendered: StoredAudio
    rendering_key: str
    before: Loudness
    after: Loudness
    balance_before: TonalBalance
    balance_after: TonalBalance
    limiter_reduction_db: float
    history: tuple[FitStep, ...]
    explanation: Mapping[str, str]
    warnings: tuple[str, ...]
