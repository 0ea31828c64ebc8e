"""The residual as a stream: what one shot gives, whatever the cut and the rate."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.audio.clip import Clip
from engine.audio.resample import resample
from engine.mastering.models.film import Film
from engine.mastering.models.residual import RATE, ResidualNetwork, ResidualSettings
from engine.mastering.models.residual_stage import ResidualStage

torch.set_num_threads(1)

TINY = ResidualSettings(widths=(8, 16), dilations=(1, 2), deepest_dilations=(1, 2), z_size=8)
Z = np.random.default_rng(3).standard_normal(8)
RATES = [8000, 22050, 44100, 48000, 96000, 192000]


@pytest.fixture(scope="module")
def network() -> ResidualNetwork:
    return wild(TINY)


def wild(settings: ResidualSettings) -> ResidualNetwork:
    torch.manual_seed(0)
    network = ResidualNetwork(settings).eval()
    with torch.no_grad():
        network.leave.weight.normal_()
        for module in network.modules():
            if isinstance(module, Film):
                module.linear.weight.normal_(std=0.1)
    return network.requires_grad_(False)


def music(frames: int, rate: int = RATE, channels: int = 2) -> np.ndarray:
    """Tones with a slow level and some noise, so that a wrong place or level shows."""
    time = np.arange(frames) / rate
    tones = sum(np.sin(2.0 * np.pi * hz * time + hz) for hz in (110.0, 523.0, 1760.0))
    audio = 0.1 * (1.0 + 0.8 * np.sin(2.0 * np.pi * 0.7 * time)) * tones
    noise = 0.01 * np.random.default_rng(0).standard_normal((channels, frames))
    return np.asarray(audio + noise)


def streamed(stage: ResidualStage, audio: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """Everything that comes out, less the latency."""
    late = np.zeros((audio.shape[0], stage.latency_frames))
    fed = np.concatenate([audio, late], axis=1)
    parts, start, index = [], 0, 0
    while start < fed.shape[1]:
        size = sizes[min(index, len(sizes) - 1)]
        parts.append(stage.process(fed[:, start : start + size]))
        start, index = start + size, index + 1
    return np.concatenate(parts, axis=1)[:, stage.latency_frames :]


def one_shot(network: ResidualNetwork, audio: np.ndarray, rate: int, amount: float) -> np.ndarray:
    """All at once; silence follows the audio, as in a stream that is flushed."""
    padded = np.pad(audio, ((0, 0), (0, rate // 2))).astype(np.float32)
    heard = torch.from_numpy(resample(Clip(padded, rate), RATE).samples)
    with torch.inference_mode():
        residual = network(heard[None], torch.from_numpy(Z).float()[None])[0].numpy()
    back = resample(Clip(residual, RATE), rate).samples
    return np.asarray(audio + amount * back[:, : audio.shape[1]])


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_stream_gives_what_one_shot_gives(
    network: ResidualNetwork, rate: int, channels: int
) -> None:
    audio = music(round(4.3 * rate), rate, channels)
    out = streamed(ResidualStage(network, Z, rate, channels, 1.2), audio, (16384,))
    expected = one_shot(network, audio, rate, 1.2)
    assert np.abs(expected - audio).max() > 1e-3
    assert np.abs(out - expected).max() < 1e-5


@pytest.mark.parametrize("rate", [RATE, 48000])
@pytest.mark.parametrize("sizes", [(1, 2, 3, 100, 7777), (131072,), (4096,), (500_000,)], ids=str)
def test_the_cut_into_blocks_changes_no_bit(
    network: ResidualNetwork, rate: int, sizes: tuple[int, ...]
) -> None:
    audio = music(3 * rate, rate)
    stage = ResidualStage(network, Z, rate, 2)
    whole = streamed(stage, audio, (16384,))
    stage.reset()
    assert np.array_equal(streamed(stage, audio, sizes), whole)


@pytest.mark.parametrize("rate", [*RATES, 11025, 32000, 37800, 88200, 176400])
def test_the_residual_is_there_when_it_is_due(network: ResidualNetwork, rate: int) -> None:
    """One frame at a time is when rate conversion is furthest behind."""
    stage = ResidualStage(network, Z, rate, 1)
    for _ in range(stage.latency_frames * 4 // 997):
        assert stage.process(np.zeros((1, 997))).shape == (1, 997)


@pytest.mark.parametrize("rate", RATES)
def test_an_untrained_network_passes_every_bit(rate: int) -> None:
    stage = ResidualStage(ResidualNetwork(TINY).eval(), Z, rate, 2)
    audio = music(rate, rate)
    assert np.array_equal(streamed(stage, audio, (10000,)), audio)


@pytest.mark.parametrize("rate", RATES)
def test_no_amount_passes_every_bit(network: ResidualNetwork, rate: int) -> None:
    audio = music(rate, rate)
    stage = ResidualStage(network, Z, rate, 2, amount=0.0)
    assert np.array_equal(streamed(stage, audio, (10000,)), audio)


@pytest.mark.parametrize("rate", RATES)
def test_mono_stays_mono_bit_for_bit(network: ResidualNetwork, rate: int) -> None:
    audio = np.repeat(music(2 * rate, rate, 1), 2, axis=0)
    out = streamed(ResidualStage(network, Z, rate, 2), audio, (8192,))
    assert not np.array_equal(out, audio)
    assert np.array_equal(out[0], out[1])


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("rate", [RATE, 48000])
def test_silence_stays_silence(network: ResidualNetwork, rate: int, channels: int) -> None:
    stage = ResidualStage(network, Z, rate, channels)
    assert not streamed(stage, np.zeros((channels, rate)), (8192,)).any()


def test_of_many_channels_each_is_treated_as_mono(network: ResidualNetwork) -> None:
    audio = music(RATE, channels=3)
    together = streamed(ResidualStage(network, Z, RATE, 3), audio, (8192,))
    for channel in range(3):
        alone = streamed(ResidualStage(network, Z, RATE, 1), audio[channel : channel + 1], (8192,))
        assert np.abs(together[channel] - alone[0]).max() < 1e-6


def test_the_same_track_gives_the_same_bits_twice(network: ResidualNetwork) -> None:
    audio = music(3 * RATE)
    first, second = (
        streamed(ResidualStage(network, Z, RATE, 2), audio, (16384,)) for _ in range(2)
    )
    assert np.array_equal(first, second)


@pytest.mark.parametrize("rate", [8000, 44100, 192000])
def test_nothing_moves_in_time(network: ResidualNetwork, rate: int) -> None:
    audio = music(2 * rate, rate, 1) + 0.05 * np.random.default_rng(1).standard_normal(2 * rate)
    out = streamed(ResidualStage(network, Z, rate, 1, 1.5), audio, (8192,))
    spectrum = np.fft.rfft(out[0], 4 * rate) * np.conj(np.fft.rfft(audio[0], 4 * rate))
    assert int(np.argmax(np.fft.irfft(spectrum))) == 0


@pytest.mark.parametrize("frames", [1, 50, 2205])
def test_a_short_clip_goes_through(network: ResidualNetwork, frames: int) -> None:
    audio = music(frames)
    out = streamed(ResidualStage(network, Z, RATE, 2), audio, (8192,))
    assert out.shape == audio.shape
    assert np.abs(out - one_shot(network, audio, RATE, 1.0)).max() < 1e-5


def resident_bytes() -> int:
    pages = Path("/proc/self/statm")
    if not pages.exists():
        pytest.skip("this system does not tell what a process keeps in memory")
    return int(pages.read_text().split()[1]) * mmap.PAGESIZE


def test_a_long_track_needs_no_more_memory_than_a_short_one(network: ResidualNetwork) -> None:
    stage = ResidualStage(network, Z, RATE, 2)
    block = music(131072)
    for _ in range(3):
        stage.process(block)
    before = resident_bytes()
    for _ in range(40):
        stage.process(block)
    # What went through is 84 MB, and its residual 42.
    assert resident_bytes() - before < 20e6


@pytest.mark.parametrize("shape", [(1, 100), (3, 100), (100,)])
def test_a_block_of_another_shape_is_refused(
    network: ResidualNetwork, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="expected"):
        ResidualStage(network, Z, RATE, 2).process(np.zeros(shape))


def test_an_empty_block_gives_an_empty_one(network: ResidualNetwork) -> None:
    assert ResidualStage(network, Z, RATE, 2).process(np.zeros((2, 0))).shape == (2, 0)
