"""The compressor in torch: the exact branching detector, with a compiled forward and adjoint.

The recursion ``r[n] = w[n] + c[n] (r[n-1] - w[n])``, where ``c`` is the attack coefficient while
the wanted reduction ``w`` exceeds the present one and the release coefficient otherwise, is run
as it is; its adjoint runs the same recursion backwards over the branches that were taken. The
branch itself is continuous in ``r`` (both sides agree at ``w = r``), so the gradient is exact
almost everywhere. Upward expansion (:mod:`engine.mastering.expansion`) has a recursion of its own,
whose adjoint is that of the equation it solves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from engine.mastering.expansion import MAX_EXPANSION_DB, asked_db, expansion_db
from engine.mastering.parameters import Compressor

QUIETEST = 1e-10  # -200 dB: below it the level is held, so that silence has a zero gradient


@dataclass(frozen=True, slots=True)
class CompressorTensors:
    """Compressor settings as scalar tensors; the lookahead is fixed."""

    threshold_db: Tensor
    ratio: Tensor
    attack_ms: Tensor
    release_ms: Tensor
    knee_db: Tensor
    makeup_db: Tensor
    lookahead_ms: float = 0.0

    @classmethod
    def of(cls, parameters: Compressor) -> CompressorTensors:
        """The numbers of ``parameters``; one that is bypassed has ratio 1 and no makeup."""

        def scalar(value: float) -> Tensor:
            return torch.tensor(value, dtype=torch.float64)

        return cls(
            scalar(parameters.threshold_db),
            scalar(parameters.ratio if parameters.enabled else 1.0),
            scalar(parameters.attack_ms),
            scalar(parameters.release_ms),
            scalar(parameters.knee_db),
            scalar(parameters.makeup_db if parameters.enabled else 0.0),
            parameters.lookahead_ms,
        )


def compress(audio: Tensor, settings: CompressorTensors, rate: int) -> Tensor:
    """Compress ``[..., channels, frames]``; all channels get the same gain."""
    peaks = audio.abs().amax(-2)
    return audio * compressor_gain(peaks, settings, rate).unsqueeze(-2)


def compressor_gain(peaks: Tensor, settings: CompressorTensors, rate: int) -> Tensor:
    """Gain factors ``[..., frames]`` for peak levels (largest magnitude over the channels)."""
    ahead = round(settings.lookahead_ms * 1e-3 * rate)
    peaks = torch.nn.functional.pad(peaks, (0, ahead))
    level_db = 20.0 * torch.log10(peaks.clamp(min=QUIETEST))
    coefficients = [
        torch.exp(-1.0 / (time_ms * 1e-3 * rate))
        for time_ms in (settings.attack_ms, settings.release_ms)
    ]
    reduction: Tensor
    if float(settings.ratio.detach()) < 1.0:
        over_db, slope = level_db - settings.threshold_db, 1.0 - settings.ratio
        reduction = -_Expander.apply(  # type: ignore[no-untyped-call]
            over_db, slope, settings.knee_db, *coefficients
        )
    else:
        # The smoothing keeps proportions, so the slope may come last: then ratio 1 has a gradient.
        smooth = _Detector.apply(bent_db(level_db, settings), *coefficients)  # type: ignore[no-untyped-call]
        reduction = (1.0 - 1.0 / settings.ratio) * smooth
    gain_db = settings.makeup_db - reduction[..., ahead:]
    return torch.pow(10.0, gain_db / 20.0).to(peaks.dtype)


def bent_db(level_db: Tensor, settings: CompressorTensors) -> Tensor:
    """How far steady levels are over the threshold in dB, bent by the knee, 0 or above."""
    over = level_db - settings.threshold_db
    knee = settings.knee_db.clamp(min=1e-9)
    inside = (over + 0.5 * knee).clamp(min=0.0)
    return torch.where(inside < knee, inside**2 / (2.0 * knee), over)


def _rows(values: Tensor) -> NDArray[np.float64]:
    """``[..., frames]`` as float64 rows, from whatever device."""
    flat = values.detach().to("cpu", torch.float64).reshape(-1, values.shape[-1])
    rows: NDArray[np.float64] = flat.contiguous().numpy()
    return rows


def _like(rows: NDArray[np.float64], values: Tensor) -> Tensor:
    return torch.from_numpy(rows).reshape(values.shape).to(values)


class _Detector(torch.autograd.Function):
    """Branching attack and release smoothing of ``[..., frames]``, in float64."""

    @staticmethod
    def forward(ctx: Any, wanted: Tensor, attack: Tensor, release: Tensor) -> Tensor:
        rows = _rows(wanted)
        out = np.empty_like(rows)
        attacking = np.empty(rows.shape, dtype=np.bool_)
        _smooth(rows, float(attack), float(release), out, attacking)
        ctx.save_for_backward(wanted, attack, release)
        ctx.out, ctx.attacking = out, attacking
        return _like(out, wanted)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        wanted, attack, release = ctx.saved_tensors
        rows = _rows(wanted)
        to_wanted = np.empty_like(rows)
        to_times = np.zeros(2)
        times = (float(attack), float(release))
        _adjoint(_rows(gradients[0]), rows, ctx.out, ctx.attacking, *times, to_wanted, to_times)
        return (
            _like(to_wanted, wanted),
            attack.new_tensor(to_times[0]),
            release.new_tensor(to_times[1]),
        )


class _Expander(torch.autograd.Function):
    """Gain in dB of the expander for levels over the threshold ``[..., frames]``, in float64."""

    @staticmethod
    def forward(ctx: Any, over_db: Tensor, *numbers: Tensor) -> Tensor:
        rows = _rows(over_db)
        out = np.empty_like(rows)
        attacking = np.empty(rows.shape, dtype=np.bool_)
        _expand(rows, np.array([float(number) for number in numbers]), out, attacking)
        ctx.save_for_backward(over_db, *numbers)
        ctx.out, ctx.attacking = out, attacking
        return _like(out, over_db)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        over_db, *numbers = ctx.saved_tensors
        rows = _rows(over_db)
        to_over = np.empty_like(rows)
        to_numbers = np.zeros(4)
        values = np.array([float(number) for number in numbers])
        incoming = _rows(gradients[0])
        _expand_adjoint(incoming, rows, values, ctx.out, ctx.attacking, to_over, to_numbers)
        return (
            _like(to_over, over_db),
            *(number.new_tensor(to) for number, to in zip(numbers, to_numbers, strict=True)),
        )


@njit(cache=True, nogil=True)
def _smooth(
    wanted: NDArray[np.float64],
    attack: float,
    release: float,
    out: NDArray[np.float64],
    attacking: NDArray[np.bool_],
) -> None:
    for row in range(wanted.shape[0]):
        reduction = 0.0
        for n in range(wanted.shape[1]):
            target = wanted[row, n]
            rises = target > reduction
            reduction = target + (reduction - target) * (attack if rises else release)
            attacking[row, n] = rises
            out[row, n] = reduction


@njit(cache=True, nogil=True)
def _adjoint(
    incoming: NDArray[np.float64],
    wanted: NDArray[np.float64],
    out: NDArray[np.float64],
    attacking: NDArray[np.bool_],
    attack: float,
    release: float,
    to_wanted: NDArray[np.float64],
    to_times: NDArray[np.float64],
) -> None:
    for row in range(wanted.shape[0]):
        carried = 0.0
        for n in range(wanted.shape[1] - 1, -1, -1):
            carried += incoming[row, n]
            rises = attacking[row, n]
            coefficient = attack if rises else release
            before = out[row, n - 1] if n > 0 else 0.0
            to_times[0 if rises else 1] += carried * (before - wanted[row, n])
            to_wanted[row, n] = carried * (1.0 - coefficient)
            carried *= coefficient


@njit(cache=True, nogil=True)
def _expand(
    over_db: NDArray[np.float64],
    numbers: NDArray[np.float64],
    out: NDArray[np.float64],
    attacking: NDArray[np.bool_],
) -> None:
    slope, knee_db, attack, release = numbers
    for row in range(over_db.shape[0]):
        gain_db = 0.0
        for n in range(over_db.shape[1]):
            gain_db, rises = expansion_db(over_db[row, n], gain_db, slope, knee_db, attack, release)
            attacking[row, n] = rises
            out[row, n] = gain_db


@njit(cache=True, nogil=True)
def _expand_adjoint(
    incoming: NDArray[np.float64],
    over_db: NDArray[np.float64],
    numbers: NDArray[np.float64],
    out: NDArray[np.float64],
    attacking: NDArray[np.bool_],
    to_over: NDArray[np.float64],
    to_numbers: NDArray[np.float64],
) -> None:
    """Adjoint of ``g = c before + (1 - c) w(over + g)``, differentiated as it stands."""
    slope, knee_db, attack, release = numbers
    for row in range(over_db.shape[0]):
        carried = 0.0
        for n in range(over_db.shape[1] - 1, -1, -1):
            carried += incoming[row, n]
            gain_db, before = out[row, n], out[row, n - 1] if n > 0 else 0.0
            if gain_db >= MAX_EXPANSION_DB:
                to_over[row, n] = carried = 0.0
                continue
            rises = attacking[row, n]
            kept = attack if rises else release
            over = over_db[row, n] + gain_db
            inside = over + 0.5 * knee_db
            bent = 0.0 < inside < knee_db
            straight = inside > 0.0 and not bent
            steepness = slope * inside / knee_db if bent else slope if straight else 0.0
            carried /= 1.0 - (1.0 - kept) * steepness
            asked = asked_db(over, slope, knee_db)
            to_over[row, n] = carried * (1.0 - kept) * steepness
            to_numbers[0] += carried * (1.0 - kept) * asked / slope
            if bent:
                # d/dk of s (o + k/2)^2 / 2k
                by_knee = slope * inside * (knee_db - inside) / (2.0 * knee_db**2)
                to_numbers[1] += carried * (1.0 - kept) * by_knee
            to_numbers[2 if rises else 3] += carried * (before - asked)
            carried *= kept
