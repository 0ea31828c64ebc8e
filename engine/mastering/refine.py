"""Refine: fit from a chain that is there already, with a prior that pulls back to it.

What a model predicts is a good guess for any song like this one; the target says what is wrong
with this song. The refinement minimises the target's loss plus a quadratic prior around the
guess: 1 dB of gain weighs as much as a third of an octave of frequency, a factor of e^(1/2) in Q,
and a change of the ratio by a factor of e^(1/4).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from engine.audio.clip import Clip
from engine.mastering.analysis import Analysis
from engine.mastering.compressor_gradient import CompressorTensors, compressor_gain
from engine.mastering.differentiable import BandTensors
from engine.mastering.dynamics import Excerpts, take_excerpts
from engine.mastering.losses import crest, dead_zone, decibels, dynamics, spread
from engine.mastering.parameters import Band, BandKind, Compressor
from engine.mastering.ranges import PARAM_RANGES
from engine.mastering.targets import Target
from engine.mastering.tone import ToneProblem, Watch

if TYPE_CHECKING:
    from engine.audio.store import StoredAudio

COMPRESSOR_STEPS = 30
DROP_BELOW_DB = 0.25
PILE_WEIGHT = 50.0
REACH_OCTAVES = 1.0
OCTAVES_PER_DB = 1.0 / 3.0
LOG_Q_PER_DB = 0.5
LOG_RATIO_PER_DB = 0.25
THRESHOLD_PER_DB = 4.0
HIGHEST_SHELF_Q = 1.0
LEAST_Q = 0.5
LEAST_CHANGE = 1.02
HIGHEST_START = 0.95

CompressorWatch = Callable[[int, float, Compressor], None]


class _Moves:
    """Unbounded variables around given bands, ``[3, bands]`` rows gain, frequency, Q."""

    def __init__(self, bands: tuple[Band, ...], max_gain_db: float, max_q: float) -> None:
        self.kinds = tuple(band.kind for band in bands)
        self.start_db = _row([band.effective_gain_db for band in bands])
        # A start outside the limits may stay where it is, but goes no further.
        self.max_gain_db = (self.start_db.abs() / HIGHEST_START).clamp(min=max_gain_db)
        self.start_hz = _row([band.frequency_hz for band in bands])
        self.start_q = _row([band.q for band in bands])
        bells = [kind is BandKind.BELL for kind in self.kinds]
        highest = _row([max_q if bell else HIGHEST_SHELF_Q for bell in bells])
        self.least_log_q = torch.log(self.start_q.clamp(max=LEAST_Q) / self.start_q)
        self.most_log_q = torch.log(torch.maximum(highest, self.start_q) / self.start_q)
        inside = self.start_db / self.max_gain_db
        self.values = torch.stack(
            [torch.atanh(inside), torch.zeros_like(inside), torch.zeros_like(inside)]
        ).requires_grad_(True)

    def tensors(self, kept: Tensor) -> BandTensors:
        """The bands now; those that are not kept have gate 0."""
        gain, octaves, log_q = self.values
        low, high = PARAM_RANGES["band.frequency_hz"].low, PARAM_RANGES["band.frequency_hz"].high
        frequency_hz = self.start_hz * torch.pow(2.0, REACH_OCTAVES * torch.tanh(octaves))
        q = self.start_q * torch.exp(torch.clamp(log_q, self.least_log_q, self.most_log_q))
        return BandTensors(
            self.kinds,
            frequency_hz.clamp(low, high),
            self.max_gain_db * torch.tanh(gain),
            q,
            kept,
        )

    def distance_db2(self, bands: BandTensors) -> Tensor:
        """Squared distance from the start, in the units of 1 dB of gain; summed over bands."""
        gain = bands.effective_gain_db - self.start_db
        octaves = torch.log2(bands.frequency_hz / self.start_hz) / OCTAVES_PER_DB
        log_q = torch.log(bands.q / self.start_q) / LOG_Q_PER_DB
        # Where a band does nothing it costs nothing to move it.
        says = (self.start_db.abs() + bands.effective_gain_db.abs().detach()).clamp(max=1.0)
        return (gain**2 + says * (octaves**2 + log_q**2)).sum()


def refine_bands(
    problem: ToneProblem,
    start: tuple[Band, ...],
    max_gain_db: float,
    max_curve_db: float,
    max_bands: int,
    prior_weight: float,
    steps: int,
    watch: Watch,
) -> tuple[Band, ...]:
    """Bands near ``start`` that bring the spectrum towards the target.

    Closed bands take part from 0 dB on; bands that end under ``DROP_BELOW_DB`` are closed again.
    Pass filters and bands over the rate's reach are kept as they are.

    Parameters
    ----------
    problem
        What to fit.
    start
        Bands to start from; a gate is taken into the gain.
    max_gain_db, max_curve_db
        Largest boost or cut of one band, and of all that are fitted together; where the start
        does more, that is the limit.
    max_bands
        Most bands to keep, those that do most; more only where the start has more.
    prior_weight
        Loss in dB^2 per squared dB of distance from the start; 0 for a start and no prior.
    steps
        Gradient steps.
    watch
        Called after each step with the step, the loss and the bands; it may raise to cancel.
    """
    moving = [
        index
        for index, band in enumerate(start)
        if band.kind.has_gain and band.enabled and band.frequency_hz < 0.4 * problem.rate
    ]
    fixed = tuple(band for index, band in enumerate(start) if index not in moving and band.active)
    if not moving or max_gain_db <= 0.0:
        return start
    around = problem.curve(BandTensors.of(fixed)) if fixed else torch.ones_like(problem.power)
    moves = _Moves(tuple(start[index] for index in moving), max_gain_db, problem.max_q)
    kept = torch.ones(len(moving), dtype=torch.float64)
    with torch.no_grad():
        begins_db = float(decibels(problem.curve(moves.tensors(kept))).abs().max())
    max_curve_db = max(max_curve_db, begins_db)

    def parts(kept: Tensor) -> tuple[Tensor, Tensor, BandTensors]:
        bands = moves.tensors(kept)
        curve = problem.curve(bands)
        loss = problem.loss(curve * around)
        pile = PILE_WEIGHT * (dead_zone(decibels(curve), max_curve_db) ** 2).mean()
        return loss, pile + prior_weight * moves.distance_db2(bands), bands

    def descend(kept: Tensor, count: int, first: int) -> None:
        optimizer = torch.optim.Adam([moves.values], lr=0.05)
        for step in range(count):
            for group in optimizer.param_groups:
                group["lr"] = 0.05 * (0.02 + 0.98 * math.cos(0.5 * math.pi * step / count) ** 2)
            optimizer.zero_grad()
            loss, penalty, bands = parts(kept)
            (loss + penalty).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            now = _placed(start, moving, bands)
            watch(first + step + 1, float(loss.detach()), now)

    settling = steps // 4
    descend(kept, steps - settling, 0)
    with torch.no_grad():
        kept = _worth(moves.tensors(kept), max(max_bands, int((moves.start_db != 0.0).sum())))
    descend(kept, settling, steps - settling)
    with torch.no_grad():
        return _placed(start, moving, moves.tensors(kept))


def _worth(bands: BandTensors, most: int) -> Tensor:
    """1 for the bands that do something, at most ``most`` of them, 0 for the others."""
    does_db = bands.effective_gain_db.abs()
    kept = torch.zeros_like(does_db)
    kept[torch.argsort(does_db, descending=True)[:most]] = 1.0
    return kept * (does_db >= DROP_BELOW_DB)


def refine_compressor(
    audio: Clip | StoredAudio,
    analysis: Analysis,
    target: Target,
    bands: tuple[Band, ...],
    start: Compressor,
    prior_weight: float,
    watch: CompressorWatch,
) -> tuple[Compressor, str]:
    """Compressor near ``start`` that takes dynamics to what the target allows, and why.

    Where the target has no aim the start is kept. Threshold and ratio move, the times stay.
    """
    spread_lu, crest_db = target.max_spread_lu, target.max_crest_db
    if target.max_ratio <= 1.0 or (spread_lu is None and crest_db is None):
        return start, "The target has no aim for the dynamics: as predicted."
    excerpts = take_excerpts(audio, analysis, bands)
    # Excerpts have dynamics of their own; what is asked is that they change as much as the whole.
    contour_db, peak_db = excerpts.levels_db(torch.ones(()))
    wanted = (
        spread(contour_db) + (math.inf if spread_lu is None else spread_lu - analysis.spread_lu),
        crest(contour_db, peak_db)
        + (math.inf if crest_db is None else crest_db - analysis.crest_db),
    )
    return _descend(excerpts, analysis.rate, wanted, target.max_ratio, start, prior_weight, watch)


def _descend(
    excerpts: Excerpts,
    rate: int,
    wanted: tuple[Tensor, Tensor],
    max_ratio: float,
    start: Compressor,
    prior_weight: float,
    watch: CompressorWatch,
) -> tuple[Compressor, str]:
    times = CompressorTensors.of(start)
    first = torch.tensor([start.threshold_db / 10.0, math.log(start.ratio)], dtype=torch.float64)
    values = first.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([values], lr=0.04)
    lowest = min(0.0, float(first[1]))
    highest = max(math.log(max_ratio), float(first[1]))
    best, best_loss = start, math.inf
    for step in range(COMPRESSOR_STEPS):
        optimizer.zero_grad()
        settings = replace(times, threshold_db=10.0 * values[0], ratio=torch.exp(values[1]))
        gain = compressor_gain(excerpts.peaks, settings, rate)
        contour_db, peak_db = excerpts.levels_db(gain)
        loss = dynamics(contour_db, wanted[0], peak_db, wanted[1])
        moved = torch.stack(
            [
                10.0 * (values[0] - first[0]) / THRESHOLD_PER_DB,
                (values[1] - first[1]) / LOG_RATIO_PER_DB,
            ]
        )
        total = loss + prior_weight * (moved**2).sum()
        now = _compressor(values, start)
        if float(total.detach()) < best_loss:
            best, best_loss = now, float(total.detach())
        watch(step, float(loss.detach()), now)
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            values[0].clamp_(-6.0, 0.0)
            values[1].clamp_(lowest, highest)
    if max(best.ratio, 1.0 / best.ratio) < LEAST_CHANGE and best.makeup_db == 0.0:
        return replace(best, ratio=1.0), "The dynamics are as wanted."
    return best, f"{best.ratio:.2f}:1 above {best.threshold_db:.1f} dB."


def _compressor(values: Tensor, start: Compressor) -> Compressor:
    threshold_db, log_ratio = (float(value) for value in values.detach())
    limits = PARAM_RANGES["compressor.threshold_db"]
    ratio = PARAM_RANGES["compressor.ratio"].clamp(math.exp(log_ratio))
    return replace(
        start, threshold_db=round(limits.clamp(10.0 * threshold_db), 2), ratio=round(ratio, 3)
    )


def _placed(start: tuple[Band, ...], moving: list[int], tensors: BandTensors) -> tuple[Band, ...]:
    """The start with the bands that moved put back in their places."""
    columns = (tensors.frequency_hz, tensors.gain_db, tensors.q, tensors.gate)
    rows = torch.stack(columns).detach().numpy().T.tolist()
    out = list(start)
    for index, (hz, gain_db, q, gate) in zip(moving, rows, strict=True):
        kind = start[index].kind
        out[index] = (
            Band(kind, round(hz, 2), round(gain_db, 3), round(q, 4), 1.0)
            if gate > 0.0
            else replace(start[index], gain_db=0.0, gate=0.0)
        )
    return tuple(out)


def _row(values: list[float]) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float64))
