import numpy as np
import pytest

from app.canvas.colormaps import ColorMap, color_table, lookup


def lightness(rgb):
    """CIE 1976 L* of sRGB values 0..255."""
    linear = np.where(rgb <= 10.31, rgb / 255 / 12.92, ((rgb / 255 + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    return np.where(luminance > 0.008856, 116 * np.cbrt(luminance) - 16, 903.3 * luminance)


@pytest.mark.parametrize("color_map", list(ColorMap))
def test_louder_is_always_lighter(color_map):
    steps = lightness(lookup(color_map).astype(float)[::8])
    assert (np.diff(steps) > 0).all()
    assert steps[-1] - steps[0] > 70


def test_the_range_gets_the_first_and_the_last_colour():
    level_db = np.linspace(-140.0, 10.0, 256)
    table = color_table(ColorMap.GREY, level_db, -100.0, 0.0)
    grey = [value & 0xFF for value in table]
    assert all(grey[i] == 0 for i in range(256) if level_db[i] <= -100.0)
    assert all(grey[i] == 255 for i in range(256) if level_db[i] >= 0.0)
    assert grey[int(np.argmin(np.abs(level_db + 50.0)))] == pytest.approx(127.5, abs=2)
    assert {value >> 24 for value in table} == {0xFF}


def test_an_empty_range_is_refused():
    with pytest.raises(ValueError, match="empty"):
        color_table(ColorMap.MAGMA, np.arange(256.0), -20.0, -20.0)
