"""What a degradation says it did is what it did."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import correlate

from engine.audio.clip import Clip
from engine.mastering.data.curve import SmoothCurve
from engine.mastering.data.degradation import (
    Degradation,
    Kind,
    Tier,
    draw,
    eq_error_db,
    error_grid_hz,
    working_gain_db,
)
from engine.mastering.parameters import Band, Compressor, Saturator
from engine.tasks import Failure

RATE = 44100
EVERY = [(kind, tier) for kind in Kind for tier in Tier]


def noise(channels: int = 2, seconds: float = 1.0, level: float = 0.1, seed: int = 3) -> Clip:
    rng = np.random.default_rng(seed)
    samples = level * rng.normal(size=(channels, round(seconds * RATE)))
    return Clip(samples, RATE)


def measured_db(degradation: Degradation, frequencies_hz: NDArray[np.float64]) -> NDArray:
    """Impulse response by the discrete-time Fourier transform at the frequencies themselves."""
    frames = 1 << 17
    impulse = np.zeros((1, frames))
    impulse[0, frames // 2] = 1.0
    response = degradation.apply(Clip(impulse, RATE)).samples[0]
    heard = np.flatnonzero(np.abs(response) > 1e-14)
    phases = np.exp(-2j * np.pi * np.outer(frequencies_hz, heard - frames // 2) / RATE)
    return 20.0 * np.log10(np.abs(phases @ response[heard]))


@pytest.mark.parametrize("kind", [Kind.EQ, Kind.OUT_OF_FAMILY])
@pytest.mark.parametrize("tier", list(Tier))
def test_the_curve_is_the_measured_response(kind: Kind, tier: Tier) -> None:
    grid = error_grid_hz()
    for seed in range(4):
        degradation = draw(np.random.default_rng(seed), kind, tier)
        difference = measured_db(degradation, grid) - degradation.curve_db(grid, RATE)
        assert np.abs(difference).max() < 1e-6


def test_bands_and_a_curve_add_in_decibels() -> None:
    grid = error_grid_hz()
    both = Degradation(
        bands=(Band(frequency_hz=300.0, gain_db=5.0),), curve=SmoothCurve(((100.0, 3.0), (4e3, -4)))
    )
    alone = [replace(both, curve=None), replace(both, bands=())]
    total = sum(part.curve_db(grid, RATE) for part in alone)
    np.testing.assert_allclose(both.curve_db(grid, RATE), total, atol=1e-12)
    np.testing.assert_allclose(measured_db(both, grid), total, atol=1e-6)


@pytest.mark.parametrize(("kind", "tier"), EVERY)
def test_nothing_is_late_and_the_length_stays(kind: Kind, tier: Tier) -> None:
    clip = noise()
    out = draw(np.random.default_rng(5), kind, tier).apply(clip)
    assert out.samples.shape == clip.samples.shape
    assert out.rate == clip.rate
    correlation = correlate(out.samples[0], clip.samples[0], method="fft")
    assert int(np.argmax(np.abs(correlation))) == clip.frames - 1


@pytest.mark.parametrize(("kind", "tier"), EVERY)
def test_mono_stays_mono(kind: Kind, tier: Tier) -> None:
    degradation = draw(np.random.default_rng(6), kind, tier, channels=2)
    one = noise(1)
    both = Clip(np.repeat(one.samples, 2, axis=0), RATE)
    out = degradation.apply(both).samples
    assert np.array_equal(out[0], out[1])
    assert degradation.apply(one).channels == 1


@pytest.mark.parametrize(("kind", "tier"), EVERY)
def test_silence_stays_silence(kind: Kind, tier: Tier) -> None:
    out = draw(np.random.default_rng(7), kind, tier).apply(Clip(np.zeros((2, 30000)), RATE))
    assert not out.samples.any()


@pytest.mark.parametrize("frames", [0, 1, 100])
def test_very_short_clips_pass(frames: int) -> None:
    for kind, tier in EVERY:
        clip = Clip(np.ones((2, frames), np.float32), RATE)
        out = draw(np.random.default_rng(8), kind, tier).apply(clip)
        assert out.samples.shape == (2, frames)
        assert out.samples.dtype == np.float32


@pytest.mark.parametrize("kind", [Kind.EQ_COMPRESSION, Kind.SATURATION])
def test_the_songs_own_level_does_not_matter(kind: Kind) -> None:
    degradation = draw(np.random.default_rng(9), kind, Tier.STRONG)
    clip = noise(seconds=2.0)
    quiet = Clip(clip.samples * 0.1, RATE)
    np.testing.assert_allclose(
        degradation.apply(quiet).samples * 10.0, degradation.apply(clip).samples, atol=1e-9
    )


def test_the_working_gain_brings_a_clip_to_the_working_loudness() -> None:
    # BS.1770: a 997 Hz sine at 0 dBFS in one channel reads -3.01 LUFS
    sine = np.sin(2.0 * np.pi * 997.0 * np.arange(3 * RATE) / RATE)
    assert working_gain_db(Clip(sine[None], RATE)) == pytest.approx(-14.0 + 3.01, abs=0.02)
    assert working_gain_db(Clip(np.zeros((1, RATE)), RATE)) == 0.0


def test_width_scales_the_side_and_leaves_the_middle() -> None:
    clip = noise()
    out = Degradation(width=0.5).apply(clip).samples
    np.testing.assert_allclose(out[0] + out[1], clip.samples[0] + clip.samples[1], atol=1e-15)
    np.testing.assert_allclose(out[0] - out[1], (clip.samples[0] - clip.samples[1]) / 2, atol=1e-15)


def test_gain_is_gain() -> None:
    clip = noise()
    out = Degradation(gain_db=-20.0).apply(clip).samples
    np.testing.assert_allclose(out, clip.samples / 10.0, atol=1e-15)


def test_doing_nothing_keeps_every_bit() -> None:
    clip = noise()
    assert np.array_equal(Degradation().apply(clip).samples, clip.samples)


def test_a_compressor_narrows_the_levels_of_loud_and_soft() -> None:
    """A steady sine over the threshold loses slope times what is over it; closed form."""
    time_s = np.arange(4 * RATE) / RATE
    sine = np.sin(2.0 * np.pi * 997.0 * time_s)
    # twice as long loud as soft, so that the gate of the meter leaves the loud part alone
    level = np.where(time_s < 3.0, 1.0, 0.1)
    clip = Clip((level * sine)[None], RATE)
    loud_db = working_gain_db(clip)
    compressor = Compressor(threshold_db=loud_db - 12.0, ratio=4.0, attack_ms=1.0, knee_db=0.0)
    out = Degradation(compressor=compressor).apply(clip).samples[0]
    before, after = (np.abs(x[2 * RATE : int(2.9 * RATE)]).max() for x in (clip.samples[0], out))
    assert 20.0 * math.log10(after / before) == pytest.approx(-9.0, abs=0.3)
    soft = slice(int(3.9 * RATE), 4 * RATE)
    assert np.abs(out[soft]).max() == pytest.approx(np.abs(clip.samples[0, soft]).max(), rel=0.01)


def test_saturation_bends_the_peaks_by_its_curve_at_the_working_loudness() -> None:
    """tanh(g x) / g with g^2 = drive^2 - 1, on a sine that reads -14 LUFS."""
    drive_db, peak = 12.0, 10.0 ** ((-14.0 + 3.01) / 20.0)
    sine = np.sin(2.0 * np.pi * 997.0 * np.arange(3 * RATE) / RATE)
    out = Degradation(saturator=Saturator(drive_db=drive_db)).apply(Clip(sine[None], RATE))
    bend = math.sqrt(10.0 ** (drive_db / 10.0) - 1.0)
    expected = math.tanh(bend * peak) / bend / peak
    assert np.abs(out.samples[:, RATE : 2 * RATE]).max() == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(("tier", "reference_db"), [(Tier.MILD, 2.45), (Tier.STRONG, 5.05)])
@pytest.mark.parametrize("kind", [Kind.EQ, Kind.EQ_COMPRESSION, Kind.EQ_WIDTH, Kind.OUT_OF_FAMILY])
def test_doing_nothing_costs_what_the_reference_figures_say(
    kind: Kind, tier: Tier, reference_db: float
) -> None:
    rng = np.random.default_rng(10)
    errors = [draw(rng, kind, tier).identity_error_db(RATE) for _ in range(300)]
    # 300 draws with a spread of about a third of the mean: 3 standard errors are 6 %
    assert np.mean(errors) == pytest.approx(reference_db, rel=0.08)


def test_a_common_gain_is_no_error() -> None:
    assert eq_error_db(np.full(55, 4.0)) == 0.0
    assert eq_error_db([3.0, -3.0, 3.0, -3.0]) == pytest.approx(3.0)


def test_three_bands_are_three_bands() -> None:
    degradation = draw(np.random.default_rng(11), Kind.EQ, Tier.STRONG, bands=3)
    assert len(degradation.bands) == 3


@given(seed=st.integers(0, 2**32), kind=st.sampled_from(Kind), tier=st.sampled_from(Tier))
def test_what_is_drawn_is_in_range_and_survives_json(seed: int, kind: Kind, tier: Tier) -> None:
    degradation = draw(np.random.default_rng(seed), kind, tier)
    assert Degradation.from_json(degradation.to_json()) == degradation
    assert all(abs(band.gain_db) <= tier.reach_db for band in degradation.bands)
    assert -20.0 <= degradation.gain_db <= 6.0
    assert 10.0 ** (-6.01 / 20.0) <= degradation.width <= 10.0 ** (6.01 / 20.0)
    assert draw(np.random.default_rng(seed), kind, tier) == degradation


def test_mono_songs_get_no_width() -> None:
    rng = np.random.default_rng(12)
    drawn = [draw(rng, Kind.EQ_WIDTH, Tier.STRONG, channels=1) for _ in range(20)]
    assert all(degradation.width == 1.0 for degradation in drawn)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "reverb"},
        {"width": -1.0},
        {"gain_db": "loud"},
        {"bands": [{"gain_db": 99.0}]},
        {"compressor": {"ratio": 0.0}},
        {"curve": {"points": [[100.0, 1.0], [50.0, 2.0]]}},
        {"curve": {"points": [[100.0, 1.0]], "colour": 3}},
    ],
)
def test_a_record_that_is_none_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(Failure):
        Degradation.from_dict({**Degradation().to_dict(), **change})


def test_text_that_is_not_json_is_refused() -> None:
    with pytest.raises(Failure):
        Degradation.from_json("{")
    with pytest.raises(Failure):
        Degradation.from_json("[]")


@pytest.mark.parametrize("kind", list(Kind))
def test_ten_seconds_of_stereo_take_little_time(kind: Kind) -> None:
    """Training spoils songs all the time; processor time, so that a busy machine is no fault."""
    clip = Clip(noise(seconds=10.0).samples.astype(np.float32), RATE)
    spent = []
    for seed in range(3):
        degradation = draw(np.random.default_rng(seed), kind, Tier.STRONG)
        degradation.apply(clip.part(0, RATE))  # compiles, and designs the filter
        start_s = time.process_time()
        degradation.apply(clip)
        spent.append(time.process_time() - start_s)
    assert min(spent) < 0.3
