"""How far a repaired recording is from the good one it was made of, in dB and LU.

Equalizer curves are compared on a grid of 1/6 octave, without their common level: a repair that is
right but 3 dB louder is right. Bands in which the recording has next to no energy do not count,
because nobody can hear, and no method can know, what was done to them.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import stft

from engine.audio.clip import Clip
from engine.audio.loudness import LoudnessMeter
from engine.mastering.analysis import Analysis, band_centres_hz
from engine.mastering.parameters import Band

LOWEST_HZ, HIGHEST_HZ = 30.0, 16000.0
NYQUIST_SHARE = 0.45
FADES_DB = (50.0, 70.0)
LOUD_LU = 20.0
SILENT_LUFS = -100.0
LEAST_SIDE_DB = -50.0
AUDIBLE_GAIN_DB = 0.25
LSD_WINDOW = 2048
LSD_RANGE_DB = 60.0
LSD_FLOOR_DB = 80.0
BEST_SNR_DB = 200.0

Floats = NDArray[np.float64]


def grid() -> NDArray[np.bool_]:
    """Which of the analysis bands (1/6 octave apart) lie from 30 Hz to 16 kHz."""
    centres_hz = band_centres_hz()
    return np.asarray((centres_hz >= LOWEST_HZ) & (centres_hz <= HIGHEST_HZ))


def grid_hz() -> Floats:
    """Centres of the grid's bands in Hz."""
    return np.asarray(band_centres_hz()[grid()])


def energy_weights(clean: Analysis) -> Floats:
    """How much energy a recording has in each band of the grid, as weights in [0, 1].

    1 for bands (power per octave) within 50 dB of the strongest, falling to 0 at 70 dB; 0 above
    0.45 of the rate.
    """
    centres_hz = grid_hz()
    level_db = clean.band_db(clean.power)[grid()] + 10.0 * np.log10(centres_hz)
    near, far = FADES_DB
    weights = np.clip((level_db - level_db.max() + far) / (far - near), 0.0, 1.0)
    return np.asarray(weights * (centres_hz <= NYQUIST_SHARE * clean.rate))


def eq_error_db(curve_db: Floats, weights: Floats) -> float:
    """RMS of what is left of an equalizer curve, without its mean.

    Parameters
    ----------
    curve_db
        Degradation plus correction on the grid, in dB; zeros where the repair is perfect.
    weights
        How much each band counts, see :func:`energy_weights`.
    """
    total = float(weights.sum())
    if total == 0.0:
        return 0.0
    rest = curve_db - float((weights * curve_db).sum()) / total
    return float(np.sqrt((weights * rest**2).sum() / total))


def transfer_db(clean: Analysis, output: Analysis) -> Floats:
    """What happened on the way from one recording to another, from their long-term spectra.

    For what has no curve of its own (another program). On the grid, in dB, with the level.
    """
    difference = output.band_db(output.power) - clean.band_db(clean.power)
    return np.asarray(difference[grid()])


def momentary_lufs(clip: Clip) -> Floats:
    """Loudness of 400 ms windows, 100 ms apart; silence reads -100."""
    meter = LoudnessMeter(clip.rate, clip.channels)
    meter.push(clip.samples)
    contour = meter.series.momentary_lufs[3:]
    return np.maximum(contour, SILENT_LUFS)


def loudness_contour_error_lu(output: Clip, clean: Clip) -> float:
    """How differently the loudness moves, RMS in LU without the mean.

    Over windows of 400 ms within 20 LU of the clean recording's loudest; 0 where there is none.
    """
    wanted, present = momentary_lufs(clean), momentary_lufs(output)
    count = min(wanted.size, present.size)
    wanted, present = wanted[:count], present[:count]
    if not count or wanted.max() <= SILENT_LUFS:
        return 0.0
    difference = (present - wanted)[wanted > wanted.max() - LOUD_LU]
    return float(difference.std())


def log_spectral_distance_db(first: Clip, second: Clip) -> float:
    """Mean over time of the RMS difference of two short-time spectra in dB.

    After A. Gray and J. Markel, "Distance measures for speech processing", IEEE Trans. ASSP 24(5),
    1976, with windows of 2048 samples. Cells 60 dB under the loudest cell of the pair do not
    count, and 80 dB under it is silence; the level counts.
    """
    count = min(first.frames, second.frames)
    powers = [_cells(clip.part(0, count)) for clip in (first, second)]
    loudest = max(float(power.max(initial=0.0)) for power in powers)
    if loudest == 0.0:
        return 0.0
    counts = np.maximum(*powers) > loudest * 10.0 ** (-LSD_RANGE_DB / 10.0)
    floor = loudest * 10.0 ** (-LSD_FLOOR_DB / 10.0)
    levels_db = [10.0 * np.log10(np.maximum(power, floor)) for power in powers]
    squares = np.where(counts, (levels_db[0] - levels_db[1]) ** 2, 0.0)
    cells = counts.sum(axis=0)
    heard = cells > 0
    return float(np.sqrt(squares.sum(axis=0)[heard] / cells[heard]).mean())


def _cells(clip: Clip) -> Floats:
    """Power ``[bins, windows]`` of a clip, summed over the channels."""
    size = min(LSD_WINDOW, clip.frames)
    _, _, cells = stft(clip.samples, nperseg=size, noverlap=size // 2)
    return np.asarray((np.abs(cells) ** 2).sum(axis=0), dtype=np.float64)


def width_error_db(output: Analysis, clean: Analysis) -> float | None:
    """How differently wide a recording is: side over mid, RMS over the bands of the grid in dB.

    None where there is no side to speak of (more than 50 dB under the mid).
    """
    if clean.channels != 2 or output.channels != 2:
        return None
    ratios_db = [
        (each.band_db(each.side.mean(axis=0)) - each.band_db(each.mid.mean(axis=0)))[grid()]
        for each in (output, clean)
    ]
    weights = energy_weights(clean) * (ratios_db[1] > LEAST_SIDE_DB)
    if weights.sum() < 1.0:
        return None
    difference = np.maximum(ratios_db[0], LEAST_SIDE_DB) - ratios_db[1]
    return float(np.sqrt((weights * difference**2).sum() / weights.sum()))


def waveform_snr_db(output: Clip, clean: Clip) -> float:
    """Energy of the clean recording over that of what differs, at the best common gain.

    At most 200 dB; minus infinity for silence.
    """
    count = min(output.frames, clean.frames)
    present = output.samples[:, :count].astype(np.float64)
    wanted = clean.samples[:, :count].astype(np.float64)
    energy, own = float((wanted**2).sum()), float((present**2).sum())
    if energy == 0.0 or own == 0.0:
        return float("-inf")
    # Of all gains on the output the one that leaves the least: a projection.
    gain = float((present * wanted).sum()) / own
    error = float(((gain * present - wanted) ** 2).sum())
    return min(10.0 * np.log10(energy / error), BEST_SNR_DB) if error > 0.0 else BEST_SNR_DB


def active_bands(bands: Iterable[Band]) -> int:
    """How many bands do something that can be told: a quarter of a decibel or a pass filter."""
    return sum(
        band.active and (not band.kind.has_gain or abs(band.effective_gain_db) >= AUDIBLE_GAIN_DB)
        for band in bands
    )
