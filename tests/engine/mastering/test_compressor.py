"""The compressor against its closed forms and a loop written from the paper."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.mastering.compressor import CompressorProcessor, reduction_db
from engine.mastering.expansion import MAX_EXPANSION_DB
from engine.mastering.parameters import Compressor

RATE = 48000

settings_ = st.builds(
    Compressor,
    threshold_db=st.floats(-60.0, 0.0),
    ratio=st.floats(1.01, 20.0),
    attack_ms=st.floats(0.1, 200.0),
    release_ms=st.floats(5.0, 2000.0),
    knee_db=st.floats(0.0, 24.0),
    makeup_db=st.floats(-12.0, 24.0),
    lookahead_ms=st.floats(0.0, 10.0),
)


def by_the_book(audio: np.ndarray, rate: int, p: Compressor) -> np.ndarray:
    """Sample by sample, as the paper has it, with the delay of the processor."""
    latency = CompressorProcessor(rate, len(audio), p).latency_frames
    lookahead = round(p.lookahead_ms * 1e-3 * rate)
    delayed = np.concatenate([np.zeros((len(audio), latency)), audio], axis=1)
    attack, release = (math.exp(-1e3 / (ms * rate)) for ms in (p.attack_ms, p.release_ms))
    out, reduction = np.zeros_like(audio), 0.0
    for n in range(audio.shape[1]):
        level = np.abs(delayed[:, n + lookahead]).max()
        level_db = 20.0 * math.log10(level) if level > 0.0 else -1000.0
        over, slope = level_db - p.threshold_db, 1.0 - 1.0 / p.ratio
        if 2.0 * over <= -p.knee_db:
            wanted = 0.0
        elif 2.0 * over < p.knee_db:
            wanted = slope * (over + p.knee_db / 2.0) ** 2 / (2.0 * p.knee_db)
        else:
            wanted = slope * over
        pace = attack if wanted > reduction else release
        reduction = pace * reduction + (1.0 - pace) * wanted
        out[:, n] = delayed[:, n] * 10.0 ** ((p.makeup_db - reduction) / 20.0)
    return out


@given(settings_, st.integers(0, 100))
@settings(max_examples=15, deadline=None)
def test_it_nulls_with_the_plain_loop(parameters: Compressor, seed: int) -> None:
    audio = 0.3 * np.random.default_rng(seed).standard_normal((2, 1500))
    audio[:, 600:900] *= 0.01
    out = CompressorProcessor(RATE, 2, parameters).process(audio)
    np.testing.assert_allclose(out, by_the_book(audio, RATE, parameters), atol=1e-9)


@given(settings_, st.floats(-70.0, 6.0))
@settings(max_examples=50, deadline=None)
def test_the_curve_is_continuous_monotonic_and_exact_outside_the_knee(
    p: Compressor, level_db: float
) -> None:
    grid = np.linspace(-80.0, 12.0, 2000)
    reduction = reduction_db(grid, p)
    assert (np.diff(reduction) >= -1e-12).all()
    assert np.diff(reduction).max() <= (1.0 - 1.0 / p.ratio) * (grid[1] - grid[0]) + 1e-9
    over = level_db - p.threshold_db
    if over <= -p.knee_db / 2.0:
        assert reduction_db(level_db, p) == 0.0
    if over >= p.knee_db / 2.0:
        assert reduction_db(level_db, p) == pytest.approx(over * (1.0 - 1.0 / p.ratio))


def test_a_knee_of_next_to_nothing_is_a_corner() -> None:
    thin = Compressor(threshold_db=-20.0, ratio=2.0, knee_db=2.3e-311)
    sharp = Compressor(threshold_db=-20.0, ratio=2.0, knee_db=0.0)
    levels_db = np.linspace(-60.0, 0.0, 61)
    np.testing.assert_allclose(reduction_db(levels_db, thin), reduction_db(levels_db, sharp))


@pytest.mark.parametrize("level_db", [-40.0, -20.0, -14.0, -6.0, 0.0])
def test_a_steady_level_ends_on_the_curve(level_db: float) -> None:
    p = Compressor(-18.0, 4.0, attack_ms=5.0, knee_db=8.0, makeup_db=3.0)
    compressor = CompressorProcessor(RATE, 1, p)
    out = compressor.process(np.full((1, RATE), 10.0 ** (level_db / 20.0)))
    expected = level_db - float(reduction_db(level_db, p)) + 3.0
    assert 20.0 * math.log10(out[0, -1]) == pytest.approx(expected, abs=1e-6)
    assert compressor.gain_reduction_db == pytest.approx(float(reduction_db(level_db, p)))


@pytest.mark.parametrize("attack_ms", [1.0, 20.0, 100.0])
def test_after_the_attack_time_63_percent_of_the_reduction_is_there(attack_ms: float) -> None:
    p = Compressor(-20.0, 2.0, attack_ms=attack_ms, knee_db=0.0)
    out = CompressorProcessor(RATE, 1, p).process(np.ones((1, RATE)))[0]
    latency = CompressorProcessor(RATE, 1, p).latency_frames
    frame = latency + round(attack_ms * 1e-3 * RATE) - 1
    # Without lookahead the detector hears the step when the delayed audio is at it.
    assert -20.0 * math.log10(out[frame]) == pytest.approx(10.0 * (1.0 - math.exp(-1.0)), rel=1e-3)


def test_after_the_release_time_37_percent_of_the_reduction_is_left() -> None:
    p = Compressor(-20.0, 2.0, attack_ms=1.0, release_ms=50.0, knee_db=0.0)
    audio = np.ones((1, RATE))
    audio[:, RATE // 2 :] = 1e-3
    out = CompressorProcessor(RATE, 1, p).process(audio)[0]
    frame = CompressorProcessor(RATE, 1, p).latency_frames + RATE // 2 + round(0.05 * RATE) - 1
    assert -20.0 * math.log10(out[frame] / 1e-3) == pytest.approx(10.0 * math.exp(-1.0), rel=1e-3)


def test_lookahead_hears_that_much_earlier() -> None:
    audio = np.full((1, RATE // 4), 1e-4)
    audio[:, 6000:] = 1.0
    for lookahead_ms in (0.0, 2.5, 10.0):
        p = Compressor(-20.0, 4.0, attack_ms=1.0, lookahead_ms=lookahead_ms)
        compressor = CompressorProcessor(RATE, 1, p)
        out = compressor.process(audio)[0, compressor.latency_frames :]
        gain = out / audio[0, : out.size]
        assert np.flatnonzero(gain < 0.9999)[0] == 6000 - round(lookahead_ms * 1e-3 * RATE)


def test_both_channels_get_the_gain_of_the_louder() -> None:
    rng = np.random.default_rng(0)
    audio = np.stack([rng.standard_normal(4000), 1e-3 * rng.standard_normal(4000)])
    compressor = CompressorProcessor(RATE, 2, Compressor(-20.0, 8.0, attack_ms=0.1))
    out = compressor.process(audio)
    delayed = audio[:, : 4000 - compressor.latency_frames]
    gain = out[:, compressor.latency_frames :] / delayed
    np.testing.assert_allclose(gain[0], gain[1], rtol=1e-12)
    assert gain.min() < 0.5


@pytest.mark.parametrize("parameters", [Compressor(-40.0), Compressor(-40.0, 8.0, enabled=False)])
def test_inactive_it_only_delays(parameters: Compressor) -> None:
    audio = np.random.default_rng(0).standard_normal((2, 3000))
    compressor = CompressorProcessor(RATE, 2, parameters)
    out = compressor.process(audio)
    assert np.array_equal(
        out[:, compressor.latency_frames :], audio[:, : -compressor.latency_frames]
    )
    assert compressor.gain_reduction_db == 0.0


def test_switching_off_and_on_is_gradual_and_ends_exactly() -> None:
    compressor = CompressorProcessor(RATE, 1, Compressor(-20.0, 4.0))
    audio = np.full((1, RATE), 0.5)
    compressor.process(audio)
    compressor.set_parameters(Compressor(-20.0, 4.0, enabled=False))
    off = compressor.process(audio)[0]
    compressor.set_parameters(Compressor(-20.0, 4.0))
    on = compressor.process(audio)[0]
    assert np.array_equal(off[2000:], audio[0, 2000:])
    assert np.abs(np.diff(np.concatenate([off, on]))).max() < 0.002
    assert on[-1] == pytest.approx(
        0.5 * 10.0 ** (-reduction_db(-6.0206, Compressor(-20.0, 4.0)) / 20.0), rel=1e-3
    )


def in_time(audio: np.ndarray, p: Compressor) -> np.ndarray:
    """Processed without the delay."""
    compressor = CompressorProcessor(RATE, len(audio), p)
    late = compressor.latency_frames
    return compressor.process(np.pad(audio, ((0, 0), (0, late))))[:, late:]


def song(seconds: float = 6.0) -> np.ndarray:
    """Beats on a level that swells over 24 dB."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(0).standard_normal((2, time_s.size))
    swell_db = 8.0 * np.sin(2.0 * np.pi * time_s / 5.0) + 4.0 * np.sin(2.0 * np.pi * time_s / 1.3)
    audio = noise * (0.3 + 0.7 * np.exp(-8.0 * (time_s % 0.5))) * 10.0 ** (swell_db / 20.0)
    return 0.9 * audio / np.abs(audio).max()


def contour_db(audio: np.ndarray) -> np.ndarray:
    """Level of windows of 400 ms."""
    size = round(0.4 * RATE)
    energy = (audio**2).mean(0)
    return 10.0 * np.log10(energy[: energy.size // size * size].reshape(-1, size).mean(1))


@pytest.mark.parametrize("ratio", [1.5, 2.0, 4.0])
@pytest.mark.parametrize("knee_db", [0.0, 6.0, 24.0])
@pytest.mark.parametrize("times_ms", [(0.1, 5.0), (5.0, 100.0), (80.0, 40.0)])
def test_the_inverse_ratio_undoes_a_compressor_to_rounding(
    ratio: float, knee_db: float, times_ms: tuple[float, float]
) -> None:
    audio = song(2.0)
    squeezed = in_time(audio, Compressor(-24.0, ratio, *times_ms, knee_db))
    opened = in_time(squeezed, Compressor(-24.0, 1.0 / ratio, *times_ms, knee_db))
    assert np.abs(squeezed - audio).max() > 0.05
    np.testing.assert_allclose(opened, audio, atol=1e-9)


def test_4_to_1_then_1_to_4_brings_the_loudness_contour_back() -> None:
    audio = song()
    squeezed = in_time(audio, Compressor(-24.0, 4.0))
    opened = in_time(squeezed, Compressor(-24.0, 0.25))
    assert np.abs(contour_db(squeezed) - contour_db(audio)).max() > 4.0
    assert np.abs(contour_db(opened) - contour_db(audio)).max() < 1e-9


@given(settings_, st.floats(-80.0, 6.0))
@settings(max_examples=100, deadline=None)
def test_the_expanding_curve_is_the_inverse_of_the_compressing_one(
    p: Compressor, level_db: float
) -> None:
    p = replace(p, ratio=min(p.ratio, 4.0))
    lowered = level_db - float(reduction_db(level_db, p))
    gain = -float(reduction_db(lowered, replace(p, ratio=1.0 / p.ratio)))
    wanted = level_db - lowered
    assert gain == pytest.approx(min(wanted, MAX_EXPANSION_DB), abs=1e-9)


@pytest.mark.parametrize("level_db", [-40.0, -20.0, -14.0, -6.0, 0.0])
@pytest.mark.parametrize("ratio", [0.25, 0.5, 0.9])
def test_a_steady_level_ends_on_the_expanding_curve(level_db: float, ratio: float) -> None:
    p = Compressor(-18.0, ratio, attack_ms=2.0, knee_db=8.0, makeup_db=3.0)
    compressor = CompressorProcessor(RATE, 1, p)
    out = compressor.process(np.full((1, RATE), 10.0 ** (level_db / 20.0)))
    expected = level_db - float(reduction_db(level_db, p)) + 3.0
    assert 20.0 * math.log10(out[0, -1]) == pytest.approx(expected, abs=1e-6)
    assert compressor.gain_reduction_db == pytest.approx(float(reduction_db(level_db, p)))


def test_expansion_grows_with_the_attack_and_shrinks_with_the_release() -> None:
    """Over the threshold at the compressor's times times its ratio, under it at its times."""
    p = Compressor(-20.0, 0.5, attack_ms=10.0, release_ms=50.0, knee_db=0.0)
    audio = np.ones((1, RATE))
    audio[:, RATE // 2 :] = 1e-4
    gain_db = 20.0 * np.log10(in_time(audio, p)[0] / audio[0])
    up, down = round(2.0 * 0.01 * RATE) - 1, RATE // 2 + round(0.05 * RATE) - 1
    assert gain_db[up] == pytest.approx(20.0 * (1.0 - math.exp(-1.0)), rel=2e-3)
    assert gain_db[down] == pytest.approx(20.0 * math.exp(-1.0), rel=2e-3)


@given(settings_, st.floats(0.25, 0.99), st.integers(0, 100))
@settings(max_examples=30, deadline=None)
def test_expansion_is_bounded_and_lowers_nothing(p: Compressor, ratio: float, seed: int) -> None:
    audio = np.random.default_rng(seed).standard_normal((2, 1500))
    audio[:, 300:900] *= 1e-6
    out = in_time(audio, replace(p, ratio=ratio, makeup_db=0.0))
    assert (np.abs(out) >= np.abs(audio) * (1.0 - 1e-12)).all()
    assert (np.abs(out) <= np.abs(audio) * 10.0 ** (MAX_EXPANSION_DB / 20.0) * (1.0 + 1e-12)).all()
    silence = np.zeros((2, 500))
    assert not in_time(silence, replace(p, ratio=ratio)).any()


def test_moving_from_compression_to_expansion_makes_no_click() -> None:
    compressor = CompressorProcessor(RATE, 1, Compressor(-20.0, 4.0))
    audio = np.full((1, RATE), 0.2)
    parts = [compressor.process(audio)]
    for ratio in (0.5, 4.0, 0.25, 1.0):
        compressor.set_parameters(Compressor(-20.0, ratio))
        parts.append(compressor.process(audio))
    out = np.concatenate(parts, axis=1)[0, RATE // 10 :]
    assert np.abs(np.diff(20.0 * np.log10(out))).max() < 0.1
    assert np.array_equal(out[-1000:], audio[0, -1000:])
