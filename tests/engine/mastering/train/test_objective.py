"""The objective: closed forms of its errors, the chain's own compressor, and finite gradients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.mastering.compressor import CompressorProcessor, reduction_db
from engine.mastering.data.degradation import eq_error_db, error_grid_hz
from engine.mastering.models.assembly import Answer, MasteringNet, ModelSettings, Variant
from engine.mastering.models.features import BANDS, ENVELOPE_HZ, SUBFRAMES, centres_hz
from engine.mastering.models.heads import BandValues, ChainValues
from engine.mastering.models.residual import ResidualSettings
from engine.mastering.models.spectral import SpectralSettings
from engine.mastering.models.tcn import Z_SIZE, TcnSettings
from engine.mastering.parameters import Compressor
from engine.mastering.train.examples import ExampleSettings, Wish, draw_batch
from engine.mastering.train.objective import (
    KNEE_DB,
    PRESSED,
    FeatureWeights,
    Points,
    Truth,
    centred,
    contour_error_lu,
    curve_error_db,
    feature_losses,
    gain_change_db,
    momentary,
)

POINTS = len(error_grid_hz())
FLOOR_DB = 0.01  # the square root's own, which keeps its gradient finite


def curves(seed: int, count: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 4.0 * torch.randn(count, POINTS, generator=generator)


def test_the_curve_error_is_that_of_the_evaluation() -> None:
    rows, weights = curves(1), torch.ones(3, POINTS)
    expected = [eq_error_db(row.numpy()) for row in rows]
    assert curve_error_db(rows, weights).tolist() == pytest.approx(expected, abs=1e-4)


def test_a_level_is_no_error_of_a_curve() -> None:
    weights = torch.rand(3, POINTS)
    one, other = (curve_error_db(curves(2) + gain_db, weights) for gain_db in (0.0, 11.0))
    assert torch.allclose(one, other, atol=1e-4)
    flat = curve_error_db(torch.full((1, POINTS), 7.0), torch.ones(1, POINTS))
    assert float(flat) == pytest.approx(FLOOR_DB, abs=1e-4)


def test_what_cannot_be_heard_does_not_count() -> None:
    weights = torch.ones(3, POINTS)
    weights[:, 40:] = 0.0
    rows, other = curves(3), curves(3)
    other[:, 40:] += 30.0
    assert torch.allclose(curve_error_db(rows, weights), curve_error_db(other, weights))
    assert torch.allclose(
        curve_error_db(rows, weights),
        curve_error_db(rows[:, :40], torch.ones(3, 40)),
        atol=1e-5,
    )
    assert torch.allclose((weights * centred(rows, weights)).sum(-1), torch.zeros(3), atol=1e-3)


def test_a_song_nobody_hears_has_no_error_and_no_infinities() -> None:
    rows = curves(4).requires_grad_()
    error = curve_error_db(rows, torch.zeros(3, POINTS))
    error.sum().backward()
    assert error.tolist() == pytest.approx([FLOOR_DB] * 3)
    assert torch.isfinite(rows.grad).all()


def test_momentary_loudness_is_the_mean_power_of_nine_frames() -> None:
    generator = torch.Generator().manual_seed(0)
    loudness = -20.0 + 5.0 * torch.randn(2, 30, generator=generator)
    power = 10.0 ** (loudness.double().numpy() / 10.0)
    expected = [[10.0 * np.log10(row[i : i + 9].mean()) for i in range(22)] for row in power]
    assert np.abs(momentary(loudness).numpy() - np.array(expected)).max() < 1e-3


def test_a_gain_is_no_error_of_a_contour() -> None:
    clean = -20.0 + 6.0 * torch.sin(torch.linspace(0.0, 20.0, 200)).expand(2, -1)
    error = contour_error_lu(clean + torch.tensor([[0.0], [9.0]]), clean)
    assert error.tolist() == pytest.approx([FLOOR_DB] * 2, abs=1e-3)


def test_the_contour_error_of_half_a_step_is_half_of_it() -> None:
    clean = torch.full((1, 400), -20.0)
    moved = clean.clone()
    moved[:, 200:] -= 4.0
    # two levels 4 LU apart, each half of the time, are 2 LU RMS from their mean
    assert float(contour_error_lu(moved, clean)) == pytest.approx(2.0, abs=0.05)


def test_pauses_of_the_song_do_not_count_in_a_contour() -> None:
    clean = torch.full((1, 400), -20.0)
    clean[:, 200:] = -60.0
    moved = clean.clone()
    moved[:, 215:] += 15.0
    assert float(contour_error_lu(moved, clean)) == pytest.approx(FLOOR_DB, abs=0.01)


def chain(ratio: float, threshold: float = -6.0, attack: float = 20.0, release: float = 200.0):
    return ChainValues(*(torch.tensor([v]) for v in (threshold, ratio, attack, release, 0.0)))


def slow_envelope(seconds: float = 6.0) -> np.ndarray:
    """Peaks in dB from the loudness, moving a few times a second less than once."""
    time = np.arange(round(seconds * ENVELOPE_HZ) // SUBFRAMES * SUBFRAMES) / ENVELOPE_HZ
    return np.asarray(8.0 * np.sin(2.0 * np.pi * 0.4 * time) + 2.0)


@pytest.mark.parametrize("ratio", [0.5, 0.8, 1.5, 4.0])
def test_the_gain_is_that_of_the_chains_compressor(ratio: float) -> None:
    """A square wave whose peaks are the envelope goes through the processor sample by sample."""
    rate, lufs = 11025, -20.0
    envelope_db = slow_envelope()
    time = np.arange(round(len(envelope_db) / ENVELOPE_HZ * rate)) / rate
    level_db = np.interp(time, np.arange(len(envelope_db)) / ENVELOPE_HZ, envelope_db) + lufs
    audio = np.where(np.arange(len(time)) % 2, 1.0, -1.0) * 10.0 ** (level_db / 20.0)
    settings = Compressor(-6.0 + lufs, ratio, 20.0, 200.0, KNEE_DB)
    stage = CompressorProcessor(rate, 1, settings)
    late = stage.latency_frames
    out = stage.process(np.pad(audio[None], ((0, 0), (0, late))))[0, late:]
    real_db = 20.0 * np.log10(np.abs(out) / np.abs(audio))
    found = gain_change_db(chain(ratio), torch.from_numpy(envelope_db).float()[None])[0].numpy()
    hop = SUBFRAMES / ENVELOPE_HZ * rate
    frames = [real_db[round(i * hop) : round((i + 1) * hop)].mean() for i in range(len(found))]
    assert np.abs(found - np.array(frames)).max() < 0.25
    assert np.abs(np.array(frames)).max() > 1.0


@pytest.mark.parametrize("ratio", [0.5, 1.0, 3.0])
def test_a_steady_level_comes_to_the_static_curve(ratio: float) -> None:
    steady = torch.full((1, 200 * SUBFRAMES), 4.0)
    gain = gain_change_db(chain(ratio, -2.0, 5.0, 50.0), steady)[0]
    wanted = -float(reduction_db(4.0, Compressor(-2.0, ratio, 5.0, 50.0, KNEE_DB)))
    assert float(gain[-1]) == pytest.approx(wanted, abs=1e-3)


def test_what_a_compressor_did_an_expander_undoes() -> None:
    before = slow_envelope()
    pressed = before + np.repeat(
        gain_change_db(chain(2.0, 0.0, 20.0, 200.0), torch.from_numpy(before).float()[None])[0]
        .numpy(),
        SUBFRAMES,
    )  # fmt: skip
    undone = gain_change_db(chain(0.5, 0.0, 20.0, 200.0), torch.from_numpy(pressed).float()[None])
    change = pressed.reshape(-1, SUBFRAMES).mean(1) - before.reshape(-1, SUBFRAMES).mean(1)
    assert np.abs(change).max() > 2.0
    assert np.abs(change + undone[0].numpy()).max() < 0.15


def net(variant: Variant = Variant.GREY) -> MasteringNet:
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
            weight.add_(0.05 * torch.randn_like(weight))
    return made


def batch(pool, bank, wish=None, **changes):
    settings = replace(ExampleSettings(frames=40), **changes)
    return draw_batch(pool, bank, settings, 12, np.random.default_rng(0), True, wish)


@pytest.mark.parametrize("variant", [Variant.ADAPTIVE, Variant.GREY])
@pytest.mark.parametrize("spoilt", [0.0, 1.0])
def test_every_term_and_every_gradient_is_finite(pool, bank, variant, spoilt: float) -> None:
    made = net(variant).train()
    examples = batch(pool, bank, spoilt=spoilt)
    answer = made(examples.heard, examples.reference)
    terms = feature_losses(answer, examples.truth, Points.on("cpu"))
    names = {"tone", "curve", "harm"}
    if variant is Variant.GREY:
        names |= {"trust", "dynamics", "compressor", "width"}
    assert set(terms) == names
    total = FeatureWeights().total(terms)
    total.backward()
    assert torch.isfinite(total)
    reached = [w.grad for n, w in made.named_parameters() if not n.startswith("residual")]
    assert all(grad is not None and torch.isfinite(grad).all() for grad in reached)


def answer_of(curve: torch.Tensor, **changes: float) -> Answer:
    """An answer without bands whose opinion is a curve, and whose compressor does nothing."""
    count = len(curve)
    ones = torch.ones(count, 5)
    bands = BandValues(1000.0 * ones, 0.0 * ones, ones, ones, None)
    numbers = {"threshold_lu": 0.0, "ratio": 1.0, "attack_ms": 10.0, "release_ms": 100.0,
               "side_db": 0.0} | changes  # fmt: skip
    grey = ChainValues(*(torch.full((count,), value) for value in numbers.values()))
    return Answer(torch.zeros(count, Z_SIZE), curve, bands, grey, torch.full((count, 3), 0.5))


def truth_of(count: int, side_db: float = 0.0, compressor: float = float("nan")) -> Truth:
    tilt = torch.log2(torch.from_numpy(error_grid_hz()).float() / 1000.0).expand(count, -1)
    steady = torch.full((count, 40), -20.0)
    return Truth(
        tilt,
        torch.ones(count, POINTS),
        steady,
        steady,
        torch.zeros(count, 40 * SUBFRAMES),
        torch.full((count,), side_db),
        torch.full((count, 4), compressor),
    )


def test_doing_nothing_costs_the_error_of_doing_nothing_and_does_no_harm() -> None:
    truth = truth_of(2)
    terms = feature_losses(answer_of(torch.zeros(2, BANDS)), truth, Points.on("cpu"))
    nothing = eq_error_db(truth.curve_db[0].numpy())
    assert float(terms["tone"]) == pytest.approx(nothing, abs=1e-3)
    assert float(terms["curve"]) == pytest.approx(nothing, abs=1e-3)
    assert float(terms["harm"]) == pytest.approx(0.0, abs=1e-6)


def test_the_right_opinion_has_no_error() -> None:
    octaves = np.log2(np.maximum(centres_hz(), 20.0) / 1000.0)
    opinion = torch.from_numpy(octaves).float().expand(2, -1)
    terms = feature_losses(answer_of(opinion), truth_of(2), Points.on("cpu"))
    assert float(terms["curve"]) < 0.1


def test_unknown_numbers_cost_nothing_whatever_is_said() -> None:
    truth = truth_of(2, side_db=float("nan"))
    for changes in ({}, {"ratio": 3.0, "side_db": 5.0, "threshold_lu": 9.0}):
        terms = feature_losses(answer_of(torch.zeros(2, BANDS), **changes), truth, Points.on("cpu"))
        for name in ("compressor", "width"):
            assert float(terms[name]) == 0.0


def test_expanding_a_song_that_nothing_compressed_costs() -> None:
    truth = truth_of(2)
    still = feature_losses(answer_of(torch.zeros(2, BANDS)), truth, Points.on("cpu"))
    moved = feature_losses(
        answer_of(torch.zeros(2, BANDS), ratio=0.5, threshold_lu=-6.0), truth, Points.on("cpu")
    )
    assert float(still["dynamics"]) < 0.01
    assert float(moved["dynamics"]) > float(still["dynamics"])


def test_known_numbers_cost_their_squares() -> None:
    truth = truth_of(2, side_db=2.0)
    compressor = truth.compressor.clone()
    compressor[:, 1] = -1.0  # only the ratio is known: 1 / 2
    known = replace(truth, compressor=compressor)
    terms = feature_losses(answer_of(torch.zeros(2, BANDS)), known, Points.on("cpu"))
    assert float(terms["compressor"]) == pytest.approx(1.0 / 4.0)
    assert float(terms["width"]) == pytest.approx(2.0)
    right = feature_losses(
        answer_of(torch.zeros(2, BANDS), ratio=0.5, side_db=2.0), known, Points.on("cpu")
    )
    assert float(right["compressor"]) == pytest.approx(0.0, abs=1e-9)
    assert float(right["width"]) == 0.0


def test_the_total_is_the_weighted_sum_of_the_terms() -> None:
    terms = {"tone": torch.tensor(2.0), "harm": torch.tensor(3.0)}
    assert float(FeatureWeights(tone=0.5, harm=2.0).total(terms)) == pytest.approx(7.0)


def test_a_wish_for_compression_makes_the_dynamics_count(pool, bank) -> None:
    examples = batch(pool, bank, Wish(spoilt=True))
    count = len(examples.truth.side_db)
    still = answer_of(torch.zeros(count, BANDS))
    terms = feature_losses(still, examples.truth, Points.on("cpu"))
    pressed = ~torch.isnan(examples.truth.compressor[:, 0])
    errors = contour_error_lu(examples.truth.contour, examples.truth.clean_contour)
    others = errors[~pressed][: int(pressed.sum())]
    expected = PRESSED * errors[pressed].mean() + (1.0 - PRESSED) * others.mean()
    assert float(terms["dynamics"]) == pytest.approx(float(expected), abs=1e-4)
