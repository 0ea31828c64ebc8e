"""Decoders: whatever z is, the chain's numbers stay in their ranges."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.mastering.models.features import BANDS, centres_hz
from engine.mastering.models.heads import (
    ANCHORS_HZ,
    AdaptiveDecoder,
    ConfidenceHead,
    GreyDecoder,
    ParametricDecoder,
    kinds,
    reading,
)
from engine.mastering.models.spectral import SCALE_DB
from engine.mastering.models.tcn import Z_SIZE
from engine.mastering.parameters import BandKind
from engine.mastering.ranges import PARAM_RANGES


def wild(module: torch.nn.Module, seed: int = 0, deviation: float = 1.0) -> torch.nn.Module:
    """Weights as large as no training makes them."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(deviation * torch.randn(weight.shape, generator=generator))
    return module.eval()


def within(values: torch.Tensor, name: str) -> bool:
    limits = PARAM_RANGES[name]
    return bool((values >= limits.low).all() and (values <= limits.high).all())


@pytest.mark.parametrize("bands", [5, 10])
@given(seed=st.integers(0, 1000), scale=st.sampled_from([0.0, 0.1, 3.0, 100.0]))
def test_bands_stay_in_their_ranges(bands: int, seed: int, scale: float) -> None:
    decoder = wild(ParametricDecoder(bands), seed)
    z = scale * torch.randn(3, Z_SIZE, generator=torch.Generator().manual_seed(seed))
    values = decoder(z)
    assert values.gain_db.shape == (3, bands)
    assert within(values.frequency_hz, "band.frequency_hz")
    assert within(values.gain_db, "band.gain_db")
    assert within(values.q, "band.q")
    assert torch.equal(values.gate, torch.ones(3, bands))


@given(seed=st.integers(0, 1000), scale=st.sampled_from([0.0, 0.1, 3.0, 100.0]))
def test_the_grey_box_stays_in_its_ranges(seed: int, scale: float) -> None:
    z = scale * torch.randn(3, Z_SIZE, generator=torch.Generator().manual_seed(seed))
    chain = wild(GreyDecoder(), seed)(z)
    assert ((chain.threshold_lu >= -20.0) & (chain.threshold_lu <= 10.0)).all()
    assert ((chain.side_db >= -9.0) & (chain.side_db <= 9.0)).all()
    for name in ("ratio", "attack_ms", "release_ms"):
        assert within(getattr(chain, name), f"compressor.{name}")
    shares = wild(ConfidenceHead(), seed)(z)
    assert ((shares >= 0.0) & (shares <= 1.0)).all()


def test_the_grey_box_starts_by_doing_nothing() -> None:
    chain = GreyDecoder()(torch.randn(4, Z_SIZE))
    assert torch.equal(chain.ratio, torch.ones(4))
    assert torch.equal(chain.side_db, torch.zeros(4))


@pytest.mark.parametrize("bands", [5, 10])
def test_at_the_start_every_band_is_at_its_anchor_with_a_gain_of_nothing(bands: int) -> None:
    values = ParametricDecoder(bands)(torch.zeros(1, Z_SIZE))
    assert values.frequency_hz[0].tolist() == pytest.approx(ANCHORS_HZ[bands])
    assert torch.equal(values.gain_db, torch.zeros(1, bands))


@pytest.mark.parametrize("bands", [5, 10])
def test_a_band_starts_from_the_curve_at_its_anchor(bands: int) -> None:
    octaves = np.log2(np.maximum(centres_hz(), 20.0) / 1000.0)
    curve_db = torch.from_numpy(0.5 * octaves).float()  # a tilt, which reads as itself
    z = torch.zeros(1, Z_SIZE)
    z[0, :BANDS] = curve_db / SCALE_DB
    gains = ParametricDecoder(bands)(z).gain_db[0].detach().numpy()
    wanted = 0.5 * np.log2(np.array(ANCHORS_HZ[bands]) / 1000.0)
    assert gains == pytest.approx(wanted - wanted.mean(), abs=0.35)
    assert np.all(np.diff(gains) > 0.0)


def test_reading_a_flat_curve_reads_its_level() -> None:
    for anchors in ANCHORS_HZ.values():
        assert (3.0 * torch.ones(1, BANDS) @ reading(anchors)).numpy() == pytest.approx(3.0)


def test_a_curve_that_is_only_level_moves_no_band() -> None:
    z = torch.zeros(1, Z_SIZE)
    z[:, :BANDS] = 1.3
    assert ParametricDecoder(10)(z).gain_db.detach().numpy() == pytest.approx(0.0, abs=1e-5)


def test_the_outer_bands_are_shelves() -> None:
    for bands in (5, 10):
        first, *middle, last = kinds(bands)
        assert (first, last) == (BandKind.LOW_SHELF, BandKind.HIGH_SHELF)
        assert set(middle) == {BandKind.BELL}
        assert len(middle) == bands - 2


def test_gates_are_sure_at_run_time_and_random_in_training() -> None:
    decoder, z = AdaptiveDecoder(10), torch.randn(2, Z_SIZE)
    decoder.eval()
    assert torch.equal(decoder(z).gate, decoder(z).gate)
    decoder.train()
    assert not torch.equal(decoder(z).gate, decoder(z).gate)
    assert torch.equal(decoder(z).logits, decoder.eval()(z).logits)


def test_gates_start_open() -> None:
    gate = AdaptiveDecoder(10).eval()(torch.zeros(1, Z_SIZE)).gate
    assert (gate > 0.9).all()


def test_a_shut_gate_takes_the_gain_away() -> None:
    decoder = wild(AdaptiveDecoder(10))
    torch.nn.init.constant_(decoder.gates[-1].bias, -1e4)
    values = decoder(torch.randn(1, Z_SIZE))
    assert torch.equal(values.effective_gain_db, torch.zeros(1, 10))
    assert (values.gain_db != 0.0).all()
