"""Upward expansion as the inverse of a compressor.

A compressor with slope ``s = 1 - 1/R`` smooths the reduction that its input asks for, and its
output is the input less that reduction. Read backwards, the input's level is the output's plus the
gain an expander gives back, so with the compressor's curve ``w`` the gain obeys

    ``g[n] = c g[n-1] + (1 - c) w(level[n] - threshold + g[n])``,

the compressor's own recursion, in which ``g[n]`` stands on both sides. ``w`` is straight, a
parabola or 0, so each case has a closed form (the idea of inverting the model is S. Gorlow and
J. Reiss, "Model-Based Inversion of Dynamic Range Compression", IEEE TASLP 21(7), 2013). What a
compressor of this engine did without lookahead comes back to rounding, for gains up to
``MAX_EXPANSION_DB``.
"""

from __future__ import annotations

import math

from numba import njit

MAX_EXPANSION_DB = 24.0
"""The most an expander may add: what a steep one asks for on a peak has no bound of its own."""


@njit(cache=True, nogil=True, error_model="numpy")
def asked_db(over_db: float, slope: float, knee_db: float) -> float:
    """The compressor's curve: reduction for a level ``over_db`` above the threshold."""
    inside = over_db + 0.5 * knee_db
    if inside <= 0.0:
        return 0.0
    if inside < knee_db:
        return slope * inside * inside / (2.0 * knee_db)
    return slope * over_db


@njit(cache=True, nogil=True, error_model="numpy")
def expansion_db(
    over_db: float, gain_db: float, slope: float, knee_db: float, attack: float, release: float
) -> tuple[float, bool]:
    """The expander's next gain, and whether it was the attack that led there.

    Parameters
    ----------
    over_db
        Level of what is to be expanded, above the threshold.
    gain_db
        Gain before, 0 or above.
    slope, knee_db
        Curve of the compressor to undo; the slope lies in [0, 1).
    attack, release
        Its smoothing coefficients, for gains that grow and that shrink.
    """
    # What follows falls as the gain grows, so the side it is on now is the side it ends on.
    grows = asked_db(over_db + gain_db, slope, knee_db) > gain_db
    kept = attack if grows else release
    pull = (1.0 - kept) * slope
    rest = kept * gain_db
    inside = over_db + 0.5 * knee_db + rest
    if inside <= 0.0:
        gain_db = rest
    elif inside < knee_db * (1.0 - 0.5 * pull):
        inside = 2.0 * inside / (1.0 + math.sqrt(1.0 - 2.0 * pull * inside / knee_db))
        gain_db = rest + pull * inside * inside / (2.0 * knee_db)
    else:
        gain_db = (rest + pull * over_db) / (1.0 - pull)
    return min(gain_db, MAX_EXPANSION_DB), grows
