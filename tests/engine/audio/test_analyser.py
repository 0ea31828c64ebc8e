"""The live spectrum."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.audio.analyser import SpectrumAnalyser

RATE = 48_000


def sine(frequency_hz: float, amplitude: float, seconds: float) -> np.ndarray:
    time_s = np.arange(round(seconds * RATE)) / RATE
    return np.tile(amplitude * np.sin(2.0 * np.pi * frequency_hz * time_s), (2, 1))


@pytest.mark.parametrize("window", ["hann", "blackmanharris", "kaiser"])
def test_a_sine_settles_at_its_level_in_its_bin(window: str) -> None:
    analyser = SpectrumAnalyser(RATE, 4096, window)
    analyser.push(sine(1500.0, 0.1, 1.0))
    assert analyser.levels_db.max() == pytest.approx(-20.0, abs=0.1)
    peak_hz = analyser.frequencies_hz[analyser.levels_db.argmax()]
    assert peak_hz == pytest.approx(1500.0, abs=RATE / 4096)
    assert analyser.smoothed_db(np.array([1500.0]), 1.0)[0] == pytest.approx(-20.0, abs=0.2)


def test_any_partition_gives_the_same_picture() -> None:
    samples = np.random.default_rng(0).standard_normal((2, 50_000)).astype(np.float32)
    whole, parts = SpectrumAnalyser(RATE), SpectrumAnalyser(RATE)
    whole.push(samples)
    for start in range(0, 50_000, 777):
        parts.push(samples[:, start : start + 777])
    assert np.array_equal(whole.levels_db, parts.levels_db)


def test_a_level_falls_with_its_time_constant() -> None:
    analyser = SpectrumAnalyser(RATE, 2048, fall_s=0.2)
    analyser.push(sine(3000.0, 1.0, 1.0))
    analyser.push(np.zeros((2, 2048)))  # the sine has left the window
    before = analyser.levels_db.max()
    analyser.push(np.zeros((2, round(0.2 * RATE))))
    fallen = before - analyser.levels_db.max()
    hops = round(0.2 * RATE) // 512 * 512 / RATE
    assert fallen == pytest.approx(10.0 * math.log10(math.e) * hops / 0.2, abs=0.3)


def test_pink_noise_is_drawn_flat() -> None:
    rng = np.random.default_rng(1)
    spectrum = np.fft.rfft(rng.standard_normal(20 * RATE))
    spectrum[1:] /= np.sqrt(np.arange(1, spectrum.size))
    pink = np.fft.irfft(spectrum)
    analyser = SpectrumAnalyser(RATE, 8192, fall_s=20.0, rise_s=5.0)
    analyser.push(pink[None] / np.abs(pink).max())
    levels = analyser.smoothed_db(np.geomspace(100.0, 15_000.0, 30), 1.0 / 3.0)
    assert levels - levels.mean() == pytest.approx(0.0, abs=1.5)


def test_silence_lies_on_the_floor_and_reset_returns_there() -> None:
    analyser = SpectrumAnalyser(RATE)
    analyser.push(np.zeros((2, 10_000)))
    assert np.all(analyser.levels_db == -140.0)
    analyser.push(sine(1000.0, 1.0, 0.5))
    analyser.reset()
    assert np.all(analyser.smoothed_db(np.geomspace(20.0, 20_000.0, 50)) == -140.0)


def test_not_a_number_passes_by() -> None:
    analyser = SpectrumAnalyser(RATE)
    samples = sine(1000.0, 0.5, 0.5)
    samples[0, 100] = np.nan
    analyser.push(samples)
    assert np.isfinite(analyser.levels_db).all()
