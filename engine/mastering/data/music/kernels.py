"""The inner loops of the synthesiser, compiled."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Sound = NDArray[np.float32]
Control = NDArray[np.float32]

CONTROL_FRAMES = 32  # between two values of a control curve: 0.7 ms at 44.1 kHz


@njit(cache=True, fastmath=True)
def add_tone(
    out: Sound,
    start: int,
    tables: Sound,
    increment: float,
    amplitude: Control,
    brightness: Control,
    pitch: Control,
    phase: float,
    left: float,
    right: float,
) -> None:
    """Add one wavetable voice to a track.

    Parameters
    ----------
    out
        Track ``[1 or 2, frames]``; ``right`` is only used where there are two channels.
    tables
        ``[brightness steps, size + 1]``: one period each, first sample repeated at the end.
    increment
        Periods per frame at pitch ratio 1.
    amplitude, brightness, pitch
        One value per ``CONTROL_FRAMES``; brightness in rows of ``tables``, pitch as a ratio.
    """
    size = tables.shape[1] - 1
    last_row = tables.shape[0] - 2
    frames = out.shape[1]
    stereo = out.shape[0] == 2
    for block in range(len(amplitude) - 1):
        level, level_step = amplitude[block], (amplitude[block + 1] - amplitude[block]) / 32.0
        row, row_step = brightness[block], (brightness[block + 1] - brightness[block]) / 32.0
        speed = pitch[block] * increment
        speed_step = (pitch[block + 1] - pitch[block]) * increment / 32.0
        for inner in range(CONTROL_FRAMES):
            frame = start + block * CONTROL_FRAMES + inner
            if frame >= frames:
                return
            position = phase * size
            index = int(position)
            part = position - index
            lower = min(int(row), last_row)
            blend = row - lower
            below = tables[lower, index] + part * (tables[lower, index + 1] - tables[lower, index])
            above = tables[lower + 1, index] + part * (
                tables[lower + 1, index + 1] - tables[lower + 1, index]
            )
            value = level * (below + blend * (above - below))
            if frame >= 0:
                out[0, frame] += left * value
                if stereo:
                    out[1, frame] += right * value
            phase += speed
            phase -= int(phase)
            level += level_step
            row += row_step
            speed += speed_step


@njit(cache=True, fastmath=True)
def add_noise(
    out: Sound, start: int, loop: Sound, offset: int, amplitude: Control, left: float, right: float
) -> None:
    """Add a looped noise under a control curve of amplitudes, laid out as in `add_tone`."""
    frames = out.shape[1]
    stereo = out.shape[0] == 2
    read = offset % len(loop)
    for block in range(len(amplitude) - 1):
        level, step = amplitude[block], (amplitude[block + 1] - amplitude[block]) / 32.0
        for inner in range(CONTROL_FRAMES):
            frame = start + block * CONTROL_FRAMES + inner
            if frame >= frames:
                return
            if frame >= 0:
                out[0, frame] += left * level * loop[read]
                if stereo:
                    out[1, frame] += right * level * loop[read]
            level += step
            read += 1
            if read == len(loop):
                read = 0


@njit(cache=True, fastmath=True)
def place(
    out: Sound, start: int, shot: Sound, left: float, right: float, hold: int, release: int
) -> None:
    """Add a one-shot; after ``hold`` frames it is faded out over ``release`` frames."""
    frames = out.shape[1]
    stereo = out.shape[0] == 2
    for index in range(min(len(shot), hold + release)):
        frame = start + index
        if frame >= frames:
            return
        if frame < 0:
            continue
        value = shot[index]
        if index > hold:
            rest = 1.0 - (index - hold) / release
            value *= rest * rest * (3.0 - 2.0 * rest)
        out[0, frame] += left * value
        if stereo:
            out[1, frame] += right * value


@njit(cache=True, fastmath=True)
def ring(
    out: Sound,
    real: NDArray[np.float64],
    imaginary: NDArray[np.float64],
    step_real: NDArray[np.float64],
    step_imaginary: NDArray[np.float64],
) -> None:
    """Sum of decaying partials; each is a phasor that one complex step turns and shrinks."""
    for frame in range(len(out)):
        total = 0.0
        for k in range(len(real)):
            total += imaginary[k]
            turned = real[k] * step_real[k] - imaginary[k] * step_imaginary[k]
            imaginary[k] = real[k] * step_imaginary[k] + imaginary[k] * step_real[k]
            real[k] = turned
        out[frame] = total


@njit(cache=True, fastmath=True)
def pluck(out: Sound, burst: Sound, period: float, softness: float, feedback: float) -> None:
    """Karplus-Strong string (Jaffe and Smith, 1983) with an all-pass for the fraction of a frame.

    ``softness`` in [0, 0.5] is the weight of the older sample in the loop's low-pass.
    """
    delay = int(period - softness - 0.3)
    fraction = period - softness - delay
    allpass = (1.0 - fraction) / (1.0 + fraction)
    line = np.zeros(delay, dtype=np.float64)
    read, low_before, tuned, previous_in = 0, 0.0, 0.0, 0.0
    for frame in range(len(out)):
        value = line[read]
        low = (1.0 - softness) * value + softness * low_before
        low_before, last_in = value, low
        tuned = allpass * (last_in - tuned) + previous_in
        previous_in = last_in
        fed = feedback * tuned
        if frame < len(burst):
            fed += burst[frame]
        line[read] = fed
        out[frame] = fed
        read += 1
        if read == delay:
            read = 0


@njit(cache=True, fastmath=True)
def _log_cosh(value: float) -> float:
    size = abs(value)
    return size + math.log1p(math.exp(-2.0 * size)) - 0.6931471805599453


@njit(cache=True, fastmath=True)
def drive(track: Sound, gain: float, bias: float) -> None:
    """Overdrive a track in place by tanh, antialiased by its antiderivative.

    First order of Parker et al., "Reducing the aliasing of nonlinear waveshaping using
    continuous-time convolution", DAFx 2016.
    """
    rest = math.tanh(bias)
    for channel in range(track.shape[0]):
        before = bias
        area_before = _log_cosh(before)
        for frame in range(track.shape[1]):
            value = gain * track[channel, frame] + bias
            area = _log_cosh(value)
            change = value - before
            if abs(change) > 1e-4:
                track[channel, frame] = (area - area_before) / change - rest
            else:
                track[channel, frame] = math.tanh(0.5 * (value + before)) - rest
            before, area_before = value, area


@njit(cache=True, fastmath=True)
def follow(levels: NDArray[np.float64], attack: float, release: float) -> NDArray[np.float64]:
    """One-pole follower with one coefficient per direction (what remains after a step)."""
    out = np.empty_like(levels)
    state = levels[0]
    for index in range(len(levels)):
        keep = attack if levels[index] > state else release
        state = keep * state + (1.0 - keep) * levels[index]
        out[index] = state
    return out


@njit(cache=True, fastmath=True)
def scale_by(track: Sound, gains: NDArray[np.float64], step: int) -> None:
    """Multiply a track in place by gains given every ``step`` frames, linear in between."""
    for channel in range(track.shape[0]):
        for block in range(len(gains) - 1):
            gain, change = gains[block], (gains[block + 1] - gains[block]) / step
            for inner in range(step):
                frame = block * step + inner
                if frame >= track.shape[1]:
                    break
                track[channel, frame] *= gain
                gain += change


@njit(cache=True, fastmath=True)
def block_peaks(track: Sound, step: int) -> NDArray[np.float64]:
    """Largest magnitude over all channels of every ``step`` frames."""
    count = (track.shape[1] + step - 1) // step
    out = np.zeros(count)
    for channel in range(track.shape[0]):
        for frame in range(track.shape[1]):
            size = abs(track[channel, frame])
            if size > out[frame // step]:
                out[frame // step] = size
    return out


@njit(cache=True, fastmath=True)
def block_powers(track: Sound, step: int) -> NDArray[np.float64]:
    """Mean square over all channels of every ``step`` frames."""
    count = (track.shape[1] + step - 1) // step
    out = np.zeros(count)
    for channel in range(track.shape[0]):
        for frame in range(track.shape[1]):
            out[frame // step] += track[channel, frame] * track[channel, frame]
    for block in range(count):
        out[block] /= step * track.shape[0]
    return out


@njit(cache=True, fastmath=True)
def soft_clip(track: Sound, gain: float, knee: float) -> None:
    """Scale in place and bend what is over ``knee`` so that nothing passes 1."""
    room = 1.0 - knee
    for channel in range(track.shape[0]):
        for frame in range(track.shape[1]):
            value = gain * track[channel, frame]
            size = abs(value)
            if size > knee:
                size = knee + room * math.tanh((size - knee) / room)
                value = size if value > 0.0 else -size
            track[channel, frame] = value
