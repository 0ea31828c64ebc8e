"""FiLM: nothing at the start, affine per channel after that."""

from __future__ import annotations

import torch

from engine.mastering.models.film import Film


def test_untrained_it_passes_every_bit() -> None:
    features = torch.randn(2, 8, 50)
    assert torch.equal(Film(16, 8)(features, torch.randn(2, 16)), features)


def test_it_scales_and_shifts_each_channel_by_what_z_says() -> None:
    film = Film(2, 3)
    with torch.no_grad():
        # z = (1, 0) doubles channel 0 and silences channel 1; z = (0, 1) lifts channel 2 by 5.
        film.linear.weight[0, 0], film.linear.weight[1, 0] = 1.0, -1.0
        film.linear.weight[5, 1] = 5.0
    features = torch.ones(2, 3, 4)
    out = film(features, torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    assert torch.equal(out[0, :, 0], torch.tensor([2.0, 0.0, 1.0]))
    assert torch.equal(out[1, :, 0], torch.tensor([1.0, 1.0, 6.0]))


def test_the_first_step_can_move_it() -> None:
    film = Film(4, 2)
    film(torch.randn(1, 2, 9), torch.randn(1, 4)).square().sum().backward()
    assert film.linear.weight.grad is not None
    assert bool((film.linear.weight.grad != 0.0).any())
