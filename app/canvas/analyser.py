"""The live spectrum: from the last samples played to a level per column of the graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.canvas.frequency import HIGH_HZ, LOW_HZ

FLOOR_DB = -120.0
COLUMNS = 240
WINDOW_FRAMES = 8192
# Music falls by about 4.5 dB an octave; tilted by as much, a balanced mix looks level.
TILT_DB_PER_OCTAVE = 4.5
TILT_PIVOT_HZ = 1000.0


class Analyser:
    """Power spectrum on logarithmically spaced columns with fast rise and slow fall.

    A column shows its strongest bin, so that a narrow resonance stands out as much at 10 kHz as at
    100 Hz; where columns are narrower than bins it interpolates. A full-scale sine on a bin of the
    transform reads 0 dB (before the tilt).

    Parameters
    ----------
    rate
        Sample rate in Hz.
    columns
        Number of columns between 20 Hz and 20 kHz.
    fall_db_per_s
        How fast a column falls after the sound has gone.
    tilt_db_per_octave
        Slope added around 1 kHz.
    """

    def __init__(
        self,
        rate: int,
        columns: int = COLUMNS,
        fall_db_per_s: float = 30.0,
        tilt_db_per_octave: float = TILT_DB_PER_OCTAVE,
    ) -> None:
        self.rate = rate
        self._fall_db_per_s = fall_db_per_s
        edges = np.geomspace(LOW_HZ, HIGH_HZ, columns + 1)
        self.frequencies_hz = np.sqrt(edges[:-1] * edges[1:])
        bin_hz = rate / WINDOW_FRAMES
        last_bin = WINDOW_FRAMES // 2
        self._first = np.minimum(np.ceil(edges[:-1] / bin_hz).astype(np.intp), last_bin)
        self._empty = np.diff(np.ceil(edges / bin_hz)) < 1
        self._at = self.frequencies_hz / bin_hz
        self._bins = np.arange(last_bin + 1, dtype=np.float64)
        window = np.hanning(WINDOW_FRAMES + 1)[:-1].astype(np.float32)
        self._window = window * np.float32(2.0 / window.sum())
        self._tilt_db = tilt_db_per_octave * np.log2(self.frequencies_hz / TILT_PIVOT_HZ)
        self._above = self.frequencies_hz > rate / 2.0
        self.levels_db: NDArray[np.float64] = np.full(columns, FLOOR_DB)

    @property
    def quiet(self) -> bool:
        """Whether everything has fallen to the floor."""
        return bool(np.all(self.levels_db <= FLOOR_DB))

    def push(self, block: NDArray[np.floating], elapsed_s: float) -> NDArray[np.float64]:
        """Take the newest samples and move the columns on.

        Parameters
        ----------
        block
            Shape ``[channels, frames]``, the newest last; fewer than ``WINDOW_FRAMES`` frames are
            taken as if silence had come before.
        elapsed_s
            Time since the last call, for the fall.

        Returns
        -------
        ndarray
            Level of each column in dB, tilted, not below ``FLOOR_DB``.
        """
        fallen = self.levels_db - self._fall_db_per_s * elapsed_s
        self.levels_db = np.maximum(np.maximum(self._measure(block), fallen), FLOOR_DB)
        return self.levels_db

    def fall(self, elapsed_s: float) -> NDArray[np.float64]:
        """Move the columns on without new sound."""
        self.levels_db = np.maximum(self.levels_db - self._fall_db_per_s * elapsed_s, FLOOR_DB)
        return self.levels_db

    def _measure(self, block: NDArray[np.floating]) -> NDArray[np.float64]:
        frames = np.zeros((block.shape[0], WINDOW_FRAMES), np.float32)
        taken = block[:, -WINDOW_FRAMES:]
        if taken.shape[1]:
            frames[:, -taken.shape[1] :] = np.nan_to_num(taken)
        spectrum = np.fft.rfft(frames * self._window, axis=1)
        power = np.mean(spectrum.real**2 + spectrum.imag**2, axis=0, dtype=np.float64)
        power_db = 10.0 * np.log10(np.maximum(power, 1e-13))
        strongest = np.maximum.reduceat(power_db, self._first)
        between = np.interp(self._at, self._bins, power_db)
        level_db = np.where(self._empty, between, np.maximum(strongest, between)) + self._tilt_db
        level_db[self._above] = FLOOR_DB
        return level_db
