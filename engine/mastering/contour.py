"""Dynamics brought back to those of the same recording, window by window.

Where a reference is the recording itself, how its loudness moves is known for every moment. A
compressor, or its inverse (ratio below 1), is fitted so that the recording's moves alike:
threshold, ratio, knee, attack and release by gradient through the exact detector.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.signal import sosfilt
from torch import Tensor

from engine.audio.clip import Clip
from engine.audio.loudness import k_sections
from engine.mastering.analysis import MAX_WINDOWS, WINDOWS_PER_BLOCK, Analysis, section
from engine.mastering.compressor_gradient import CompressorTensors, compressor_gain
from engine.mastering.differentiable import BandTensors, equalize
from engine.mastering.losses import decibels
from engine.mastering.parameters import Band, Compressor
from engine.mastering.ranges import PARAM_RANGES

if TYPE_CHECKING:
    from engine.audio.store import StoredAudio

RUNS = 5
WARM_WINDOWS = 4
REACH_LU = 25.0
DECIMATION = 4
STEPS = (60, 15)
RATES = (0.12, 0.04)
LEAST_WINDOWS = 8
LEAST_ERROR_LU = 0.15
LEAST_GAIN = 0.85
QUANTILES = (0.05, 0.3, 0.6, 0.85)
RATIOS = (0.3, 0.5, 0.7, 0.85, 1.2, 1.6, 2.5, 4.0)
TIMES_MS = (12.0, 150.0)

Watch = Callable[[int, float, Compressor], None]


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Passages of a recording and the loudness wanted in each window of them.

    Parameters
    ----------
    rate
        Of the rows below, in Hz.
    peaks, energy
        Largest magnitude and K-weighted energy of all channels, ``[runs, frames]``.
    window
        Weights of one window, ``[size]``.
    hop
        From window to window.
    wanted_db, weights
        Level of each window, and whether it counts, ``[runs, windows]``.
    """

    rate: float
    peaks: Tensor
    energy: Tensor
    window: Tensor
    hop: int
    wanted_db: Tensor
    weights: Tensor

    def error_db2(self, gain: Tensor) -> Tensor:
        """Mean square by which the windows' levels differ from what is wanted, without the mean."""
        rows = (self.energy * gain**2).unfold(-1, self.window.numel(), self.hop)
        difference = decibels(rows @ self.window, 1e-12) - self.wanted_db
        total = self.weights.sum()
        rest = difference - (difference * self.weights).sum() / total
        return (rest**2 * self.weights).sum() / total

    def coarser(self, factor: int) -> Runs:
        """The same at a fraction of the rate: largest peak and mean energy of each group."""
        frames = self.peaks.shape[-1] // factor * factor
        groups = (self.peaks.shape[0], frames // factor, factor)
        size = self.window.numel() // factor
        window = torch.from_numpy(np.hanning(size + 1)[:-1] ** 2).to(self.window)
        return replace(
            self,
            rate=self.rate / factor,
            peaks=self.peaks[:, :frames].reshape(groups).amax(-1),
            energy=self.energy[:, :frames].reshape(groups).mean(-1),
            window=window / window.sum(),
            hop=self.hop // factor,
        )


def window_starts(analysis: Analysis) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """First frame of each window of the contour; those of an hour leave out most of it."""
    hop = analysis.size // 2
    windows = max(1, -(-max(analysis.frames - hop, 1) // hop))
    stride = -(-windows // MAX_WINDOWS)
    blocks = np.arange(0, windows, WINDOWS_PER_BLOCK * stride)
    numbers = blocks[:, None] + np.arange(WINDOWS_PER_BLOCK)
    return np.asarray(numbers[numbers < windows] * hop)


def take_runs(
    audio: Clip | StoredAudio,
    analysis: Analysis,
    wanted_lufs: tuple[float, ...],
    bands: tuple[Band, ...],
) -> Runs | None:
    """Passages of some seconds spread over the recording, equalized; None if there is too little.

    The whole of it where it is no longer than they would be.
    """
    wanted = np.asarray(wanted_lufs)
    if wanted.size != analysis.contour_lufs.size or wanted.size < LEAST_WINDOWS:
        return None
    hop, size, rate = analysis.size // 2, analysis.size, analysis.rate
    length = min(WINDOWS_PER_BLOCK, wanted.size)
    counts = analysis.loud & (wanted > wanted.max() - REACH_LU)
    blocks = range(0, wanted.size - length + 1, WINDOWS_PER_BLOCK)
    heard = [first for first in blocks if counts[first : first + length].sum() >= length // 4]
    if not heard:
        return None
    chosen = [heard[i] for i in np.unique(np.linspace(0, len(heard) - 1, RUNS).round().astype(int))]
    starts = window_starts(analysis)
    frames = (length - 1) * hop + size
    sound = np.zeros((len(chosen), min(analysis.channels, 2), frames), np.float32)
    for row, first in zip(sound, chosen, strict=True):
        part = section(audio, int(starts[first]), min(int(starts[first]) + frames, audio.frames))
        row[:, : part.frames] = part.samples[: len(row)]
    equalized = equalize(
        torch.from_numpy(sound), BandTensors.of(tuple(b for b in bands if b.active)), rate
    )
    weighted = torch.from_numpy(sosfilt(k_sections(rate), equalized.numpy()).astype(np.float32))
    window = torch.from_numpy(np.hanning(size + 1)[:-1].astype(np.float32) ** 2)
    weights = np.stack([counts[first : first + length] for first in chosen]).astype(np.float32)
    for row_weights, first in zip(weights, chosen, strict=True):
        # The detector starts cold in the middle of a song.
        row_weights[: WARM_WINDOWS if starts[first] > 0 else 0] = 0.0
    if weights.sum() < LEAST_WINDOWS:
        return None
    return Runs(
        rate,
        equalized.abs().amax(-2),
        (weighted**2).sum(-2),
        window / window.sum(),
        hop,
        torch.from_numpy(np.stack([wanted[f : f + length] for f in chosen]).astype(np.float32)),
        torch.from_numpy(weights),
    )


def follow(runs: Runs, max_ratio: float, off: Compressor, watch: Watch) -> tuple[Compressor, str]:
    """Compressor or expander after which the loudness moves as wanted, and why.

    It is left out where it would not take away a good part of the difference.
    """
    before = math.sqrt(float(runs.error_db2(torch.ones(()))))
    if before < LEAST_ERROR_LU:
        return off, "The loudness moves as in the reference."
    coarse = runs.coarser(DECIMATION)
    start = _best_of_grid(coarse, max_ratio, off)
    found = start
    # The largest peak of a group overstates high frequencies, so the last steps are at full rate.
    for each, steps, rate in zip((coarse, runs), STEPS, RATES, strict=True):
        found = _descend(each, found, max_ratio, steps, rate, watch)
    after = math.sqrt(float(_error(runs, found)))
    if after > LEAST_GAIN * before:
        return off, "No compressor or expander makes the loudness move as in the reference."
    what = "Compressed" if found.ratio > 1.0 else "Expanded upwards"
    return found, (
        f"{what} {found.ratio:.2f}:1 above {found.threshold_db:.1f} dB: the loudness moves within"
        f" {after:.1f} LU of the reference's instead of {before:.1f} LU."
    )


@torch.no_grad()
def _error(runs: Runs, settings: Compressor) -> Tensor:
    gain = compressor_gain(runs.peaks, CompressorTensors.of(settings), round(runs.rate))
    return runs.error_db2(gain)


def _best_of_grid(runs: Runs, max_ratio: float, off: Compressor) -> Compressor:
    """The best of some thresholds and ratios: the error has more than one valley."""
    levels_db = decibels(runs.peaks.flatten()[::20] ** 2)
    levels_db = levels_db[levels_db > -60.0]
    if not levels_db.numel():
        return off
    limits = PARAM_RANGES["compressor.ratio"]
    attack_ms, release_ms = TIMES_MS
    begin = replace(off, attack_ms=attack_ms, release_ms=release_ms)
    tries = [
        replace(begin, threshold_db=float(torch.quantile(levels_db, q)), ratio=ratio)
        for q in QUANTILES
        for ratio in RATIOS
        if ratio <= min(max_ratio, limits.high)
    ]
    return min(tries, key=lambda each: float(_error(runs, each)))


def _descend(
    runs: Runs, start: Compressor, max_ratio: float, steps: int, rate: float, watch: Watch
) -> Compressor:
    logs = [start.ratio, start.attack_ms, start.release_ms]
    values = torch.tensor(
        [start.threshold_db / 10.0, start.knee_db / 10.0, *np.log(logs)],
        dtype=torch.float64,
        requires_grad=True,
    )
    optimizer = torch.optim.Adam([values], lr=rate)
    ranges = [PARAM_RANGES[f"compressor.{name}"] for name in ("ratio", "attack_ms", "release_ms")]
    lowest = torch.tensor([-6.0, 0.05, *(math.log(each.low) for each in ranges)])
    highest = torch.tensor(
        [0.0, 1.2, math.log(max_ratio), *(math.log(each.high) for each in ranges[1:])]
    )
    fixed = CompressorTensors.of(start)
    best, best_loss = start, math.inf
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * (0.1 + 0.9 * math.cos(0.5 * math.pi * step / steps) ** 2)
        optimizer.zero_grad()
        ratio, attack_ms, release_ms = torch.exp(values[2:])
        settings = replace(
            fixed,
            threshold_db=10.0 * values[0],
            knee_db=10.0 * values[1],
            ratio=ratio,
            attack_ms=attack_ms,
            release_ms=release_ms,
        )
        loss = runs.error_db2(compressor_gain(runs.peaks, settings, round(runs.rate)))
        now = _export(values, start)
        if float(loss.detach()) < best_loss:
            best, best_loss = now, float(loss.detach())
        watch(step, float(loss.detach()), now)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            values.clamp_(lowest, highest)
    return best


def _export(values: Tensor, start: Compressor) -> Compressor:
    threshold_db, knee_db = (10.0 * values.detach()[:2]).tolist()
    ratio, attack_ms, release_ms = torch.exp(values.detach()[2:]).tolist()
    return replace(
        start,
        threshold_db=round(PARAM_RANGES["compressor.threshold_db"].clamp(threshold_db), 2),
        knee_db=round(knee_db, 2),
        ratio=round(PARAM_RANGES["compressor.ratio"].clamp(ratio), 3),
        attack_ms=round(PARAM_RANGES["compressor.attack_ms"].clamp(attack_ms), 2),
        release_ms=round(PARAM_RANGES["compressor.release_ms"].clamp(release_ms), 1),
    )
