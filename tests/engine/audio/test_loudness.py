"""The loudness meter against the standards' own test signals and laws of loudness."""

from __future__ import annotations

import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import bilinear, freqz

from engine.audio.clip import Clip
from engine.audio.loudness import (
    LoudnessMeter,
    channel_weights,
    k_weighting,
    measure,
)

RATE = 48_000


def tone(
    parts: list[tuple[float, float]],
    rate: int = RATE,
    channels: int = 2,
    frequency_hz: float = 1000.0,
) -> Clip:
    """Sine whose level follows (dBFS, seconds) parts; the same in all channels."""
    gains = np.concatenate(
        [np.full(round(seconds * rate), 10.0 ** (level / 20.0)) for level, seconds in parts]
    )
    wave = np.sin(2.0 * np.pi * frequency_hz * np.arange(gains.size) / rate) * gains
    return Clip(np.tile(wave, (channels, 1)), rate)


SILENCE = -math.inf


def music(rate: int = RATE, seconds: float = 12.0, seed: int = 1) -> Clip:
    """Noise whose loudness wanders by some 20 dB."""
    rng = np.random.default_rng(seed)
    frames = round(rate * seconds)
    knots = rng.uniform(-40.0, -15.0, 8)
    level = np.interp(np.arange(frames), np.linspace(0, frames, 8), knots)
    noise = rng.standard_normal((2, frames))
    return Clip((noise * 10.0 ** (level / 20.0)).astype(np.float32), rate)


# EBU Tech 3341 (2023), table 1


@pytest.mark.parametrize("level", [-23.0, -33.0], ids=["case 1", "case 2"])
def test_a_steady_tone_reads_its_level_on_every_meter(level: float) -> None:
    clip = tone([(level, 20.0)])
    meter = LoudnessMeter(RATE, 2)
    meter.push(clip.samples)
    result = meter.result()
    for value in (
        result.integrated_lufs,
        result.max_momentary_lufs,
        result.max_short_term_lufs,
        meter.momentary_lufs,
        meter.short_term_lufs,
    ):
        assert value == pytest.approx(level, abs=0.1)


@pytest.mark.parametrize(
    "parts",
    [
        [(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)],
        [(-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)],
        [(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)],
    ],
    ids=["case 3", "case 4", "case 5"],
)
def test_gates_leave_out_what_is_quiet(parts: list[tuple[float, float]]) -> None:
    assert measure(tone(parts)).integrated_lufs == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("lfe", [False, True], ids=["5.0", "5.1"])
def test_surround_channels_weigh_more_and_the_lfe_nothing(lfe: bool) -> None:
    levels = [-28.0, -28.0, -24.0, *([0.0] if lfe else []), -30.0, -30.0]
    clip = Clip(np.vstack([tone([(level, 20.0)], channels=1).samples for level in levels]), RATE)
    assert measure(clip).integrated_lufs == pytest.approx(-23.0, abs=0.1)


def test_short_term_stays_constant_over_a_three_second_pattern() -> None:
    meter = LoudnessMeter(RATE, 2)
    meter.push(tone([(-20.0, 1.34), (-30.0, 1.66)] * 5).samples)
    assert meter.series.short_term_lufs[30:] == pytest.approx(-23.0, abs=0.1)


def test_momentary_stays_constant_over_a_pattern_of_400_ms() -> None:
    meter = LoudnessMeter(RATE, 2)
    meter.push(tone([(-20.0, 0.18), (-30.0, 0.22)] * 25).samples)
    assert meter.series.momentary_lufs[10:] == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("index", range(20))
def test_maximum_short_term_finds_a_tone_wherever_it_starts(index: int) -> None:
    clip = tone([(SILENCE, index * 0.15), (-23.0, 3.0), (SILENCE, 1.0)])
    assert measure(clip).max_short_term_lufs == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("index", range(20))
def test_maximum_momentary_finds_a_tone_wherever_it_starts(index: int) -> None:
    clip = tone([(SILENCE, index * 0.02), (-23.0, 0.4), (SILENCE, 1.0)])
    assert measure(clip).max_momentary_lufs == pytest.approx(-23.0, abs=0.1)


def live_maxima(clip: Clip, segment_s: float, attribute: str) -> list[float]:
    """The largest reading of a live meter, looked at every 10 ms, within each segment."""
    meter = LoudnessMeter(clip.rate, clip.channels)
    step = clip.rate // 100
    readings = []
    for start in range(0, clip.frames, step):
        meter.push(clip.samples[:, start : start + step])
        readings.append(getattr(meter, attribute))
    count = round(segment_s * 100)
    return [max(readings[start : start + count]) for start in range(0, len(readings), count)]


@pytest.mark.parametrize(
    ("seconds", "shift", "attribute"),
    [(3.0, 0.15, "short_term_lufs"), (0.4, 0.02, "momentary_lufs")],
    ids=["case 11", "case 14"],
)
def test_a_live_meter_reaches_each_of_twenty_rising_tones(
    seconds: float, shift: float, attribute: str
) -> None:
    parts = []
    for index in range(20):
        gap = index * shift
        parts += [(SILENCE, gap), (-38.0 + index, seconds), (SILENCE, seconds - gap)]
    maxima = live_maxima(tone(parts), 2.0 * seconds, attribute)
    assert maxima == pytest.approx(np.arange(-38.0, -18.0), abs=0.1)


# EBU Tech 3342, table 1


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([-20.0, -30.0], 10.0),
        ([-20.0, -15.0], 5.0),
        ([-40.0, -20.0], 20.0),
        ([-50.0, -35.0, -20.0, -35.0, -50.0], 15.0),
    ],
    ids=["case 1", "case 2", "case 3", "case 4"],
)
def test_loudness_range_is_the_distance_of_two_levels(levels: list[float], expected: float) -> None:
    clip = tone([(level, 20.0) for level in levels])
    assert measure(clip).range_lu == pytest.approx(expected, abs=1.0)
    assert measure(clip).range_lu == pytest.approx(expected, abs=0.1)


# The filter


def test_997_hz_at_full_scale_in_one_channel_reads_3_01_below() -> None:
    loudness = measure(tone([(0.0, 5.0)], channels=1, frequency_hz=997.0))
    assert loudness.integrated_lufs == pytest.approx(-3.01, abs=0.01)


def test_the_derived_filter_meets_the_table_at_48_khz() -> None:
    assert k_weighting(48_001) == pytest.approx(k_weighting(48_000), abs=2e-4)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 88_200, 96_000, 192_000])
def test_every_rate_weighs_frequencies_alike(rate: int) -> None:
    frequencies_hz = np.array([20.0, 40.0, 100.0, 500.0, 1000.0, 1500.0])

    def response_db(sections: NDArray[np.float64], at_rate: int) -> NDArray[np.float64]:
        total = np.zeros(frequencies_hz.size)
        for b0, b1, b2, a1, a2 in sections:
            response = freqz([b0, b1, b2], [1.0, a1, a2], worN=frequencies_hz, fs=at_rate)[1]
            total += 20.0 * np.log10(np.abs(response))
        return total

    there, here = response_db(k_weighting(48_000), 48_000), response_db(k_weighting(rate), rate)
    assert here == pytest.approx(there, abs=0.25 if rate < 16_000 else 0.1)


def test_the_high_pass_is_the_bilinear_transform_of_its_prototype() -> None:
    rate, q = 44_100, 0.5003270373238773
    corner = 2.0 * rate * math.tan(math.pi * 38.13547087602444 / rate)
    zeros, poles = bilinear([1.0, 0.0, 0.0], [1.0, corner / q, corner**2], rate)
    assert k_weighting(rate)[1, 3:] == pytest.approx(poles[1:], abs=1e-9)
    assert k_weighting(rate)[1, :3] == pytest.approx(zeros / zeros[0], abs=1e-6)


@pytest.mark.parametrize("rate", [8_000, 11_025, 32_000, 44_100, 96_000, 192_000])
def test_a_tone_reads_the_same_at_every_rate(rate: int) -> None:
    # the first 10 ms steps of 11 025 Hz are not equally long; the mean must not show it
    assert measure(tone([(-23.0, 4.0)], rate)).integrated_lufs == pytest.approx(-23.0, abs=0.1)


# Streams


@settings(max_examples=20, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 70_000), min_size=0, max_size=12),
    rate=st.sampled_from([8_000, 11_025, 44_100, 48_000]),
)
def test_any_partition_of_a_stream_gives_the_same_bits(cuts: list[int], rate: int) -> None:
    clip = music(rate, seconds=5.0)
    meter = LoudnessMeter(rate, 2)
    start = 0
    for size in cuts:
        meter.push(clip.samples[:, start : start + size])
        start += size
    meter.push(clip.samples[:, start:])
    whole = LoudnessMeter(rate, 2)
    whole.push(clip.samples)
    assert meter.result() == whole.result()
    for ours, theirs in zip(meter.series, whole.series, strict=True):
        assert np.array_equal(ours, theirs)


def test_eight_threads_measure_alike() -> None:
    clip = music()
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(measure, [clip] * 8))
    assert results == [measure(clip)] * 8


def test_results_on_the_way_are_those_of_the_shorter_programme() -> None:
    clip = music()
    meter = LoudnessMeter(RATE, 2)
    meter.push(clip.samples[:, : 5 * RATE])
    assert meter.result() == measure(clip.part(0, 5 * RATE))
    meter.push(clip.samples[:, 5 * RATE :])
    assert meter.result() == measure(clip)


def test_an_hour_is_kept_in_less_than_a_megabyte() -> None:
    meter = LoudnessMeter(8_000, 1)
    minute = np.random.default_rng(0).standard_normal((1, 60 * 8_000)).astype(np.float32)
    for _ in range(60):
        meter.push(minute)
    held = sum(value.nbytes for value in vars(meter).values() if isinstance(value, np.ndarray))
    assert held < 1_000_000
    assert meter.series.times_s[-1] == pytest.approx(3600.0)


def test_a_reset_meter_is_a_new_one() -> None:
    meter = LoudnessMeter(RATE, 2)
    meter.push(music(seed=2).samples)
    meter.reset()
    meter.push(music().samples)
    assert meter.result() == measure(music())


def test_importing_the_meter_loads_no_compiler() -> None:
    code = "import engine.audio.loudness, sys; print('numba' in sys.modules)"
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


# Laws and edges


@pytest.mark.parametrize("gain_db", [-20.0, -6.0, 12.0])
def test_gain_moves_every_level_and_leaves_the_range(gain_db: float) -> None:
    clip = music()
    louder = Clip(clip.samples.astype(np.float64) * 10.0 ** (gain_db / 20.0), RATE)
    before, after = measure(clip), measure(louder)
    assert after.integrated_lufs - before.integrated_lufs == pytest.approx(gain_db, abs=1e-6)
    assert after.max_momentary_lufs - before.max_momentary_lufs == pytest.approx(gain_db, abs=1e-6)
    assert after.true_peak_dbtp - before.true_peak_dbtp == pytest.approx(gain_db, abs=1e-4)
    assert after.range_lu == pytest.approx(before.range_lu, abs=1e-6)


def test_the_same_sound_in_two_channels_is_3_lu_louder_than_in_one() -> None:
    mono = Clip(music().samples[:1], RATE)
    stereo = Clip(np.vstack([mono.samples, mono.samples]), RATE)
    difference = measure(stereo).integrated_lufs - measure(mono).integrated_lufs
    assert difference == pytest.approx(10.0 * math.log10(2.0), abs=1e-6)


def test_own_weights_replace_the_usual_ones() -> None:
    clip = Clip(np.vstack([music().samples, music(seed=5).samples[:1]]), RATE)
    meter = LoudnessMeter(RATE, 3, weights=(1.0, 1.0, 0.0))
    meter.push(clip.samples)
    expected = measure(Clip(clip.samples[:2], RATE)).integrated_lufs
    assert meter.integrated_lufs == pytest.approx(expected, abs=1e-9)


def test_rear_channels_of_7_1_weigh_one_and_its_sides_more() -> None:
    assert channel_weights(8) == (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.41, 1.41)
    assert channel_weights(1) == (1.0,)


@pytest.mark.parametrize("frames", [0, 1, 4_800, 20 * RATE])
def test_silence_reads_minus_infinity_and_says_so(frames: int) -> None:
    result = measure(Clip(np.zeros((2, frames), np.float32), RATE))
    assert result.integrated_lufs == result.true_peak_dbtp == result.sample_peak_dbfs == -math.inf
    assert result.max_momentary_lufs == result.max_short_term_lufs == -math.inf
    assert result.range_lu == 0.0
    assert "silence" in result.note


def test_less_than_400_ms_has_peaks_but_no_loudness_and_says_so() -> None:
    result = measure(tone([(-6.0, 0.39)]))
    assert result.integrated_lufs == -math.inf
    assert result.sample_peak_dbfs == pytest.approx(-6.0, abs=0.01)
    assert "400 ms" in result.note


def test_exactly_400_ms_have_a_loudness() -> None:
    result = measure(tone([(-23.0, 0.4)]))
    assert result.integrated_lufs == pytest.approx(-23.0, abs=0.1)
    assert result.max_short_term_lufs == -math.inf
    assert result.note == ""


def test_what_lies_below_the_absolute_gate_says_so() -> None:
    result = measure(tone([(-75.0, 5.0)]))
    assert result.integrated_lufs == -math.inf
    assert result.max_momentary_lufs == pytest.approx(-75.0, abs=0.1)
    assert "gate" in result.note


def test_not_a_number_counts_as_silence() -> None:
    clip = music()
    broken, mended = clip.samples.copy(), clip.samples.copy()
    broken[0, 1000:1010] = np.nan
    broken[1, 5000] = np.inf
    mended[0, 1000:1010] = mended[1, 5000] = 0.0
    assert measure(Clip(broken, RATE)) == measure(Clip(mended, RATE))


@pytest.mark.parametrize("rate", [1, 50, 100, 999, 2_000, 3_364, 4_000])
def test_absurdly_low_rates_still_give_a_finite_reading(rate: int) -> None:
    samples = np.random.default_rng(rate).uniform(-0.5, 0.5, (2, 20 * max(rate, 100)))
    result = measure(Clip(samples, rate))
    assert math.isfinite(result.integrated_lufs)
    assert -6.1 < result.true_peak_dbtp < 6.0
    if rate >= 999:
        assert result.integrated_lufs == pytest.approx(-6.0, abs=4.0)


def test_a_block_of_another_channel_count_is_refused() -> None:
    with pytest.raises(ValueError, match="samples"):
        LoudnessMeter(RATE, 2).push(np.zeros((1, 10), np.float32))
