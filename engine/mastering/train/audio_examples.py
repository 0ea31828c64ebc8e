"""Examples as audio: an excerpt, spoilt by an equalizer, repaired by the model, and compared.

What the losses on features cannot see is heard here: the whole spectrum, both channels, and what
the residual network adds. The rendering is the differentiable equalizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.signal import sosfilt
from torch import Tensor

from engine.mastering.biquad import sections
from engine.mastering.data.degradation import Kind, Tier, draw
from engine.mastering.differentiable import BandTensors, equalize
from engine.mastering.losses import gain_prior, gate_entropy, q_prior, sparsity
from engine.mastering.models.assembly import Answer, Heard, MasteringNet
from engine.mastering.models.features import BANDS, NORMAL_LUFS, centres_hz, equalized
from engine.mastering.models.heads import kinds
from engine.mastering.models.hearing import DYNAMICS, ROWS, STATISTICS, dynamics, rows_of
from engine.mastering.models.raw_encoder import no_audio
from engine.mastering.train.objectives import (
    RESOLUTIONS,
    ObjectiveWeights,
    Resolution,
    audio_terms,
    some_resolutions,
)
from engine.mastering.train.pool import RATE, PooledSong

FIR_FRAMES = 16384


@dataclass(frozen=True, slots=True)
class AudioBatch:
    """Excerpts ``[batch, channels, frames]``: spoilt, clean; and what is heard of their songs.

    ``resolutions`` are those that the spectra are compared at.
    """

    heard: Heard
    spoilt: Tensor
    clean: Tensor
    resolutions: tuple[Resolution, ...] = RESOLUTIONS

    def to(self, device: str) -> AudioBatch:
        """The same on another device."""
        moved = self.heard.to(device), self.spoilt.to(device), self.clean.to(device)
        return AudioBatch(*moved, self.resolutions)


def draw_audio(
    pool: Sequence[PooledSong],
    count: int,
    frames: int,
    rng: np.random.Generator,
    resolutions: int = len(RESOLUTIONS),
) -> AudioBatch:
    """Draw ``count`` excerpts at -23 LUFS, with an equalizer on each.

    ``frames`` is the length of the windows that the temporal network sees, ``resolutions`` how many
    the spectra are compared at.
    """
    able = [song for song in pool if song.excerpt.shape[1]]
    parts = [_draw(able[int(rng.integers(len(able)))], frames, rng) for _ in range(count)]
    rows, windows, moves, levels, spoilt, clean = zip(*parts, strict=True)
    heard = Heard(
        _stack(rows),
        _stack(windows).unsqueeze(1),
        _stack(moves),
        _stack(levels),
        torch.ones(count),
        _stack(spoilt).unsqueeze(1),
    )
    compared: tuple[Resolution, ...] = RESOLUTIONS
    if resolutions < len(RESOLUTIONS):
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        compared = some_resolutions(resolutions, generator)
    return AudioBatch(heard, _stack(spoilt), _stack(clean), compared)


def _draw(song: PooledSong, frames: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    features, statistics = song.clean(0)
    wrong = draw(rng, Kind.EQ, Tier.STRONG if rng.random() < 0.5 else Tier.MILD)
    curve_db = wrong.curve_db(np.maximum(centres_hz(), 1.0), RATE)
    gain = 10.0 ** ((NORMAL_LUFS - features.lufs) / 20.0)
    clean = song.excerpt / 32767.0 * gain
    spoilt = sosfilt(sections(wrong.bands, RATE), clean, axis=1)
    after = equalized(features, curve_db)
    # Spoilt audio is brought to the level the features have.
    spoilt = spoilt * 10.0 ** ((features.lufs - after.lufs) / 20.0)
    rows = rows_of(after)[0]
    index = np.arange(frames) % rows.shape[-1]
    level = np.asarray(rng.normal(0.0, 6.0))
    return (
        statistics.equalized(curve_db).normalised().rows,
        rows[:, index],
        dynamics(after),
        level,
        spoilt,
        clean,
    )


def nothing_like(heard: Heard) -> Heard:
    """A missing reference for each of a batch."""
    count = len(heard.level)
    device = heard.level.device
    windows = None
    if heard.windows is not None:
        windows = torch.full((count, 1, ROWS, heard.windows.shape[-1]), -60.0, device=device)
    zeros = torch.zeros(count, device=device)
    statistics = torch.zeros(count, STATISTICS, BANDS, device=device)
    audio = None if heard.audio is None else no_audio(heard.audio)
    moves = torch.zeros(count, DYNAMICS, device=device)
    return Heard(statistics, windows, moves, zeros, zeros, audio)


def repaired(net: MasteringNet, answer: Answer, spoilt: Tensor) -> Tensor:
    """Audio after the bands and the residual, at the loudness it came in with."""
    shape = kinds(answer.bands.gain_db.shape[1])
    out = []
    for index, audio in enumerate(spoilt):
        values = (
            answer.bands.frequency_hz,
            answer.bands.gain_db,
            answer.bands.q,
            answer.bands.gate,
        )
        bands = BandTensors(shape, *(value[index].double() for value in values))
        out.append(equalize(audio, bands, RATE, FIR_FRAMES))
    audio = torch.stack(out)
    return audio if net.residual is None else audio + net.residual(audio, answer.z)


def audio_losses(
    net: MasteringNet, batch: AudioBatch, weights: ObjectiveWeights
) -> dict[str, Tensor]:
    """The terms on audio and on the parameters behind it, by the name of their weight."""
    answer = net(batch.heard, nothing_like(batch.heard))
    audio = repaired(net, answer, batch.spoilt)
    with torch.autocast(audio.device.type, enabled=False):
        # Level is the loudness solve's business, so it is not left to the bands.
        gain = torch.sqrt(
            batch.clean.pow(2).mean((1, 2), keepdim=True)
            / audio.detach().pow(2).mean((1, 2), keepdim=True).clamp(min=1e-12)
        )
        terms = audio_terms(audio.float() * gain, batch.clean, RATE, weights, batch.resolutions)
    bands = answer.bands
    terms["gain_prior"] = gain_prior(bands.effective_gain_db).mean()
    terms["q_prior"] = q_prior(bands.q).mean()
    terms["sparsity"] = sparsity(bands.effective_gain_db).mean()
    terms["entropy"] = gate_entropy(bands.gate).mean()
    return terms


def _stack(rows: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(rows).astype(np.float32))
