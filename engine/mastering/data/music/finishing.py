"""The mix bus: macro dynamics, compression, loudness, limiting, noise floor, fades."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import minimum_filter1d, uniform_filter1d

from engine.audio.clip import Clip
from engine.audio.loudness import measure
from engine.mastering.data.music.kernels import (
    Sound,
    add_noise,
    block_peaks,
    block_powers,
    follow,
    scale_by,
    soft_clip,
)

STEP_FRAMES = 32
LOWEST_LUFS, HIGHEST_LUFS = -22.8, -9.2


def swell(track: Sound, rate: int, depth_db: float, rng: np.random.Generator) -> None:
    """Slow rises and falls, as players and a mix engineer's hand make them."""
    seconds = track.shape[1] / rate
    points = int(seconds / 5.0) + 3
    gains_db = depth_db * np.clip(rng.standard_normal(points), -1.6, 1.2)
    step = int(0.05 * rate)
    blocks = np.arange(track.shape[1] // step + 2) * (points - 1) / (track.shape[1] // step + 1)
    smooth = np.interp(blocks, np.arange(points), gains_db)
    smooth = uniform_filter1d(smooth, 41, mode="nearest")
    scale_by(track, 10.0 ** (smooth / 20.0), step)


def compress(
    track: Sound, rate: int, over_db: float, ratio: float, attack_s: float, release_s: float
) -> None:
    """Compress from ``over_db`` below the loud passages on, both channels alike."""
    powers = block_powers(track, STEP_FRAMES)
    blocks_per_s = rate / STEP_FRAMES
    level_db = 10.0 * np.log10(powers + 1e-12)
    threshold_db = float(np.percentile(level_db, 95.0)) - over_db
    over = np.maximum(level_db - threshold_db, 0.0) * (1.0 - 1.0 / ratio)
    reduction_db = follow(
        over, float(np.exp(-1.0 / (attack_s * blocks_per_s))),
        float(np.exp(-1.0 / (release_s * blocks_per_s))),
    )  # fmt: skip
    gains = 10.0 ** (-np.append(reduction_db, reduction_db[-1]) / 20.0)
    scale_by(track, gains, STEP_FRAMES)


def limit(track: Sound, rate: int, ceiling: float, release_s: float) -> None:
    """Lookahead limiter: no sample passes the ceiling.

    Every block's gain is at most what its neighbourhood needs, and a mean over fewer blocks than
    that neighbourhood keeps it so.
    """
    peaks = block_peaks(track, STEP_FRAMES)
    if peaks.max() <= ceiling:
        return
    reach = max(int(0.0025 * rate / STEP_FRAMES), 2)
    needed = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9))
    lowest = minimum_filter1d(needed, 2 * (reach + 1) + 1, mode="nearest")
    keep = float(np.exp(-STEP_FRAMES / (release_s * rate)))
    held = 1.0 - follow(1.0 - lowest, 0.0, keep)
    gains = uniform_filter1d(held, 2 * reach + 1, mode="nearest")
    scale_by(track, np.append(gains, gains[-1]), STEP_FRAMES)


def make_loud(track: Sound, rate: int, lufs: float, squeeze: float, ceiling: float) -> None:
    """Bring a track to a loudness by gain, soft clipping and limiting.

    ``squeeze`` 0..1 is how much of the crest may be taken away (0 to 14 dB over the peak at
    unity); where that is not enough the track stays quieter than asked for.
    """
    now = measure(Clip(track, rate)).integrated_lufs
    peak_db = 20.0 * np.log10(np.max(np.abs(track)) + 1e-9)
    most_db = -peak_db + 14.0 * squeeze
    gain_db = float(np.clip(min(lufs - now, most_db), LOWEST_LUFS - now, HIGHEST_LUFS - now))
    over_db = peak_db + gain_db
    if over_db > 2.0:
        # The clipper takes a third of what is over, the limiter the rest.
        clip_at = 10.0 ** ((over_db * 0.67) / 20.0)
        soft_clip(track, 10.0 ** (gain_db / 20.0) / clip_at, 0.6)
        track *= np.float32(clip_at)
    else:
        track *= np.float32(10.0 ** (gain_db / 20.0))
    limit(track, rate, ceiling, 0.06)
    after = measure(Clip(track, rate)).integrated_lufs
    if after < LOWEST_LUFS:
        track *= np.float32(10.0 ** ((LOWEST_LUFS - after) / 20.0))
        soft_clip(track, 1.0, 0.5)
        limit(track, rate, ceiling, 0.06)


def add_floor(
    track: Sound, rate: int, level_db: float, mono: bool, rng: np.random.Generator
) -> None:
    """Tape or room noise at an RMS level in dBFS, white to red; one in each channel, or mono."""
    amplitude = np.full(track.shape[1] // 32 + 2, 10.0 ** (level_db / 20.0), dtype=np.float32)
    color = float(rng.uniform(0.0, 1.2))
    hz = np.arange(int(1.5 * rate) // 2 + 1, dtype=np.float64) / 1.5
    shape = (np.maximum(hz, 25.0) / 1000.0) ** -color / (1.0 + (25.0 / np.maximum(hz, 1.0)) ** 4)
    loops = []
    for _ in range(1 if mono else 2):
        spectrum = shape * np.exp(1j * rng.uniform(0.0, 2 * np.pi, len(hz)))
        loop = np.fft.irfft(spectrum, int(1.5 * rate)).astype(np.float32)
        loops.append(loop / np.std(loop))
    for channel in range(2):
        add_noise(track[channel : channel + 1], 0, loops[channel % len(loops)], 0, amplitude, 1, 0)


def fade(track: Sound, rate: int, fade_in_s: float, fade_out_s: float) -> None:
    """Raised-cosine fades at both ends."""
    for seconds, part in ((fade_in_s, slice(None)), (fade_out_s, slice(None, None, -1))):
        frames = min(int(seconds * rate), track.shape[1])
        if frames > 1:
            ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(frames) / frames)
            track[:, part][:, :frames] *= ramp.astype(np.float32)
