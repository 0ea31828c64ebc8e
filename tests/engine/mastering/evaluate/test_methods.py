from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from engine.audio.clip import Clip
from engine.mastering.biquad import response_db
from engine.mastering.chain import render
from engine.mastering.data.degradation import Degradation
from engine.mastering.evaluate.methods import Fit, Identity, Predicted, without_limiter
from engine.mastering.evaluate.metrics import grid_hz, waveform_snr_db
from engine.mastering.parameters import Band, ChainParameters, Limiter
from engine.mastering.prediction import Confidence, Prediction
from engine.tasks import Context

HARM = Degradation(bands=(Band(frequency_hz=700.0, gain_db=5.0, q=1.0),))


@dataclass
class Guess:
    """A stand-in for a model: always the same chain."""

    parameters: ChainParameters
    name: str = "guess"
    model_hash: str = "0"
    asked: list[tuple[int, tuple[float, ...]]] = field(default_factory=list)

    def predict(self, audio, references=(), weights=(), context=None) -> Prediction:
        self.asked.append((len(references), tuple(weights)))
        return Prediction("guess", "1A", "0", self.parameters, Confidence(), bool(references), 1)


def chain(gain_db: float) -> ChainParameters:
    return ChainParameters().with_band(5, frequency_hz=700.0, gain_db=gain_db, q=1.0)


@pytest.fixture
def clean(songs) -> Clip:
    return songs.part("one", 0.0, 3.2, 44100)


def test_doing_nothing_gives_back_the_same_bits(clean: Clip) -> None:
    repair = Identity().repair(clean, None, Context())
    np.testing.assert_array_equal(repair.clip.samples, clean.samples)
    np.testing.assert_array_equal(render(clean, repair.parameters).samples, clean.samples)


def test_the_limiter_takes_no_part(clean: Clip) -> None:
    loud = Clip(clean.samples * 8.0, clean.rate)
    assert np.abs(loud.samples).max() > 1.0
    parameters = replace(ChainParameters(), limiter=Limiter(gain_db=9.0, ceiling_dbtp=-6.0))
    out = render(loud, without_limiter(parameters))
    np.testing.assert_array_equal(out.samples, loud.samples)


def test_a_prediction_is_rendered_as_it_is(clean: Clip) -> None:
    predictor = Guess(chain(-5.0))
    method = Predicted(predictor, "1A")
    repair = method.repair(HARM.apply(clean), None, Context())
    assert waveform_snr_db(repair.clip, clean) > 100.0
    method.repair(clean, clean, Context())
    assert predictor.asked == [(0, ()), (1, (1.0,))]
    assert repair.seconds > 0.0


def test_a_fit_from_a_prediction_comes_nearer_than_the_prediction(clean: Clip) -> None:
    method = Predicted(Guess(chain(-2.0)), "1A")
    refined = method.then_fit("1A+fit")
    degraded = HARM.apply(clean)
    assert refined.name == "1A+fit"
    before, after = (
        np.std(
            HARM.curve_db(grid_hz(), clean.rate)
            + response_db(
                each.repair(degraded, clean, Context()).parameters.bands, grid_hz(), 44100
            )
        )
        for each in (method, refined)
    )
    assert after < 0.5 * before


def test_the_fit_undoes_an_equalizer_when_it_hears_the_recording_itself(clean: Clip) -> None:
    repair = Fit().repair(HARM.apply(clean), clean, Context())
    rest = HARM.curve_db(grid_hz(), clean.rate) + response_db(
        repair.parameters.bands, grid_hz(), clean.rate
    )
    assert rest.std() < 0.25
    assert not repair.parameters.limiter.enabled
    assert Fit().repair(clean, None, Context()).clip.samples.shape == clean.samples.shape
