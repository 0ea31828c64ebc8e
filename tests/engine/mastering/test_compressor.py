"""The compressor against its closed forms and a loop written from the paper."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.mastering.compressor import CompressorProcessor, reduction_db
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
