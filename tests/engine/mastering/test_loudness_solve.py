"""The limiter gain meets the loudness, or stops short and says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.audio.clip import Clip
from engine.audio.loudness import measure
from engine.mastering.chain import render
from engine.mastering.loudness_solve import LoudnessSketch, LoudnessSolver, blocks_of
from engine.mastering.parameters import ChainParameters, Limiter

RATE = 44100


def drums(seconds: float = 6.0, channels: int = 2, level: float = 0.5, decay: float = 9.0) -> Clip:
    """Noise bursts four times a second over a steady tone."""
    rng = np.random.default_rng(0)
    time_s = np.arange(int(seconds * RATE)) / RATE
    burst = rng.standard_normal((channels, time_s.size)) * np.exp(-decay * (time_s % 0.25) * 4.0)
    sound = 0.25 * burst + 0.15 * np.sin(2.0 * np.pi * 220.0 * time_s)
    return Clip((level * sound / np.abs(sound).max()).astype(np.float32), RATE)


def rendered_lufs(clip: Clip, gain_db: float) -> float:
    return measure(render(clip, ChainParameters(limiter=Limiter(gain_db)))).integrated_lufs


@pytest.mark.parametrize("target_lufs", [-30.0, -20.0, -16.0])
def test_the_first_try_is_within_two_tenths(target_lufs: float) -> None:
    clip = drums()
    solution = LoudnessSolver(clip, ChainParameters()).solve(target_lufs)
    assert solution.reached
    assert rendered_lufs(clip, solution.gain_db) == pytest.approx(target_lufs, abs=0.2)


def test_the_second_try_is_within_a_twentieth_even_when_driven_hard() -> None:
    clip, solver = drums(), LoudnessSolver(drums(), ChainParameters())
    target_lufs = -13.0
    first = solver.solve(target_lufs, max_reduction_db=12.0)
    solver.learn(first.gain_db, rendered_lufs(clip, first.gain_db))
    second = solver.solve(target_lufs, max_reduction_db=12.0)
    assert first.reduction_db > 2.0
    assert rendered_lufs(clip, second.gain_db) == pytest.approx(target_lufs, abs=0.05)


def test_it_stops_where_the_limiter_would_do_too_much_and_says_so() -> None:
    clip = drums(decay=40.0)
    solution = LoudnessSolver(clip, ChainParameters()).solve(-6.0)
    assert not solution.reached
    assert solution.reduction_db == pytest.approx(6.0, abs=0.01)
    assert "6 dB off the peaks" in solution.note
    # The peak really comes down by no more than that.
    out = render(clip, ChainParameters(limiter=Limiter(solution.gain_db)))
    driven_db = 20.0 * np.log10(np.abs(clip.samples).max()) + solution.gain_db
    assert driven_db - 20.0 * np.log10(np.abs(out.samples).max()) < 6.5


def test_with_the_limiter_bypassed_the_peaks_stay_under_the_ceiling() -> None:
    clip = drums(decay=40.0)
    bypassed = ChainParameters(limiter=Limiter(ceiling_dbtp=-1.0, enabled=False))
    solution = LoudnessSolver(clip, bypassed).solve(-6.0)
    assert not solution.reached
    assert solution.reduction_db == 0.0
    assert "bypassed" in solution.note
    gain_db = solution.gain_db
    out = render(clip, replace(bypassed, limiter=replace(bypassed.limiter, gain_db=gain_db)))
    assert measure(out).true_peak_dbtp == pytest.approx(-1.0, abs=0.01)


def test_what_is_very_quiet_is_not_raised_without_end() -> None:
    quiet = drums(level=0.002)
    solution = LoudnessSolver(quiet, ChainParameters()).solve(-14.0)
    assert solution.gain_db == pytest.approx(24.0)
    assert "24 dB of gain" in solution.note


@pytest.mark.parametrize("level", [0.0, 1e-6])
def test_silence_gets_no_gain(level: float) -> None:
    solution = LoudnessSolver(drums(level=level), ChainParameters()).solve(-14.0)
    assert solution.gain_db == 0.0
    assert not solution.reached
    assert "level is left" in solution.note


@pytest.mark.parametrize("frames", [0, 1, 100, 17000])
def test_what_is_too_short_for_a_loudness_gets_no_gain(frames: int) -> None:
    clip = Clip(np.full((2, frames), 0.1, np.float32), RATE)
    assert LoudnessSolver(clip, ChainParameters()).solve(-14.0).gain_db == 0.0


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("rate", [8000, 48000])
def test_the_sketch_reads_what_the_meter_reads(channels: int, rate: int) -> None:
    clip = Clip(drums(4.0, channels).samples, rate)
    sketch = LoudnessSketch(blocks_of(clip), rate, channels)
    assert sketch.lufs == pytest.approx(measure(clip).integrated_lufs, abs=0.1)
    assert sketch.true_peak_dbtp == pytest.approx(measure(clip).true_peak_dbtp, abs=1e-6)


def test_the_sketch_does_not_depend_on_the_blocks() -> None:
    clip = drums(2.0)
    limiter = Limiter(release_ms=50.0)
    parts = np.split(clip.samples, [7, 1000, 1001, 50000], axis=1)
    whole = LoudnessSketch([clip.samples], RATE, 2).lufs_after(9.0, limiter)
    assert LoudnessSketch(parts, RATE, 2).lufs_after(9.0, limiter) == pytest.approx(whole)


def test_without_limiting_gain_adds_to_loudness() -> None:
    sketch = LoudnessSketch([drums(3.0, level=0.1).samples], RATE, 2)
    assert sketch.lufs_after(6.0, Limiter()) == pytest.approx(sketch.lufs + 6.0, abs=1e-9)


def test_more_gain_is_never_quieter() -> None:
    sketch = LoudnessSketch([drums(3.0).samples], RATE, 2)
    levels = [sketch.lufs_after(gain_db, Limiter()) for gain_db in np.arange(-6.0, 24.0, 1.5)]
    assert levels == sorted(levels)


def test_a_given_gain_is_told_what_to_expect() -> None:
    clip = drums()
    solver = LoudnessSolver(clip, replace(ChainParameters(), limiter=Limiter(gain_db=99.0)))
    expected = solver.at(3.0)
    assert expected.expected_lufs == pytest.approx(rendered_lufs(clip, 3.0), abs=0.1)
