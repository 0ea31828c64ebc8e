"""A second round takes for the equalizer what the first took for it because of a compressor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from engine.audio.clip import Clip
from engine.mastering.analysis import analyse
from engine.mastering.biquad import response_db
from engine.mastering.chain import render
from engine.mastering.data.degradation import Degradation, Kind
from engine.mastering.evaluate.metrics import loudness_contour_error_lu
from engine.mastering.fit import fit
from engine.mastering.parameters import Band, ChainParameters, Compressor, Limiter, Saturator
from engine.mastering.targets import from_references
from engine.mastering.undo import FOLLOW, undo

torch.set_num_threads(1)

RATE = 44100
GRID_HZ = np.geomspace(50.0, 8000.0, 50)
TONE = (
    Band(frequency_hz=150.0, gain_db=5.0, q=1.0),
    Band(frequency_hz=2500.0, gain_db=-6.0, q=0.8),
)


@pytest.fixture(scope="module")
def good() -> Clip:
    """Drums of which the loud ones are dark and the soft ones bright, over noise."""
    rng = np.random.default_rng(5)
    frames = 8 * RATE
    dark, bright, under = (
        lfilter([1.0 - pole], [1.0, -pole], rng.standard_normal((2, frames)))
        for pole in (0.98, 0.3, 0.9)
    )
    total = 0.05 * under
    at = np.arange(RATE // 2) / RATE
    for start in range(0, frames - at.size, RATE // 3):
        level = rng.uniform(0.1, 1.0)
        here = slice(start, start + at.size)
        ring = np.exp(-8.0 * at)
        total[:, here] += level * ring * dark[:, here] + 0.05 * ring * bright[:, here]
    total *= 0.5 / np.abs(total).max()
    return Clip(total.astype(np.float32), RATE)


def rest_db(harm: Degradation, chain: ChainParameters) -> float:
    total = harm.curve_db(GRID_HZ, RATE) + response_db(chain.bands, GRID_HZ, RATE)
    return float(np.std(total))


def test_a_compressor_is_not_taken_for_an_equalizer(good: Clip) -> None:
    squeeze = Compressor(threshold_db=-26.0, ratio=3.0, attack_ms=5.0, release_ms=120.0)
    harm = Degradation(Kind.EQ_COMPRESSION, bands=TONE, compressor=squeeze)
    bad = harm.apply(good)
    analysis = analyse(bad)
    target = from_references(analysis, [analyse(good)])
    once = fit(bad, target, FOLLOW, None, analysis).parameters
    twice = undo(bad, good, target, FOLLOW, None, analysis)
    assert rest_db(harm, twice.parameters) < 0.75 * rest_db(harm, once)
    assert rest_db(harm, twice.parameters) < 0.25 * rest_db(harm, ChainParameters())
    out = render(bad, replace(twice.parameters, limiter=Limiter(enabled=False)))
    assert loudness_contour_error_lu(out, good) < 0.25 * loudness_contour_error_lu(bad, good)
    assert {step.stage for step in twice.history} == {"tone", "dynamics"}


def test_without_a_compressor_one_round_is_enough(good: Clip) -> None:
    bad = Degradation(bands=TONE).apply(good)
    analysis = analyse(bad)
    target = from_references(analysis, [analyse(good)])
    once = fit(bad, target, FOLLOW, None, analysis)
    assert not once.parameters.compressor.active
    assert undo(bad, good, target, FOLLOW, None, analysis).parameters == once.parameters


def test_a_wrong_guess_at_the_compressor_gives_way_to_what_is_known(good: Clip) -> None:
    squeeze = Compressor(threshold_db=-26.0, ratio=3.0, attack_ms=5.0, release_ms=120.0)
    bad = Degradation(Kind.EQ_COMPRESSION, bands=TONE, compressor=squeeze).apply(good)
    analysis = analyse(bad)
    target = from_references(analysis, [analyse(good)])
    guess = replace(
        ChainParameters(),
        compressor=Compressor(threshold_db=-30.0, ratio=4.0),
        saturator=Saturator(drive_db=1.0),
    )
    found = undo(bad, good, target, FOLLOW, None, analysis, guess).parameters
    assert found.compressor.ratio < 1.0, "what was compressed is expanded"
    assert found.saturator == guess.saturator, "what the fit knows nothing of stays"
    clean = replace(found, limiter=Limiter(enabled=False), saturator=Saturator())
    out = render(bad, clean)
    assert loudness_contour_error_lu(out, good) < 0.3 * loudness_contour_error_lu(bad, good)
