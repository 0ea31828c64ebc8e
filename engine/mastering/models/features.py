"""One window of a recording: log-mel spectra of mid and side, and tracks of level and peaks.

All times are in seconds, so that recordings at any rate give the same picture. Powers are
calibrated: a band holds the mean square of what falls into it, and the bands add up to the whole.
An equalizer is therefore an addition in decibels, which is what lets training equalize features
instead of audio (:func:`equalized`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.signal import freqz_sos
from scipy.signal.windows import hann

from engine.audio.clip import Clip
from engine.audio.loudness import OFFSET_LUFS, k_sections

BANDS = 96
HOP_S = 0.04644  # 2048 frames at 44.1 kHz
LOWEST_HZ = 20.0
HIGHEST_HZ = 20000.0
FLOOR_DB = -120.0
NORMAL_LUFS = -23.0
FAST_S = 0.005
SUBFRAMES = 16
ENVELOPE_HZ = SUBFRAMES / HOP_S

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)  # no slots: what is computed from the bands is kept
class Features:
    """One window of a recording as the encoder hears it.

    Parameters
    ----------
    mel_db
        Level of each band, mid then side, in dB re full scale, ``[2, BANDS, frames]`` float32.
    envelope_db
        Sample peak of each 1/``SUBFRAMES`` of a frame, ``[frames * SUBFRAMES]``.
    fast_db
        The loudest 5 ms (mean square) of each frame, ``[frames]``.
    """

    mel_db: Floats
    envelope_db: Floats
    fast_db: Floats

    @property
    def frames(self) -> int:
        """Number of frames, ``HOP_S`` apart."""
        return int(self.mel_db.shape[-1])

    @property
    def peak_db(self) -> Floats:
        """Sample peak of each frame in dBFS, ``[frames]``."""
        return np.asarray(self.envelope_db.reshape(-1, SUBFRAMES).max(axis=1))

    @cached_property
    def loudness(self) -> Floats:
        """K-weighted loudness of each frame in LUFS, ``[frames]``, from the bands."""
        power = (10.0 ** (self.mel_db / 10.0)).sum(axis=0)  # mid and side
        weighted = 2.0 * (k_gains()[:, None] * power).sum(axis=0)
        return np.asarray(OFFSET_LUFS + 10.0 * np.log10(np.maximum(weighted, 1e-12)), np.float32)

    @cached_property
    def lufs(self) -> float:
        """Mean loudness of the frames above -70 LUFS and within 10 LU of their mean."""
        return gated_mean(self.loudness)


def gated_mean(loudness: Floats) -> float:
    """Gated mean of frame loudness as in ITU-R BS.1770 (-70 LUFS, then -10 LU); -inf if silent."""
    heard = loudness[loudness > -70.0]
    if not heard.size:
        return float("-inf")
    mean = 10.0 * np.log10(np.mean(10.0 ** (heard / 10.0)))
    loud = heard[heard > mean - 10.0]
    return float(10.0 * np.log10(np.mean(10.0 ** (loud / 10.0))))


@lru_cache(maxsize=1)
def centres_hz() -> NDArray[np.float64]:
    """Centres of the mel bands (O'Shaughnessy 1987: 2595 log10(1 + f / 700)), ``[BANDS]``."""
    low, high = (2595.0 * np.log10(1.0 + hz / 700.0) for hz in (LOWEST_HZ, HIGHEST_HZ))
    return np.asarray(700.0 * (10.0 ** (np.linspace(low, high, BANDS) / 2595.0) - 1.0))


@lru_cache(maxsize=1)
def k_gains() -> Floats:
    """Power gain of the K weighting at the centre of each band, ``[BANDS]``."""
    _, response = freqz_sos(k_sections(48000), worN=centres_hz(), fs=48000)
    return np.asarray(np.abs(response) ** 2, np.float32)


@lru_cache(maxsize=16)
def filters(rate: int) -> Floats:
    """Triangles between neighbouring centres that add up to 1 at every bin, ``[BANDS, bins]``."""
    bins_hz = np.fft.rfftfreq(fft_size(rate), 1.0 / rate)
    centres = centres_hz()
    place = np.interp(bins_hz, centres, np.arange(BANDS, dtype=np.float64))
    weights = np.maximum(0.0, 1.0 - np.abs(place[None, :] - np.arange(BANDS)[:, None]))
    weights[:, (bins_hz < 0.5 * LOWEST_HZ) | (bins_hz > 1.05 * HIGHEST_HZ)] = 0.0
    return np.asarray(weights, np.float32)


def fft_size(rate: int) -> int:
    """Length of a window: two hops."""
    return 2 * round(HOP_S * rate)


def extract(clip: Clip) -> Features:
    """Features of a clip of one or two channels and at least one window.

    Shorter clips are padded with silence. Mono has no side: its bands are at ``FLOOR_DB``.
    """
    size = fft_size(clip.rate)
    hop = size // 2
    samples = np.asarray(clip.samples, np.float32)
    if samples.shape[1] < size:
        samples = np.pad(samples, ((0, 0), (0, size - samples.shape[1])))
    left, right = samples[0], samples[-1]
    frames = (samples.shape[1] - size) // hop + 1
    window = hann(size, sym=False).astype(np.float32)
    # The window's mean square is taken out, and the two halves of the spectrum are one.
    scale = 2.0 / (size * float(np.sum(window**2)))
    bank = filters(clip.rate)
    mel = np.empty((2, BANDS, frames), np.float32)
    for row, signal in enumerate((0.5 * (left + right), 0.5 * (left - right))):
        cut = np.lib.stride_tricks.sliding_window_view(signal, size)[::hop][:frames]
        power = np.abs(rfft(cut * window, axis=1)) ** 2
        mel[row] = (power @ bank.T).T * scale
    hops = samples[:, : frames * hop].reshape(samples.shape[0], frames, hop)
    inside = hop // SUBFRAMES * SUBFRAMES
    cells = np.abs(hops[:, :, :inside]).reshape(samples.shape[0], frames, SUBFRAMES, -1)
    envelope = cells.max(axis=(0, 3))
    envelope[:, -1] = np.maximum(envelope[:, -1], np.abs(hops[:, :, inside - 1 :]).max(axis=(0, 2)))
    fast = max(1, round(FAST_S * clip.rate))
    parts = hops[:, :, : hop // fast * fast].reshape(samples.shape[0], frames, -1, fast)
    loudest = (parts**2).mean(axis=3).sum(axis=0).max(axis=1)
    return Features(_db(mel), _db(envelope.ravel() ** 2), _db(loudest))


def equalized(features: Features, curve_db: NDArray[np.floating]) -> Features:
    """Features after an equalizer whose gain at the band centres is ``curve_db`` ``[BANDS]``.

    Exact for the bands as far as the gain is constant within one; peaks are moved by the change
    of each frame's loudness, because phases are not known here.
    """
    before = features.loudness
    mel_db = np.maximum(features.mel_db + np.asarray(curve_db, np.float32)[:, None], FLOOR_DB)
    # What is silent stays silent, or it would tell what the equalizer does.
    mel_db[features.mel_db <= FLOOR_DB] = FLOOR_DB
    out = replace(features, mel_db=mel_db)
    moved = out.loudness - before
    return replace(
        out,
        envelope_db=features.envelope_db + np.repeat(moved, SUBFRAMES),
        fast_db=features.fast_db + moved,
    )


def amplified(features: Features, gain_db: float) -> Features:
    """Features after a gain."""
    return Features(
        np.maximum(features.mel_db + np.float32(gain_db), FLOOR_DB),
        features.envelope_db + np.float32(gain_db),
        features.fast_db + np.float32(gain_db),
    )


def _db(power: Floats) -> Floats:
    return np.asarray(10.0 * np.log10(np.maximum(power, 10.0 ** (FLOOR_DB / 10.0))), np.float32)
