"""What a fit is told and what it answers, as plain values: they load nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from engine.mastering.parameters import ChainParameters

SHORTEST_S = 0.4
PRIOR_WEIGHT = 0.05
REFINE_STEPS = 100


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How far the fit may go, and which stages it may touch.

    ``max_gain_db`` bounds a band's boost or cut (at most 12); the target may set a tighter
    bound. ``max_width_db`` bounds the change of the side level. ``refine_steps`` count where the
    fit goes on from a chain that is there already.
    """

    tone: bool = True
    dynamics: bool = True
    width: bool = True
    max_gain_db: float = 6.0
    max_bands: int = 6
    max_width_db: float = 1.0
    steps: int = 300
    refine_steps: int = REFINE_STEPS


@dataclass(frozen=True, slots=True)
class FitStep:
    """One entry of the history: stage, step within it, loss in dB^2."""

    stage: str
    step: int
    loss: float


@dataclass(frozen=True, slots=True)
class FitResult:
    """Parameters, the way there, and a sentence per stage."""

    parameters: ChainParameters
    history: tuple[FitStep, ...]
    explanation: dict[str, str]
