"""What the residual may add, whatever its weights: nothing at first, little ever."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from engine.mastering.models.film import Film
from engine.mastering.models.residual import (
    GROUP,
    SMALL,
    WIDE,
    FrameNorm,
    ResidualNetwork,
    ResidualSettings,
)

torch.set_num_threads(1)

TINY = ResidualSettings(widths=(8, 16, 16), dilations=(1, 2), deepest_dilations=(1, 2), z_size=8)


def wild(settings: ResidualSettings = TINY, seed: int = 0) -> ResidualNetwork:
    """A network with weights that push against every bound."""
    torch.manual_seed(seed)
    network = ResidualNetwork(settings).eval()
    with torch.no_grad():
        network.leave.weight.normal_(std=3.0)
        for module in network.modules():
            if isinstance(module, Film):
                module.linear.weight.normal_(std=0.3)
    return network.requires_grad_(False)


def noise(*shape: int, level: float = 0.1, seed: int = 1) -> torch.Tensor:
    return level * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def vector(batch: int = 1, settings: ResidualSettings = TINY) -> torch.Tensor:
    return noise(batch, settings.z_size, level=1.0, seed=2)


def energy_db(signal: torch.Tensor, reference: torch.Tensor) -> float:
    return float(10.0 * torch.log10(signal.square().sum() / reference.square().sum()))


@pytest.mark.parametrize("settings", [TINY, SMALL, WIDE], ids=["tiny", "small", "wide"])
@pytest.mark.parametrize("channels", [1, 2])
def test_untrained_it_adds_exactly_nothing(settings: ResidualSettings, channels: int) -> None:
    network = ResidualNetwork(settings)
    audio = noise(1, channels, 3000)
    residual = network(audio, vector(settings=settings))
    assert residual.shape == audio.shape
    assert not residual.any()
    assert torch.equal(audio + residual, audio)


def test_the_first_step_can_move_it() -> None:
    network = ResidualNetwork(TINY)
    (network(noise(1, 2, 3000), vector()) - noise(1, 2, 3000, seed=5)).square().sum().backward()
    assert network.leave.weight.grad is not None
    assert bool((network.leave.weight.grad != 0.0).any())


@pytest.mark.parametrize("seed", range(5))
def test_it_stays_20_db_below_its_input(seed: int) -> None:
    audio = noise(1, 2, 20000, seed=seed)
    residual = wild(seed=seed)(audio, vector())
    for channel in range(2):
        level_db = energy_db(residual[:, channel], audio[:, channel])
        assert -26.0 < level_db <= -20.0


def test_the_bound_is_local() -> None:
    loud = noise(1, 2, 40000, level=0.3)
    loud[..., 20000:] *= 1e-3
    residual = wild()(loud, vector())
    quiet = slice(21000, 40000)  # past the window of the level and the filters
    assert energy_db(residual[..., quiet], loud[..., quiet]) < -19.5


def test_a_band_without_sound_gets_none() -> None:
    time = torch.arange(44100) / 44100
    sine = 0.5 * torch.sin(2.0 * torch.pi * 300.0 * time).repeat(1, 2, 1)
    residual = wild()(sine, vector())[0, 0, 4410:-4410]
    power = torch.fft.rfft(residual * torch.hann_window(len(residual))).abs().square()
    hertz = torch.linspace(0.0, 22050.0, len(power))
    above_db = 10.0 * torch.log10(power[hertz > 6000.0].sum() / power.sum())
    assert float(above_db) < -60.0


@pytest.mark.parametrize("channels", [1, 2])
def test_silence_stays_silence(channels: int) -> None:
    assert not wild()(torch.zeros(1, channels, 5000), vector()).any()


def test_nothing_is_added_to_what_lies_at_minus_120_dbfs() -> None:
    assert not wild()(noise(1, 2, 8000, level=1e-6), vector()).any()


def test_a_silent_channel_stays_silent() -> None:
    audio = noise(1, 2, 8000, level=0.5)
    audio[:, 1] = 0.0
    residual = wild()(audio, vector())
    assert not residual[:, 1].any()
    assert residual[:, 0].any()


@pytest.mark.parametrize("settings", [TINY, SMALL, WIDE], ids=["tiny", "small", "wide"])
def test_mono_stays_mono_bit_for_bit(settings: ResidualSettings) -> None:
    network = wild(settings)
    single = noise(1, 1, 12345)
    z = vector(settings=settings)
    double = network(single.repeat(1, 2, 1), z)
    assert double.any()
    assert torch.equal(double[:, 0], double[:, 1])
    assert torch.allclose(network(single, z)[:, 0], double[:, 0], atol=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_faint_side_noise_is_raised_by_no_more_than_3_db(seed: int) -> None:
    """Matchering raises it by 64 dB. The bar is 6 dB."""
    mid, side = noise(1, 20000, level=0.2), noise(1, 20000, level=2e-4, seed=9)
    audio = torch.stack([mid + side, mid - side], dim=1)
    out = audio + wild(seed=seed)(audio, vector())
    assert energy_db(out[:, 0] - out[:, 1], audio[:, 0] - audio[:, 1]) < 3.0


def test_swapping_the_channels_of_the_input_keeps_the_bounds() -> None:
    audio = noise(1, 2, 20000)
    audio[:, 1] *= 0.01
    residual = wild()(audio.flip(1), vector()).flip(1)
    for channel in range(2):
        assert energy_db(residual[:, channel], audio[:, channel]) <= -20.0


def test_an_output_depends_on_no_input_out_of_reach() -> None:
    network = wild().double()
    z = vector().double()
    audio = noise(1, 2, 20000).double()
    touched = audio.clone()
    touched[..., 10000] += 0.5
    change = (network(touched, z) - network(audio, z)).abs().amax((0, 1))
    changed = torch.nonzero(change).flatten()
    furthest = int((changed - 10000).abs().max())
    assert 0.8 * network.reach_frames < furthest <= network.reach_frames


def test_a_part_with_its_halo_gives_what_the_whole_gives() -> None:
    network = wild()
    audio = noise(1, 2, 40 * network.grid_frames + 2 * network.halo_frames)
    whole = network(audio, vector())
    halo = network.halo_frames
    start = 5 * network.grid_frames
    stop = start + 20 * network.grid_frames + 2 * halo
    part = network.of_padded(audio[..., start:stop], vector())
    inner = slice(start + halo, stop - halo)
    assert torch.allclose(part[..., halo:-halo], whole[..., inner], atol=1e-6)


def test_z_decides_what_is_added() -> None:
    network, audio = wild(), noise(1, 2, 5000)
    assert not torch.equal(network(audio, vector()), network(audio, -vector()))


def test_each_example_of_a_batch_is_on_its_own() -> None:
    network, audio, z = wild(), noise(3, 2, 5000), vector(3)
    together = network(audio, z)
    for index in range(3):
        alone = network(audio[index : index + 1], z[index : index + 1])
        assert torch.allclose(together[index], alone[0], atol=1e-6)


def test_half_precision_is_for_the_network_alone() -> None:
    network, audio = wild(), noise(1, 1, 5000).repeat(1, 2, 1)
    exact = network(audio, vector())
    with torch.autocast("cpu", torch.bfloat16):
        rough = network(audio, vector())
    assert rough.dtype == torch.float32
    assert torch.equal(rough[:, 0], rough[:, 1])
    assert energy_db(rough - exact, exact) < -15.0
    assert energy_db(rough, audio) <= -20.0


def test_frames_are_normalised_over_groups_of_channels() -> None:
    features = noise(2, 3 * GROUP, 50, level=4.0)
    frames = features.transpose(1, 2).reshape(100, -1)
    expected = torch.nn.functional.group_norm(frames, 3).reshape(2, 50, -1).transpose(1, 2)
    assert torch.allclose(FrameNorm(3 * GROUP)(features), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 3, 3200), (1, 2, 100)])
def test_a_part_that_does_not_fit_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        wild().of_padded(noise(*shape), vector())


@pytest.mark.parametrize(
    "wrong", [{"widths": (20, 40)}, {"widths": ()}, {"kernel": 4}, {"dilations": (0, 1)}], ids=str
)
def test_a_size_that_cannot_be_built_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"multiples of 8|middle|start at 1"):
        ResidualSettings(**wrong)


def test_gradients_are_finite_on_silence() -> None:
    network = wild().requires_grad_(True)
    audio = torch.zeros(1, 2, 2000, requires_grad=True)
    network(audio, vector()).sum().backward()
    assert audio.grad is not None
    assert bool(audio.grad.isfinite().all())
    grads = [item.grad for item in network.parameters() if item.grad is not None]
    assert all(bool(grad.isfinite().all()) for grad in grads)


def test_the_small_one_has_a_few_hundred_thousand_parameters() -> None:
    counts = [
        sum(item.numel() for item in ResidualNetwork(settings).parameters())
        for settings in (SMALL, WIDE)
    ]
    assert 200_000 < counts[0] < 400_000 < counts[1] < 4_000_000
