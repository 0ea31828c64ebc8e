"""What a bank of filters can do that the equalizer does not use."""

from __future__ import annotations

import numpy as np
import pytest

from engine.mastering.filter_bank import Filter, FilterBank
from engine.mastering.parameters import Band, BandKind

RATE = 44100


def sine(frames: int, hz: float) -> np.ndarray:
    return 0.5 * np.sin(2.0 * np.pi * hz / RATE * np.arange(frames))[None]


def test_a_band_pass_of_a_bank_peaks_at_unity() -> None:
    bank = FilterBank(RATE, 1, [Filter("band_pass", 1000.0, 4.0, 1.0)])
    out = bank.process(sine(RATE, 1000.0))[0, RATE // 2 :]
    assert np.abs(out).max() == pytest.approx(0.5, abs=1e-4)
    bank.reset()
    assert np.abs(bank.process(sine(RATE, 10000.0))[0, RATE // 2 :]).max() < 0.02


@pytest.mark.parametrize("wet", [0.0, 0.25, 1.0])
def test_the_amount_of_a_band_pass_is_its_wet_share(wet: float) -> None:
    audio = np.random.default_rng(0).standard_normal((1, 3000))
    full = FilterBank(RATE, 1, [Filter("band_pass", 500.0, 1.0, 1.0)]).process(audio)
    part = FilterBank(RATE, 1, [Filter("band_pass", 500.0, 1.0, wet)]).process(audio)
    np.testing.assert_allclose(part, audio + wet * (full - audio), atol=1e-12)


@pytest.mark.parametrize("kind", BandKind)
def test_a_band_that_is_not_active_is_a_filter_of_amount_zero(kind: BandKind) -> None:
    assert Filter.of(Band(kind, gain_db=3.0, enabled=False)).amount == 0.0
    assert Filter.of(Band(kind, gain_db=3.0, gate=0.5)).amount == (1.5 if kind.has_gain else 0.5)
