"""Mapped files and their way to two channels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.audio.sources import Source, to_stereo


@pytest.fixture
def grown(tmp_path, noise):
    """A file of 100 frames of which the source knows 60."""
    signal = noise(100)
    path = tmp_path / "audio.f32"
    signal.tofile(path)
    source = Source(path, 2, growing=True)
    source.extend(60)
    yield source, signal
    source.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(-50, 150), count=st.integers(0, 120))
def test_outside_of_what_is_there_it_is_silent(grown, start, count) -> None:
    source, signal = grown
    padded = np.zeros((400, 2), np.float32)
    padded[100:160] = signal[:60]
    expected = padded[100 + start : 100 + start + count]
    np.testing.assert_array_equal(source.read(start, start + count), expected)


def test_it_grows_with_its_file(grown) -> None:
    source, signal = grown
    more = np.concatenate([signal, signal])
    with source.path.open("ab") as file:
        file.write(signal.tobytes())
    source.extend(200)
    np.testing.assert_array_equal(source.read(0, 200), more)


def test_it_never_reads_past_its_file(grown) -> None:
    source, _ = grown
    source.extend(100_000)
    assert source.available == 100


def test_reading_ahead_does_not_change_anything(grown) -> None:
    source, signal = grown
    source.warm(-20, 500, bytearray(64))
    np.testing.assert_array_equal(source.read(0, 60), signal[:60])


def test_mono_is_heard_on_both_sides(noise) -> None:
    signal = noise(10, channels=1)
    np.testing.assert_array_equal(to_stereo(signal), np.repeat(signal, 2, axis=1))


def test_surround_is_folded_by_bs775() -> None:
    names = ["left", "right", "centre", "lfe", "surround left", "surround right"]
    folded = to_stereo(np.eye(6, dtype=np.float32))
    side = 10 ** (-3.01 / 20)
    expected = {
        "left": (1, 0),
        "right": (0, 1),
        "centre": (side, side),
        "lfe": (0, 0),
        "surround left": (side, 0),
        "surround right": (0, side),
    }
    for row, name in zip(folded, names, strict=True):
        np.testing.assert_allclose(row, expected[name], atol=1e-3)


@pytest.mark.parametrize("channels", range(1, 13))
def test_any_number_of_channels_becomes_two(noise, channels) -> None:
    assert to_stereo(noise(7, channels=channels)).shape == (7, 2)
