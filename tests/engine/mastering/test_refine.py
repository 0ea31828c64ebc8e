"""A fit that starts from a prediction goes towards the target and is pulled back."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.audio.clip import Clip
from engine.mastering.analysis import analyse
from engine.mastering.biquad import response_db
from engine.mastering.chain import render
from engine.mastering.fit import FitSettings, fit
from engine.mastering.parameters import (
    Band,
    BandKind,
    ChainParameters,
    Compressor,
    Imager,
    Limiter,
    Multiband,
    Saturator,
)
from engine.mastering.targets import Target, from_preset, from_references

torch.set_num_threads(1)

RATE = 44100
HZ = np.geomspace(40.0, 16000.0, 200)
OPEN = ChainParameters(limiter=replace(Limiter(), enabled=False))
DAMAGE = (Band(BandKind.BELL, 300.0, 4.0, 1.0), Band(BandKind.HIGH_SHELF, 6000.0, -4.0))
NEAR = (Band(BandKind.BELL, 350.0, -2.5, 0.8), Band(BandKind.HIGH_SHELF, 5000.0, 2.5))
TONE = FitSettings(dynamics=False, width=False)


def song(seconds: float = 10.0) -> Clip:
    rng = np.random.default_rng(4)
    frames = int(seconds * RATE)
    hz = np.fft.rfftfreq(frames, 1.0 / RATE)
    slope = 10.0 ** (-4.5 * np.log2(np.maximum(hz, 80.0) / 80.0) / 20.0)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal((2, frames))) * slope, n=frames)
    stereo = np.stack([noise[0] + 0.4 * noise[1], noise[0] - 0.4 * noise[1]])
    return Clip((0.4 * stereo / np.abs(stereo).max()).astype(np.float32), RATE)


@pytest.fixture(scope="module")
def good() -> Clip:
    return song()


@pytest.fixture(scope="module")
def bad(good: Clip) -> Clip:
    return render(good, replace(OPEN, bands=DAMAGE))


@pytest.fixture(scope="module")
def target(good: Clip, bad: Clip) -> Target:
    return from_references(analyse(bad), [analyse(good)])


def error_db(bands: tuple[Band, ...]) -> float:
    left_db = response_db(DAMAGE, HZ, RATE) + response_db(bands, HZ, RATE)
    return float(np.sqrt(np.mean((left_db - left_db.mean()) ** 2)))


def refined(bad: Clip, target: Target, start: ChainParameters, weight: float) -> tuple[Band, ...]:
    return fit(bad, target, TONE, start=start, prior_weight=weight).parameters.bands


def test_the_harder_the_prior_pulls_the_nearer_the_start(bad: Clip, target: Target) -> None:
    start = ChainParameters(bands=NEAR)
    moved_db = []
    for weight in (0.0, 0.05, 1.0, 1e4):
        bands = refined(bad, target, start, weight)
        curve_db = response_db(bands, HZ, RATE) - response_db(NEAR, HZ, RATE)
        moved_db.append(float(np.sqrt(np.mean(curve_db**2))))
    assert moved_db == sorted(moved_db, reverse=True)
    assert moved_db[-1] < 0.1


def test_without_a_pull_the_target_is_met(bad: Clip, target: Target) -> None:
    assert error_db(NEAR) > 0.6
    assert error_db(refined(bad, target, ChainParameters(bands=NEAR), 0.0)) < 0.25


def test_a_start_that_leads_nowhere_is_given_up_where_nothing_pulls(
    bad: Clip, target: Target
) -> None:
    start = ChainParameters(bands=(Band(BandKind.BELL, 15000.0, 0.0, 4.0),))
    assert error_db(refined(bad, target, start, 0.0)) < 0.25


def test_a_gate_counts_as_part_of_the_gain(bad: Clip, target: Target) -> None:
    half = tuple(replace(band, gain_db=2.0 * band.gain_db, gate=0.5) for band in NEAR)
    wanted = response_db(NEAR, HZ, RATE)
    curve_db = response_db(refined(bad, target, ChainParameters(bands=half), 1e4), HZ, RATE)
    assert np.abs(curve_db - wanted).max() < 0.2


def test_a_chain_that_is_right_stays(good: Clip) -> None:
    target = from_references(analyse(good), [analyse(good)])
    start = ChainParameters(bands=tuple(replace(b, gate=0.0) for b in ChainParameters().bands))
    assert not any(band.active for band in refined(good, target, start, 0.05))


def test_what_the_fit_does_not_know_is_kept(bad: Clip, target: Target) -> None:
    low_cut = Band(BandKind.HIGH_PASS, 30.0)
    start = ChainParameters(
        bands=(low_cut, *NEAR),
        saturator=Saturator(drive_db=3.0),
        multiband=Multiband(low=Compressor(ratio=1.5)),
        imager=Imager(width=1.05, mono_below_hz=90.0),
    )
    parameters = fit(bad, target, FitSettings(dynamics=False), start=start).parameters
    assert parameters.bands[0] == low_cut
    assert parameters.saturator == start.saturator and parameters.multiband == start.multiband
    assert parameters.imager.mono_below_hz == 90.0


def test_the_width_goes_on_from_the_predicted_one(good: Clip) -> None:
    narrow = render(good, replace(OPEN, imager=Imager(width=0.8)))
    target = from_references(analyse(narrow), [analyse(good)])
    start = ChainParameters(bands=(), imager=Imager(width=1.15))
    settings = FitSettings(tone=False, dynamics=False)
    free = fit(narrow, target, settings, start=start, prior_weight=0.0).parameters.imager.width
    held = fit(narrow, target, settings, start=start, prior_weight=1.0).parameters.imager.width
    assert free == pytest.approx(1.25, abs=0.05)
    assert 1.15 < held < free


@pytest.mark.parametrize("ratio", [1.5, 0.7])
def test_the_ratio_stays_where_the_target_has_no_aim(good: Clip, ratio: float) -> None:
    target = replace(from_preset("balanced"), max_spread_lu=None, max_crest_db=None)
    start = ChainParameters(bands=(), compressor=Compressor(-24.0, ratio))
    found = fit(good, target, FitSettings(tone=False, width=False), start=start)
    assert found.parameters.compressor == start.compressor


def test_a_prediction_compresses_more_where_the_target_wants_less_dynamics(good: Clip) -> None:
    swings = np.where(np.arange(good.frames) // (2 * RATE) % 2, 1.0, 0.15)
    clip = Clip((good.samples * swings).astype(np.float32), RATE)
    target = replace(from_preset("balanced"), max_spread_lu=6.0, max_crest_db=None, max_ratio=8.0)
    start = ChainParameters(bands=(), compressor=Compressor(-24.0, 1.2))
    settings = FitSettings(tone=False, width=False)
    ratios = [
        fit(clip, target, settings, start=start, prior_weight=weight).parameters.compressor.ratio
        for weight in (0.0, 1.0, 1e4)
    ]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] > 1.3 and ratios[-1] == pytest.approx(1.2, abs=0.02)


def test_a_hundred_steps_on_three_minutes_take_under_ten_seconds(target: Target) -> None:
    clip = song(180.0)
    start = ChainParameters(bands=NEAR, compressor=Compressor(-24.0, 1.3))
    began = time.perf_counter()
    fit(clip, target, FitSettings(refine_steps=100), start=start)
    assert time.perf_counter() - began < 10.0


def test_no_more_bands_are_opened_than_allowed(bad: Clip, target: Target) -> None:
    closed = ChainParameters(bands=tuple(replace(b, gate=0.0) for b in ChainParameters().bands))
    settings = replace(TONE, max_bands=3)
    bands = fit(bad, target, settings, start=closed, prior_weight=0.01).parameters.bands
    assert 1 <= sum(band.active for band in bands) <= 3
    more = ChainParameters(bands=tuple(replace(b, gain_db=0.6) for b in ChainParameters().bands))
    held = fit(bad, target, settings, start=more, prior_weight=100.0).parameters.bands
    assert sum(band.active for band in held) == 10
