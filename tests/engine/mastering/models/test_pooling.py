"""Attentive pooling: a weighted mean and deviation, whatever the order and the length."""

from __future__ import annotations

import pytest
import torch

from engine.mastering.models.pooling import AttentivePooling


@pytest.fixture
def pooling() -> AttentivePooling:
    torch.manual_seed(0)
    return AttentivePooling(6, 4).eval()


def test_without_preferences_it_is_mean_and_deviation(pooling: AttentivePooling) -> None:
    torch.nn.init.zeros_(pooling.attention[-1].weight)
    torch.nn.init.zeros_(pooling.attention[-1].bias)
    frames = torch.randn(3, 6, 50)
    mean, deviation = pooling(frames).chunk(2, dim=-1)
    assert torch.allclose(mean, frames.mean(-1), atol=1e-5)
    assert torch.allclose(deviation, frames.std(-1, correction=0), atol=1e-4)


def test_the_order_of_frames_does_not_matter(pooling: AttentivePooling) -> None:
    frames = torch.randn(2, 6, 40)
    assert torch.allclose(pooling(frames), pooling(frames.flip(-1)), atol=1e-5)


def test_repeating_the_frames_changes_nothing(pooling: AttentivePooling) -> None:
    frames = torch.randn(2, 6, 40)
    assert torch.allclose(pooling(frames), pooling(frames.repeat(1, 1, 3)), atol=1e-5)


def test_the_mean_lies_between_the_frames(pooling: AttentivePooling) -> None:
    frames = torch.randn(4, 6, 30)
    mean = pooling(frames)[:, :6]
    assert (mean <= frames.amax(-1)).all()
    assert (mean >= frames.amin(-1)).all()


def test_a_constant_has_a_deviation_of_nothing_and_finite_gradients(
    pooling: AttentivePooling,
) -> None:
    frames = torch.full((1, 6, 20), 2.0, requires_grad=True)
    out = pooling(frames)
    assert torch.allclose(out[:, :6], torch.tensor(2.0))
    assert (out[:, 6:] < 0.01).all()
    out.sum().backward()
    assert torch.isfinite(frames.grad).all()


def test_one_frame_is_enough(pooling: AttentivePooling) -> None:
    frame = torch.randn(1, 6, 1)
    assert torch.allclose(pooling(frame)[:, :6], frame[..., 0], atol=1e-6)
