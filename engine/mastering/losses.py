"""Distances between what a chain makes and what is wanted, as torch functions with gradients.

All return one number; levels are in dB or LU, so that the weights between them mean something.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

STFT_SIZES = (512, 2048, 8192)
POWER_FLOOR = 1e-12


def decibels(power: Tensor, floor: float = POWER_FLOOR) -> Tensor:
    """``10 log10(power)``, bounded below so that silence has a finite gradient."""
    return 10.0 * torch.log10(power.clamp(min=floor))


def dead_zone(difference: Tensor, tolerance: Tensor | float) -> Tensor:
    """The part of a difference outside +-tolerance; 0 inside, with the sign kept."""
    return torch.sign(difference) * torch.relu(difference.abs() - tolerance)


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Mean over the last axis with weights that need not sum to 1; 0 if they sum to 0."""
    return (values * weights).sum(-1) / weights.sum(-1).clamp(min=1e-12)


def long_term_spectrum(
    output_db: Tensor,
    wanted_db: Tensor,
    weights: Tensor,
    broad: Tensor,
    broad_tolerance_db: Tensor | float,
    detail_tolerance_db: Tensor | float,
    fill_dips: bool = True,
) -> Tensor:
    """Mean square of what sticks out of the tolerance around a tonal balance, in dB^2.

    Parameters
    ----------
    output_db, wanted_db
        Band levels ``[bands]``. A common level difference does not count.
    weights
        How much each band matters, ``[bands]``.
    broad
        Averaging matrix ``[bands, bands]`` that splits the difference into a broad part and
        detail, each with its tolerance.
    fill_dips
        Whether detail that is too weak counts like detail that is too strong.
    """
    difference = wanted_db - output_db
    difference = difference - weighted_mean(difference, weights)
    shares = broad * weights
    wide = (shares @ difference) / shares.sum(-1).clamp(min=1e-12)
    detail = dead_zone(difference - wide, detail_tolerance_db)
    if not fill_dips:
        detail = detail.clamp(max=0.0)
    return weighted_mean(dead_zone(wide, broad_tolerance_db) ** 2 + detail**2, weights)


def multi_resolution_stft(
    output: Tensor, wanted: Tensor, sizes: Sequence[int] = STFT_SIZES
) -> Tensor:
    """Spectral convergence plus log-magnitude distance over several resolutions.

    After R. Yamamoto, E. Song, J.-M. Kim, "Parallel WaveGAN", ICASSP 2020, with the window half
    overlapped only: three sizes two octaves apart cost a tenth of the usual quarter-hop set and
    still see both a drum and a bass note.

    Parameters
    ----------
    output, wanted
        ``[..., frames]``, at least as long as half the largest size.
    """
    total = output.new_zeros(())
    for size in sizes:
        window = torch.hann_window(size, dtype=output.dtype)
        magnitudes = []
        for signal in (output, wanted):
            flat = signal.reshape(-1, signal.shape[-1])
            spectrum = torch.stft(flat, size, size // 2, window=window, return_complex=True)
            power = spectrum.real**2 + spectrum.imag**2
            magnitudes.append(torch.sqrt(power + POWER_FLOOR))
        got, want = magnitudes
        convergence = torch.linalg.vector_norm(want - got) / torch.linalg.vector_norm(want)
        total = total + convergence + (torch.log(want) - torch.log(got)).abs().mean()
    return total / len(sizes)


def loudness_contour_db(audio: Tensor, window_frames: int) -> Tensor:
    """Level of successive windows in dB of mean square, channels added, ``[windows]``.

    Feed it K-weighted audio to read LUFS + 0.691.
    """
    windows = audio.unfold(-1, window_frames, max(1, window_frames // 2))
    return decibels((windows**2).mean(-1).sum(0))


def spread(contour_db: Tensor) -> Tensor:
    """The 10 to 95 % range of a loudness contour, as for the loudness range of EBU Tech 3342."""
    quantiles = torch.tensor([0.1, 0.95], dtype=contour_db.dtype)
    bounds: Tensor = torch.quantile(contour_db, quantiles)
    return bounds[1] - bounds[0]


def crest(contour_db: Tensor, peak_db: Tensor) -> Tensor:
    """Median distance from loudness to peak over the windows."""
    median: Tensor = torch.quantile(peak_db - contour_db, 0.5)
    return median


def dynamics(
    contour_db: Tensor,
    max_spread_lu: Tensor | float,
    peak_db: Tensor,
    max_crest_db: Tensor | float,
) -> Tensor:
    """How much more dynamics there is than wanted, in dB^2; less is never an error."""
    too_wide = torch.relu(spread(contour_db) - max_spread_lu)
    too_peaky = torch.relu(crest(contour_db, peak_db) - max_crest_db)
    return too_wide**2 + too_peaky**2


def loudness(output_lufs: Tensor, wanted_lufs: float) -> Tensor:
    """Squared loudness difference in LU^2."""
    return (output_lufs - wanted_lufs) ** 2


def stereo_width(
    side_db: Tensor, mid_db: Tensor, wanted_db: Tensor, weights: Tensor, tolerance_db: float
) -> Tensor:
    """Mean square of the width difference per band outside the tolerance, in dB^2."""
    outside = dead_zone(wanted_db - (side_db - mid_db), tolerance_db)
    return weighted_mean(outside**2, weights)


def sparsity(effective_gain_db: Tensor, knee_db: float = 1.0) -> Tensor:
    """About the number of bands that do something: sum of g^2 / (g^2 + knee^2).

    On gain times gate, so that neither a small gate nor a small gain alone buys anything, and
    saturating (S. Geman, D. McClure, 1987), so that a band that is needed is not shrunk.
    """
    squared = effective_gain_db**2
    return (squared / (squared + knee_db**2)).sum(-1)
