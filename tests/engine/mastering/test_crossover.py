"""The three bands: flat together, each with the slopes of its Linkwitz-Riley crossovers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from engine.mastering.crossover import Crossover

FRAMES = 1 << 17


def responses(rate: int, low_hz: float, high_hz: float) -> np.ndarray:
    """Spectra ``[3, bins]`` of the bands' impulse responses."""
    impulse = np.zeros((1, FRAMES))
    impulse[0, 0] = 1.0
    bands = Crossover(rate, 1, low_hz, high_hz).process(impulse)
    return np.stack([np.fft.rfft(band[0]) for band in bands])


@given(st.floats(40.0, 500.0), st.floats(1000.0, 10000.0), st.sampled_from([8000, 44100, 192000]))
@settings(max_examples=15, deadline=None)
def test_the_bands_sum_to_an_all_pass(low_hz: float, high_hz: float, rate: int) -> None:
    together = responses(rate, low_hz, high_hz).sum(0)
    assert np.abs(20.0 * np.log10(np.abs(together))).max() < 1e-9


def test_each_band_is_that_of_the_textbook() -> None:
    rate, low_hz, high_hz = 48000, 200.0, 3000.0
    hz = np.fft.rfftfreq(FRAMES, 1.0 / rate)

    def side(kind: str, corner_hz: float) -> np.ndarray:
        sections = signal.butter(2, corner_hz, kind, fs=rate, output="sos")
        return signal.sosfreqz(sections, hz, fs=rate)[1] ** 2

    turn = side("lowpass", high_hz) + side("highpass", high_hz)
    expected = (
        side("lowpass", low_hz) * turn,
        side("highpass", low_hz) * side("lowpass", high_hz),
        side("highpass", low_hz) * side("highpass", high_hz),
    )
    for got, wanted in zip(responses(rate, low_hz, high_hz), expected, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-9)


def test_at_a_crossover_both_sides_are_6_db_down_and_in_phase() -> None:
    rate = 48000
    low_hz, high_hz = (round(hz * FRAMES / rate) * rate / FRAMES for hz in (100.0, 5000.0))
    low, middle, high = responses(rate, low_hz, high_hz)
    for first, second, hz in ((low, middle, low_hz), (middle, high, high_hz)):
        at = round(hz * FRAMES / rate)
        assert 20.0 * np.log10(np.abs(first[at])) == pytest.approx(-6.0206, abs=0.01)
        assert second[at] == pytest.approx(first[at], rel=0.01)


def test_moving_a_crossover_makes_no_click() -> None:
    """The sum of the bands stays the sine's size; a jump of a filter would not."""
    rate = 48000
    sine = np.sin(2.0 * np.pi * 400.0 / rate * np.arange(rate))[None]
    crossover, parts = Crossover(rate, 1, 100.0, 2000.0), []
    for index, start in enumerate(range(0, rate, 4000)):
        crossover.move_to(*((450.0, 1000.0) if index % 2 else (60.0, 9000.0)))
        parts.append(sum(crossover.process(sine[:, start : start + 4000])))
    out = np.concatenate(parts, axis=1)[0, 4000:]
    assert np.abs(np.diff(out)).max() < 1.3 * 2.0 * np.pi * 400.0 / rate
