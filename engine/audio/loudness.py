"""Loudness: ITU-R BS.1770-4 and EBU R 128 (Tech 3341, Tech 3342), whole clips and streams."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.audio.clip import Clip
from engine.audio.true_peak import BLOCK_FRAMES, TruePeakMeter, finite

OFFSET_LUFS = -0.691  # makes a 997 Hz sine at 0 dBFS in one channel read -3.01 LUFS
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
RANGE_GATE_LU = -20.0
RANGE_PERCENTILES = (10.0, 95.0)

STEPS_PER_S = 100  # windows slide in steps of 10 ms, fine enough for Tech 3341's cases 13 and 14
STEPS_PER_BLOCK = 10  # gating blocks and the stored series advance by 100 ms
BLOCKS_MOMENTARY = 4
BLOCKS_SHORT_TERM = 30

_HIGHEST_ANGLE = 1.4  # of the bilinear transform; at pi / 2 a filter's corner meets half the rate
_SURROUND = 1.41
_WEIGHTS: dict[int, tuple[float, ...]] = {
    3: (1.0, 1.0, 1.0),
    4: (1.0, 1.0, _SURROUND, _SURROUND),
    5: (1.0, 1.0, 1.0, _SURROUND, _SURROUND),
    6: (1.0, 1.0, 1.0, 0.0, _SURROUND, _SURROUND),
    7: (1.0, 1.0, 1.0, 0.0, 1.0, _SURROUND, _SURROUND),
    8: (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, _SURROUND, _SURROUND),
}


@dataclass(frozen=True, slots=True)
class Loudness:
    """What a loudness meter says of a programme; -inf where there is nothing to measure."""

    integrated_lufs: float
    range_lu: float
    max_momentary_lufs: float
    max_short_term_lufs: float
    true_peak_dbtp: float
    sample_peak_dbfs: float

    @property
    def note(self) -> str:
        """Why the integrated loudness is -inf, as a sentence; empty where it is a number."""
        if self.integrated_lufs > -math.inf:
            return ""
        if self.sample_peak_dbfs == -math.inf:
            return "Digital silence has no loudness."
        if self.max_momentary_lufs == -math.inf:
            return "Shorter than 400 ms: too short for an integrated loudness."
        return "Never louder than -70 LUFS: all of it lies below the absolute gate."


class LoudnessSeries(NamedTuple):
    """Loudness over time, one value per 100 ms; a window that is not full yet reads -inf.

    ``times_s`` are the ends of the windows.
    """

    times_s: NDArray[np.float64]
    momentary_lufs: NDArray[np.float64]
    short_term_lufs: NDArray[np.float64]


def k_weighting(rate: int) -> NDArray[np.float64]:
    """Coefficients of the K filter at any sample rate.

    Parameters
    ----------
    rate
        Sample rate in Hz.

    Returns
    -------
    ndarray
        ``[2, 5]``: b0, b1, b2, a1, a2 of the shelf and of the high-pass.

    Notes
    -----
    BS.1770-4 tabulates 48 kHz only; there the table is used. Elsewhere the analogue prototypes
    behind it (B. De Man, "Evaluation of Implementations of the EBU R128 Loudness Measurement",
    AES 145, 2018) go through the bilinear transform, pre-warped at their own frequencies. The
    high-pass keeps the table's numerator 1, -2, 1, as other meters do: below 500 Hz that adds 0.22
    dB at 8 kHz, 0.09 dB at 16 kHz and nothing from 44.1 kHz on; at 1 kHz it makes up for what the
    transform takes from the shelf. Below about 4 kHz the shelf does not fit under half the rate; it
    is moved down to stay stable, and the loudness is an indication only.
    """
    if rate == 48_000:
        numerator = (1.53512485958697, -2.69169618940638, 1.19839281085285)
        denominator = (-1.69065929318241, 0.73248077421585)
        return np.array(
            [
                [*numerator, *denominator],
                [1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621],
            ]
        )
    high, q, warped = 10.0 ** (3.999843853973347 / 20.0), 0.7071752369554196, 1681.974450955533
    k = math.tan(min(math.pi * warped / rate, _HIGHEST_ANGLE))
    middle = high**0.4996667741545416
    norm = 1.0 + k / q + k * k
    a1, a2 = 2.0 * (k * k - 1.0) / norm, (1.0 - k / q + k * k) / norm
    shelf = [
        (high + middle * k / q + k * k) / norm,
        2.0 * (k * k - high) / norm,
        (high - middle * k / q + k * k) / norm,
        a1,
        a2,
    ]
    q = 0.5003270373238773
    k = math.tan(min(math.pi * 38.13547087602444 / rate, _HIGHEST_ANGLE))
    norm = 1.0 + k / q + k * k
    high_pass = [1.0, -2.0, 1.0, 2.0 * (k * k - 1.0) / norm, (1.0 - k / q + k * k) / norm]
    return np.array([shelf, high_pass])


def k_sections(rate: int) -> NDArray[np.float64]:
    """The K filter as second-order sections ``[2, 6]`` for ``scipy.signal``."""
    return np.insert(k_weighting(rate), 3, 1.0, axis=1)


def channel_weights(channels: int) -> tuple[float, ...]:
    """Energy weight of each channel, for the usual order of so many channels.

    Orders: L R C; L R Ls Rs; L R C Ls Rs; L R C LFE Ls Rs (5.1); L R C LFE Cb Ls Rs (6.1);
    L R C LFE Lb Rb Ls Rs (7.1). Channels at 60 to 120 degrees weigh 1.41, behind that 1 and the LFE
    nothing (BS.1770-4, Annexes 1 and 3). More channels than 8 all weigh 1.
    """
    return _WEIGHTS.get(channels, (1.0,) * channels)


def _lufs(energy: float) -> float:
    """Loudness of a mean weighted square; -inf for zero."""
    return OFFSET_LUFS + 10.0 * math.log10(energy) if energy > 0.0 else -math.inf


def _lufs_series(energies: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.asarray(OFFSET_LUFS + 10.0 * np.log10(energies))


def _energy(lufs: float) -> float:
    return float(10.0 ** ((lufs - OFFSET_LUFS) / 10.0))


def _above(energies: NDArray[np.float64], relative_lu: float) -> NDArray[np.float64]:
    """Energies that pass the absolute and then the relative gate."""
    loud = energies[energies >= _energy(ABSOLUTE_GATE_LUFS)]
    if not loud.size:
        return loud
    return np.asarray(loud[loud >= loud.mean() * 10.0 ** (relative_lu / 10.0)])


def gated_lufs(block_energies: NDArray[np.float64]) -> float:
    """Integrated loudness of the energies of 400 ms blocks; -inf if none passes the gates."""
    kept = _above(block_energies, RELATIVE_GATE_LU)
    return _lufs(float(kept.mean())) if kept.size else -math.inf


def range_lu(short_term_energies: NDArray[np.float64]) -> float:
    """Loudness range of the energies of 3 s windows (EBU Tech 3342); 0 without any."""
    kept = _above(short_term_energies, RANGE_GATE_LU)
    if not kept.size:
        return 0.0
    low, high = np.percentile(_lufs_series(kept), RANGE_PERCENTILES)
    return float(high - low)


def _moving_mean(values: NDArray[np.float64], size: int, step: int = 1) -> NDArray[np.float64]:
    """Mean of ``size`` values that lie ``step`` apart, at each place where all exist.

    Added in one fixed order, unlike ``np.sum``: the same window gives the same bits whatever
    surrounds it.
    """
    count = values.size - (size - 1) * step
    if count <= 0:
        return np.empty(0)
    total = values[:count].copy()
    for shift in range(step, size * step, step):
        total += values[shift : shift + count]
    return total / size


class LoudnessMeter:
    """Loudness of a stream, from blocks of any size.

    It keeps one energy per 100 ms (300 kB an hour), never the audio. However the stream is cut into
    blocks, the results are the same to the last bit.

    Parameters
    ----------
    rate
        Sample rate in Hz.
    channels
        Number of channels.
    weights
        Energy weight of each channel; by default :func:`channel_weights`.
    """

    def __init__(self, rate: int, channels: int, weights: Sequence[float] | None = None) -> None:
        chosen = channel_weights(channels) if weights is None else tuple(weights)
        if len(chosen) != channels:
            raise ValueError(f"expected {channels} weights, got {len(chosen)}")
        self.rate = rate
        self.channels = channels
        self._sections = k_weighting(rate)
        self._weights = np.array(chosen)
        self.true_peak = TruePeakMeter(channels, rate)
        self.reset()

    def reset(self) -> None:
        """Forget everything heard."""
        self.frames = 0
        self._state = np.zeros((self.channels, 4))
        self._partial = np.zeros(self.channels)
        self._step = 0
        self._recent = np.zeros(BLOCKS_SHORT_TERM * STEPS_PER_BLOCK)
        self._blocks = np.empty(1024)
        self._block_count = 0
        self._momentary = self._max_momentary = 0.0
        self._short_term = self._max_short_term = 0.0
        self.true_peak.reset()

    def push(self, block: NDArray[np.floating]) -> None:
        """Take the next samples, float ``[channels, n]``. Non-finite ones count as silence."""
        if block.ndim != 2 or block.shape[0] != self.channels:
            raise ValueError(f"expected samples [{self.channels}, n], got {block.shape}")
        for start in range(0, block.shape[1], BLOCK_FRAMES):
            part = finite(block[:, start : start + BLOCK_FRAMES])
            self.true_peak.push(part)
            self._push_energies(part)

    def _boundary(self, step: int) -> int:
        """Frame at which a step ends; exact in the mean where 10 ms are no whole frames."""
        return (step + 1) * self.rate // STEPS_PER_S

    def _push_energies(self, block: NDArray[np.floating]) -> None:
        from engine.audio.kernels import weighted_energies

        end = self.frames + block.shape[1]
        last = self._step
        while self._boundary(last) <= end:
            last += 1
        bounds = np.array([self._boundary(step) for step in range(self._step - 1, last)], np.int64)
        energies = np.zeros(last - self._step)
        weighted_energies(
            block,
            self._sections,
            self._state,
            self._partial,
            self._weights,
            bounds[1:] - self.frames,
            energies,
        )
        self.frames = end
        if energies.size:
            self._take_steps(energies / np.maximum(np.diff(bounds), 1))

    def _take_steps(self, steps: NDArray[np.float64]) -> None:
        """Slide the windows over new 10 ms energies and keep what completes 100 ms."""
        first, self._step = self._step, self._step + steps.size
        heard = np.concatenate([self._recent, steps])
        tenths = _moving_mean(heard, STEPS_PER_BLOCK)[-steps.size - 290 :]
        momentary = _moving_mean(tenths, BLOCKS_MOMENTARY, STEPS_PER_BLOCK)[-steps.size :]
        short_term = _moving_mean(tenths, BLOCKS_SHORT_TERM, STEPS_PER_BLOCK)[-steps.size :]
        ends = np.arange(first + 1, self._step + 1)
        full = ends >= BLOCKS_MOMENTARY * STEPS_PER_BLOCK
        self._max_momentary = float(momentary[full].max(initial=self._max_momentary))
        full = ends >= BLOCKS_SHORT_TERM * STEPS_PER_BLOCK
        self._max_short_term = float(short_term[full].max(initial=self._max_short_term))
        self._keep(tenths[-steps.size :][ends % STEPS_PER_BLOCK == 0])
        self._momentary, self._short_term = float(momentary[-1]), float(short_term[-1])
        self._recent = heard[-self._recent.size :]

    def _keep(self, energies: NDArray[np.float64]) -> None:
        needed = self._block_count + energies.size
        if needed > self._blocks.size:
            grown = np.empty(max(needed, 2 * self._blocks.size))
            grown[: self._block_count] = self._blocks[: self._block_count]
            self._blocks = grown
        self._blocks[self._block_count : needed] = energies
        self._block_count = needed

    @property
    def _kept(self) -> NDArray[np.float64]:
        return self._blocks[: self._block_count]

    @property
    def momentary_lufs(self) -> float:
        """Loudness of the last 400 ms, in steps of 10 ms; before the start is silence."""
        return _lufs(self._momentary)

    @property
    def short_term_lufs(self) -> float:
        """Loudness of the last 3 s, in steps of 10 ms; before the start is silence."""
        return _lufs(self._short_term)

    @property
    def integrated_lufs(self) -> float:
        """Gated loudness of everything so far; -inf before the first 400 ms."""
        return gated_lufs(_moving_mean(self._kept, BLOCKS_MOMENTARY))

    @property
    def range_lu(self) -> float:
        """Loudness range of everything so far; 0 before the first 3 s."""
        return range_lu(_moving_mean(self._kept, BLOCKS_SHORT_TERM))

    @property
    def series(self) -> LoudnessSeries:
        """Loudness over time so far, for plotting."""
        values = []
        for size in (BLOCKS_MOMENTARY, BLOCKS_SHORT_TERM):
            whole = _lufs_series(_moving_mean(self._kept, size))
            missing = self._block_count - whole.size
            values.append(np.concatenate([np.full(missing, -np.inf), whole]))
        times_s = (np.arange(self._block_count) + 1) * STEPS_PER_BLOCK / STEPS_PER_S
        return LoudnessSeries(times_s, values[0], values[1])

    def result(self) -> Loudness:
        """Everything measured, for a programme that ends here; the meter may go on."""
        return Loudness(
            integrated_lufs=self.integrated_lufs,
            range_lu=self.range_lu,
            max_momentary_lufs=_lufs(self._max_momentary),
            max_short_term_lufs=_lufs(self._max_short_term),
            true_peak_dbtp=float(self.true_peak.result().max(initial=-math.inf)),
            sample_peak_dbfs=float(self.true_peak.sample_peaks_dbfs.max(initial=-math.inf)),
        )


def measure(clip: Clip) -> Loudness:
    """Loudness, range and peaks of a whole clip."""
    meter = LoudnessMeter(clip.rate, clip.channels)
    meter.push(clip.samples)
    return meter.result()
