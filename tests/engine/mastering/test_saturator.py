"""The saturator against its curve, and what oversampling has to keep out."""

from __future__ import annotations

import numpy as np
import pytest

from engine.mastering.parameters import Saturator
from engine.mastering.saturator import SaturatorProcessor


def curvature(drive_db: float) -> float:
    """The drive as a factor without its unity: sqrt(drive^2 - 1)."""
    return float(np.sqrt(10.0 ** (drive_db / 10.0) - 1.0))


def run(audio: np.ndarray, rate: int, parameters: Saturator) -> np.ndarray:
    """Saturate ``[channels, frames]`` and take the latency off."""
    saturator = SaturatorProcessor(rate, len(audio), parameters)
    padded = np.pad(audio, ((0, 0), (0, saturator.latency_frames)))
    return saturator.process(padded)[:, saturator.latency_frames :]


def spectrum_db(signal: np.ndarray) -> np.ndarray:
    magnitude = np.abs(np.fft.rfft(signal * np.kaiser(signal.size, 20.0)))
    return 20.0 * np.log10(magnitude / magnitude.max() + 1e-15)


@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize("hz", [10000.0, 9123.0, 7001.0])
def test_aliases_of_a_full_tone_at_12_db_drive_lie_80_db_down(rate: int, hz: float) -> None:
    tone = np.sin(2.0 * np.pi * hz / rate * np.arange(rate))[None]
    out = run(tone, rate, Saturator(12.0))[0, 2000:-2000]
    level_db = spectrum_db(out)
    frequencies = np.fft.rfftfreq(out.size, 1.0 / rate)
    harmonic = np.zeros(frequencies.size, dtype=bool)
    for k in range(1, int(rate / 2 / hz) + 1):
        harmonic |= np.abs(frequencies - k * hz) < 60.0
    assert level_db[~harmonic].max() <= -80.0


@pytest.mark.parametrize("drive_db", [0.1, 3.0, 12.0, 24.0])
def test_a_low_tone_follows_tanh(drive_db: float) -> None:
    """At 40 Hz all harmonics that matter lie below Nyquist: sampling the curve is exact."""
    rate, g = 48000, curvature(drive_db)
    tone = 0.9 * np.sin(2.0 * np.pi * 40.0 / rate * np.arange(rate // 2))[None]
    out = run(tone, rate, Saturator(drive_db))
    expected = np.tanh(g * tone) / g
    inner = slice(1000, -1000)
    assert np.abs(out - expected)[0, inner].max() < 10.0 ** (-90.0 / 20.0) * np.abs(expected).max()


def test_small_signals_pass_with_unity_gain_up_to_nyquist() -> None:
    audio = 1e-6 * np.random.default_rng(0).standard_normal((2, 4000))
    out = run(audio, 44100, Saturator(12.0))
    np.testing.assert_allclose(out, audio, atol=1e-13)


def test_mix_is_between_the_untouched_and_the_shaped_signal() -> None:
    audio = 0.5 * np.random.default_rng(0).standard_normal((2, 4000))
    full = run(audio, 44100, Saturator(9.0, 1.0))
    part = run(audio, 44100, Saturator(9.0, 0.3))
    np.testing.assert_allclose(part, audio + 0.3 * (full - audio), atol=1e-14)


def test_the_curve_is_odd_and_makes_no_dc() -> None:
    audio = 0.8 * np.random.default_rng(0).standard_normal((1, 4000))
    positive, negative = run(audio, 44100, Saturator(15.0)), run(-audio, 44100, Saturator(15.0))
    assert np.array_equal(positive, -negative)


def test_harder_drive_takes_more_off_the_peaks() -> None:
    tone = np.sin(2.0 * np.pi * 100.0 / 44100 * np.arange(8000))[None]
    peaks = [np.abs(run(tone, 44100, Saturator(db))[0, 1000:-1000]).max() for db in (1, 6, 12, 24)]
    expected = [np.tanh(curvature(db)) / curvature(db) for db in (1, 6, 12, 24)]
    np.testing.assert_allclose(peaks, expected, rtol=1e-3)


@pytest.mark.parametrize("drive_db", [1e-300, 1e-9, 1e-4, 0.01, 0.1])
def test_turned_down_it_fades_to_nothing(drive_db: float) -> None:
    """x - tanh(g x) / g is less than g^2 x^3 / 3, and g^2 is 0.2303 per dB at the bottom."""
    tone = np.sin(2.0 * np.pi * 100.0 / 48000 * np.arange(9600))[None]
    added = run(tone, 48000, Saturator(drive_db)) - tone
    assert np.abs(added).max() < 0.08 * drive_db + 1e-6


@pytest.mark.parametrize(
    "parameters", [Saturator(0.0), Saturator(12.0, 0.0), Saturator(12.0, enabled=False)]
)
def test_inactive_it_only_delays(parameters: Saturator) -> None:
    audio = np.random.default_rng(0).standard_normal((2, 3000))
    assert np.array_equal(run(audio, 48000, parameters), audio)


def test_switching_off_ends_in_the_untouched_signal() -> None:
    audio = 0.5 * np.random.default_rng(0).standard_normal((1, 9000))
    saturator = SaturatorProcessor(48000, 1, Saturator(12.0))
    saturator.process(audio[:, :3000])
    saturator.set_parameters(Saturator(12.0, enabled=False))
    out = saturator.process(audio[:, 3000:])
    late = saturator.latency_frames
    assert np.array_equal(out[0, 1000:], audio[0, 4000 - late : -late])
