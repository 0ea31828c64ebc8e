"""The limiter gain that meets a loudness target, without rendering again and again.

One pass runs the chain up to the limiter and keeps a *sketch*: the K-weighted energy of every
10 ms and the peak of every millisecond. On the sketch the limiter's gain curve, and with it the
loudness after the limiter, is predicted in milliseconds of work for any gain, so the gain is
found by bisection. A rendering then tells how far the prediction was off (a few hundredths of a
LU), and the second try takes that into account.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.signal import sosfilt

from engine.audio.clip import Clip
from engine.audio.loudness import channel_weights, gated_lufs, k_sections
from engine.audio.true_peak import TruePeakMeter
from engine.mastering.analysis import section
from engine.mastering.chain import ResidualProcessor, render_blocks
from engine.mastering.parameters import ChainParameters, Limiter
from engine.mastering.ranges import PARAM_RANGES
from engine.tasks import Context

if TYPE_CHECKING:
    from engine.audio.store import StoredAudio

BLOCK_FRAMES = 65536
TICKS_PER_STEP = 10
STEPS_PER_WINDOW = 40
STEPS_PER_HOP = 10
TOLERANCE_LU = 0.05
MAX_GAIN_DB = 24.0
MAX_REDUCTION_DB = 6.0
BISECTIONS = 30

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LoudnessSolution:
    """A limiter gain, the loudness it is expected to give, and whether that is the target.

    ``reduction_db`` is what the limiter will take off the highest peak. ``note`` says why the
    target is not reached, in a sentence for the user; empty when it is.
    """

    gain_db: float
    expected_lufs: float
    reduction_db: float
    reached: bool
    note: str = ""


def blocks_of(
    audio: Clip | StoredAudio, context: Context | None = None, text: str = "Reading"
) -> Iterator[NDArray[np.floating]]:
    """The audio in blocks ``[channels, n]``, reporting and cancellable between them."""
    context = context or Context()
    for start in range(0, audio.frames, BLOCK_FRAMES):
        context.checkpoint()
        context.report(start, audio.frames, text)
        yield section(audio, start, min(start + BLOCK_FRAMES, audio.frames)).samples


class LoudnessSketch:
    """Energies and peaks of a signal before the limiter; memory grows by 17 MB an hour.

    Parameters
    ----------
    blocks
        The signal, arrays ``[channels, n]``.
    rate, channels
        Of the signal.
    """

    def __init__(self, blocks: Iterable[NDArray[np.floating]], rate: int, channels: int) -> None:
        self._tick_frames = max(1, round(rate / 1000))
        self._tick_ms = 1000.0 * self._tick_frames / rate
        step_frames = self._tick_frames * TICKS_PER_STEP
        sos = k_sections(rate)
        memory = np.zeros((2, channels, 2))
        weights = np.array(channel_weights(channels))[:, None]
        true_peak = TruePeakMeter(channels, rate)
        rest: NDArray[np.floating] = np.zeros((channels, 0))
        energies: list[Floats] = []
        peaks: list[NDArray[np.float32]] = []
        for block in blocks:
            true_peak.push(block)
            joined = np.concatenate([rest, block], axis=1)
            whole = joined.shape[1] // step_frames * step_frames
            rest = joined[:, whole:]
            if not whole:
                continue
            part = joined[:, :whole]
            weighted, memory = sosfilt(sos, part, axis=1, zi=memory)
            energy = (weighted**2 * weights).sum(axis=0)
            energies.append(energy.reshape(-1, step_frames).mean(axis=1))
            loudest = np.abs(part).max(axis=0).reshape(-1, self._tick_frames).max(axis=1)
            peaks.append(loudest.astype(np.float32))
        self._energies = np.concatenate([*energies, np.zeros(0)])
        self._peaks = np.concatenate([*peaks, np.zeros(0, np.float32)])
        self.true_peak_dbtp = float(true_peak.result().max(initial=-math.inf))
        self.lufs = self.lufs_after(0.0, replace(Limiter(), enabled=False))

    def lufs_after(self, gain_db: float, limiter: Limiter) -> float:
        """Integrated loudness expected after ``limiter`` with this gain; -inf when gated."""
        return gated_lufs(self.windows_after(gain_db, limiter))

    def windows_after(self, gain_db: float, limiter: Limiter) -> Floats:
        """Energies of the 400 ms windows expected after ``limiter`` with this gain."""
        factor = 10.0 ** (gain_db / 20.0)
        energies = self._energies * factor**2
        ceiling = 10.0 ** (limiter.ceiling_dbtp / 20.0)
        if limiter.enabled and factor * self._peaks.max(initial=0.0) > ceiling:
            window = max(1, round(limiter.lookahead_ms / self._tick_ms))
            release = math.exp(-self._tick_ms / limiter.release_ms)
            gains = _gain_curve(self._peaks, ceiling / factor, window, release)
            energies = energies * (gains**2).reshape(-1, TICKS_PER_STEP).mean(axis=1)
        total = np.concatenate([[0.0], np.cumsum(energies)])
        first = np.arange(0, max(energies.size - STEPS_PER_WINDOW + 1, 0), STEPS_PER_HOP)
        return np.asarray((total[first + STEPS_PER_WINDOW] - total[first]) / STEPS_PER_WINDOW)


class LoudnessSolver:
    """Finds the limiter gain for one recording and one setting of the other stages.

    Parameters
    ----------
    audio
        The recording; read once, in blocks.
    parameters
        The chain. The limiter's times and ceiling count, its gain is what is sought.
    context
        For progress and cancel.
    residual
        The network's stage where the chain has one.
    """

    def __init__(
        self,
        audio: Clip | StoredAudio,
        parameters: ChainParameters,
        context: Context | None = None,
        residual: ResidualProcessor | None = None,
    ) -> None:
        self._limiter = parameters.limiter
        open_chain = replace(parameters, limiter=replace(Limiter(), gain_db=0.0, enabled=False))
        blocks = blocks_of(audio, context, "Measuring before the limiter")
        rendered = render_blocks(blocks, audio.rate, audio.channels, open_chain, residual)
        self._sketch = LoudnessSketch(rendered, audio.rate, audio.channels)
        self._correction_lu = 0.0

    @property
    def lufs(self) -> float:
        """Integrated loudness before the limiter and its gain."""
        return self._sketch.lufs

    def windows_at(self, gain_db: float) -> Floats:
        """Energies of the 400 ms windows to expect of a given gain."""
        correction = 10.0 ** (self._correction_lu / 10.0)
        return np.asarray(self._sketch.windows_after(gain_db, self._limiter) * correction)

    def highest_db(self, max_reduction_db: float = MAX_REDUCTION_DB) -> float:
        """The most gain for which the limiter takes no more than this off a peak.

        With the limiter bypassed, the most for which no peak passes its ceiling.
        """
        reduction_db = max_reduction_db if self._limiter.enabled else 0.0
        return self._limiter.ceiling_dbtp - self._sketch.true_peak_dbtp + reduction_db

    def learn(self, gain_db: float, measured_lufs: float) -> None:
        """Take into account what a rendering with this gain really measured."""
        expected_lufs = self._sketch.lufs_after(gain_db, self._limiter)
        if math.isfinite(measured_lufs) and math.isfinite(expected_lufs):
            self._correction_lu = measured_lufs - expected_lufs

    def solve(
        self, target_lufs: float, max_reduction_db: float = MAX_REDUCTION_DB
    ) -> LoudnessSolution:
        """The gain for a target.

        Stops short, and says so, where the limiter would have to take more than
        ``max_reduction_db`` off a peak (with the limiter bypassed, where a peak would pass its
        ceiling) or the gain would pass +24 dB. Silence gets no gain.
        """
        sketch, limiter = self._sketch, self._limiter
        if not math.isfinite(sketch.lufs):
            note = "Too quiet or too short to have a loudness: the level is left as it is."
            return replace(self.at(0.0), reached=False, note=note)
        reduction_cap_db = self.highest_db(max_reduction_db)
        lowest_db = PARAM_RANGES["limiter.gain_db"].low
        highest_db = max(min(MAX_GAIN_DB, reduction_cap_db), lowest_db)
        highest = self.at(highest_db)
        if highest.expected_lufs < target_lufs - TOLERANCE_LU:
            need = f"more than {MAX_GAIN_DB:g} dB of gain"
            if reduction_cap_db < MAX_GAIN_DB:
                off = f"more than {max_reduction_db:g} dB off the peaks"
                need = off if limiter.enabled else "the limiter, which is bypassed"
            note = (
                f"Stopped at {highest.expected_lufs:.1f} LUFS: "
                f"{target_lufs:g} LUFS would take {need}."
            )
            return replace(highest, reached=False, note=note)
        low_db, high_db = lowest_db, highest_db
        for _ in range(BISECTIONS):
            middle_db = 0.5 * (low_db + high_db)
            if self.at(middle_db).expected_lufs < target_lufs:
                low_db = middle_db
            else:
                high_db = middle_db
        solution = self.at(high_db)
        if abs(solution.expected_lufs - target_lufs) <= TOLERANCE_LU:
            return solution
        note = f"The quietest that can be reached is {solution.expected_lufs:.1f} LUFS."
        return replace(solution, reached=False, note=note)

    def at(self, gain_db: float) -> LoudnessSolution:
        """What to expect of a given gain."""
        lufs = self._sketch.lufs_after(gain_db, self._limiter) + self._correction_lu
        over_db = self._sketch.true_peak_dbtp + gain_db - self._limiter.ceiling_dbtp
        reduction_db = max(over_db, 0.0) if self._limiter.enabled else 0.0
        return LoudnessSolution(gain_db, lufs, reduction_db, True)


@njit(cache=True, nogil=True)
def _gain_curve(
    peaks: NDArray[np.float32], ceiling: float, window: int, release: float
) -> NDArray[np.float64]:
    """The limiter's gain per tick: least over the lookahead, exponential release, smoothed."""
    count = peaks.size
    out = np.empty(count)
    gain = 1.0
    for n in range(count):
        limit = 1.0
        for ahead in range(n, min(n + window + 1, count)):
            if peaks[ahead] > ceiling:
                limit = min(limit, ceiling / peaks[ahead])
        gain = min(limit, limit - (limit - gain) * release)
        out[n] = gain
    # The released gain leads by the window and is averaged over it, so that it is never late.
    total = 0.0
    smoothed = np.empty(count)
    for n in range(count):
        total += out[n]
        if n > window:
            total -= out[n - window - 1]
        smoothed[n] = total / min(n + 1, window + 1)
    return smoothed
