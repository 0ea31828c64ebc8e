"""The bank of equalizers: of their kind, turned over and scaled, and the same from a seed."""

from __future__ import annotations

import numpy as np
import pytest

from engine.mastering.data.degradation import Kind, Tier, eq_error_db, error_grid_hz
from engine.mastering.models.features import BANDS, centres_hz
from engine.mastering.train.tones import SCALES, ToneBank


def test_the_same_seed_draws_the_same_and_another_seed_others(bank: ToneBank) -> None:
    def drawn(of: ToneBank) -> np.ndarray:
        return of.drawn(np.random.default_rng(3), Kind.EQ, Tier.MILD).grid_db

    assert np.array_equal(drawn(bank), drawn(ToneBank(4, 1)))
    assert not np.allclose(np.abs(drawn(bank)), np.abs(drawn(ToneBank(4, 2))))


def test_bands_and_grid_show_one_curve(bank: ToneBank) -> None:
    rng = np.random.default_rng(0)
    inside = (centres_hz() > 200.0) & (centres_hz() < 15000.0)
    for kind in (Kind.EQ, Kind.OUT_OF_FAMILY):
        tone = bank.drawn(rng, kind, Tier.MILD)
        assert tone.band_db.shape == (BANDS,)
        assert tone.grid_db.shape == error_grid_hz().shape
        read = np.interp(np.log(centres_hz()[inside]), np.log(error_grid_hz()), tone.grid_db)
        assert np.abs(read - tone.band_db[inside]).max() < 0.6


def test_a_draw_is_a_curve_of_the_bank_times_a_number(bank: ToneBank) -> None:
    rng = np.random.default_rng(1)
    curves = bank._curves[Kind.EQ, Tier.STRONG, False][:, BANDS:]
    signs = set()
    for _ in range(40):
        found = bank.drawn(rng, Kind.EQ, Tier.STRONG).grid_db
        factors = [float(found @ c / (c @ c)) for c in curves]
        rest = [float(np.abs(found - f * c).max()) for f, c in zip(factors, curves, strict=True)]
        best = int(np.argmin(rest))
        assert rest[best] < 1e-9
        assert SCALES[0] <= abs(factors[best]) <= SCALES[1]
        signs.add(np.sign(factors[best]))
    assert signs == {-1.0, 1.0}


def test_the_strong_tier_is_twice_as_far_from_flat() -> None:
    large = ToneBank(24, 5)
    errors = [
        np.mean([eq_error_db(row[BANDS:]) for row in large._curves[Kind.EQ, tier, False]])
        for tier in (Tier.MILD, Tier.STRONG)
    ]
    assert errors[0] == pytest.approx(2.5, abs=0.5)
    assert errors[1] / errors[0] == pytest.approx(2.0, abs=0.5)


def test_nothing_is_flat(bank: ToneBank) -> None:
    assert not bank.nothing.band_db.any()
    assert not bank.nothing.grid_db.any()
