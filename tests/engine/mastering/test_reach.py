"""What a preset cannot pull in is let be, and what it can is pulled in once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.audio.clip import Clip
from engine.mastering.analysis import analyse, band_centres_hz
from engine.mastering.biquad import response_db
from engine.mastering.chain import render
from engine.mastering.parameters import Band, ChainParameters, Limiter
from engine.mastering.reach import fit_within_reach
from engine.mastering.targets import Target
from engine.mastering.tone import ToneProblem, fit_bands

torch.set_num_threads(1)

RATE = 44100
LIMITS = (4.0, 6.0, 6, 100)
OPEN = ChainParameters(limiter=Limiter(enabled=False))
NEAR = Band(frequency_hz=150.0, gain_db=7.0, q=0.7)
FAR = Band(frequency_hz=6000.0, gain_db=18.0, q=2.0)


def watch(step: int, loss: float, bands: tuple[Band, ...]) -> None:
    assert np.isfinite(loss)


@pytest.fixture(scope="module")
def good() -> Clip:
    noise = np.random.default_rng(3).standard_normal((1, 6 * RATE)) * 0.05
    return Clip(noise.astype(np.float32), RATE)


@pytest.fixture(scope="module")
def target(good: Clip) -> Target:
    analysis = analyse(good)
    bands = band_centres_hz().size
    return Target(
        "good",
        "the recording before the harm",
        tuple(analysis.band_db(analysis.power).tolist()),
        (2.0,) * bands,
        (2.0,) * bands,
        fill_dips=False,
    )


def harmed(clip: Clip, *bands: Band) -> Clip:
    return render(clip, replace(OPEN, bands=bands))


def problem(clip: Clip, target: Target) -> ToneProblem:
    return ToneProblem.of(analyse(clip), target)


def curve_db(bands: tuple[Band, ...], hz: float) -> float:
    return float(response_db(bands, np.array([hz]), RATE)[0])


def test_what_is_within_reach_is_fitted_as_ever(good: Clip, target: Target) -> None:
    near = problem(harmed(good, NEAR), target)
    bands, fitted_to = fit_within_reach(near, *LIMITS, watch)
    assert bands == fit_bands(near, *LIMITS, watch)
    assert curve_db(bands, 150.0) < -1.0
    assert fitted_to is near


def test_what_is_out_of_reach_is_let_be(good: Clip, target: Target) -> None:
    far = problem(harmed(good, FAR), target)
    halves = fit_bands(far, *LIMITS, watch)
    assert curve_db(halves, FAR.frequency_hz) < -2.0, "it would have been corrected by halves"
    bands, _ = fit_within_reach(far, *LIMITS, watch)
    assert abs(curve_db(bands, FAR.frequency_hz)) < 0.25 * abs(curve_db(halves, FAR.frequency_hz))


def test_a_second_pass_finds_nothing_to_do(good: Clip, target: Target) -> None:
    for harm in ((NEAR,), (FAR,), (NEAR, FAR)):
        bad = harmed(good, *harm)
        bands, _ = fit_within_reach(problem(bad, target), *LIMITS, watch)
        again, _ = fit_within_reach(problem(harmed(bad, *bands), target), *LIMITS, watch)
        assert not any(band.active for band in again)
