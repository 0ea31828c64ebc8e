"""The temporal encoder: windows of any number and length, each example for itself."""

from __future__ import annotations

import pytest
import torch

from engine.mastering.models.hearing import ROWS
from engine.mastering.models.tcn import Block, TcnSettings, TemporalEncoder

TINY = TcnSettings(channels=16, dilations=(1, 2, 4))


@pytest.fixture
def encoder() -> TemporalEncoder:
    torch.manual_seed(0)
    return TemporalEncoder(TINY).eval()


def windows(batch: int, count: int, frames: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, count, ROWS, frames, generator=generator) * 15.0 - 60.0


@pytest.mark.parametrize("frames", [1, 5, 40])
def test_windows_of_any_length_give_one_vector(encoder: TemporalEncoder, frames: int) -> None:
    out = encoder(windows(2, 3, frames))
    assert out.shape == (2, encoder.size)
    assert torch.isfinite(out).all()


def test_several_windows_give_the_mean_of_each(encoder: TemporalEncoder) -> None:
    rows = windows(1, 4, 30)
    each = torch.stack([encoder(rows[:, i : i + 1]) for i in range(4)]).mean(0)
    assert torch.allclose(encoder(rows), each, atol=1e-5)


def test_an_example_does_not_hear_the_others_of_its_batch(encoder: TemporalEncoder) -> None:
    rows = windows(3, 2, 30)
    encoder.train()
    assert torch.allclose(encoder(rows)[1:2], encoder(rows[1:2]), atol=1e-5)


def test_the_field_is_what_the_dilations_add_up_to() -> None:
    torch.manual_seed(0)
    blocks = torch.nn.Sequential(*(Block(16, d, True) for d in TINY.dilations))
    for block in blocks:
        block.norm = torch.nn.Identity()  # the normalisation hears the whole window
    frames = torch.zeros(1, 16, 61, requires_grad=True)
    blocks(frames)[0, :, 30].sum().backward()
    heard = frames.grad.abs().sum((0, 1)).nonzero().flatten()
    reach = sum(TINY.dilations)
    assert (int(heard.min()), int(heard.max())) == (30 - reach, 30 + reach)


def test_separable_convolutions_have_a_third_of_the_weights() -> None:
    full, separable = (
        sum(weight.numel() for weight in Block(96, 1, separable).parameters())
        for separable in (False, True)
    )
    assert separable < full / 3.0


def test_what_it_hears_is_scaled_by_what_was_measured(encoder: TemporalEncoder) -> None:
    rows = windows(1, 1, 30)
    before = encoder(rows)
    encoder.mean += 7.0
    encoder.deviation *= 2.0
    assert torch.allclose(encoder((rows + 60.0) * 2.0 - 53.0), before, atol=1e-4)
