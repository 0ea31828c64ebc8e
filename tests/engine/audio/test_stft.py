"""Windows and power spectra."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import get_window

from engine.audio.stft import WINDOWS, power, window

SCIPY_NAMES = {"rectangular": "boxcar", "kaiser": ("kaiser", 14.0)}


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("size", [256, 4096])
def test_windows_have_the_shapes_of_scipys(name: str, size: int) -> None:
    theirs = get_window(SCIPY_NAMES.get(name, name), size)
    assert window(name, size) == pytest.approx(theirs * 2.0 / theirs.sum(), abs=1e-7)


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("amplitude", [1.0, 0.1, 0.001])
def test_a_sine_reads_its_amplitude_squared_in_its_bin(name: str, amplitude: float) -> None:
    size, bin_number = 1024, 100
    phase = 2.0 * np.pi * bin_number * np.arange(size) / size
    frames = (amplitude * np.sin(phase + 0.3)).astype(np.float32)[None]
    spectrum = power(frames, name)[0]
    assert spectrum.argmax() == bin_number
    assert spectrum[bin_number] == pytest.approx(amplitude**2, rel=1e-4)


def test_an_unknown_window_is_refused() -> None:
    with pytest.raises(ValueError, match="hann"):
        window("welch's", 512)
