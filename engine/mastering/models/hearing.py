"""What a model hears of a recording: its windows as rows, and statistics of every band over them.

Tonal balance is judged by long-term statistics; a network that had to rebuild them from its own
channels would lose their resolution, and would learn songs by heart. They are computed here once,
and an equalizer only shifts some of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.mastering.models.features import (
    BANDS,
    FLOOR_DB,
    HOP_S,
    NORMAL_LUFS,
    Features,
    k_gains,
)

STATISTICS = 7
SHIFTED = 4
"""The first rows of the statistics, those that are levels: an equalizer adds its curve to them."""

ROWS = 2 * BANDS + 3
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
DYNAMICS = 4 * len(LEVELS)
MOMENTARY_FRAMES = 9  # 0.4 s
BLOCK_S = 2.5
LOUD_LU = 15.0
LEAST_SIDE_DB = -40.0
LOWEST_ROW_DB = -110.0
EMPTY_DB = FLOOR_DB + 1.0

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """Statistics of the mid signal's bands over the loud frames of one or several windows.

    Parameters
    ----------
    rows
        ``[STATISTICS, BANDS]`` float32: mean power in dB, 10, 50 and 90 % quantiles in dB,
        standard deviation over frames, over blocks of ``BLOCK_S``, and side over mid in dB.
    """

    rows: Floats

    @property
    def lufs(self) -> float:
        """K-weighted loudness of the mean power."""
        power = 10.0 ** (self.rows[0] / 10.0)
        return float(-0.691 + 10.0 * np.log10(max(2.0 * float(k_gains() @ power), 1e-12)))

    def equalized(self, curve_db: NDArray[np.floating]) -> Statistics:
        """After an equalizer with this gain in each band, ``[BANDS]``.

        Where there was nothing there is nothing afterwards: a floor that moved would tell.
        """
        rows = self.rows.copy()
        levels = rows[:SHIFTED]
        heard = levels > EMPTY_DB
        np.add(levels, np.asarray(curve_db, np.float32), out=levels, where=heard)
        return Statistics(rows)

    def normalised(self) -> Statistics:
        """At -23 LUFS."""
        rows = self.rows.copy()
        rows[:SHIFTED] += np.float32(NORMAL_LUFS - max(self.lufs, -70.0))
        return Statistics(rows)


def statistics(features: Features) -> Statistics:
    """Statistics of one window."""
    mid_db, side_db = features.mel_db
    loudness = features.loudness
    heard = loudness > features.lufs - LOUD_LU
    if heard.sum() > 4:
        mid_db, side_db = mid_db[:, heard], side_db[:, heard]
    power = 10.0 ** (mid_db / 10.0)
    mean = power.mean(axis=1)
    side = (10.0 ** (side_db / 10.0)).mean(axis=1) / mean
    blocks = max(2, round(power.shape[1] * HOP_S / BLOCK_S))
    parts = [part.mean(axis=1) for part in np.array_split(power, blocks, axis=1) if part.size]
    rows = (
        10.0 * np.log10(mean),
        *np.quantile(mid_db, (0.1, 0.5, 0.9), axis=1),
        mid_db.std(axis=1),
        (10.0 * np.log10(np.stack(parts))).std(axis=0),
        np.maximum(10.0 * np.log10(side), LEAST_SIDE_DB),
    )
    return Statistics(np.asarray(np.stack(rows), np.float32))


def pooled(windows: Sequence[Statistics], weights: Sequence[float] = ()) -> Statistics:
    """Statistics of several windows together.

    Powers are averaged as powers, the rest as it is; blocks in different windows differ by what
    they differ within and by what the windows do.
    """
    share = np.asarray(weights or np.ones(len(windows)), np.float64)
    share = share / share.sum()
    stack = np.stack([window.rows for window in windows]).astype(np.float64)
    rows = np.tensordot(share, stack, axes=1)
    rows[0] = 10.0 * np.log10(np.tensordot(share, 10.0 ** (stack[:, 0] / 10.0), axes=1))
    between = np.tensordot(share, (stack[:, 0] - np.tensordot(share, stack[:, 0], axes=1)) ** 2, 1)
    within = np.tensordot(share, stack[:, 5] ** 2, axes=1)
    rows[5] = np.sqrt(within + between)
    return Statistics(np.asarray(rows, np.float32))


def dynamics(features: Features) -> Floats:
    """How the level of a window moves, ``[DYNAMICS]``.

    Quantiles over the loud frames of: momentary and frame loudness, each in LU from the window's
    loudness; sample peak and loudest 5 ms over the frame's loudness, in dB. Compression narrows
    the first two and lowers the others.
    """
    loudness = features.loudness
    power = 10.0 ** (loudness / 10.0)
    box = np.ones(MOMENTARY_FRAMES, np.float32) / MOMENTARY_FRAMES
    smooth = power if len(power) < MOMENTARY_FRAMES else np.convolve(power, box, "valid")
    momentary = 10.0 * np.log10(smooth)
    heard = loudness > features.lufs - LOUD_LU
    if heard.sum() <= 4:
        heard[:] = True
    rows = np.stack(
        (loudness - features.lufs, features.peak_db - loudness, features.fast_db - loudness)
    )
    quantiles = np.quantile(rows[:, heard], LEVELS, axis=1).T
    first = np.quantile(momentary - features.lufs, LEVELS)
    return np.concatenate((first, *quantiles)).astype(np.float32)


def rows_of(features: Features) -> tuple[Floats, float]:
    """What the temporal network takes of a window: ``[ROWS, frames]`` at -23 LUFS, and its LUFS."""
    lufs = max(features.lufs, -70.0)
    tracks = np.stack((features.loudness, features.peak_db, features.fast_db))
    rows = np.concatenate((features.mel_db.reshape(2 * BANDS, -1), tracks)) + (NORMAL_LUFS - lufs)
    return np.maximum(rows, np.float32(LOWEST_ROW_DB)), lufs
