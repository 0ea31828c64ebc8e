"""What a meter bridge reads from a running stereo signal; no drawing, no Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PEAK_FALL_DB_PER_S = 20.0  # IEC 60268-18
HOLD_S = 2.0
AVERAGE_S = 0.3
SILENT_POWER = 1e-10
NOTHING = -math.inf


@dataclass(frozen=True, slots=True)
class Levels:
    """Fast readings of one moment; sequences have one entry per channel, in dBFS."""

    peak_db: tuple[float, ...]
    hold_db: tuple[float, ...]
    rms_db: tuple[float, ...]
    max_db: tuple[float, ...]
    clipped: tuple[bool, ...]
    correlation: float


class LevelMeter:
    """Peak with fall and hold, RMS over 0.3 s, clip lamps and correlation.

    RMS is that of the samples: a full-scale sine reads -3 dBFS.

    Parameters
    ----------
    rate
        Sample rate in Hz.
    channels
        Number of channels; correlation is of the first two.
    """

    def __init__(self, rate: int, channels: int = 2) -> None:
        self.rate = rate
        self.channels = channels
        self._peak_db = np.full(channels, NOTHING)
        self._power = np.zeros(channels)
        self._cross = 0.0
        self.reset()

    def reset(self) -> None:
        """Put out the lamps and forget the largest levels."""
        self._hold_db = np.full(self.channels, NOTHING)
        self._held_s = np.zeros(self.channels)
        self._max_db = np.full(self.channels, NOTHING)
        self._clipped = np.zeros(self.channels, bool)

    def push(self, block: NDArray[np.floating], elapsed_s: float) -> Levels:
        """Take what was played since the last call.

        Parameters
        ----------
        block
            Shape ``[channels, n]``; n may be 0.
        elapsed_s
            Time since the last call, by which the bars fall.
        """
        clean = np.nan_to_num(block.astype(np.float64), posinf=0.0, neginf=0.0)
        now_db = np.full(self.channels, NOTHING)
        if clean.shape[1]:
            peaks = np.abs(clean).max(axis=1)
            with np.errstate(divide="ignore"):
                now_db = 20.0 * np.log10(peaks)
            # One step of 16 bits below full scale: a clipped 16-bit file never reaches 1.0.
            self._clipped |= peaks >= 1.0 - 1.0 / 32768.0
            self._average(clean)
        else:
            keep = math.exp(-elapsed_s / AVERAGE_S)
            self._power, self._cross = self._power * keep, self._cross * keep
        self._peak_db = np.maximum(now_db, self._peak_db - PEAK_FALL_DB_PER_S * elapsed_s)
        self._max_db = np.maximum(self._max_db, now_db)
        self._held_s += elapsed_s
        renewed = (self._peak_db >= self._hold_db) | (self._held_s > HOLD_S)
        self._hold_db = np.where(renewed, self._peak_db, self._hold_db)
        self._held_s[self._peak_db >= self._hold_db] = 0.0
        return self._levels()

    def _average(self, block: NDArray[np.float64]) -> None:
        frames = block.shape[1]
        keep = math.exp(-frames / self.rate / AVERAGE_S)
        self._power = keep * self._power + (1.0 - keep) * np.mean(block**2, axis=1)
        if self.channels > 1:
            self._cross = keep * self._cross + (1.0 - keep) * float(np.mean(block[0] * block[1]))

    def _levels(self) -> Levels:
        with np.errstate(divide="ignore"):
            rms_db = np.where(self._power > SILENT_POWER, 10.0 * np.log10(self._power), NOTHING)
        return Levels(
            tuple(self._peak_db.tolist()),
            tuple(self._hold_db.tolist()),
            tuple(rms_db.tolist()),
            tuple(self._max_db.tolist()),
            tuple(self._clipped.tolist()),
            self._correlation(),
        )

    def _correlation(self) -> float:
        if self.channels < 2 or min(self._power[:2]) <= SILENT_POWER:
            return math.nan
        value = self._cross / math.sqrt(self._power[0] * self._power[1])
        return min(max(value, -1.0), 1.0)
