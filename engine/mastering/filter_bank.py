"""Second-order filters in series that may move while they sound.

They have the transfer functions of :mod:`engine.mastering.biquad` but are trapezoidal
state-variable filters (A. Simper, *Solving the continuous SVF equations using trapezoidal
integration*, 2013): their states are the prototype's integrators, so moving a parameter changes
no stored energy and cannot blow up as a direct form can.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.mastering.biquad import MAX_FREQUENCY
from engine.mastering.delay import working_copy
from engine.mastering.parameters import Band, BandKind
from engine.mastering.smoothing import RAMP_S

TICK_FRAMES = 32
"""Coefficients move on this grid, counted from the start of the stream."""

SHAPES = (*BandKind, "band_pass", "all_pass")
"""What a filter can be; the position is the kernel's code. A band pass serves to solo a band, an
all-pass to turn the phase as a crossover does."""

_BELL, _LOW_SHELF, _HIGH_SHELF, _LOW_PASS, _HIGH_PASS, _BAND_PASS, _ALL_PASS = range(7)
_STILL, _MOVING, _LEAVING = range(3)
_TINY = 1e-30


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter of a bank: ``amount`` is its gain in dB, or the wet share of a pass filter.

    An amount of 0 is exactly transparent for every shape.
    """

    shape: BandKind | str = BandKind.BELL
    frequency_hz: float = 1000.0
    q: float = 0.7071
    amount: float = 0.0

    @classmethod
    def of(cls, band: Band) -> Filter:
        """The filter of an equalizer band; amount 0 if the band is not active."""
        amount = band.effective_gain_db if band.kind.has_gain else band.gate
        return cls(band.kind, band.frequency_hz, band.q, amount if band.active else 0.0)


class _Bank(NamedTuple):
    """What the kernels work on; rows are filters, columns log frequency, log q and amount."""

    now: NDArray[np.float64]
    goal: NDArray[np.float64]
    step: NDArray[np.float64]
    following: NDArray[np.float64]
    left: NDArray[np.int64]
    mode: NDArray[np.int64]
    shape: NDArray[np.int64]
    next_shape: NDArray[np.int64]
    coefficients: NDArray[np.float64]
    output_step: NDArray[np.float64]
    state: NDArray[np.float64]
    clock: NDArray[np.int64]
    rate: float
    ticks: int


class FilterBank:
    """Second-order filters in series whose parameters may change while audio runs.

    Parameters
    ----------
    rate
        Sample rate in Hz.
    channels
        Number of channels, each filtered alike.
    filters
        Their settings at the start; the number stays.
    """

    latency_frames = 0

    def __init__(self, rate: int, channels: int, filters: Sequence[Filter]) -> None:
        count = len(filters)
        self._bank = _Bank(
            now=np.zeros((count, 3)),
            goal=np.zeros((count, 3)),
            step=np.zeros((count, 3)),
            following=np.zeros((count, 3)),
            left=np.zeros(count, dtype=np.int64),
            mode=np.zeros(count, dtype=np.int64),
            shape=np.zeros(count, dtype=np.int64),
            next_shape=np.zeros(count, dtype=np.int64),
            coefficients=np.zeros((count, 9)),
            output_step=np.zeros((count, 3)),
            state=np.zeros((count, channels, 2)),
            clock=np.zeros(1, dtype=np.int64),
            rate=float(rate),
            ticks=max(round(RAMP_S * rate / TICK_FRAMES), 1),
        )
        for index, item in enumerate(filters):
            self._bank.shape[index] = SHAPES.index(item.shape)
            self._bank.goal[index] = _row(item)
        self.reset()

    def set_filters(self, filters: Sequence[Filter]) -> None:
        """Move to new settings over ``RAMP_S``; a change of shape goes through amount 0."""
        for index, item in enumerate(filters):
            self._set_filter(index, SHAPES.index(item.shape), np.array(_row(item)))

    def _set_filter(self, index: int, shape: int, row: NDArray[np.float64]) -> None:
        bank = self._bank
        silent = bank.now[index, 2] == 0.0 and bank.left[index] == 0
        if silent:
            bank.shape[index] = shape
            bank.now[index, :2] = row[:2]
            _tune(index, bank)
        goal, mode = row, _MOVING
        if shape != bank.shape[index]:
            bank.next_shape[index], bank.following[index] = shape, row
            goal, mode = np.array([*bank.now[index, :2], 0.0]), _LEAVING
        elif row[2] == 0.0:
            goal = np.array([*bank.now[index, :2], 0.0])
        if mode == bank.mode[index] and np.array_equal(goal, bank.goal[index]):
            return
        bank.goal[index] = goal
        if mode == _MOVING and np.array_equal(goal, bank.now[index]):
            bank.left[index] = 0
            bank.mode[index] = _STILL if silent else _MOVING
            return
        bank.mode[index] = mode
        bank.step[index] = (goal - bank.now[index]) / bank.ticks
        bank.left[index] = bank.ticks

    def reset(self) -> None:
        """Forget the audio so far and be at the settings that were asked for."""
        bank = self._bank
        leaving = bank.mode == _LEAVING
        bank.shape[leaving] = bank.next_shape[leaving]
        bank.goal[leaving] = bank.following[leaving]
        bank.now[:] = bank.goal
        bank.left[:] = 0
        bank.mode[:] = _STILL
        bank.state[:] = 0.0
        bank.output_step[:] = 0.0
        bank.clock[0] = 0
        for index in range(len(bank.shape)):
            _tune(index, bank)

    def process(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        """Filter a block ``[channels, frames]`` into a new one of the same shape."""
        out = working_copy(block, self._bank.state.shape[1])
        _filter(out, self._bank)
        return out


def _row(item: Filter) -> tuple[float, float, float]:
    return math.log(item.frequency_hz), math.log(item.q), item.amount


@njit(cache=True, nogil=True)
def _tune(i: int, bank: _Bank) -> None:
    """State-space coefficients of filter ``i``: both state rows, then the output row."""
    frequency_hz = min(math.exp(bank.now[i, 0]), MAX_FREQUENCY * bank.rate)
    g = math.tan(math.pi * frequency_hz / bank.rate)
    k = math.exp(-bank.now[i, 1])
    amount = bank.now[i, 2]
    shape = bank.shape[i]
    m0, m1, m2 = 1.0, 0.0, 0.0
    if shape == _BELL:
        a = 10.0 ** (amount / 40.0)
        k /= a
        m1 = k * (a * a - 1.0)
    elif shape == _LOW_SHELF:
        a = 10.0 ** (amount / 40.0)
        g /= math.sqrt(a)
        m1, m2 = k * (a - 1.0), a * a - 1.0
    elif shape == _HIGH_SHELF:
        a = 10.0 ** (amount / 40.0)
        g *= math.sqrt(a)
        m0, m1, m2 = a * a, k * (1.0 - a) * a, 1.0 - a * a
    elif shape == _LOW_PASS:
        m0, m2 = 1.0 - amount, amount
    elif shape == _HIGH_PASS:
        m1, m2 = -amount * k, -amount
    elif shape == _BAND_PASS:
        m0, m1 = 1.0 - amount, amount * k
    else:
        m1 = -2.0 * amount * k
    a1 = 1.0 / (1.0 + g * (g + k))
    a2 = g * a1
    a3 = g * a2
    out = bank.coefficients[i]
    out[0], out[1], out[2] = 2.0 * a1 - 1.0, -2.0 * a2, 2.0 * a2
    out[3], out[4], out[5] = 2.0 * a2, 1.0 - 2.0 * a3, 2.0 * a3
    out[6] = m1 * a1 + m2 * a2
    out[7] = m2 * (1.0 - a3) - m1 * a2
    out[8] = m0 + m1 * a2 + m2 * a3


@njit(cache=True, nogil=True)
def _tick(i: int, bank: _Bank) -> None:
    """Take filter ``i`` one grid step further."""
    # Element by element: expressions on whole rows take the compiler seconds.
    mode, left, now, goal, step = bank.mode, bank.left, bank.now[i], bank.goal[i], bank.step[i]
    output, slope = bank.coefficients[i, 6:], bank.output_step[i]
    if left[i] == 0 and mode[i] == _LEAVING:  # faded out: become the new shape, fade in
        bank.shape[i] = bank.next_shape[i]
        for j in range(3):
            now[j] = goal[j] = bank.following[i, j]
            step[j] = 0.0
        now[2] = 0.0
        _silence(bank.state[i])
        mode[i] = _MOVING
        if goal[2] != 0.0:
            step[2] = goal[2] / bank.ticks
            left[i] = bank.ticks
        _tune(i, bank)
    if left[i] > 0:
        left[i] -= 1
        for j in range(3):
            slope[j] = -output[j]
            now[j] = goal[j] if left[i] == 0 else now[j] + step[j]
        _tune(i, bank)
        # Stepping the output row would be heard as zipper noise; the states are continuous.
        for j in range(3):
            slope[j] = (slope[j] + output[j]) / TICK_FRAMES
    elif mode[i] == _MOVING:
        mode[i] = _STILL
        for j in range(3):
            slope[j] = 0.0  # the next move may begin in the middle of a tick
        if now[2] == 0.0:
            _silence(bank.state[i])


@njit(cache=True, nogil=True)
def _silence(state: NDArray[np.float64]) -> None:
    for channel in range(state.shape[0]):
        state[channel, 0] = state[channel, 1] = 0.0


@njit(cache=True, nogil=True)
def _flush(state: NDArray[np.float64]) -> None:
    """Zero what has decayed away: denormal numbers cost a hundredfold."""
    for channel in range(state.shape[0]):
        for part in range(2):
            if abs(state[channel, part]) < _TINY:
                state[channel, part] = 0.0


@njit(cache=True, nogil=True)
def _still(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    c: NDArray[np.float64],
    s: NDArray[np.float64],
    r: NDArray[np.float64],
) -> None:
    """Filter two channels with coefficients that rest."""
    a11, a12, b1, a21, a22, b2 = c[0], c[1], c[2], c[3], c[4], c[5]
    c1, c2, d = c[6], c[7], c[8]
    s1, s2, r1, r2 = s[0], s[1], r[0], r[1]
    for n in range(x.shape[0]):
        u, v = x[n], y[n]
        x[n] = d * u + (c1 * s1 + c2 * s2)
        y[n] = d * v + (c1 * r1 + c2 * r2)
        s1, s2 = (b1 * u + a12 * s2) + a11 * s1, (b2 * u + a21 * s1) + a22 * s2
        r1, r2 = (b1 * v + a12 * r2) + a11 * r1, (b2 * v + a21 * r1) + a22 * r2
    s[0], s[1], r[0], r[1] = s1, s2, r1, r2


@njit(cache=True, nogil=True)
def _moving(
    x: NDArray[np.float64],
    c: NDArray[np.float64],
    step: NDArray[np.float64],
    s: NDArray[np.float64],
    phase: int,
) -> None:
    """Filter one channel while the output row moves towards its value at the next tick."""
    s1, s2 = s[0], s[1]
    for n in range(x.shape[0]):
        u = x[n]
        back = TICK_FRAMES - 1 - phase - n
        c1, c2, d = c[6] - back * step[0], c[7] - back * step[1], c[8] - back * step[2]
        x[n] = d * u + (c1 * s1 + c2 * s2)
        s1, s2 = (c[2] * u + c[1] * s2) + c[0] * s1, (c[5] * u + c[3] * s1) + c[4] * s2
    s[0], s[1] = s1, s2


@njit(cache=True, nogil=True)
def _filter(block: NDArray[np.float64], bank: _Bank) -> None:
    channels, frames = block.shape
    spare, spare_state = np.zeros(TICK_FRAMES), np.zeros(2)
    clock, state = bank.clock, bank.state
    at = 0
    while at < frames:
        phase = clock[0] % TICK_FRAMES
        stop = min(frames, at + TICK_FRAMES - phase)
        for i in range(bank.shape.shape[0]):
            if phase == 0:
                _flush(state[i])
                if bank.mode[i] != _STILL:
                    _tick(i, bank)
            c = bank.coefficients[i]
            if bank.mode[i] != _STILL:
                for ch in range(channels):
                    _moving(block[ch, at:stop], c, bank.output_step[i], state[i, ch], phase)
            elif bank.now[i, 2] != 0.0:
                for ch in range(0, channels - 1, 2):
                    x, y = block[ch, at:stop], block[ch + 1, at:stop]
                    _still(x, y, c, state[i, ch], state[i, ch + 1])
                if channels % 2 == 1:
                    x = block[channels - 1, at:stop]
                    _still(x, spare[: stop - at], c, state[i, channels - 1], spare_state)
        clock[0] += stop - at
        at = stop
