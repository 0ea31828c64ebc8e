"""The tonal part of the fit: equalizer bands from long-term spectra, by gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from engine.mastering.analysis import Analysis, band_centres_hz, smoothing
from engine.mastering.differentiable import BandTensors, power_response
from engine.mastering.losses import (
    broad_and_detail,
    dead_zone,
    decibels,
    long_term_spectrum,
    sparsity,
    weighted_mean,
)
from engine.mastering.parameters import Band, BandKind, ChainParameters
from engine.mastering.targets import Target, broad_matrix

REACH_OCTAVES = 0.8
# From 11 to 140 Hz and from 3.7 kHz up: where one shelf does what would take two or three bells.
SHELF_REACH_OCTAVES = 1.8
FREQUENCY_LIMITS_HZ = (20.0, 20000.0)
LEAST_Q = 0.5
SHELF_MAX_Q = 1.0
KEEP_GATE = 0.5
SPARSITY_DB2 = 0.02
DROP_BELOW_DB = 0.25
FLOOR = 1e-17
PILE_WEIGHT = 50.0
TURNS_DOWN = 4
SETTLING_STEPS = 20
TRIALS = 3

Watch = Callable[[int, float, tuple[Band, ...]], None]


@dataclass(frozen=True, slots=True, eq=False)
class ToneProblem:
    """A recording's spectrum and a wanted one, ready for gradients."""

    rate: int
    points_hz: Tensor
    power: Tensor
    smoothing: Tensor
    wanted_db: Tensor
    weights: Tensor
    broad: Tensor
    broad_tolerance_db: Tensor
    detail_tolerance_db: Tensor
    fill_dips: bool
    max_q: float

    @classmethod
    def of(cls, analysis: Analysis, target: Target) -> ToneProblem:
        """Set up for a recording that is not silent."""
        weights = band_weights(analysis) * (np.asarray(target.balance_db) > -150.0)
        return cls(
            analysis.rate,
            torch.from_numpy(analysis.frequencies_hz),
            torch.from_numpy(analysis.power),
            torch.from_numpy(smoothing(analysis.rate, analysis.size)),
            torch.tensor(target.balance_db, dtype=torch.float64),
            torch.from_numpy(weights),
            torch.from_numpy(broad_matrix()),
            torch.tensor(target.broad_tolerance_db, dtype=torch.float64),
            torch.tensor(target.detail_tolerance_db, dtype=torch.float64),
            target.fill_dips,
            target.max_q,
        )

    def difference_db(self) -> Tensor:
        """Wanted minus present level per band, without the common level."""
        difference = self.wanted_db - decibels(self.smoothing @ self.power, FLOOR)
        return difference - weighted_mean(difference, self.weights)

    def outside_db(self) -> float:
        """How far the recording lies outside the target's tolerance, RMS over the bands."""
        return math.sqrt(float(self.loss(torch.ones_like(self.power))))

    @property
    def negligible_db2(self) -> float:
        """Loss that is not worth a band: small against what the target tolerates anyway."""
        return max(SPARSITY_DB2, (0.05 * float(self.detail_tolerance_db.mean())) ** 2)

    def curve(self, bands: BandTensors) -> Tensor:
        """What the bands do together to the power at each spectral point."""
        return power_response(bands, self.points_hz, self.rate)

    def parts_db(self, curve: Tensor) -> tuple[Tensor, Tensor]:
        """Broad part and detail of what is missing after a curve, per band; no dip to be let be."""
        difference_db = self.wanted_db - decibels(self.smoothing @ (self.power * curve), FLOOR)
        wide, detail = broad_and_detail(difference_db, self.weights, self.broad)
        return wide, detail if self.fill_dips else detail.clamp(max=0.0)

    def loss(self, curve: Tensor) -> Tensor:
        """Long-term spectrum loss in dB^2 after an equalizer curve."""
        return long_term_spectrum(
            decibels(self.smoothing @ (self.power * curve), FLOOR),
            self.wanted_db,
            self.weights,
            self.broad,
            self.broad_tolerance_db,
            self.detail_tolerance_db,
            self.fill_dips,
        )


def band_weights(analysis: Analysis) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How much each band can be judged and heard, ``[bands]`` in [0, 1].

    Bands 50 to 70 dB (power per octave) under the strongest fade out: what is there is noise or
    what a codec left. The octaves at both ends count less.
    """
    centres_hz = band_centres_hz()
    level_db = analysis.band_db(analysis.power) + 10.0 * np.log10(centres_hz)
    audible = np.clip((level_db - level_db.max() + 70.0) / 20.0, 0.0, 1.0)
    edges = np.interp(
        np.log2(centres_hz), np.log2([20.0, 40.0, 14000.0, 20000.0]), [0.2, 1.0, 1.0, 0.2]
    )
    reach = centres_hz <= 0.45 * analysis.rate
    return np.asarray(audible * edges * reach)


class BandVariables:
    """Unbounded variables behind the bands: ``[4, bands]`` rows frequency, gain, Q, gate."""

    def __init__(
        self, bands: tuple[Band, ...], gains_db: Tensor, max_gain_db: float, max_q: float
    ) -> None:
        self.kinds = tuple(band.kind for band in bands)
        self.max_gain_db = max_gain_db
        self.anchors_hz = torch.tensor([b.frequency_hz for b in bands], dtype=torch.float64)
        shelves = torch.tensor([kind is not BandKind.BELL for kind in self.kinds])
        self.low_q = torch.full((len(bands),), LEAST_Q, dtype=torch.float64)
        high = torch.full_like(self.low_q, max_q)
        self.octaves_q = torch.where(shelves, SHELF_MAX_Q, high) / self.low_q
        self.reach = torch.where(shelves, SHELF_REACH_OCTAVES, REACH_OCTAVES).double()
        start = torch.zeros(4, len(bands), dtype=torch.float64)
        start[1] = torch.atanh((gains_db / max_gain_db).clamp(-0.9, 0.9))
        start[2] = torch.where(shelves, 0.0, -0.7)
        start[3] = 1.5
        self.values = start.requires_grad_(True)

    def set(self, values: Tensor) -> None:
        """Go to these values, as they were once."""
        with torch.no_grad():
            self.values.copy_(values)

    def tensors(self, kept: Tensor, hard: bool) -> BandTensors:
        """The bands now; with ``hard`` the kept ones have gate 1 and the others 0."""
        frequency, gain, q, gate = self.values
        soft = (1.2 * torch.sigmoid(gate) - 0.1).clamp(0.0, 1.0)
        return BandTensors(
            self.kinds,
            (self.anchors_hz * torch.pow(2.0, self.reach * torch.tanh(frequency))).clamp(
                *FREQUENCY_LIMITS_HZ
            ),
            self.max_gain_db * torch.tanh(gain),
            self.low_q * torch.pow(self.octaves_q, torch.sigmoid(q)),
            kept if hard else soft * kept,
        )


def fit_bands(
    problem: ToneProblem,
    max_gain_db: float,
    max_curve_db: float,
    max_bands: int,
    steps: int,
    watch: Watch,
) -> tuple[Band, ...]:
    """Find the fewest bands that bring the spectrum inside the tolerance.

    First all bands with soft gates and the sparsity loss, then bands that are not worth their
    place are dropped one by one while the others take over, then those that are left are fitted
    without the penalty.

    Parameters
    ----------
    problem
        What to fit.
    max_gain_db
        Largest boost or cut of one band.
    max_curve_db
        Largest boost or cut of all bands together.
    max_bands
        Most bands to keep.
    steps
        Gradient steps, without those in which it is tried how the others do without a band.
    watch
        Called after each step, and after each try, with the steps so far, the loss and the
        bands; it may raise to cancel.
    """
    layout = ChainParameters().bands
    inside = [band for band in layout if band.frequency_hz < 0.4 * problem.rate]
    start_db = 0.7 * _at(problem.difference_db(), inside)
    variables = BandVariables(tuple(inside), start_db, max_gain_db, problem.max_q)
    kept = torch.ones(len(inside), dtype=torch.float64)
    untouched = problem.outside_db() ** 2
    if untouched <= 2.0 * problem.negligible_db2:
        watch(steps, untouched, _export(layout, inside, variables.tensors(0.0 * kept, True)))
        return _export(layout, inside, variables.tensors(0.0 * kept, True))
    done = 0

    def descend(kept: Tensor, count: int, rate: float, hard: bool, told: bool = True) -> None:
        nonlocal done
        optimizer = torch.optim.Adam([variables.values], lr=rate)
        for step in range(count):
            for group in optimizer.param_groups:
                group["lr"] = rate * (0.02 + 0.98 * math.cos(0.5 * math.pi * step / count) ** 2)
            optimizer.zero_grad()
            bands = variables.tensors(kept, hard)
            curve = problem.curve(bands)
            loss = problem.loss(curve)
            # Bands piled on one spot must not get round the limit of each.
            penalty = PILE_WEIGHT * (dead_zone(decibels(curve), max_curve_db) ** 2).mean()
            if not hard:
                penalty = penalty + SPARSITY_DB2 * sparsity(bands.effective_gain_db)
            (loss + penalty).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            done += told
            if told:
                watch(done, float(loss.detach()), _export(layout, inside, bands))

    def settle(kept: Tensor) -> None:
        descend(kept, SETTLING_STEPS, 0.05, hard=True, told=False)
        bands = variables.tensors(kept, True)
        watch(
            done, float(problem.loss(problem.curve(bands)).detach()), _export(layout, inside, bands)
        )

    descend(kept, steps // 2, 0.1, hard=False)
    with torch.no_grad():
        soft = variables.tensors(kept, False)
        kept = ((soft.gate >= KEEP_GATE) & (soft.effective_gain_db.abs() >= DROP_BELOW_DB)).double()
        effective = (soft.effective_gain_db / max_gain_db).clamp(-0.99, 0.99)
        variables.values[1] = torch.where(kept > 0, torch.atanh(effective), 0.0)
    settle(kept)
    while (fewer := _without_weakest(problem, variables, kept, max_bands, settle)) is not None:
        kept = fewer
    if kept.any():
        descend(kept, steps - done, 0.05, hard=True)
    final = _within(problem, variables.tensors(kept, True), max_curve_db)
    return _export(layout, inside, final)


def _within(problem: ToneProblem, bands: BandTensors, max_curve_db: float) -> BandTensors:
    """The bands, all turned down by one factor where their sum passes the limit."""
    with torch.no_grad():
        for _ in range(TURNS_DOWN):
            highest_db = float(decibels(problem.curve(bands)).abs().max())
            if highest_db <= max_curve_db:
                break
            bands = replace(bands, gain_db=bands.gain_db * (max_curve_db / highest_db))
    return bands


def _without_weakest(
    problem: ToneProblem,
    variables: BandVariables,
    kept: Tensor,
    max_bands: int,
    settle: Callable[[Tensor], None],
) -> Tensor | None:
    """The kept bands less the one that the others make up for best, if it may go.

    The variables are left as the others have settled. Which band is missed least is judged after
    that: of two that share one job, each is missed badly until the other has taken it over.
    """
    alive = [int(i) for i in torch.nonzero(kept).flatten()]
    if not alive:
        return None

    def loss(kept: Tensor) -> float:
        with torch.no_grad():
            return float(problem.loss(problem.curve(variables.tensors(kept, True))))

    def less(index: int) -> Tensor:
        without = kept.clone()
        without[index] = 0.0
        return without

    present, start = loss(kept), variables.values.detach().clone()
    trials = []
    for without in sorted((less(index) for index in alive), key=loss)[:TRIALS]:
        settle(without)
        trials.append((loss(without) - present, without, variables.values.detach().clone()))
        variables.set(start)
    cost, without, values = min(trials, key=lambda trial: trial[0])
    if len(alive) <= max_bands and cost >= problem.negligible_db2:
        return None
    variables.set(values)
    return without


def _at(curve_db: Tensor, bands: list[Band]) -> Tensor:
    """A curve over the analysis bands, read at the bands' frequencies."""
    octaves = np.log2([band.frequency_hz for band in bands])
    values = np.interp(octaves, np.log2(band_centres_hz()), curve_db.numpy())
    return torch.from_numpy(values)


def _export(layout: tuple[Band, ...], inside: list[Band], tensors: BandTensors) -> tuple[Band, ...]:
    """Bands as plain numbers, in the layout's order.

    What is not used is the layout's band with gate 0 and gain 0 dB: the numbers a dropped band
    ended with mean nothing, and opening its gate must not surprise.
    """
    columns = (tensors.frequency_hz, tensors.gain_db, tensors.q, tensors.gate)
    rows = torch.stack(columns).detach().numpy().T.tolist()
    out = []
    for band, (hz, gain_db, q, gate) in zip(inside, rows, strict=True):
        fitted = Band(band.kind, round(hz, 2), round(gain_db, 3), round(q, 4), round(gate, 4))
        out.append(fitted if fitted.active else replace(band, gain_db=0.0, gate=0.0))
    unused = [band for band in layout if band not in inside]
    return tuple(out + [replace(band, gain_db=0.0, gate=0.0) for band in unused])
