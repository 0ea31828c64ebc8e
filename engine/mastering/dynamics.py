"""The dynamics part of the fit: compressor settings by gradient through the exact detector.

The compressor's gain is one curve for all channels and moves slowly against the K weighting, so
loudness and peaks after it follow from the gain curve, the peak envelope and the K-weighted
energy of the equalized excerpts: one row each instead of the audio.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.signal import sosfilt
from torch import Tensor

from engine.audio.clip import Clip
from engine.audio.loudness import OFFSET_LUFS, k_sections
from engine.mastering import contour
from engine.mastering.analysis import Analysis, section
from engine.mastering.compressor_gradient import CompressorTensors, compressor_gain
from engine.mastering.differentiable import BandTensors, equalize
from engine.mastering.losses import crest, decibels, dynamics, spread
from engine.mastering.parameters import Band, Compressor
from engine.mastering.ranges import PARAM_RANGES
from engine.mastering.targets import Target

if TYPE_CHECKING:
    from engine.audio.store import StoredAudio

EXCERPTS = 6
EXCERPT_S = 3.5
STEPS = 30
LEAST_EXCESS_DB = 1.0
EFFORT_DB2 = 0.05
LEAST_RATIO = 1.05

Watch = Callable[[int, float, Compressor], None]


@dataclass(frozen=True, slots=True, eq=False)
class Excerpts:
    """Rows ``[excerpts, frames]``: peak over the channels, and K-weighted energy."""

    peaks: Tensor
    energy: Tensor
    window_frames: int

    def levels_db(self, gain: Tensor) -> tuple[Tensor, Tensor]:
        """Loudness and peak of every window after a gain curve, both ``[windows]``."""
        size = self.window_frames
        energy = (self.energy * gain**2).unfold(-1, size, size).mean(-1).flatten()
        peak = (self.peaks * gain).unfold(-1, size, size).amax(-1).flatten()
        loudness = decibels(energy, 1e-10)
        mean = decibels(energy.detach().mean(), 1e-10)
        loud = (loudness > mean - 20.0).detach()
        return loudness[loud] + OFFSET_LUFS, decibels(peak[loud] ** 2, 1e-10)


def fit_compressor(
    audio: Clip | StoredAudio,
    analysis: Analysis,
    target: Target,
    bands: tuple[Band, ...],
    watch: Watch,
) -> tuple[Compressor, str]:
    """Compressor that takes dynamics down to what the target allows, and why.

    A recording within 1 dB of the allowance is left alone. Dynamics are only added (ratio below
    1) where the target knows how the loudness of this very recording moves.
    """
    off = Compressor(attack_ms=target.attack_ms, release_ms=target.release_ms)
    if target.contour_lufs and target.max_ratio > 1.0:
        runs = contour.take_runs(audio, analysis, target.contour_lufs, bands)
        if runs is not None:
            return contour.follow(runs, target.max_ratio, off, watch)
    spread_lu, crest_db = target.max_spread_lu, target.max_crest_db
    if target.max_ratio <= 1.0 or (spread_lu is None and crest_db is None):
        return off, "The target keeps the dynamics as they are."
    too_wide_lu = max(analysis.spread_lu - spread_lu, 0.0) if spread_lu is not None else 0.0
    too_peaky_db = max(analysis.crest_db - crest_db, 0.0) if crest_db is not None else 0.0
    excess_db = max(too_wide_lu, too_peaky_db)
    if excess_db <= LEAST_EXCESS_DB:
        return off, "The dynamics are within what the target allows."
    excerpts = take_excerpts(audio, analysis, bands)
    # Excerpts have a spread of their own; what is asked is that it shrinks as much.
    contour_db, peak_db = excerpts.levels_db(torch.ones(()))
    wanted = (spread(contour_db) - too_wide_lu, crest(contour_db, peak_db) - too_peaky_db)
    settings = _descend(excerpts, analysis.rate, target.max_ratio, wanted, off, watch)
    if settings.ratio < LEAST_RATIO:
        return off, "Compression would not help: left as it is."
    return settings, (
        f"{excess_db:.1f} dB more dynamics than wanted: {settings.ratio:.2f}:1 above "
        f"{settings.threshold_db:.1f} dB."
    )


def take_excerpts(
    audio: Clip | StoredAudio, analysis: Analysis, bands: tuple[Band, ...]
) -> Excerpts:
    """Passages from soft to loud, equalized: at the even quantiles of the loudness contour."""
    rate = analysis.rate
    frames = min(round(EXCERPT_S * rate), audio.frames)
    loud = np.flatnonzero(analysis.loud)
    order = loud[np.argsort(analysis.contour_lufs[loud], kind="stable")]
    picks = order[np.round(np.linspace(0.05, 0.97, EXCERPTS) * (order.size - 1)).astype(int)]
    windows = max(analysis.contour_lufs.size, 1)
    starts = np.clip(picks / windows * audio.frames - frames / 2, 0, audio.frames - frames)
    rows = [section(audio, int(start), int(start) + frames).samples for start in starts]
    sound = torch.from_numpy(np.stack(rows).astype(np.float32))
    sound = equalize(sound, BandTensors.of(tuple(b for b in bands if b.active)), rate)
    weighted = torch.from_numpy(sosfilt(k_sections(rate), sound.numpy()).astype(np.float32))
    return Excerpts(sound.abs().amax(-2), (weighted**2).sum(-2), round(0.4 * rate))


def _descend(
    excerpts: Excerpts,
    rate: int,
    max_ratio: float,
    wanted: tuple[Tensor, Tensor],
    off: Compressor,
    watch: Watch,
) -> Compressor:
    level_db = decibels(excerpts.peaks.flatten()[:: max(1, rate // 200)] ** 2)
    threshold_db = torch.quantile(level_db[level_db > -60.0], 0.5).double()
    log_ratio = torch.tensor(0.3, dtype=torch.float64)
    values = torch.stack([threshold_db / 10.0, log_ratio]).requires_grad_(True)
    times = CompressorTensors.of(off)
    optimizer = torch.optim.Adam([values], lr=0.08)
    highest = float(np.log(max_ratio))
    best, best_loss = off, float("inf")
    for step in range(STEPS):
        optimizer.zero_grad()
        settings = CompressorTensors(
            10.0 * values[0],
            torch.exp(values[1]),
            times.attack_ms,
            times.release_ms,
            times.knee_db,
            times.makeup_db,
        )
        gain = compressor_gain(excerpts.peaks, settings, rate)
        contour_db, peak_db = excerpts.levels_db(gain)
        loss = dynamics(contour_db, wanted[0], peak_db, wanted[1])
        # Of two settings that do the same the gentler one: average reduction has its price.
        effort = -decibels(gain.mean() ** 2)
        total = loss + EFFORT_DB2 * effort**2
        now = _export(values, off)
        if float(total.detach()) < best_loss:
            best, best_loss = now, float(total.detach())
        watch(step, float(loss.detach()), now)
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            values[0].clamp_(-5.0, -0.3)
            values[1].clamp_(0.0, highest)
    return best


def _export(values: Tensor, off: Compressor) -> Compressor:
    threshold_db, log_ratio = (float(value) for value in values.detach())
    limits = PARAM_RANGES["compressor.threshold_db"]
    return Compressor(
        threshold_db=round(limits.clamp(10.0 * threshold_db), 2),
        ratio=round(float(np.exp(log_ratio)), 3),
        attack_ms=off.attack_ms,
        release_ms=off.release_ms,
    )
