"""Where the chain comes from: a model, the fit, or both."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from engine.audio.clip import Clip
from engine.audio.store import StoredAudio, StoreWriter
from engine.cache import Cache
from engine.mastering.biquad import response_db
from engine.mastering.chain import render
from engine.mastering.master import MasterResult, MasterSpec, master
from engine.mastering.parameters import (
    Amounts,
    Band,
    BandKind,
    ChainParameters,
    Imager,
    Limiter,
    Residual,
)
from engine.mastering.prediction import Confidence, Prediction
from engine.tasks import Cancelled, Context, Failure

torch.set_num_threads(1)

RATE = 44100
OPEN = ChainParameters(limiter=replace(Limiter(), enabled=False))
SHELF = Band(BandKind.HIGH_SHELF, 6000.0, 3.0)
ANSWER = ChainParameters(bands=(SHELF,), imager=Imager(width=1.1))


@dataclass
class Stand:
    """A predictor that always answers the same, or raises, and keeps what it was asked."""

    answer: ChainParameters = ANSWER
    error: BaseException | None = None
    name: str = "stand-in"
    model_hash: str = "0123abcd"
    asked: list[tuple[int, tuple[float, ...]]] = field(default_factory=list)

    def predict(
        self,
        audio: Clip | StoredAudio,
        references: Sequence[Clip | StoredAudio] = (),
        weights: Sequence[float] = (),
        context: Context | None = None,
    ) -> Prediction:
        self.asked.append((len(references), tuple(weights)))
        if self.error is not None:
            raise self.error
        confidence = Confidence(0.62, 0.1, 0.5)
        return Prediction(
            self.name, "1D", self.model_hash, self.answer, confidence, bool(references), 7
        )


def song(seed: int = 0, seconds: float = 8.0) -> np.ndarray:
    """Falling noise in phrases, ``[frames, 2]``."""
    rng = np.random.default_rng(seed)
    frames = int(seconds * RATE)
    hz = np.fft.rfftfreq(frames, 1.0 / RATE)
    slope = 10.0 ** (-4.5 * np.log2(np.maximum(hz, 80.0) / 80.0) / 20.0)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal((2, frames))) * slope, n=frames)
    sound = noise * np.repeat(rng.uniform(0.5, 1.0, 20), frames // 20 + 1)[:frames]
    return (0.3 * sound / np.abs(sound).max()).T.astype(np.float32)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("cache"), 1 << 30)


def stored(cache: Cache, samples: np.ndarray, key: str) -> StoredAudio:
    with StoreWriter(cache, key, RATE, samples.shape[1]) as writer:
        writer.append(samples.T)
        return writer.finish()


def file_of(folder: Path, name: str, samples: np.ndarray) -> Path:
    path = folder / name
    soundfile.write(path, samples, RATE, "FLOAT")
    return path


def test_what_the_model_predicts_is_rendered(cache: Cache) -> None:
    source = stored(cache, song(), "predicted")
    result = master(MasterSpec(source, cache, model=Stand(), lufs=-20.0))
    assert result.applied.bands == ANSWER.bands
    assert result.applied.imager == ANSWER.imager
    assert result.prediction is not None and result.prediction.windows == 7
    assert result.after.integrated_lufs == pytest.approx(-20.0, abs=0.1)
    assert "The model trusts 62% of its tone correction" in result.explanation["tone"]
    assert result.history == ()


def test_amounts_scale_the_stages_of_a_prediction(cache: Cache) -> None:
    source = stored(cache, song(), "amounts")
    amounts = Amounts(tone=0.5, width=0.0)
    result = master(MasterSpec(source, cache, model=Stand(), amounts=amounts))
    assert result.applied.bands[0].gain_db == pytest.approx(1.5)
    assert result.applied.imager.width == 1.0
    assert result.parameters.bands == ANSWER.bands
    assert result.amounts == amounts


def test_references_and_weights_reach_the_model(cache: Cache, tmp_path: Path) -> None:
    source = stored(cache, song(), "asked")
    model = Stand()
    paths = tuple(file_of(tmp_path, f"{seed}.wav", song(seed)) for seed in (5, 6))
    result = master(MasterSpec(source, cache, references=paths, weights=(2.0, 1.0), model=model))
    assert model.asked == [(2, (2.0, 1.0))]
    assert result.applied.bands == ANSWER.bands
    assert "the references" in result.explanation["model"]


def test_the_same_recording_as_a_reference_is_followed_whatever_the_model_says(
    cache: Cache, tmp_path: Path
) -> None:
    damage = (Band(BandKind.BELL, 900.0, 5.0, 1.0), Band(BandKind.LOW_SHELF, 120.0, -4.0))
    good = Clip(song(seconds=10.0).T, RATE)
    bad = render(good, replace(OPEN, bands=damage)).samples.T
    reference = file_of(tmp_path, "good.wav", good.samples.T)
    spec = MasterSpec(stored(cache, bad, "bad"), cache, references=(reference,), model=Stand())
    bands = master(spec).applied.bands
    hz = np.geomspace(40.0, 16000.0, 200)
    left_db = response_db(damage, hz, RATE) + response_db(bands, hz, RATE)
    assert np.sqrt(np.mean((left_db - left_db.mean()) ** 2)) <= 0.25


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("shapes differ"), "ValueError: shapes differ"),
        (Failure("The weights are damaged.", "A hash differs."), "The weights are damaged."),
    ],
)
def test_a_model_that_fails_leaves_the_sound_and_is_told(
    cache: Cache, error: Exception, words: str
) -> None:
    source = stored(cache, song(), f"fails{type(error).__name__}")
    result = master(MasterSpec(source, cache, model=Stand(error=error)))
    assert_untouched(result)
    assert any(words in warning for warning in result.warnings)
    assert words in result.explanation["all"]


def test_a_cancelled_model_is_a_cancelled_master(cache: Cache) -> None:
    with pytest.raises(Cancelled):
        source = stored(cache, song(), "cancelled")
        master(MasterSpec(source, cache, model=Stand(error=Cancelled())))


def test_a_prediction_that_is_out_of_range_is_not_rendered(cache: Cache) -> None:
    wild = ChainParameters(bands=(replace(SHELF, gain_db=float("nan")),))
    result = master(MasterSpec(stored(cache, song(), "wild"), cache, model=Stand(wild)))
    assert_untouched(result)


@pytest.mark.parametrize(
    ("samples", "words"),
    [(np.zeros((RATE, 2), np.float32), "Silent"), (song()[:8000], "Too short")],
)
def test_silence_and_blinks_are_not_put_to_the_model(
    cache: Cache, samples: np.ndarray, words: str
) -> None:
    model = Stand()
    result = master(MasterSpec(stored(cache, samples, words.split()[0]), cache, model=model))
    assert model.asked == [] and words in result.explanation["all"]
    assert_untouched(result)


def test_a_model_that_is_missed_is_told(cache: Cache) -> None:
    source = stored(cache, song(), "missed")
    result = master(MasterSpec(source, cache, without_model="No model is installed."))
    assert "No model is installed." in result.warnings
    assert result.prediction is None


class Echo:
    """A residual stage: adds the signal, times an amount, and is late by 700 frames."""

    latency_frames = 700

    def __init__(self, channels: int, amount: float) -> None:
        self.amount, self.channels = amount, channels
        self.reset()

    def reset(self) -> None:
        self.held = np.zeros((self.channels, self.latency_frames))

    def process(self, block: np.ndarray) -> np.ndarray:
        joined = np.concatenate([self.held, block], axis=1)
        self.held = joined[:, block.shape[1] :]
        return (1.0 + self.amount) * joined[:, : block.shape[1]]


@dataclass
class Deep(Stand):
    """A predictor with a residual network."""

    def residual_stage(
        self, prediction: Prediction, rate: int, channels: int, amount: float
    ) -> Echo:
        return Echo(channels, amount)


NETWORK = Residual(model="0123abcd", amount=1.0)


def test_the_residual_is_off_until_it_is_asked_for(cache: Cache) -> None:
    source = stored(cache, song(), "residual")
    model = Deep(replace(ANSWER, residual=NETWORK))
    off = master(MasterSpec(source, cache, model=model, lufs=-24.0))
    on = master(MasterSpec(source, cache, model=model, lufs=-24.0, amounts=Amounts(residual=0.5)))
    assert not off.applied.residual.active
    assert on.applied.residual == replace(NETWORK, amount=0.5)
    # The stand-in makes everything 1.5 times as loud, and the limiter's gain takes it back.
    louder_db = off.applied.limiter.gain_db - on.applied.limiter.gain_db
    assert louder_db == pytest.approx(20.0 * np.log10(1.5), abs=0.02)
    effect = next(each for each in on.effects if each.stage == "residual")
    assert effect.measures[0].value == pytest.approx(-6.02, abs=0.01)
    assert on.rendering_key != off.rendering_key


def test_parameters_with_a_residual_render_the_same_bits_with_its_model(cache: Cache) -> None:
    source = stored(cache, song(), "again")
    model = Deep(replace(ANSWER, residual=NETWORK))
    amounts = Amounts(residual=1.0)
    first = master(MasterSpec(source, cache, model=model, amounts=amounts))
    read = ChainParameters.from_json(first.applied.to_json())
    other = Cache(cache.root.parent / "other", 1 << 28)
    spec = MasterSpec(source, other, model=model, parameters=read, keep_gain=True, amounts=amounts)
    again = master(spec)
    assert np.array_equal(again.rendered.clip().samples, first.rendered.clip().samples)
    with pytest.raises(Failure, match="not installed"):
        master(replace(spec, model=None))


def test_what_the_network_heard_is_part_of_the_key(cache: Cache, tmp_path: Path) -> None:
    source = stored(cache, song(), "heard")
    model = Deep(replace(ANSWER, residual=NETWORK))
    keys = []
    for seed in (5, 6):
        reference = file_of(tmp_path, f"{seed}.wav", song(seed, 3.0))
        spec = MasterSpec(source, cache, references=(reference,), model=model)
        keys.append(
            [
                master(replace(spec, amounts=Amounts(residual=amount))).rendering_key
                for amount in (0.0, 1.0)
            ]
        )
    assert keys[0][0] == keys[1][0] and keys[0][1] != keys[1][1]


def test_a_refinement_stays_near_the_prediction_and_nearer_the_reference(
    cache: Cache, tmp_path: Path
) -> None:
    source = stored(cache, song(1), "refined")
    bright = render(Clip(song(2).T, RATE), replace(OPEN, bands=(replace(SHELF, gain_db=9.0),)))
    reference = file_of(tmp_path, "bright.wav", bright.samples.T)
    spec = MasterSpec(source, cache, references=(reference,), model=Stand())
    plain, refined = (master(replace(spec, refine=each)) for each in (False, True))
    assert plain.applied.bands == ANSWER.bands
    (band,) = refined.applied.bands
    assert SHELF.gain_db + 0.5 < band.gain_db < 9.0
    assert refined.prediction == plain.prediction and refined.history
    assert "Fitted to the target from there on" in refined.explanation["model"]


def assert_untouched(result: MasterResult) -> None:
    assert not any(band.active for band in result.applied.bands)
    assert not result.applied.compressor.active and not result.applied.imager.active


def test_rendering_given_parameters_loads_no_torch() -> None:
    code = (
        "import sys, engine.mastering.master, engine.mastering.album; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
