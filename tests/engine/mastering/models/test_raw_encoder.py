"""The encoder of waveforms: mono and stereo in, one vector out."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from engine.mastering.models.raw_encoder import RawEncoder, RawEncoderSettings

torch.set_num_threads(1)

TINY = RawEncoderSettings(widths=(8, 16), strides=(8, 4), dilations=(1, 2, 4))


def noise(*shape: int) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_any_length_gives_one_vector() -> None:
    encoder = RawEncoder(TINY)
    for frames in (2205, 44100, 50001):
        assert encoder(noise(3, 2, frames)).shape == (3, 512)


def test_mono_is_stereo_with_equal_channels() -> None:
    encoder, audio = RawEncoder(TINY).eval(), noise(2, 1, 8000)
    assert torch.allclose(encoder(audio), encoder(audio.repeat(1, 2, 1)), atol=1e-6)


def test_it_hears_stereo() -> None:
    encoder, audio = RawEncoder(TINY).eval(), noise(1, 2, 8000)
    mono = audio.mean(1, keepdim=True).repeat(1, 2, 1)
    assert not torch.allclose(encoder(audio), encoder(mono), atol=1e-3)


def test_only_the_last_layer_hears_the_level() -> None:
    encoder, audio = RawEncoder(TINY).eval(), noise(1, 2, 8000)
    change = encoder(0.1 * audio) - encoder(audio)
    expected = -2.0 * encoder.leave.weight[:, -1]  # 20 dB down is 2 down in log10 of the power
    assert torch.allclose(change[0], expected, atol=1e-4)


def test_what_one_frame_depends_on_is_as_wide_as_said() -> None:
    encoder = RawEncoder(TINY).double()
    encoder.enter = torch.nn.Sequential(
        *(layer for layer in encoder.enter if not isinstance(layer, torch.nn.GroupNorm))
    )
    for block in encoder.blocks:
        block.norm = torch.nn.Identity()  # over time, it sees everything
    audio = noise(1, 2, 8000).double().requires_grad_(True)
    encoder.blocks(encoder.enter(audio))[..., 120].sum().backward()
    assert audio.grad is not None
    touched = torch.nonzero(audio.grad.abs().sum((0, 1))).flatten()
    assert int(touched[-1] - touched[0]) + 1 == encoder.field_frames


def test_silence_gives_finite_numbers_and_gradients() -> None:
    encoder = RawEncoder(TINY)
    audio = torch.zeros(1, 2, 8000, requires_grad=True)
    z = encoder(audio)
    z.sum().backward()
    assert bool(z.isfinite().all())
    assert audio.grad is not None
    assert bool(audio.grad.isfinite().all())


def test_one_example_alone_gives_what_it_gives_in_a_batch() -> None:
    encoder, audio = RawEncoder(TINY).train(), noise(4, 2, 8000)
    assert torch.allclose(encoder(audio)[:1], encoder(audio[:1]), atol=1e-5)


@pytest.mark.parametrize("wrong", [{"widths": (20, 40, 60)}, {"strides": (8, 4)}], ids=str)
def test_a_size_that_cannot_be_built_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"multiples of 8|for each width"):
        RawEncoderSettings(**wrong)
