"""Dynamics are brought back to those of the same recording, by compression or its inverse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from engine.audio.clip import Clip
from engine.mastering.analysis import MAX_WINDOWS, WINDOWS_PER_BLOCK, analyse
from engine.mastering.biquad import response_db
from engine.mastering.chain import render
from engine.mastering.contour import take_runs, window_starts
from engine.mastering.dynamics import fit_compressor
from engine.mastering.evaluate.methods import untouched
from engine.mastering.evaluate.metrics import loudness_contour_error_lu
from engine.mastering.fit import FitSettings, fit
from engine.mastering.parameters import Band, Compressor
from engine.mastering.targets import from_references

torch.set_num_threads(1)

RATE = 44100
SQUEEZE = Compressor(threshold_db=-30.0, ratio=3.0, attack_ms=8.0, release_ms=150.0)


def song(seconds: float = 8.0, seed: int = 0) -> Clip:
    """Hits that ring, of levels that differ by 15 dB, over soft noise."""
    rng = np.random.default_rng(seed)
    frames = int(seconds * RATE)
    noise = lfilter([1.0], [1.0, -0.9], rng.standard_normal((2, frames)), axis=1)
    envelope = np.full(frames, 0.02)
    for start in range(0, frames, RATE // 3):
        length = min(RATE, frames - start)
        level = 10.0 ** (rng.uniform(-15.0, 0.0) / 20.0)
        ring = level * np.exp(-np.arange(length) / (0.12 * RATE))
        envelope[start : start + length] += ring
    samples = envelope * noise
    return Clip((0.5 * samples / np.abs(samples).max()).astype(np.float32), RATE)


def through(clip: Clip, compressor: Compressor) -> Clip:
    return render(clip, replace(untouched(), compressor=compressor))


def fitted(bad: Clip, good: Clip) -> Compressor:
    analysis = analyse(bad)
    target = from_references(analysis, [analyse(good)])
    settings, _ = fit_compressor(bad, analysis, target, (), lambda *_: None)
    return settings


def test_a_compressed_recording_gets_its_dynamics_back() -> None:
    good = song()
    bad = through(good, SQUEEZE)
    found = fitted(bad, good)
    assert found.ratio < 0.6
    before = loudness_contour_error_lu(bad, good)
    after = loudness_contour_error_lu(through(bad, found), good)
    assert before > 1.0
    assert after < 0.25 * before


def test_dynamics_that_are_too_wide_are_compressed_as_the_reference_was() -> None:
    wide = song()
    reference = through(wide, SQUEEZE)
    found = fitted(wide, reference)
    assert found.ratio > 1.5
    after = loudness_contour_error_lu(through(wide, found), reference)
    assert after < 0.25 * loudness_contour_error_lu(wide, reference)


def test_a_recording_whose_dynamics_are_right_is_left_alone() -> None:
    good = song()
    quieter = Clip(0.3 * good.samples, RATE)
    assert not fitted(quieter, good).active


def test_what_no_compressor_did_no_compressor_undoes() -> None:
    """The same song twice, once faded in and out: a compressor knows nothing of time."""
    good = song()
    fade_db = 4.0 * np.sin(np.arange(good.frames) / RATE * 5.0)
    faded = Clip((good.samples * 10.0 ** (fade_db / 20.0)).astype(np.float32), RATE)
    found = fitted(faded, good)
    after = loudness_contour_error_lu(through(faded, found), good)
    assert after <= 1.02 * loudness_contour_error_lu(faded, good)


def test_another_song_never_adds_dynamics() -> None:
    squeezed = through(song(seed=1), SQUEEZE)
    assert fitted(squeezed, song(seed=2)).ratio >= 1.0


def test_a_target_that_forbids_compression_is_obeyed() -> None:
    good = song()
    bad = through(good, SQUEEZE)
    analysis = analyse(bad)
    target = replace(from_references(analysis, [analyse(good)]), max_ratio=1.0)
    settings, _ = fit_compressor(bad, analysis, target, (), lambda *_: None)
    assert not settings.active


def test_levels_of_the_runs_are_those_of_the_analysis() -> None:
    """A second implementation: rectangles of samples here, spectra there."""
    clip = song()
    analysis = analyse(clip)
    runs = take_runs(clip, analysis, tuple(analysis.contour_lufs), ())
    assert runs is not None
    assert float(runs.error_db2(torch.ones(()))) < 0.1**2
    swell = torch.linspace(1.0, 4.0, runs.peaks.shape[-1])
    assert float(runs.error_db2(swell)) > 1.0


def test_windows_lie_where_the_analysis_took_them() -> None:
    clip = song(4.0)
    analysis = analyse(clip)
    starts = window_starts(analysis)
    assert starts.size == analysis.contour_lufs.size
    for number in (0, 3, starts.size - 2):
        part = clip.samples[:, starts[number] : starts[number] + analysis.size]
        peak_db = 20.0 * np.log10(np.abs(part).max())
        assert peak_db == pytest.approx(analysis.peak_db[number], abs=1e-4)


def test_of_an_hour_most_windows_are_left_out() -> None:
    analysis = replace(analyse(song(4.0)), frames=3600 * RATE)
    starts = window_starts(analysis)
    assert starts.size <= MAX_WINDOWS
    assert starts[-1] > 3500 * RATE
    assert set(np.diff(starts[:WINDOWS_PER_BLOCK])) == {analysis.size // 2}


def test_a_contour_of_another_length_is_not_followed() -> None:
    clip = song(4.0)
    analysis = analyse(clip)
    assert take_runs(clip, analysis, tuple(analysis.contour_lufs[:-1]), ()) is None


def test_an_equalizer_under_a_compressor_is_found_all_the_same() -> None:
    good = song()
    harm = (Band(frequency_hz=300.0, gain_db=6.0, q=1.0), Band(frequency_hz=3000.0, gain_db=-5.0))
    bad = render(through(good, SQUEEZE), replace(untouched(), bands=harm))
    analysis = analyse(bad)
    target = from_references(analysis, [analyse(good)])
    chain = fit(bad, target, FitSettings(max_gain_db=12.0, max_bands=10)).parameters
    hz = np.geomspace(40.0, 15000.0, 60)
    rest = response_db(harm, hz, RATE) + response_db(chain.bands, hz, RATE)
    assert rest.std() < 0.6
    assert rest.std() < 0.25 * response_db(harm, hz, RATE).std()
    assert chain.compressor.ratio < 0.7
