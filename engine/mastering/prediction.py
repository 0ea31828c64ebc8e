"""What a trained model says of a recording: a chain, and how sure it is of each stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.audio.clip import Clip
from engine.mastering.parameters import ChainParameters
from engine.tasks import Context

if TYPE_CHECKING:
    from engine.audio.store import StoredAudio


@dataclass(frozen=True, slots=True)
class Confidence:
    """Share of each stage's correction the model trusts, in [0, 1].

    The predicted parameters are already shrunk by it: it is told, not applied again.
    """

    tone: float = 0.0
    dynamics: float = 0.0
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class Prediction:
    """A model's answer for one recording.

    Parameters
    ----------
    model, variant, model_hash
        Name of the bundle, its design (``1A`` to ``1D``) and the hash of its weights.
    parameters
        The whole chain; each band's gate is the model's own. The limiter is left at its default.
    confidence
        Per stage.
    referenced
        Whether a reference was listened to.
    windows
        How many windows of the recording were pooled.
    """

    model: str
    variant: str
    model_hash: str
    parameters: ChainParameters
    confidence: Confidence
    referenced: bool
    windows: int


class Predictor(Protocol):
    """Something that predicts a chain: a loaded model, or a stand-in in tests."""

    @property
    def name(self) -> str:
        """Name of the bundle."""

    @property
    def model_hash(self) -> str:
        """Hash of the weights, for the keys of renderings."""

    def predict(
        self,
        audio: Clip | StoredAudio,
        references: Sequence[Clip | StoredAudio] = (),
        weights: Sequence[float] = (),
        context: Context | None = None,
    ) -> Prediction:
        """Predict the chain that repairs ``audio``, or brings it near the references."""
