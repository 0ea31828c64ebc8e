"""Long-term spectra, width and crest factor against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import welch

from engine.audio.clip import Clip
from engine.audio.tone import ToneMeter, band_centres_hz, band_energies, measure_tone

RATE = 48_000


def sine(frequency_hz: float, amplitude: float = 1.0, seconds: float = 3.0) -> NDArray[np.float64]:
    return amplitude * np.sin(2.0 * np.pi * frequency_hz * np.arange(round(seconds * RATE)) / RATE)


def noise(seed: int, seconds: float = 5.0, rate: int = RATE) -> NDArray[np.float64]:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))


def test_third_octaves_are_those_of_the_standard() -> None:
    centres_hz = band_centres_hz(RATE)
    nominal = [20, 25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800]
    nominal += [round(10 * value) for value in (100, 125, 160, 200, 250, 315, 400, 500, 630, 800)]
    nominal += [10_000, 12_500, 16_000, 20_000]
    assert centres_hz == pytest.approx(nominal, rel=0.015)
    assert band_centres_hz(8_000)[-1] < 4_000.0
    assert band_centres_hz(44_100).size == 31


def test_sixth_octaves_meet_at_the_middles_of_third_octaves() -> None:
    ratio = 10.0 ** (0.3 / 12.0)
    sixths_hz = band_centres_hz(RATE, 6)
    assert np.any(np.abs(sixths_hz / ratio - 1000.0) < 1e-6)
    assert np.diff(np.log2(sixths_hz)) == pytest.approx(math.log2(10.0) * 0.05, rel=1e-6)


@pytest.mark.parametrize("per_octave", [3, 6])
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_a_sine_in_any_band_reads_its_level_there(per_octave: int, rate: int) -> None:
    centres_hz = band_centres_hz(rate, per_octave)
    for index in range(per_octave, centres_hz.size - 1, 5):
        time_s = np.arange(3 * rate) / rate
        wave = 0.1 * np.sin(2.0 * np.pi * centres_hz[index] * time_s)
        tone = measure_tone(Clip(np.stack([wave, wave]), rate), per_octave)
        assert tone.mid_db[index] == pytest.approx(-20.0, abs=0.3)
        assert tone.mid_db.argmax() == index


def test_band_energies_add_up_to_the_mean_square() -> None:
    tone = measure_tone(Clip(noise(1)[None], RATE))
    total = np.sum(10.0 ** (tone.mid_db / 10.0)) / 2.0  # a full-scale sine has mean square 1/2
    edge = 10.0 ** (0.3 / 6.0)
    heard = (tone.centres_hz[-1] * edge - tone.centres_hz[0] / edge) / (RATE / 2.0)
    assert total == pytest.approx(0.01 * heard, rel=0.02)


def test_bands_hold_what_welchs_method_of_scipy_gives() -> None:
    clip = Clip(np.stack([noise(2), noise(3)]), RATE)
    tone = measure_tone(clip)
    mid = clip.samples.mean(axis=0)
    frequencies_hz, density = welch(mid, RATE, "hann", 16_384, detrend=False)
    for centre_hz, level_db in zip(tone.centres_hz, tone.mid_db, strict=True):
        inside = np.abs(np.log2(frequencies_hz[1:] / centre_hz)) < math.log2(10.0) * 0.05
        if inside.sum() > 100:
            energy = density[1:][inside].sum() * frequencies_hz[1]
            assert level_db == pytest.approx(10.0 * np.log10(2.0 * energy), abs=0.1)


def test_white_noise_rises_3_db_an_octave_and_balance_ignores_gain() -> None:
    quiet = measure_tone(Clip(noise(4)[None], RATE))
    loud = measure_tone(Clip(4.0 * noise(4)[None], RATE))
    bands = (quiet.centres_hz > 200.0) & (quiet.centres_hz < 15_000.0)
    slope = np.polyfit(np.log2(quiet.centres_hz[bands]), quiet.mid_db[bands], 1)[0]
    assert slope == pytest.approx(3.01, abs=0.1)
    assert loud.balance_db == pytest.approx(quiet.balance_db, abs=1e-3)


def test_the_same_in_both_channels_has_no_side() -> None:
    tone = measure_tone(Clip(np.stack([noise(5)] * 2), RATE))
    assert np.all(tone.side_db == -np.inf)
    assert np.all(tone.width_db == -np.inf)
    assert tone.side_to_mid_db == -math.inf
    assert tone.correlation == pytest.approx(1.0)
    assert tone.band_correlation == pytest.approx(1.0)


def test_opposite_channels_are_all_side() -> None:
    tone = measure_tone(Clip(np.stack([noise(5), -noise(5)]), RATE))
    assert tone.correlation == pytest.approx(-1.0)
    assert tone.band_correlation == pytest.approx(-1.0)
    assert tone.side_to_mid_db == math.inf
    assert np.all(tone.mid_db == -np.inf)


def test_independent_channels_have_as_much_side_as_mid() -> None:
    tone = measure_tone(Clip(np.stack([noise(6, 20.0), noise(7, 20.0)]), RATE))
    assert tone.correlation == pytest.approx(0.0, abs=0.01)
    assert tone.side_to_mid_db == pytest.approx(0.0, abs=0.1)
    wide = tone.centres_hz > 500.0
    assert tone.width_db[wide] == pytest.approx(0.0, abs=0.5)
    assert tone.band_correlation[wide] == pytest.approx(0.0, abs=0.1)


def test_width_is_told_apart_by_frequency() -> None:
    bass, air = sine(100.0), sine(8000.0)
    tone = measure_tone(Clip(np.stack([bass + air, bass - air]), RATE))
    low, high = (int(np.abs(tone.centres_hz - hz).argmin()) for hz in (100.0, 8000.0))
    assert tone.band_correlation[low] == pytest.approx(1.0, abs=1e-3)
    assert tone.band_correlation[high] == pytest.approx(-1.0, abs=1e-3)
    assert tone.width_db[low] < -60.0
    assert tone.width_db[high] > 60.0


def test_one_channel_only_is_half_mid_half_side() -> None:
    tone = measure_tone(Clip(np.stack([noise(8), np.zeros_like(noise(8))]), RATE))
    assert tone.side_to_mid_db == pytest.approx(0.0, abs=1e-6)
    assert np.isfinite(tone.band_correlation).all()


@pytest.mark.parametrize(("wave", "crest_db"), [("sine", 3.01), ("square", 0.0)])
def test_crest_factors_of_known_waves(wave: str, crest_db: float) -> None:
    samples = 0.25 * sine(1000.0)
    if wave == "square":
        samples = np.where(samples >= 0.0, 0.25, -0.25)
    tone = measure_tone(Clip(np.stack([samples, samples]), RATE))
    assert tone.crest_db == pytest.approx(crest_db, abs=0.01)
    assert tone.peak_dbfs == pytest.approx(-12.04, abs=0.01)


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(1, 40_000), max_size=10))
def test_any_partition_gives_the_same_averages(cuts: list[int]) -> None:
    samples = np.stack([noise(9), noise(10)]).astype(np.float32)
    meter = ToneMeter(RATE, 2)
    start = 0
    for size in cuts:
        meter.push(samples[:, start : start + size])
        start += size
    meter.push(samples[:, start:])
    ours, whole = meter.result(), measure_tone(Clip(samples, RATE))
    assert np.array_equal(ours.mid_db, whole.mid_db)
    assert np.array_equal(ours.side_db, whole.side_db)
    assert ours.correlation == pytest.approx(whole.correlation, abs=1e-9)
    assert ours.rms_dbfs == pytest.approx(whole.rms_dbfs, abs=1e-9)


def test_a_clip_shorter_than_the_window_still_has_a_tone() -> None:
    tone = measure_tone(Clip(sine(1000.0, 0.1, 0.1)[None], RATE))
    assert tone.mid_db.max() == pytest.approx(-20.0, abs=0.5)


@pytest.mark.parametrize("frames", [0, 1, 100_000])
def test_silence_has_no_energy_anywhere(frames: int) -> None:
    tone = measure_tone(Clip(np.zeros((2, frames), np.float32), RATE))
    assert np.all(tone.mid_db == -np.inf)
    assert np.all(tone.width_db == -np.inf)
    assert tone.rms_dbfs == tone.peak_dbfs == -math.inf
    assert tone.crest_db == 0.0
    assert tone.correlation == 1.0
    assert np.array_equal(tone.balance_db, tone.mid_db)


def test_not_a_number_counts_as_silence() -> None:
    samples = noise(11)
    broken, mended = samples.copy(), samples.copy()
    broken[500], mended[500] = np.nan, 0.0
    ours, theirs = measure_tone(Clip(broken[None], RATE)), measure_tone(Clip(mended[None], RATE))
    assert np.array_equal(ours.mid_db, theirs.mid_db)


def test_a_bin_that_an_edge_divides_is_shared_out() -> None:
    spectrum = np.ones(101)
    edges_hz = np.array([[0.0, 10.25], [10.25, 20.0], [0.0, 20.0]])
    energies = band_energies(spectrum, 200, edges_hz)[:, 0]
    assert energies == pytest.approx([10.25, 9.75, 20.0])


def test_a_block_of_another_channel_count_is_refused() -> None:
    with pytest.raises(ValueError, match="channels"):
        ToneMeter(RATE, 2).push(np.zeros((1, 100)))
