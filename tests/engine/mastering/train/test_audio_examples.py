"""Examples as audio: spoilt as the features say, and repaired with gradients to every part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.audio.clip import Clip
from engine.mastering.chain import render
from engine.mastering.data.degradation import eq_error_db
from engine.mastering.models.assembly import (
    MasteringNet,
    ModelSettings,
    Variant,
    curve_db,
    shrunk_bands,
)
from engine.mastering.models.features import BANDS, centres_hz, extract
from engine.mastering.models.hearing import DYNAMICS, ROWS, STATISTICS
from engine.mastering.models.predictor import bands_of
from engine.mastering.models.residual import ResidualSettings
from engine.mastering.models.spectral import SpectralSettings
from engine.mastering.models.tcn import TcnSettings
from engine.mastering.parameters import ChainParameters, Limiter
from engine.mastering.train.audio_examples import (
    AudioBatch,
    audio_losses,
    draw_audio,
    nothing_like,
    repaired,
)
from engine.mastering.train.objectives import ObjectiveWeights
from engine.mastering.train.pool import RATE

FRAMES = 40


def net(variant: Variant = Variant.GREY, awake: float = 0.05) -> MasteringNet:
    torch.manual_seed(0)
    made = MasteringNet(
        ModelSettings(
            variant,
            TcnSettings(16, (1,)),
            SpectralSettings(16, (1,)),
            ResidualSettings((8, 16), (1,), (1,)),
        )
    )
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(awake * torch.randn_like(weight))
    return made


@pytest.fixture(scope="module")
def batch(pool) -> AudioBatch:
    return draw_audio(pool, 2, FRAMES, np.random.default_rng(1))


def test_shapes_are_as_documented(pool, batch: AudioBatch) -> None:
    assert batch.spoilt.shape == batch.clean.shape == (2, 2, RATE)
    assert batch.heard.statistics.shape == (2, STATISTICS, BANDS)
    assert batch.heard.windows.shape == (2, 1, ROWS, FRAMES)
    assert batch.heard.dynamics.shape == (2, DYNAMICS)
    same = draw_audio(pool, 2, FRAMES, np.random.default_rng(1))
    assert torch.equal(same.spoilt, batch.spoilt)


def test_excerpts_are_at_one_loudness_before_and_after_they_were_spoilt(pool) -> None:
    batch = draw_audio(pool, 8, FRAMES, np.random.default_rng(2))
    for audio in (*batch.clean, *batch.spoilt):
        found = extract(Clip(audio.numpy(), RATE)).lufs
        # a second of a song is not as loud as the whole window it was cut from
        assert found == pytest.approx(-23.0, abs=3.0)
    pairs = zip(batch.clean, batch.spoilt, strict=True)
    changes = [
        extract(Clip(s.numpy(), RATE)).lufs - extract(Clip(c.numpy(), RATE)).lufs for c, s in pairs
    ]
    assert np.abs(changes).max() < 1.0


def test_the_model_hears_what_was_done_to_the_audio(pool, batch: AudioBatch) -> None:
    """The spectrum it is shown differs from the clean one as the audio does."""
    for row in range(2):
        clean, spoilt = (
            extract(Clip(audio[row].numpy(), RATE)).mel_db[0]
            for audio in (batch.clean, batch.spoilt)
        )
        done = np.median(spoilt - clean, axis=1)
        shown = batch.heard.statistics[row, 0].numpy()
        own = [song.clean(0)[1].rows[0] for song in pool]
        left = [shown - rows - done for rows in own]
        inside = (centres_hz() > 60.0) & (centres_hz() < 15000.0)
        assert min(eq_error_db(each[inside]) for each in left) < 0.4


def test_repairing_is_what_the_chain_renders(batch: AudioBatch) -> None:
    made = net(Variant.PARAMETRIC, 0.2).eval()
    with torch.no_grad():
        answer = made(batch.heard, nothing_like(batch.heard))
        one = type(answer)(answer.z[:1], answer.curve_db[:1], head(answer.bands), None, None)
        out = repaired(made, one, batch.spoilt[:1])[0].numpy()
    bands = bands_of(one, RATE)
    clip = Clip(batch.spoilt[0].numpy().astype(np.float64), RATE)
    chain = ChainParameters(bands=bands, limiter=Limiter(enabled=False))
    rendered = render(clip, chain).samples
    power = np.mean((rendered - out) ** 2) / np.mean(rendered**2)
    assert max(abs(band.gain_db) for band in bands) > 0.5
    assert 10.0 * np.log10(power) < -55.0  # parameters are rounded as a person reads them


def head(bands):
    logits = None if bands.logits is None else bands.logits[:1]
    return type(bands)(
        bands.frequency_hz[:1], bands.gain_db[:1], bands.q[:1], bands.gate[:1], logits
    )


@pytest.mark.parametrize("variant", [Variant.PARAMETRIC, Variant.GREY])
def test_gradients_reach_bands_and_residual(batch: AudioBatch, variant: Variant) -> None:
    made = net(variant).train()
    weights = ObjectiveWeights()
    terms = audio_losses(made, batch, weights)
    total = weights.total(terms)
    total.backward()
    assert torch.isfinite(total)
    grads = {name: w.grad for name, w in made.named_parameters()}
    moved = {name for name, g in grads.items() if g is not None and float(g.abs().sum()) > 0.0}
    assert all(torch.isfinite(g).all() for g in grads.values() if g is not None)
    assert any(name.startswith("decoder") and "heads" in name for name in moved)
    assert any(name.startswith("spectral") for name in moved)
    residual = {name for name in grads if name.startswith("residual")}
    assert bool(residual & moved) == (variant is Variant.GREY)


def test_a_level_costs_nothing(batch: AudioBatch) -> None:
    made, weights = net(Variant.PARAMETRIC).eval(), ObjectiveWeights()
    with torch.no_grad():
        one = audio_losses(made, batch, weights)
        louder = AudioBatch(batch.heard, batch.spoilt * 3.0, batch.clean)
        other = audio_losses(made, louder, weights)
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert float(value) == pytest.approx(float(other[name]), abs=2e-3)


def test_audio_that_needs_no_repair_costs_nothing(batch: AudioBatch) -> None:
    made, weights = net(Variant.PARAMETRIC, 0.0).eval(), ObjectiveWeights()  # it does nothing
    answer = made(batch.heard, nothing_like(batch.heard))
    assert not shrunk_bands(answer.bands, torch.ones(2, 1)).gain_db.any()
    assert not curve_db(answer.bands, torch.tensor([100.0, 5000.0])).any()
    with torch.no_grad():
        good = audio_losses(made, replace(batch, spoilt=batch.clean), weights)
        bad = audio_losses(made, batch, weights)
    for name in ("magnitude", "a_weighted", "loudness", "contour"):
        assert float(good[name]) < 0.05
    assert float(bad["magnitude"]) > 1.0


def test_a_missing_reference_has_the_shape_of_what_is_heard(batch: AudioBatch) -> None:
    nothing = nothing_like(batch.heard)
    assert nothing.statistics.shape == batch.heard.statistics.shape
    assert nothing.windows.shape == batch.heard.windows.shape
    assert not nothing.present.any()
    without = replace(batch.heard, windows=None)
    assert nothing_like(without).windows is None


def test_songs_without_an_excerpt_are_not_drawn(pool) -> None:
    silent = replace(pool[0], excerpt=np.zeros((2, 0), np.int16))
    one = draw_audio((silent, pool[1]), 3, FRAMES, np.random.default_rng(0))
    assert one.clean.shape == (3, 2, RATE)
