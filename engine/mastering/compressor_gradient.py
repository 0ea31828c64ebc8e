"""The compressor in torch: the exact branching detector, with a compiled forward and adjoint.

The recursion ``r[n] = w[n] + c[n] (r[n-1] - w[n])``, where ``c`` is the attack coefficient while
the wanted reduction ``w`` exceeds the present one and the release coefficient otherwise, is run
as it is; its adjoint runs the same recursion backwards over the branches that were taken. The
branch itself is continuous in ``r`` (both sides agree at ``w = r``), so the gradient is exact
almost everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

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
    wanted = wanted_reduction_db(level_db, settings)
    coefficients = [
        torch.exp(-1.0 / (time_ms * 1e-3 * rate))
        for time_ms in (settings.attack_ms, settings.release_ms)
    ]
    reduction: Tensor = _Detector.apply(wanted, *coefficients)  # type: ignore[no-untyped-call]
    gain_db = settings.makeup_db - reduction[..., ahead:]
    return torch.pow(10.0, gain_db / 20.0).to(peaks.dtype)


def wanted_reduction_db(level_db: Tensor, settings: CompressorTensors) -> Tensor:
    """Static curve: reduction in dB, 0 or above, for steady levels."""
    over = level_db - settings.threshold_db
    knee = settings.knee_db.clamp(min=1e-9)
    inside = (over + 0.5 * knee).clamp(min=0.0)
    bent = torch.where(inside < knee, inside**2 / (2.0 * knee), over)
    return (1.0 - 1.0 / settings.ratio) * bent


class _Detector(torch.autograd.Function):
    """Branching attack and release smoothing of ``[..., frames]``, in float64."""

    @staticmethod
    def forward(ctx: Any, wanted: Tensor, attack: Tensor, release: Tensor) -> Tensor:
        rows = wanted.detach().to(torch.float64).reshape(-1, wanted.shape[-1]).contiguous().numpy()
        out = np.empty_like(rows)
        attacking = np.empty(rows.shape, dtype=np.bool_)
        _smooth(rows, float(attack), float(release), out, attacking)
        ctx.save_for_backward(wanted, attack, release)
        ctx.out, ctx.attacking = out, attacking
        return torch.from_numpy(out).reshape(wanted.shape).to(wanted.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        wanted, attack, release = ctx.saved_tensors
        shape = wanted.shape
        rows = wanted.detach().to(torch.float64).reshape(-1, shape[-1]).contiguous().numpy()
        incoming = gradients[0].to(torch.float64).reshape(rows.shape).contiguous().numpy()
        to_wanted = np.empty_like(rows)
        to_times = np.zeros(2)
        times = (float(attack), float(release))
        _adjoint(incoming, rows, ctx.out, ctx.attacking, *times, to_wanted, to_times)
        return (
            torch.from_numpy(to_wanted).reshape(shape).to(wanted.dtype),
            attack.new_tensor(to_times[0]),
            release.new_tensor(to_times[1]),
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
