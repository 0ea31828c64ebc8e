"""The spectral encoder: starts by doing nothing, and hears a reference only where there is one."""

from __future__ import annotations

import pytest
import torch

from engine.mastering.models.features import BANDS
from engine.mastering.models.hearing import STATISTICS
from engine.mastering.models.spectral import SpectralEncoder, SpectralSettings

TINY = SpectralSettings(channels=16, dilations=(1, 2), dropout=0.5)


def awake() -> SpectralEncoder:
    torch.manual_seed(0)
    encoder = SpectralEncoder(TINY).eval()
    torch.nn.init.normal_(encoder.leave.weight)
    return encoder


def heard(seed: int, batch: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, STATISTICS, BANDS, generator=generator) * 10.0 - 50.0


def test_at_the_start_the_curve_is_flat() -> None:
    encoder = SpectralEncoder(TINY)
    assert torch.equal(encoder(heard(1), heard(2), torch.ones(2)), torch.zeros(2, BANDS))


@pytest.mark.parametrize("other", [0.0, 1e6, -300.0])
def test_the_numbers_of_a_missing_reference_change_nothing(other: float) -> None:
    encoder, absent = awake(), torch.zeros(2)
    nothing = torch.full((2, STATISTICS, BANDS), other)
    assert torch.equal(encoder(heard(1), nothing, absent), encoder(heard(1), heard(9), absent))


def test_a_reference_counts_where_there_is_one() -> None:
    encoder, present = awake(), torch.tensor([1.0, 0.0])
    one, other = encoder(heard(1), heard(2), present), encoder(heard(1), heard(3), present)
    assert not torch.allclose(one[0], other[0])
    assert torch.equal(one[1], other[1])


def test_examples_do_not_hear_each_other() -> None:
    encoder, present = awake(), torch.ones(2)
    one = encoder(heard(1), heard(2), present)[:1]
    alone = encoder(heard(1)[:1], heard(2)[:1], present[:1])
    assert torch.allclose(one, alone, atol=1e-4)


def test_it_forgets_channels_only_while_it_learns() -> None:
    encoder, present = awake(), torch.ones(2)
    sure = [encoder(heard(1), heard(2), present) for _ in range(2)]
    assert torch.equal(*sure)
    encoder.train()
    unsure = [encoder(heard(1), heard(2), present) for _ in range(2)]
    assert not torch.equal(*unsure)


def test_the_places_of_bands_are_no_part_of_the_weights() -> None:
    assert "position" not in SpectralEncoder(TINY).state_dict()
