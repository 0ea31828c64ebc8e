import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.canvas.pitch import FrequencyScale
from app.canvas.rowmap import RowMap

TOP_HZ = 24_000.0
scales = st.sampled_from(list(FrequencyScale))


@given(scale=scales, height=st.integers(1, 900), bins=st.sampled_from([129, 1025]))
def test_a_flat_spectrum_stays_flat(scale, height, bins):
    tile = np.full((bins, 3), 77, np.uint8)
    assert (RowMap(bins, TOP_HZ, scale, height).apply(tile) == 77).all()


@given(scale=scales, height=st.integers(50, 900), hz=st.floats(200.0, 23_000.0))
def test_a_partial_is_drawn_at_its_frequency(scale, height, hz):
    bins = 1025
    index = round(hz / TOP_HZ * (bins - 1))
    tile = np.zeros((bins, 1), np.uint8)
    tile[index] = 255
    column = RowMap(bins, TOP_HZ, scale, height).apply(tile)[:, 0]
    row = int(np.argmax(column))
    place = 1.0 - (row + 0.5) / height
    bin_hz = TOP_HZ / (bins - 1)
    nearest = abs(float(scale.frequency_hz(place, TOP_HZ)) - index * bin_hz)
    row_hz = float(
        scale.frequency_hz(min(place + 1 / height, 1.0), TOP_HZ) - scale.frequency_hz(place, TOP_HZ)
    )
    assert nearest <= max(bin_hz, row_hz)


@given(scale=scales, height=st.integers(20, 200), index=st.integers(1, 1023))
def test_no_partial_is_lost_where_many_bins_share_a_row(scale, height, index):
    tile = np.zeros((1025, 1), np.uint8)
    tile[index] = 200
    above = float(index) / 1024 * TOP_HZ >= scale.lowest_hz(TOP_HZ)
    edges = scale.frequency_hz(np.linspace(0, 1, height + 1), TOP_HZ) / TOP_HZ * 1024
    row = int(np.searchsorted(edges, index, side="right")) - 1
    dense = above and row < height and np.ceil(edges[row + 1]) - np.ceil(edges[row]) >= 2
    if dense:
        assert RowMap(1025, TOP_HZ, scale, height).apply(tile).max() == 200


def test_the_highest_frequency_is_at_the_top():
    tile = np.linspace(0, 255, 257).astype(np.uint8)[:, None]
    column = RowMap(257, TOP_HZ, FrequencyScale.LINEAR, 100).apply(tile)[:, 0].astype(int)
    assert (np.diff(column) <= 0).all()
    assert column[0] > 250
    assert column[-1] == pytest.approx(1, abs=2)
