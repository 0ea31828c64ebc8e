"""The fit finds what was done to a recording, and leaves alone what is right."""

from __future__ import annotations

import threading
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
)
from engine.mastering.targets import Target, from_preset, from_references, width_db
from engine.mastering.width import fit_width
from engine.tasks import Cancelled, Context, Failure, Progress

torch.set_num_threads(1)

RATE = 44100
OPEN = ChainParameters(limiter=replace(Limiter(), enabled=False))
DAMAGE = (
    Band(BandKind.BELL, 180.0, 5.0, 1.0),
    Band(BandKind.BELL, 1500.0, -4.5, 0.8),
    Band(BandKind.HIGH_SHELF, 7000.0, -5.0),
)


def song(seed: int = 0, seconds: float = 10.0, falloff_db: float = 4.5) -> Clip:
    """Noise that falls ``falloff_db`` per octave above 80 Hz, in phrases, wide in stereo."""
    rng = np.random.default_rng(seed)
    frames = int(seconds * RATE)
    hz = np.fft.rfftfreq(frames, 1.0 / RATE)
    slope = 10.0 ** (-falloff_db * np.log2(np.maximum(hz, 80.0) / 80.0) / 20.0)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal((2, frames))) * slope, n=frames)
    phrases = np.repeat(10.0 ** (rng.uniform(-6.0, 0.0, 20) / 20.0), frames // 20 + 1)[:frames]
    middle, side = noise[0] * phrases, 0.4 * noise[1] * phrases
    stereo = np.stack([middle + side, middle - side])
    return Clip((0.4 * stereo / np.abs(stereo).max()).astype(np.float32), RATE)


def damaged(clip: Clip, **stages: object) -> Clip:
    return render(clip, replace(OPEN, **stages))


def target_of(clip: Clip, reference: Clip) -> Target:
    return from_references(analyse(clip), [analyse(reference)])


@pytest.fixture(scope="module")
def original() -> Clip:
    return song()


def test_a_known_equalizer_is_undone(original: Clip) -> None:
    clip = damaged(original, bands=DAMAGE)
    result = fit(clip, target_of(clip, original))
    hz = np.geomspace(40.0, 16000.0, 200)
    left_db = response_db(DAMAGE, hz, RATE) + response_db(result.parameters.bands, hz, RATE)
    assert np.abs(left_db - left_db.mean()).mean() < 0.25
    assert sum(band.active for band in result.parameters.bands) <= 6


def test_bands_that_are_not_used_are_closed_and_the_others_open(original: Clip) -> None:
    clip = damaged(original, bands=DAMAGE)
    bands = fit(clip, target_of(clip, original)).parameters.bands
    assert len(bands) == 10
    assert {band.gate for band in bands} == {0.0, 1.0}


def test_a_band_that_is_not_used_is_where_it_was_and_at_zero(original: Clip) -> None:
    clip = damaged(original, bands=DAMAGE)
    bands = fit(clip, target_of(clip, original)).parameters.bands
    for band, default in zip(bands, ChainParameters().bands, strict=True):
        assert band.active or band == replace(default, gain_db=0.0, gate=0.0)


@pytest.mark.parametrize(("kind", "hz"), [(BandKind.HIGH_SHELF, 5000.0), (BandKind.LOW_SHELF, 110)])
def test_a_shelf_is_answered_with_a_shelf(original: Clip, kind: BandKind, hz: float) -> None:
    clip = damaged(original, bands=(Band(kind, hz, -5.0),))
    bands = fit(clip, target_of(clip, original), FitSettings(dynamics=False)).parameters.bands
    (shelf,) = [band for band in bands if abs(band.effective_gain_db) > 1.0]
    assert shelf.kind is kind
    assert shelf.gain_db == pytest.approx(5.0, abs=0.5)
    assert shelf.frequency_hz == pytest.approx(hz, rel=0.1)


def test_a_narrowed_stereo_image_is_widened_again(original: Clip) -> None:
    clip = damaged(original, imager=Imager(width=0.9))
    result = fit(clip, target_of(clip, original))
    assert result.parameters.imager.width == pytest.approx(1.0 / 0.9, abs=0.03)


def test_width_moves_no_more_than_one_decibel_unless_asked(original: Clip) -> None:
    clip = damaged(original, imager=Imager(width=0.5))
    target = target_of(clip, original)
    cautious = fit(clip, target).parameters.imager.width
    asked = fit(clip, target, FitSettings(max_width_db=12.0)).parameters.imager.width
    assert 20.0 * np.log10(cautious) == pytest.approx(1.0, abs=0.01)
    assert asked == pytest.approx(2.0, abs=0.1)


def test_a_recording_that_is_its_own_reference_is_left_alone(original: Clip) -> None:
    parameters = fit(original, target_of(original, original)).parameters
    assert not any(band.active for band in parameters.bands)
    assert not parameters.compressor.active
    assert not parameters.imager.active


def test_too_much_dynamics_is_compressed_towards_the_reference() -> None:
    reference = song()
    loud_and_soft = np.where(np.arange(reference.frames) // (2 * RATE) % 2, 1.0, 0.1)
    clip = Clip((reference.samples * loud_and_soft).astype(np.float32), RATE)
    target = replace(from_preset("balanced"), max_spread_lu=8.0, max_crest_db=None, max_ratio=8.0)
    result = fit(clip, target, FitSettings(tone=False))
    assert result.parameters.compressor.ratio > 1.5
    pressed = render(clip, replace(OPEN, compressor=result.parameters.compressor))
    assert analyse(pressed).spread_lu < analyse(clip).spread_lu - 3.0


def test_a_target_may_forbid_compression() -> None:
    reference = song()
    fade = np.linspace(0.05, 1.0, reference.frames, dtype=np.float32)
    clip = Clip(reference.samples * fade, RATE)
    assert not fit(clip, from_preset("dynamic")).parameters.compressor.active


def test_switched_off_stages_stay_off(original: Clip) -> None:
    clip = damaged(original, bands=DAMAGE, imager=Imager(width=0.9))
    settings = FitSettings(tone=False, dynamics=False, width=False)
    parameters = fit(clip, target_of(clip, original), settings).parameters
    assert not any(band.active for band in parameters.bands)
    assert parameters.compressor == Compressor()
    assert parameters.imager == Imager()


@pytest.mark.parametrize("name", ["balanced", "warm", "bright", "podcast", "dynamic"])
def test_white_noise_is_not_bent_by_more_than_three_decibels(name: str) -> None:
    noise = np.random.default_rng(0).standard_normal((2, 6 * RATE)).astype(np.float32) * 0.1
    bands = fit(Clip(noise, RATE), from_preset(name), FitSettings(dynamics=False)).parameters.bands
    curve_db = response_db(bands, np.geomspace(20.0, 20000.0, 200), RATE)
    assert np.abs(curve_db).max() < 3.05


def test_a_reference_of_another_kind_is_followed_less_and_it_is_said() -> None:
    dull, white = song(1, falloff_db=9.0), song(2, falloff_db=0.0)
    result = fit(dull, target_of(dull, white), FitSettings(dynamics=False))
    assert max(abs(band.gain_db) for band in result.parameters.bands) < 4.0
    assert "very unlike the target" in result.explanation["tone"]


def test_the_notes_of_another_song_are_not_followed() -> None:
    clip, other = song(1), damaged(song(2), bands=(Band(BandKind.BELL, 1000.0, 12.0, 12.0),))
    bands = fit(clip, target_of(clip, other), FitSettings(dynamics=False)).parameters.bands
    assert any(band.active for band in bands)
    assert max(band.q for band in bands if band.active) <= 2.0


def test_the_largest_gain_is_kept(original: Clip) -> None:
    clip = damaged(original, bands=(Band(BandKind.BELL, 1000.0, -12.0, 1.0),))
    settings = FitSettings(max_gain_db=2.0)
    bands = fit(clip, target_of(clip, original), settings).parameters.bands
    assert max(abs(band.gain_db) for band in bands) <= 2.0
    curve_db = response_db(bands, np.geomspace(20.0, 20000.0, 200), RATE)
    assert np.abs(curve_db).max() < 3.05


@pytest.mark.parametrize("level", [0.0, 1e-6])
def test_silence_and_near_silence_are_left_alone(level: float) -> None:
    noise = np.random.default_rng(0).standard_normal((2, RATE)).astype(np.float32) * level
    result = fit(Clip(noise, RATE), from_preset("balanced"))
    assert "Silent" in result.explanation["all"]
    assert not any(band.active for band in result.parameters.bands)
    assert result.parameters.limiter.gain_db == 0.0


def test_what_is_too_short_to_judge_is_left_alone() -> None:
    result = fit(song(seconds=0.3), from_preset("balanced"))
    assert "short" in result.explanation["all"]


@pytest.mark.parametrize("rate", [8000, 192000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_rate_and_layout_can_be_fitted(rate: int, channels: int) -> None:
    rng = np.random.default_rng(0)
    clip = Clip(rng.standard_normal((channels, rate)).astype(np.float32) * 0.1, rate)
    parameters = fit(clip, from_preset("balanced"), FitSettings(steps=40)).parameters
    assert ChainParameters.from_json(parameters.to_json()) == parameters
    assert parameters.imager.width == 1.0


def test_samples_that_are_no_numbers_are_refused() -> None:
    samples = np.full((2, RATE), np.nan, np.float32)
    with pytest.raises(Failure, match="not numbers"):
        fit(Clip(samples, RATE), from_preset("balanced"))


def test_the_same_recording_gives_the_same_numbers(original: Clip) -> None:
    target = from_preset("bright")
    assert fit(original, target).parameters == fit(original, target).parameters


def test_progress_shows_the_chain_as_it_grows(original: Clip) -> None:
    seen: list[Progress] = []
    clip = damaged(original, bands=DAMAGE)
    fit(clip, target_of(clip, original), context=Context(seen.append))
    chains = [each.partial for each in seen if each.partial is not None]
    assert len(chains) > 2
    assert all(isinstance(each, ChainParameters) for each in chains)
    fractions = [each.fraction for each in seen]
    assert fractions == sorted(fractions)


def test_the_fit_stops_when_asked(original: Clip) -> None:
    context = Context(cancel_event=threading.Event())
    clip = damaged(original, bands=DAMAGE)

    def cancel(progress: Progress) -> None:
        if isinstance(progress.partial, ChainParameters):
            context.cancel_event.set()

    context.on_progress = cancel
    with pytest.raises(Cancelled):
        fit(clip, target_of(clip, original), context=context)


def test_the_loss_goes_down(original: Clip) -> None:
    clip = damaged(original, bands=DAMAGE)
    history = fit(clip, target_of(clip, original)).history
    tone = [step.loss for step in history if step.stage == "tone"]
    assert tone[-1] < 0.05 * tone[0]


def test_width_that_differs_only_here_and_there_is_left_alone(original: Clip) -> None:
    analysis = analyse(original)
    there = width_db(analysis)
    uneven = there + 4.0 * np.where(np.arange(there.size) % 2, 1.0, -1.0)
    target = replace(
        from_preset("balanced"), width_db=tuple(uneven.tolist()), width_tolerance_db=1.5
    )
    assert fit_width(analysis, target, 12.0)[0] == 1.0


@pytest.mark.parametrize("off_db", [-6.0, 6.0])
def test_width_moves_to_the_edge_of_the_tolerance(original: Clip, off_db: float) -> None:
    analysis = analyse(original)
    wanted = tuple((width_db(analysis) + off_db).tolist())
    target = replace(from_preset("balanced"), width_db=wanted, width_tolerance_db=2.0)
    moved_db = 20.0 * np.log10(fit_width(analysis, target, 12.0)[0])
    assert moved_db == pytest.approx(np.sign(off_db) * 4.0, abs=1e-6)


def test_sections_that_differ_in_width_say_little_of_the_whole(original: Clip) -> None:
    frames = np.arange(original.frames)
    swing = np.where(frames // (original.frames // 4) % 2, 2.0, 0.2)
    middle, side = original.samples.sum(0) / 2.0, np.subtract(*original.samples) / 2.0
    swung = np.stack([middle + swing * side, middle - swing * side]).astype(np.float32)
    other = song(2)
    steady = target_of(original, other).width_tolerance_db
    assert target_of(Clip(swung, RATE), other).width_tolerance_db > steady
