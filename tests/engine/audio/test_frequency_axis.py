"""Rows of a spectrogram picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.audio.frequency_axis import (
    SCALES,
    Scale,
    from_scale,
    row_edges_hz,
    row_table,
    to_scale,
)

RATE = 48_000


@pytest.mark.parametrize("scale", SCALES)
def test_an_axis_there_and_back_is_the_same_frequency(scale: Scale) -> None:
    frequencies_hz = np.geomspace(20.0, 20_000.0, 50)
    assert from_scale(to_scale(frequencies_hz, scale), scale) == pytest.approx(frequencies_hz)


def test_a_logarithmic_axis_gives_every_octave_as_many_rows() -> None:
    edges_hz = row_edges_hz(90, 40.0, 20_480.0, "log")
    assert edges_hz[::10] == pytest.approx(20_480.0 / 2.0 ** np.arange(10))


def test_1000_mel_are_1000_hz() -> None:
    assert to_scale(np.array([1000.0]), "mel") == pytest.approx(1000.0, rel=1e-3)


@settings(max_examples=60, deadline=None)
@given(
    scale=st.sampled_from(SCALES),
    rows=st.integers(1, 900),
    size=st.sampled_from([256, 2048, 16_384]),
    peak=st.floats(0.0, 1.0),
)
def test_no_line_is_lost_and_it_stands_in_its_row(
    scale: Scale, rows: int, size: int, peak: float
) -> None:
    bins = size // 2 + 1
    number = int(peak * (bins - 1))
    tile = np.zeros((bins, 3), np.uint8)
    tile[number] = 200
    low_hz, high_hz = 20.0, RATE / 2.0
    picture = row_table(bins, RATE, rows, low_hz, high_hz, scale).apply(tile)
    assert picture.shape == (rows, 3)
    assert picture.dtype == np.uint8
    frequency_hz = number * RATE / size
    edges_hz = row_edges_hz(rows, low_hz, high_hz, scale)
    bin_hz = RATE / size
    lit = np.flatnonzero(picture[:, 0])
    if low_hz + bin_hz < frequency_hz < high_hz - bin_hz:
        assert picture.max() >= 100  # interpolation between two rows halves it at most
        assert np.all(edges_hz[lit] >= frequency_hz - bin_hz * 1.001)
        assert np.all(edges_hz[lit + 1] <= frequency_hz + bin_hz * 1.001)


@settings(max_examples=40, deadline=None)
@given(scale=st.sampled_from(SCALES), rows=st.integers(1, 900), level=st.integers(0, 255))
def test_a_flat_spectrum_stays_flat(scale: Scale, rows: int, level: int) -> None:
    tile = np.full((1025, 2), level, np.uint8)
    picture = row_table(1025, RATE, rows, 20.0, 30_000.0, scale).apply(tile)
    assert np.all(picture == level)


def test_narrow_rows_rise_steadily_between_two_bins() -> None:
    tile = np.zeros((129, 1), np.float32)
    tile[2] = 1.0
    low_hz, high_hz = 1.0 * RATE / 256, 2.0 * RATE / 256
    picture = row_table(129, RATE, 50, low_hz, high_hz, "linear").apply(tile)[::-1, 0]
    assert picture == pytest.approx((np.arange(50) + 0.5) / 50, abs=1e-5)


def test_row_0_is_the_highest_frequency() -> None:
    tile = np.arange(1025, dtype=np.float32)[:, None]
    picture = row_table(1025, RATE, 1025 // 4, 0.0, RATE / 2.0, "linear").apply(tile)
    assert np.all(np.diff(picture[:, 0]) < 0)
    assert picture[0, 0] == pytest.approx(1024.0, abs=1.0)


def test_a_logarithmic_axis_cannot_begin_at_0_hz() -> None:
    with pytest.raises(ValueError, match="log"):
        row_table(1025, RATE, 100, 0.0, 1000.0, "log")
