"""The four designs: 1A parametric, 1B hybrid, 1C adaptive, 1D adaptive with the grey box."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor, nn

from engine.mastering.differentiable import BandTensors, power_response
from engine.mastering.models.features import BANDS
from engine.mastering.models.heads import (
    AdaptiveDecoder,
    BandValues,
    ChainValues,
    ConfidenceHead,
    GreyDecoder,
    ParametricDecoder,
    kinds,
)
from engine.mastering.models.hearing import DYNAMICS
from engine.mastering.models.raw_encoder import RawEncoderSettings, RawHearing
from engine.mastering.models.residual import SMALL, ResidualNetwork, ResidualSettings
from engine.mastering.models.spectral import SCALE_DB, SpectralEncoder, SpectralSettings
from engine.mastering.models.tcn import Z_SIZE, TcnSettings, TemporalEncoder

MOVEMENT = 64
CURVE_RATE = 96000  # high enough that the curve is the analog one up to 20 kHz


class Variant(StrEnum):
    """Which decoders a model has."""

    PARAMETRIC = "1A"
    HYBRID = "1B"
    ADAPTIVE = "1C"
    GREY = "1D"


class Encoder(StrEnum):
    """What a model listens to."""

    MEL = "mel"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """What a model is made of.

    Parameters
    ----------
    variant
        One of the four designs.
    tcn, spectral
        Sizes of the two halves of the encoder.
    residual
        Size of the residual network, which 1A does not have.
    encoder
        Mel spectra and statistics, or the waveform as the reference design has it.
    raw
        Size of the encoder of waveforms, which takes the place of ``tcn`` and ``spectral``.
    """

    variant: Variant = Variant.GREY
    tcn: TcnSettings = field(default_factory=TcnSettings)
    spectral: SpectralSettings = field(default_factory=SpectralSettings)
    residual: ResidualSettings = field(default_factory=lambda: SMALL)
    encoder: Encoder = Encoder.MEL
    raw: RawEncoderSettings = field(default_factory=RawEncoderSettings)

    @property
    def bands(self) -> int:
        """Number of equalizer bands."""
        return 5 if self.variant in (Variant.PARAMETRIC, Variant.HYBRID) else 10


@dataclass(frozen=True, slots=True)
class Heard:
    """A batch of recordings, or of references, as the encoder takes it.

    Parameters
    ----------
    statistics
        ``[batch, STATISTICS, BANDS]``, pooled over the windows, at -23 LUFS.
    windows
        ``[batch, windows, ROWS, frames]`` at -23 LUFS, or None to go without the temporal half.
    dynamics
        ``[batch, DYNAMICS]``, the mean over the windows; used with ``windows`` only.
    level
        What the loudness was, in LU from -23, ``[batch]``.
    present
        1 where there is a recording, 0 where not (a missing reference), ``[batch]``.
    audio
        ``[batch, windows, 2, frames]`` at 44.1 kHz and its own level (a reference's is -23 LUFS),
        for a model that hears audio.
    """

    statistics: Tensor
    windows: Tensor | None
    dynamics: Tensor
    level: Tensor
    present: Tensor
    audio: Tensor | None = None

    def to(self, device: str) -> Heard:
        """The same on another device."""

        def moved(value: Any) -> Any:
            return None if value is None else value.to(device)

        return Heard(*(moved(getattr(self, item.name)) for item in fields(self)))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of a batch.

    ``curve_db`` ``[batch, BANDS]`` is the spectral half's own opinion, which the bands come from;
    ``confidence`` is ``[batch, 3]`` and already applied.
    """

    z: Tensor
    curve_db: Tensor
    bands: BandValues
    chain: ChainValues | None
    confidence: Tensor | None


class MasteringNet(nn.Module):
    """Encoder and decoders.

    ``z`` has two parts. The first ``BANDS`` numbers are spectral because they are supervised: the
    correction curve. The rest is what the temporal network makes of the windows, and of those of a
    reference. While training the rest is left out as a whole now and then, so that the tone comes
    from the part that generalises. A model that hears audio has one network for both.
    """

    spectral: SpectralEncoder
    temporal: TemporalEncoder
    movement: nn.Sequential
    rest: nn.Linear

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings
        self.raw = RawHearing(settings.raw) if settings.encoder is Encoder.RAW else None
        if self.raw is None:
            self._add_mel_encoder(settings)
        adaptive = settings.bands == 10
        self.decoder = AdaptiveDecoder(10) if adaptive else ParametricDecoder(5)
        grey = settings.variant is Variant.GREY
        self.grey = GreyDecoder() if grey else None
        self.confidence = ConfidenceHead() if grey else None
        plain = settings.variant is Variant.PARAMETRIC
        self.residual = None if plain else ResidualNetwork(settings.residual)

    def _add_mel_encoder(self, settings: ModelSettings) -> None:
        self.spectral = SpectralEncoder(settings.spectral)
        self.temporal = TemporalEncoder(settings.tcn)
        self.movement = nn.Sequential(
            nn.Linear(3 * DYNAMICS, MOVEMENT), nn.GELU(), nn.Linear(MOVEMENT, MOVEMENT), nn.GELU()
        )
        self.rest = nn.Linear(3 * self.temporal.size + MOVEMENT + 2, Z_SIZE - BANDS)

    @property
    def hears_audio(self) -> bool:
        """Whether :class:`Heard` needs audio."""
        return self.raw is not None

    def encode(self, heard: Heard, reference: Heard) -> tuple[Tensor, Tensor]:
        """``z`` ``[batch, Z_SIZE]`` and the spectral half's curve ``[batch, BANDS]``.

        Raises
        ------
        ValueError
            If the model hears audio and there is none.
        """
        if self.raw is not None:
            if heard.audio is None or reference.audio is None:
                raise ValueError("this model hears audio, and there is none")
            z: Tensor = self.raw(heard.audio, reference.audio, reference.present)
            return z, SCALE_DB * z[:, :BANDS]
        curve = self.spectral(heard.statistics, reference.statistics, reference.present)
        spectral = curve / SCALE_DB
        if heard.windows is None or reference.windows is None:
            rest = curve.new_zeros(len(curve), Z_SIZE - BANDS)
        else:
            known = reference.present.unsqueeze(-1)
            own, other = self.temporal(heard.windows), self.temporal(reference.windows)
            level = heard.level.unsqueeze(-1) / 10.0
            moves = (heard.dynamics / 10.0, reference.dynamics * known / 10.0)
            changed = known * (reference.dynamics - heard.dynamics) / 3.0
            movement = self.movement(torch.cat((*moves, changed), dim=-1))
            seen = torch.cat(
                (own, other * known, (other - own) * known, movement, level, known), dim=-1
            )
            rest = torch.tanh(self.rest(seen))
        return torch.cat((spectral, rest), dim=-1), curve

    def decode(self, z: Tensor, curve: Tensor) -> Answer:
        """The chain for ``z``; in single precision, since bfloat16 has 8 bits for a frequency."""
        with torch.autocast(z.device.type, enabled=False):
            return self._decode(z.float(), curve.float())

    def _decode(self, z: Tensor, curve: Tensor) -> Answer:
        bands: BandValues = self.decoder(z)
        chain = self.grey(z) if self.grey is not None else None
        confidence = self.confidence(z) if self.confidence is not None else None
        if confidence is not None:
            bands = shrunk_bands(bands, confidence[:, :1])
            chain = shrunk_chain(chain, confidence[:, 1], confidence[:, 2])
        return Answer(z, curve, bands, chain, confidence)

    def forward(self, heard: Heard, reference: Heard) -> Answer:
        """Answer for a batch."""
        return self.decode(*self.encode(heard, reference))


def shrunk_bands(bands: BandValues, share: Tensor) -> BandValues:
    """Bands whose gains are multiplied by ``share``."""
    return BandValues(bands.frequency_hz, bands.gain_db * share, bands.q, bands.gate, bands.logits)


def shrunk_chain(chain: ChainValues | None, dynamics: Tensor, width: Tensor) -> ChainValues | None:
    """The grey box with only a share of its ratio (in dB) and of its width."""
    if chain is None:
        return None
    return ChainValues(
        chain.threshold_lu,
        chain.ratio**dynamics,
        chain.attack_ms,
        chain.release_ms,
        chain.side_db * width,
    )


def curve_db(bands: BandValues, frequencies_hz: Tensor) -> Tensor:
    """Response of a batch of bands in dB, ``[batch, points]`` float32, with gradients."""
    shape = kinds(bands.gain_db.shape[1])

    def one(hz: Tensor, gain_db: Tensor, q: Tensor, gate: Tensor) -> Tensor:
        return power_response(BandTensors(shape, hz, gain_db, q, gate), frequencies_hz, CURVE_RATE)

    power = torch.vmap(one)(
        bands.frequency_hz.double(), bands.gain_db.double(), bands.q.double(), bands.gate.double()
    )
    return (10.0 * torch.log10(power)).float()
