"""The four designs: what each is made of, and what a missing reference must not change."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.mastering.biquad import response_db
from engine.mastering.models.assembly import (
    CURVE_RATE,
    Heard,
    MasteringNet,
    ModelSettings,
    Variant,
    curve_db,
    shrunk_bands,
    shrunk_chain,
)
from engine.mastering.models.features import BANDS
from engine.mastering.models.heads import BandValues, ChainValues, kinds
from engine.mastering.models.hearing import DYNAMICS, ROWS, STATISTICS
from engine.mastering.models.residual import ResidualSettings
from engine.mastering.models.spectral import SpectralSettings
from engine.mastering.models.tcn import Z_SIZE, TcnSettings
from engine.mastering.parameters import Band


def settings(variant: Variant) -> ModelSettings:
    return ModelSettings(
        variant,
        TcnSettings(16, (1, 2)),
        SpectralSettings(16, (1,)),
        ResidualSettings((8, 16), (1,), (1,)),
    )


def awake(variant: Variant = Variant.GREY) -> MasteringNet:
    """A net whose every weight counts."""
    torch.manual_seed(0)
    net = MasteringNet(settings(variant)).eval()
    with torch.no_grad():
        for weight in net.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    return net


def heard(seed: int, present: float = 1.0, batch: int = 2, temporal: bool = True) -> Heard:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    windows = normal(batch, 2, ROWS, 20) * 10.0 - 60.0
    return Heard(
        normal(batch, STATISTICS, BANDS) * 10.0 - 50.0,
        windows if temporal else None,
        normal(batch, DYNAMICS) * 5.0,
        normal(batch) * 6.0,
        torch.full((batch,), present),
    )


def numbers(net: MasteringNet, own: Heard, other: Heard) -> torch.Tensor:
    """All that an answer says, as one row an example."""
    with torch.no_grad():
        answer = net(own, other)
    bands = answer.bands
    parts = [answer.z, answer.curve_db, bands.frequency_hz, bands.gain_db, bands.q, bands.gate]
    if answer.chain is not None:
        chain = answer.chain
        rest = (chain.threshold_lu, chain.ratio, chain.attack_ms, chain.release_ms, chain.side_db)
        parts += [torch.stack(rest, dim=-1), answer.confidence]
    return torch.cat(parts, dim=-1)


@pytest.mark.parametrize(
    ("variant", "bands", "grey", "residual"),
    [
        (Variant.PARAMETRIC, 5, False, False),
        (Variant.HYBRID, 5, False, True),
        (Variant.ADAPTIVE, 10, False, True),
        (Variant.GREY, 10, True, True),
    ],
)
def test_each_design_has_its_parts(variant: Variant, bands: int, grey: bool, residual: bool):
    net = awake(variant)
    answer = net(heard(1), heard(2))
    assert answer.z.shape == (2, Z_SIZE)
    assert answer.bands.gain_db.shape == (2, bands)
    assert (answer.chain is not None, answer.confidence is not None) == (grey, grey)
    assert (net.residual is not None) == residual
    assert (answer.bands.logits is not None) == (bands == 10)


@pytest.mark.parametrize("variant", Variant)
def test_the_numbers_of_a_missing_reference_change_nothing(variant: Variant) -> None:
    net, own = awake(variant), heard(1)
    answers = [numbers(net, own, heard(seed, present=0.0)) for seed in (2, 3)]
    assert torch.equal(*answers)
    assert not torch.allclose(answers[0], numbers(net, own, heard(2)))


@pytest.mark.parametrize("temporal", [True, False])
def test_examples_of_a_batch_do_not_hear_each_other(temporal: bool) -> None:
    net = awake()
    together = numbers(net, heard(1, temporal=temporal), heard(2, temporal=temporal))
    one, other = heard(1, temporal=temporal), heard(2, temporal=temporal)
    alone = numbers(net, first(one), first(other))
    assert torch.allclose(together[:1], alone, atol=1e-3, rtol=1e-4)


def first(batch: Heard) -> Heard:
    return Heard(
        batch.statistics[:1],
        None if batch.windows is None else batch.windows[:1],
        batch.dynamics[:1],
        batch.level[:1],
        batch.present[:1],
    )


def test_the_same_windows_twice_change_nothing() -> None:
    net, one = awake(), heard(1)
    twice = Heard(
        one.statistics, torch.cat((one.windows, one.windows), 1), one.dynamics, one.level,
        one.present,
    )  # fmt: skip
    assert torch.allclose(
        numbers(net, one, heard(2)), numbers(net, twice, heard(2)), atol=1e-3, rtol=1e-4
    )


def test_without_windows_the_rest_of_z_is_silent() -> None:
    answer = awake()(heard(1, temporal=False), heard(2, temporal=False))
    assert torch.equal(answer.z[:, BANDS:], torch.zeros(2, Z_SIZE - BANDS))
    assert (answer.z[:, :BANDS] != 0.0).all()


def test_the_first_part_of_z_is_the_curve() -> None:
    answer = awake()(heard(1), heard(2))
    ratio = answer.curve_db / answer.z[:, :BANDS]
    assert torch.allclose(ratio, torch.full_like(ratio, 6.0), rtol=1e-4)


def test_every_weight_is_reached_by_a_gradient() -> None:
    net = awake().train()
    answer = net(heard(1), heard(2))
    chain = answer.chain
    bands = answer.bands
    total = bands.gain_db.sum() + bands.frequency_hz.log().sum() + bands.q.sum() + bands.gate.sum()
    total = total + chain.threshold_lu.sum() + chain.ratio.sum() + chain.side_db.sum()
    total = total + chain.attack_ms.log().sum() + chain.release_ms.log().sum()
    total.backward()
    silent = [
        name
        for name, weight in net.named_parameters()
        if weight.grad is None and not name.startswith("residual")
    ]
    assert silent == []
    grads = [w.grad for w in net.parameters() if w.grad is not None]
    assert all(torch.isfinite(grad).all() for grad in grads)


def bands_values(seed: int, batch: int, bands: int) -> BandValues:
    rng = np.random.default_rng(seed)
    shape = (batch, bands)
    rows = (
        np.exp(rng.uniform(np.log(30.0), np.log(16000.0), shape)),
        rng.uniform(-12.0, 12.0, shape),
        np.exp(rng.uniform(np.log(0.35), np.log(4.0), shape)),
        rng.choice([0.0, 0.4, 1.0], shape),
    )
    # float32 like the heads, so that both sides round the same numbers
    return BandValues(*(torch.from_numpy(row.astype(np.float32)) for row in rows), None)


@pytest.mark.parametrize("bands", [5, 10])
def test_curves_of_a_batch_are_those_of_the_chain(bands: int) -> None:
    values = bands_values(4, 6, bands)
    points = np.geomspace(20.0, 20000.0, 200)
    found = curve_db(values, torch.from_numpy(points)).numpy()
    for row in range(6):
        chain = tuple(
            Band(kind, *(float(column[row, i]) for column in
                 (values.frequency_hz, values.gain_db, values.q, values.gate)))
            for i, kind in enumerate(kinds(bands))
        )  # fmt: skip
        assert np.abs(found[row] - response_db(chain, points, CURVE_RATE)).max() <= 1e-4


def test_curves_have_gradients_that_differences_confirm() -> None:
    values = bands_values(7, 1, 5)
    points = torch.tensor([100.0, 1000.0, 8000.0])
    gains = values.gain_db.clone().requires_grad_()
    moved = BandValues(values.frequency_hz, gains, values.q, torch.ones(1, 5), None)
    curve_db(moved, points).sum().backward()
    step = 0.05
    for i in range(5):
        change = torch.zeros(1, 5)
        change[0, i] = step
        up, down = (
            curve_db(BandValues(values.frequency_hz, g, values.q, torch.ones(1, 5), None), points)
            for g in (values.gain_db + change, values.gain_db - change)
        )
        slope = float((up - down).sum()) / (2.0 * step)
        assert float(gains.grad[0, i]) == pytest.approx(slope, abs=2e-3)


def test_a_share_of_the_chain_is_a_share_of_its_decibels() -> None:
    values = bands_values(1, 2, 10)
    half = shrunk_bands(values, torch.full((2, 1), 0.5))
    assert torch.allclose(half.effective_gain_db, 0.5 * values.effective_gain_db)
    ones = torch.ones(2)
    chain = ChainValues(-6.0 * ones, 4.0 * ones, 10.0 * ones, 100.0 * ones, 6.0 * ones)
    share = shrunk_chain(chain, torch.tensor([0.0, 0.5]), torch.tensor([0.0, 0.5]))
    assert share.ratio.tolist() == pytest.approx([1.0, 2.0])
    assert share.side_db.tolist() == pytest.approx([0.0, 3.0])
    assert torch.equal(share.threshold_lu, chain.threshold_lu)
    assert shrunk_chain(None, ones, ones) is None
