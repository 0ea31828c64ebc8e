"""What the fit knows of a recording: long-term spectra of its parts, and how its level moves.

Everything comes from one short-time spectrum, read in blocks, so that an hour of audio needs no
more memory than a minute, and at most ``MAX_WINDOWS`` windows are looked at, spread evenly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.signal import freqz_sos

from engine.audio.clip import Clip
from engine.audio.loudness import ABSOLUTE_GATE_LUFS, OFFSET_LUFS, k_sections
from engine.tasks import Context, Failure

if TYPE_CHECKING:
    from engine.audio.store import StoredAudio

SECTIONS = 8
MAX_WINDOWS = 1600
WINDOWS_PER_BLOCK = 32
LOWEST_HZ = 20.0
HIGHEST_HZ = 20000.0
BANDS_PER_OCTAVE = 6
PILE_DB = 0.3
PILE_UNDER_DB = 3.0
LEAST_PILE = 6
# Of 23 recordings all but one loop stay under 5 before our limiter; 3 to 6 dB of it make 10 to 200.
PILE_RANGE = (6.0, 10.0)
FLOOR = 1e-17  # power per Hz; -170 dB, under the dither of 24 bits

Floats = NDArray[np.float64]


def band_centres_hz() -> Floats:
    """Centres of the analysis bands, 1/6 octave apart from 20 Hz to 20 kHz."""
    count = int(np.floor(BANDS_PER_OCTAVE * np.log2(HIGHEST_HZ / LOWEST_HZ))) + 1
    return LOWEST_HZ * 2.0 ** (np.arange(count) / BANDS_PER_OCTAVE)


def section(audio: Clip | StoredAudio, start_frame: int, stop_frame: int) -> Clip:
    """Frames ``start_frame`` to ``stop_frame`` of a clip or of stored audio."""
    if isinstance(audio, Clip):
        return audio.part(start_frame, stop_frame)
    return audio.clip(start_frame, stop_frame)


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """Spectra and levels of one recording.

    Parameters
    ----------
    rate, channels, frames
        Of the recording.
    frequencies_hz
        Centres of the spectral points, ``[points]``: FFT bins where they are coarse, groups of
        them 1/36 octave wide where they are fine.
    mid, side
        Mean power per Hz of (L+R)/2 and (L-R)/2, ``[sections, points]``. Mono has no side.
    contour_lufs
        K-weighted loudness of each window, ``[windows]``; -inf where silent.
    peak_db
        Sample peak of each window in dBFS, ``[windows]``.
    """

    rate: int
    channels: int
    frames: int
    frequencies_hz: Floats
    mid: Floats
    side: Floats
    contour_lufs: Floats
    peak_db: Floats

    @property
    def loud(self) -> NDArray[np.bool_]:
        """Windows that count: above -70 LUFS and within 20 LU of the mean, ``[windows]``."""
        audible = np.asarray(self.contour_lufs > ABSOLUTE_GATE_LUFS)
        if not audible.any():
            return audible
        mean = 10.0 * np.log10(np.mean(10.0 ** (self.contour_lufs[audible] / 10.0)))
        return np.asarray(audible & (self.contour_lufs > mean - 20.0))

    @property
    def silent(self) -> bool:
        """Whether nothing in it is loud enough to be judged."""
        return not bool(self.loud.any())

    @property
    def spread_lu(self) -> float:
        """10th to 95th percentile of the loudness contour, as EBU Tech 3342 does for LRA."""
        low, high = np.percentile(self.contour_lufs[self.loud], (10.0, 95.0))
        return float(high - low)

    @property
    def crest_db(self) -> float:
        """Median distance from loudness to sample peak of the loud windows."""
        return float(np.median((self.peak_db - self.contour_lufs)[self.loud]))

    @property
    def limited(self) -> float:
        """How sure it is that the peaks went through a limiter, in [0, 1].

        A limiter piles peaks up under its ceiling: there are far more windows whose peak lies
        within 0.3 dB of the highest than there are, per dB, in the 3 dB below.
        """
        below_db = self.peak_db.max() - self.peak_db
        top = int(np.count_nonzero(below_db < PILE_DB))
        under = int(np.count_nonzero(below_db < PILE_UNDER_DB)) - top
        if self.silent or top < LEAST_PILE:
            return 0.0
        pile = (top / PILE_DB) / ((under + 0.5) / (PILE_UNDER_DB - PILE_DB))
        low, high = PILE_RANGE
        return float(np.clip((pile - low) / (high - low), 0.0, 1.0))

    @property
    def k_weights(self) -> Floats:
        """Power gain of the K weighting at each spectral point, ``[points]``."""
        return _k_power(self.rate, self.frequencies_hz)

    @property
    def size(self) -> int:
        """FFT length the spectra were made with."""
        return window_size(self.rate)

    def band_db(self, density: Floats) -> Floats:
        """Levels ``[..., bands]`` in dB of spectra ``[..., points]``, smoothed into bands."""
        smoothed = density @ smoothing(self.rate, self.size).T
        return np.asarray(10.0 * np.log10(np.maximum(smoothed, FLOOR)))

    @property
    def power(self) -> Floats:
        """Mean power per Hz over the sections, mid and side together, ``[points]``."""
        return np.asarray((self.mid + self.side).mean(axis=0))


@lru_cache(maxsize=8)
def smoothing(rate: int, size: int) -> Floats:
    """Weights ``[bands, points]`` that average spectral points into bands.

    Raised cosines in log frequency, 1/3 octave from foot to foot and at least three points
    wide. Bands over the rate's reach (0.45 of it) are rows of zeros.
    """
    points_hz = point_groups(rate, size)[1]
    centres_hz = band_centres_hz()
    bin_octaves = np.log2(1.0 + 1.5 * rate / size / centres_hz)
    half_width = np.maximum(1.0 / BANDS_PER_OCTAVE, bin_octaves)[:, None]
    distance = np.abs(np.log2(points_hz[None, :] / centres_hz[:, None])) / half_width
    weights = np.where(distance < 1.0, 0.5 + 0.5 * np.cos(np.pi * distance), 0.0)
    weights[centres_hz > 0.45 * rate] = 0.0
    total = weights.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(weights, total, out=np.zeros_like(weights), where=total > 0.0))


def window_size(rate: int) -> int:
    """FFT length near 0.37 s, a power of two."""
    return int(2 ** round(np.log2(0.3715 * rate)))


@lru_cache(maxsize=8)
def point_groups(rate: int, size: int) -> tuple[NDArray[np.intp], Floats]:
    """First FFT bin of each spectral point (and one past the last), and their centres in Hz."""
    top_hz = min(HIGHEST_HZ * 1.12, rate / 2)
    edges_hz = 15.0 * 2.0 ** np.arange(0.0, np.log2(top_hz / 15.0), 1.0 / 36.0)
    bins = np.unique(np.round(edges_hz * size / rate).astype(np.intp))
    bins = bins[bins >= 1]
    centres_hz = np.sqrt(bins[:-1] * np.maximum(bins[1:] - 1, 1)) * rate / size
    return bins, np.asarray(centres_hz, dtype=np.float64)


def analyse(audio: Clip | StoredAudio, context: Context | None = None) -> Analysis:
    """Measure a recording.

    Raises
    ------
    Failure
        If a sample is not a finite number.
    """
    context = context or Context()
    size = window_size(audio.rate)
    hop = size // 2
    windows = max(1, -(-max(audio.frames - hop, 1) // hop))
    stride = -(-windows // MAX_WINDOWS)
    runs = range(0, windows, WINDOWS_PER_BLOCK * stride)
    bins, points_hz = point_groups(audio.rate, size)
    mid = np.zeros((SECTIONS, points_hz.size))
    side = np.zeros_like(mid)
    bandwidth_hz = np.diff(bins) * audio.rate / size
    counts = np.zeros(SECTIONS)
    contour, peaks = [], []
    k_power = _k_power(audio.rate, points_hz)
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    # One-sided spectrum to mean square: sum |X|^2 * 2 / (size * sum w^2).
    scale = 2.0 / (size * float(np.sum(window.astype(np.float64) ** 2)))
    for first in runs:
        context.checkpoint()
        context.report(first, windows, "Measuring")
        count = min(WINDOWS_PER_BLOCK, windows - first)
        frames = _windows(audio, first * hop, count, size, hop)
        if not np.isfinite(frames).all():
            raise Failure(
                "The audio contains samples that are not numbers.",
                "A NaN or infinite sample would spread through every filter.",
                "Repair or re-export the file.",
            )
        middle, difference = _mid_side(frames)
        powers = []
        for signal in (middle, difference):
            spectrum = rfft(signal * window, axis=-1)
            power = spectrum.real.astype(np.float64) ** 2 + spectrum.imag.astype(np.float64) ** 2
            powers.append(np.add.reduceat(power[:, : bins[-1]], bins[:-1], axis=1) * scale)
        rows = ((np.arange(first, first + count) * SECTIONS) // windows).clip(max=SECTIONS - 1)
        np.add.at(mid, rows, powers[0])
        np.add.at(side, rows, powers[1])
        np.add.at(counts, rows, 1.0)
        # Channel powers add in BS.1770: L^2 + R^2 = 2 (M^2 + S^2); mono counts once.
        loudness = ((powers[0] + powers[1]) * k_power).sum(axis=1) * min(audio.channels, 2)
        contour.append(OFFSET_LUFS + 10.0 * np.log10(np.maximum(loudness, 1e-30)))
        peaks.append(20.0 * np.log10(np.maximum(np.abs(frames).max(axis=(0, 2)), 1e-15)))
    held = counts > 0
    return Analysis(
        audio.rate,
        audio.channels,
        audio.frames,
        points_hz,
        mid[held] / (counts[held, None] * bandwidth_hz),
        side[held] / (counts[held, None] * bandwidth_hz),
        np.concatenate(contour),
        np.concatenate(peaks),
    )


def _k_power(rate: int, points_hz: Floats) -> Floats:
    _, response = freqz_sos(k_sections(rate), points_hz, fs=rate)
    return np.asarray(np.abs(response) ** 2)


def _windows(
    audio: Clip | StoredAudio, start: int, count: int, size: int, hop: int
) -> NDArray[np.float32]:
    """``count`` overlapping windows from frame ``start``, ``[channels, count, size]``."""
    stop = start + (count - 1) * hop + size
    samples = section(audio, start, min(stop, audio.frames)).samples.astype(np.float32)
    samples = np.pad(samples, ((0, 0), (0, stop - start - samples.shape[1])))
    view = np.lib.stride_tricks.sliding_window_view(samples, size, axis=1)
    return np.asarray(view[:, ::hop])


def _mid_side(
    frames: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mid and side of stereo; of any other layout the mean of the channels and nothing."""
    if frames.shape[0] == 2:
        return (frames[0] + frames[1]) / 2, (frames[0] - frames[1]) / 2
    middle = frames.mean(axis=0)
    return middle, np.zeros_like(middle)
