"""The demo is as dull and quiet as it says, and the same every time."""

from __future__ import annotations

import numpy as np
import pyloudnorm
import pytest
from numpy.typing import NDArray
from scipy import signal

from resources.demo.synthesise import RATE, compose, demo_track


@pytest.fixture(scope="module")
def track() -> NDArray[np.float64]:
    return demo_track()


def band_db(samples: NDArray[np.float64], low_hz: float, high_hz: float) -> float:
    hz, power = signal.welch(samples.mean(axis=0), RATE, nperseg=8192)
    return float(10 * np.log10(power[(hz >= low_hz) & (hz < high_hz)].sum()))


def test_it_is_30_to_60_seconds_of_stereo(track: NDArray[np.float64]) -> None:
    assert track.shape[0] == 2
    assert 30 <= track.shape[1] / RATE <= 60


def test_it_is_quiet(track: NDArray[np.float64]) -> None:
    loudness = pyloudnorm.Meter(RATE).integrated_loudness(track.T)
    assert -32 < loudness < -24


def test_it_is_duller_than_the_mix_it_was_made_from(track: NDArray[np.float64]) -> None:
    mix = compose()
    tilt_spoilt = band_db(track, 6000, 12000) - band_db(track, 150, 400)
    tilt_good = band_db(mix, 6000, 12000) - band_db(mix, 150, 400)
    assert tilt_spoilt < tilt_good - 8


def test_it_begins_and_ends_without_a_click(track: NDArray[np.float64]) -> None:
    assert np.abs(track[:, 0]).max() < 1e-3
    assert np.abs(track[:, -1]).max() < 1e-3


def test_it_is_the_same_every_time(track: NDArray[np.float64]) -> None:
    assert np.array_equal(track, demo_track())
