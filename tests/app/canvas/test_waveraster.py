import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from app.canvas.axes import LevelScale
from app.canvas.waveraster import color_table, outline_raster, raster
from app.theme import DARK

PEAK, RMS, AFTER, OUTLINE = 1, 2, 4, 8
samples = arrays(np.float32, 12, elements=st.floats(-1, 1, width=32))


def test_full_scale_fills_the_lane():
    one = np.ones(4, np.float32)
    assert (raster(-one, one, one, 50, LevelScale.LINEAR) & PEAK).all()


def test_silence_is_one_line_in_the_middle():
    zero = np.zeros(4, np.float32)
    picture = raster(zero, zero, zero, 51, LevelScale.LINEAR)
    assert np.flatnonzero(picture[:, 0]).tolist() == [25]


def test_half_scale_reaches_half_way():
    half = np.full(4, 0.5, np.float32)
    rows = np.flatnonzero(raster(-half, half, 0 * half, 101, LevelScale.LINEAR)[:, 2])
    assert (rows[0], rows[-1]) == (25, 75)


def test_up_is_up():
    low, high = np.zeros(3, np.float32), np.full(3, 0.8, np.float32)
    rows = np.flatnonzero(raster(low, high, low, 101, LevelScale.LINEAR)[:, 1])
    assert rows.max() == 50


@given(samples, samples)
def test_columns_always_touch(first, second):
    low, high = np.minimum(first, second), np.maximum(first, second)
    picture = raster(low, high, np.zeros(12, np.float32), 64, LevelScale.LINEAR) & PEAK
    for left, right in zip(picture.T, picture.T[1:], strict=False):
        a, b = np.flatnonzero(left), np.flatnonzero(right)
        assert a[0] <= b[-1] + 1
        assert b[0] <= a[-1] + 1


@given(samples, samples, arrays(np.float32, 12, elements=st.floats(0, 1, width=32)))
def test_the_body_lies_inside_the_peaks(first, second, rms):
    low, high = np.minimum(first, second), np.maximum(first, second)
    picture = raster(low, high, rms, 64, LevelScale.DB)
    assert not ((picture & RMS).astype(bool) & ~(picture & PEAK).astype(bool)).any()


def test_the_result_is_outlined():
    half = np.full(4, 0.5, np.float32)
    column = outline_raster(-half, half, 101, LevelScale.LINEAR)[:, 2]
    assert column[25] == column[75] == AFTER | OUTLINE
    assert column[50] == AFTER
    assert column[10] == 0


def test_no_columns_give_no_picture():
    none = np.zeros(0, np.float32)
    assert raster(none, none, none, 10, LevelScale.LINEAR).shape == (10, 0)


def test_the_outline_shows_in_its_own_colour_over_everything():
    table = color_table(DARK)
    assert table[0] == 0
    assert {table[code] for code in range(8, 16)} == {table[8]}
    assert table[PEAK] == table[PEAK | AFTER]
    assert len({table[PEAK], table[PEAK | RMS], table[AFTER], table[OUTLINE]}) == 4
