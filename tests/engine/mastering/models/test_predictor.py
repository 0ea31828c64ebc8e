"""A model at run time: any recording gives a chain that is allowed, and the same one twice."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from engine.audio.clip import Clip
from engine.audio.resample import resample
from engine.mastering.chain import render
from engine.mastering.data.music.song import compose
from engine.mastering.models.assembly import MasteringNet, ModelSettings, Variant
from engine.mastering.models.predictor import (
    MAX_WINDOWS,
    REACH,
    WINDOW_S,
    ModelPredictor,
    batch_of,
    hear,
)
from engine.mastering.models.residual import ResidualSettings
from engine.mastering.models.spectral import SpectralSettings
from engine.mastering.models.tcn import TcnSettings
from engine.mastering.parameters import ChainParameters
from engine.mastering.prediction import Prediction
from engine.tasks import Cancelled, Context, Failure

RATE = 44100


def net(variant: Variant = Variant.GREY) -> MasteringNet:
    """A small network that says something: every weight counts."""
    torch.manual_seed(1)
    made = MasteringNet(
        ModelSettings(
            variant,
            TcnSettings(16, (1, 2)),
            SpectralSettings(16, (1,)),
            ResidualSettings((8, 16), (1,), (1,)),
        )
    )
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return made


@pytest.fixture(scope="module")
def song() -> Clip:
    return compose(11, 22.0, RATE)


@pytest.fixture(scope="module")
def other() -> Clip:
    return compose(12, 20.0, RATE)


@pytest.fixture(scope="module")
def predictor() -> ModelPredictor:
    return ModelPredictor("small", "1D", "cafe", net())


def same(one: Prediction, two: Prediction) -> bool:
    return one.parameters == two.parameters and one.confidence == two.confidence


def gains(prediction: Prediction) -> np.ndarray:
    return np.array([band.gain_db * band.gate for band in prediction.parameters.bands])


def test_the_same_recording_gives_the_same_bits(predictor, song: Clip, other: Clip) -> None:
    assert predictor.predict(song) == predictor.predict(song)
    again = ModelPredictor("small", "1D", "cafe", net())
    assert again.predict(song, [other]) == predictor.predict(song, [other])


@pytest.mark.parametrize("variant", Variant)
def test_what_is_predicted_is_an_allowed_chain(variant: Variant, song: Clip) -> None:
    found = ModelPredictor("small", variant.value, "cafe", net(variant)).predict(song)
    assert ChainParameters.from_json(found.parameters.to_json()) == found.parameters
    assert found.windows == 2
    assert len(found.parameters.bands) == (5 if variant in ("1A", "1B") else 10)
    assert found.parameters.residual.model == ("" if variant is Variant.PARAMETRIC else "cafe")
    assert np.abs(gains(found)).max() > 0.1


@pytest.mark.parametrize("frames", [0, 4 * RATE])
def test_silence_is_left_alone(predictor, frames: int) -> None:
    found = predictor.predict(Clip(np.zeros((2, frames), np.float32), RATE))
    assert found.windows == 0
    parameters = found.parameters
    assert not any(band.active for band in parameters.bands)
    stages = (parameters.compressor, parameters.imager, parameters.residual)
    assert not any(stage.active for stage in stages)
    assert predictor.residual_stage(found, RATE, 2, 1.0) is None


def test_what_nobody_hears_is_left_alone(predictor, song: Clip) -> None:
    found = predictor.predict(Clip(song.samples * np.float32(1e-5), RATE))
    assert found.windows == 0
    assert not any(band.active for band in found.parameters.bands)


def test_silence_with_a_reference_is_left_alone(predictor, song: Clip) -> None:
    found = predictor.predict(Clip(np.zeros((2, RATE), np.float32), RATE), [song])
    assert not any(band.active for band in found.parameters.bands)


def test_silence_as_a_reference_is_none(predictor, song: Clip) -> None:
    silent = Clip(np.zeros((2, RATE), np.float32), RATE)
    assert predictor.predict(song, [silent]) == predictor.predict(song)


@pytest.mark.parametrize("rate", [8000, 22050, 48000, 96000, 192000])
def test_bands_that_a_rate_cannot_carry_are_shut(predictor, song: Clip, rate: int) -> None:
    clip = resample(song.part(0, 6 * RATE), rate)
    found = predictor.predict(clip)
    for band in found.parameters.bands:
        if band.frequency_hz >= REACH * rate:
            assert band.gate == 0.0
    shut = sum(band.frequency_hz >= REACH * rate for band in found.parameters.bands)
    assert (shut > 0) == (rate <= 22050)
    assert ChainParameters.from_json(found.parameters.to_json()) == found.parameters


def test_a_high_rate_is_heard_as_the_usual_one(predictor, song: Clip) -> None:
    clip = song.part(0, 6 * RATE)
    one, two = predictor.predict(clip), predictor.predict(resample(clip, 96000))
    assert gains(one) == pytest.approx(gains(two), abs=0.25)
    threshold = one.parameters.compressor.threshold_db
    assert threshold == pytest.approx(two.parameters.compressor.threshold_db, abs=0.25)


@pytest.mark.parametrize("frames", [1, 50, 2205])
@pytest.mark.parametrize("channels", [1, 2])
def test_50_milliseconds_are_enough(predictor, song: Clip, frames: int, channels: int) -> None:
    clip = Clip(song.samples[:channels, RATE : RATE + frames], RATE)
    found = predictor.predict(clip)
    assert ChainParameters.from_json(found.parameters.to_json()) == found.parameters
    render(clip, ChainParameters(bands=found.parameters.bands))


def test_mono_has_no_width_to_change(predictor, song: Clip) -> None:
    mono = Clip(song.samples[:1], RATE)
    assert predictor.predict(song).parameters.imager.active
    assert not predictor.predict(mono).parameters.imager.active


def test_a_gain_moves_the_threshold_and_nothing_that_is_relative(song: Clip) -> None:
    made = net()
    for weight in made.rest.parameters():  # what the network makes of the level itself
        torch.nn.init.zeros_(weight)
    predictor = ModelPredictor("small", "1D", "cafe", made)
    one = predictor.predict(song)
    two = predictor.predict(Clip(song.samples * np.float32(0.5), RATE))
    assert gains(one) == pytest.approx(gains(two), abs=0.02)
    moved = one.parameters.compressor.threshold_db - two.parameters.compressor.threshold_db
    assert moved == pytest.approx(20.0 * np.log10(2.0), abs=0.02)


def test_more_than_two_channels_are_heard_as_the_first_two(predictor, song: Clip) -> None:
    wide = Clip(np.concatenate((song.samples, song.samples[:1])), RATE)
    found = predictor.predict(wide)
    assert gains(found) == pytest.approx(gains(predictor.predict(song)))


def test_a_long_recording_is_heard_in_evenly_spread_windows() -> None:
    minutes = np.zeros((1, 8000 * 600), np.float32)
    rng = np.random.default_rng(0)
    minutes[:] = 0.1 * rng.standard_normal(minutes.shape, dtype=np.float32)
    heard = hear(Clip(minutes, 8000), MAX_WINDOWS)
    assert len(heard.windows) == MAX_WINDOWS
    assert heard.windows[0].frames == int(WINDOW_S * 8000) // 372 - 1


def test_references_count_by_their_weights(predictor, song: Clip, other: Clip) -> None:
    third = Clip(song.samples[:, ::-1].copy() * np.float32(0.3), RATE)
    alone = predictor.predict(song, [other])
    assert predictor.predict(song, [other, third], [1.0, 0.0]) == alone
    assert predictor.predict(song, [third, other], [0.0, 3.0]) == alone
    assert not same(predictor.predict(song, [other, third], [1.0, 1.0]), alone)
    both = predictor.predict(song, [other, third], [1.0, 2.0])
    assert same(both, predictor.predict(song, [other, third], [0.5, 1.0]))


def test_the_same_reference_twice_is_one(predictor, song: Clip, other: Clip) -> None:
    one, two = predictor.predict(song, [other]), predictor.predict(song, [other, other])
    assert gains(one) == pytest.approx(gains(two), abs=0.01)


def test_references_without_any_weight_are_none(predictor, song: Clip, other: Clip) -> None:
    assert predictor.predict(song, [other], [0.0]) == predictor.predict(song)


def test_as_many_weights_as_references(predictor, song: Clip, other: Clip) -> None:
    with pytest.raises(ValueError, match="argument"):
        predictor.predict(song, [other], [1.0, 2.0])


def test_a_brief_reference_does_not_cut_the_others_short(song: Clip) -> None:
    brief = Clip(song.samples[:, : RATE // 2], RATE)
    long, short = hear(song, 4), hear(brief, 4)
    both = batch_of(type(long)((*long.windows, *short.windows), long.statistics))
    assert both.windows.shape[-1] == long.windows[0].frames
    assert torch.equal(both.windows[:, :2], batch_of(long).windows)
    frames = short.windows[0].frames
    repeated = both.windows[0, 2]
    assert torch.equal(repeated[:, :frames], repeated[:, frames : 2 * frames])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused(predictor, song: Clip, value: float) -> None:
    samples = song.samples.copy()
    samples[0, RATE] = value
    with pytest.raises(Failure, match="not numbers"):
        predictor.predict(Clip(samples, RATE))
    with pytest.raises(Failure, match="not numbers"):
        predictor.predict(song, [Clip(samples, RATE)])


def test_it_can_be_cancelled(predictor, song: Clip) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Cancelled):
        predictor.predict(song, context=Context(cancel_event=cancelled))


def test_progress_goes_up_to_the_end(predictor, song: Clip, other: Clip) -> None:
    told: list[float] = []
    context = Context(on_progress=lambda p: told.append(p.fraction), interval_s=0.0)
    predictor.predict(song, [other, other], context=context)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_the_residual_is_that_of_the_prediction(song: Clip, other: Clip) -> None:
    predictor = ModelPredictor("small", "1D", "cafe", net())
    one, two = predictor.predict(song), predictor.predict(song, [other])
    block = song.samples[:, : 8 * RATE].astype(np.float64)
    outs = []
    for prediction in (one, two, one):
        stage = predictor.residual_stage(prediction, RATE, 2, 1.0)
        outs.append(stage.process(block))
    assert outs[0].any()
    assert np.array_equal(outs[0], outs[2])
    assert not np.array_equal(outs[0], outs[1])
    plain = ModelPredictor("small", "1A", "cafe", net(Variant.PARAMETRIC))
    assert not plain.has_residual
    assert plain.residual_stage(plain.predict(song), RATE, 2, 1.0) is None


def test_a_prediction_of_long_ago_has_no_residual_any_more(song: Clip) -> None:
    predictor = ModelPredictor("small", "1D", "cafe", net())
    first = predictor.predict(song.part(0, RATE))
    for second in range(1, 10):
        predictor.predict(song.part(second * RATE, (second + 1) * RATE))
    assert predictor.residual_stage(first, RATE, 2, 1.0) is None
