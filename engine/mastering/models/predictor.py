"""A trained model at run time: a whole recording in windows, an answer as chain parameters."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.audio.clip import Clip
from engine.audio.resample import resample
from engine.mastering.analysis import section
from engine.mastering.biquad import response_db
from engine.mastering.models.assembly import Answer, Heard, MasteringNet
from engine.mastering.models.features import (
    BANDS,
    NORMAL_LUFS,
    Features,
    centres_hz,
    equalized,
    extract,
)
from engine.mastering.models.heads import kinds
from engine.mastering.models.hearing import (
    DYNAMICS,
    ROWS,
    STATISTICS,
    Statistics,
    dynamics,
    pooled,
    rows_of,
    statistics,
)
from engine.mastering.models.raw_encoder import no_audio
from engine.mastering.models.residual import RATE
from engine.mastering.models.residual_stage import ResidualStage
from engine.mastering.parameters import (
    Band,
    ChainParameters,
    Compressor,
    Imager,
    Residual,
)
from engine.mastering.prediction import Confidence, Prediction
from engine.mastering.ranges import PARAM_RANGES
from engine.tasks import Context, Failure

if TYPE_CHECKING:
    from engine.audio.store import StoredAudio

WINDOW_S = 10.0
MAX_WINDOWS = 24
QUIETEST_LUFS = -60.0
REACH = 0.45
"""Bands above this share of the sample rate are left shut."""

KNEE_DB = 6.0
NEGLIGIBLE_OCTAVES = 0.03
NEGLIGIBLE_BAND_DB = 0.4
NEGLIGIBLE_SIDE_DB = 0.5
BLIND_SIDE_DB = 1.0
"""Most that the width may move without a reference: how wide a song is meant is not to be heard."""

REMEMBERED = 8


@dataclass(frozen=True, slots=True, eq=False)
class _Recording:
    """What is heard of one recording; ``audio`` are its windows at 44.1 kHz in stereo, or none."""

    windows: tuple[Features, ...]
    statistics: Statistics
    audio: tuple[NDArray[np.float32], ...] = ()


class ModelPredictor:
    """A loaded model; see :class:`~engine.mastering.prediction.Predictor`.

    Parameters
    ----------
    name, variant, model_hash
        Of the bundle.
    net
        The network; it is put into ``eval`` mode.
    """

    def __init__(self, name: str, variant: str, model_hash: str, net: MasteringNet) -> None:
        self.name = name
        self.variant = variant
        self.model_hash = model_hash
        self._net = net.eval()
        self._z: OrderedDict[Prediction, Tensor] = OrderedDict()

    @property
    def has_residual(self) -> bool:
        """Whether the model has a residual network."""
        return self._net.residual is not None

    def predict(
        self,
        audio: Clip | StoredAudio,
        references: Sequence[Clip | StoredAudio] = (),
        weights: Sequence[float] = (),
        context: Context | None = None,
    ) -> Prediction:
        """Predict the chain that repairs ``audio``, or brings it near the references.

        Parameters
        ----------
        audio
            The recording; up to ``MAX_WINDOWS`` windows are heard, evenly spread.
        references, weights
            What it is to be near to, and how much each counts (equal by default).
        context
            Progress, and cancel between windows.
        """
        context = context or Context()
        keep = self._net.hears_audio
        own = hear(audio, MAX_WINDOWS, context.part(0.0, 0.5, "Listening"), keep)
        if own is None:
            return self._prediction(ChainParameters(bands=_shut()), Confidence(), False, 0)
        progress = context.part(0.5, 0.9, "Listening to the reference")
        other = hear_all(references, weights, progress, keep) if references else None
        heard = batch_of(own)
        with torch.inference_mode():
            answer = self._net(heard, batch_of(other, heard))
        parameters = self._parameters(answer, own, audio, other is not None)
        confidence = Confidence()
        if answer.confidence is not None:
            confidence = Confidence(*(round(float(x), 4) for x in answer.confidence[0]))
        result = self._prediction(parameters, confidence, other is not None, len(own.windows))
        self._z[result] = answer.z[0].clone()
        while len(self._z) > REMEMBERED:
            self._z.popitem(last=False)
        context.report(1.0, 1.0, "Predicted")
        return result

    def residual_stage(
        self, prediction: Prediction, rate: int, channels: int, amount: float
    ) -> ResidualStage | None:
        """The residual network as a stage of the chain, for a prediction this predictor made.

        None if the model has no residual network, or the recording was silent.
        """
        z = self._z.get(prediction)
        if z is None or self._net.residual is None:
            return None
        return ResidualStage(self._net.residual, z, rate, channels, amount)

    def _prediction(
        self, parameters: ChainParameters, confidence: Confidence, referenced: bool, windows: int
    ) -> Prediction:
        return Prediction(
            self.name, self.variant, self.model_hash, parameters, confidence, referenced, windows
        )

    def _parameters(
        self, answer: Answer, own: _Recording, audio: Clip | StoredAudio, referenced: bool
    ) -> ChainParameters:
        bands = bands_of(answer, audio.rate)
        residual = Residual(self.model_hash, 1.0) if self.has_residual else Residual()
        parameters = ChainParameters(bands=bands, residual=residual)
        chain = answer.chain
        if chain is None:
            return parameters
        # The threshold is relative to the loudness that the equalizer leaves.
        curve_db = response_db(bands, np.maximum(centres_hz(), 1.0), max(audio.rate, 8000))
        lufs = _loudness([equalized(window, curve_db) for window in own.windows])
        compressor = _compressor(lufs + float(chain.threshold_lu), float(chain.ratio), answer)
        side_db = float(chain.side_db) if audio.channels == 2 else 0.0
        if not referenced:
            side_db = min(max(side_db, -BLIND_SIDE_DB), BLIND_SIDE_DB)
        limits = PARAM_RANGES["imager.width"]
        width = 1.0 if abs(side_db) < NEGLIGIBLE_SIDE_DB else limits.clamp(10.0 ** (side_db / 20.0))
        return ChainParameters(
            bands=bands,
            residual=residual,
            compressor=compressor,
            imager=Imager(width=round(width, 4)),
        )


def hear(
    audio: Clip | StoredAudio, most: int, context: Context | None = None, keep: bool = False
) -> _Recording | None:
    """Windows and statistics of a recording; None if nothing in it can be heard.

    With ``keep`` their audio, too.

    Raises
    ------
    Failure
        If a sample of a window is NaN or infinite.
    """
    context = context or Context()
    frames = round(WINDOW_S * audio.rate)
    count = min(most, max(1, audio.frames // frames))
    starts = np.linspace(0, max(audio.frames - frames, 0), count).astype(int)
    windows, kept = [], []
    for number, start in enumerate(starts):
        context.checkpoint()
        clip = section(audio, int(start), min(int(start) + frames, audio.frames))
        if not np.isfinite(clip.samples).all():
            raise Failure(
                "The audio contains samples that are not numbers.",
                "What a model hears of them would be wrong everywhere.",
                "Repair or re-export the file.",
            )
        window = extract(Clip(clip.samples[:2], clip.rate))
        if window.lufs > QUIETEST_LUFS:
            windows.append(window)
            if keep:
                kept.append(_waveform(clip))
        context.report(number + 1, count)
    if not windows:
        return None
    # Louder windows say more of what is heard.
    together = pooled([statistics(window) for window in windows])
    return _Recording(tuple(windows), together, tuple(kept))


def _waveform(clip: Clip) -> NDArray[np.float32]:
    """What a network of waveforms takes, ``[2, frames]``."""
    samples = resample(Clip(clip.samples[:2].astype(np.float32), clip.rate), RATE).samples
    return np.array(np.broadcast_to(samples, (2, samples.shape[1])))


def hear_all(
    references: Sequence[Clip | StoredAudio],
    weights: Sequence[float],
    context: Context,
    keep: bool = False,
) -> _Recording | None:
    """Several references as one: each at -23 LUFS, with its share of the windows."""
    share = np.asarray(weights or np.ones(len(references)), np.float64)
    if not share.any():
        return None
    share = share / share.sum()
    heard, kept = [], []
    for number, (reference, part) in enumerate(zip(references, share, strict=True)):
        progress = context.part(number / len(references), (number + 1) / len(references))
        most = max(1, round(MAX_WINDOWS * part))
        recording = hear(reference, most, progress, keep) if part > 0.0 else None
        if recording is not None:
            heard.append(recording)
            kept.append(float(part))
    if not heard:
        return None
    together = pooled([recording.statistics.normalised() for recording in heard], kept)
    return _Recording(
        tuple(w for recording in heard for w in recording.windows),
        together,
        tuple(_levelled(audio, each) for each in heard for audio in each.audio),
    )


def _levelled(audio: NDArray[np.float32], recording: _Recording) -> NDArray[np.float32]:
    """A window at the gain that brings its recording to -23 LUFS."""
    gain_db = NORMAL_LUFS - _loudness(recording.windows)
    return np.asarray(audio * np.float32(10.0 ** (gain_db / 20.0)))


def batch_of(recording: _Recording | None, like: Heard | None = None) -> Heard:
    """A batch of one; of none, where a reference is missing."""
    if recording is None:
        frames = 1 if like is None or like.windows is None else like.windows.shape[-1]
        return Heard(
            torch.zeros(1, STATISTICS, BANDS),
            torch.full((1, 1, ROWS, frames), -60.0),
            torch.zeros(1, DYNAMICS),
            torch.zeros(1),
            torch.zeros(1),
            None if like is None or like.audio is None else no_audio(like.audio),
        )
    # A short window is repeated, as in training: a brief reference must not cut the long ones.
    frames = max(window.frames for window in recording.windows)
    rows = [
        np.take(rows_of(window)[0], range(frames), axis=1, mode="wrap")
        for window in recording.windows
    ]
    level = _loudness(recording.windows) - NORMAL_LUFS
    return Heard(
        torch.from_numpy(recording.statistics.normalised().rows).unsqueeze(0),
        torch.from_numpy(np.stack(rows)).unsqueeze(0),
        torch.from_numpy(np.mean([dynamics(w) for w in recording.windows], axis=0)).unsqueeze(0),
        torch.tensor([level], dtype=torch.float32),
        torch.ones(1),
        _together(recording.audio),
    )


def _together(audio: Sequence[NDArray[np.float32]]) -> Tensor | None:
    """Windows as a batch of one, the short ones repeated; None if there are none."""
    if not audio:
        return None
    frames = max(window.shape[1] for window in audio)
    whole = [np.take(window, range(frames), axis=1, mode="wrap") for window in audio]
    return torch.from_numpy(np.stack(whole)).unsqueeze(0)


def bands_of(answer: Answer, rate: int) -> tuple[Band, ...]:
    """The bands of a batch of one, rounded as a person reads them.

    What is out of the sample rate's reach, or too little to be heard, is shut.
    """
    values = answer.bands
    columns = (values.frequency_hz, values.gain_db, values.q, values.gate)
    rows = torch.cat(columns).T.tolist()
    return tuple(
        Band(
            kind,
            round(hz, 2),
            round(gain_db, 3),
            round(q, 4),
            round(gate, 4)
            if hz < REACH * rate and abs(gain_db * gate) >= NEGLIGIBLE_BAND_DB
            else 0.0,
        )
        for kind, (hz, gain_db, q, gate) in zip(kinds(len(rows)), rows, strict=True)
    )


def _compressor(threshold_db: float, ratio: float, answer: Answer) -> Compressor:
    if answer.chain is None or abs(np.log2(ratio)) < NEGLIGIBLE_OCTAVES:
        return Compressor()

    def limited(name: str, value: float) -> float:
        return round(PARAM_RANGES[f"compressor.{name}"].clamp(value), 4)

    return Compressor(
        threshold_db=limited("threshold_db", threshold_db),
        ratio=limited("ratio", ratio),
        attack_ms=limited("attack_ms", float(answer.chain.attack_ms)),
        release_ms=limited("release_ms", float(answer.chain.release_ms)),
        knee_db=KNEE_DB,
    )


def _loudness(windows: Sequence[Features]) -> float:
    """Mean loudness of windows, as power."""
    return float(10.0 * np.log10(np.mean([10.0 ** (w.lufs / 10.0) for w in windows])))


def _shut() -> tuple[Band, ...]:
    return tuple(replace(band, gate=0.0) for band in ChainParameters().bands)
