"""The chain and its offline rendering."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from engine.audio.clip import Clip
from engine.mastering.biquad import sections
from engine.mastering.chain import STAGES, Chain, render, render_blocks
from engine.mastering.parameters import (
    Band,
    ChainParameters,
    Compressor,
    Imager,
    Limiter,
    Multiband,
    Residual,
    Saturator,
)
from engine.tasks import Failure

RATE = 44100
BUSY = ChainParameters(
    bands=(Band(gain_db=3.0),),
    compressor=Compressor(-25.0, 2.0),
    multiband=Multiband(low=Compressor(-50.0, 2.0), high=Compressor(-40.0, 0.8)),
    saturator=Saturator(4.0),
    imager=Imager(1.2, 100.0),
    limiter=Limiter(6.0),
)


def clip(frames: int, channels: int = 2, level: float = 0.2) -> Clip:
    rng = np.random.default_rng(0)
    return Clip((level * rng.standard_normal((channels, frames))).astype(np.float32), RATE)


@pytest.mark.parametrize("frames", [0, 1, 50, 1000, 16384, 16385, 40000])
@pytest.mark.parametrize("parameters", [ChainParameters(), BUSY], ids=["idle", "busy"])
def test_rendering_keeps_length_channels_rate_and_type(
    frames: int, parameters: ChainParameters
) -> None:
    for channels in (1, 2, 3):
        audio = clip(frames, channels)
        out = render(audio, parameters)
        assert out.samples.shape == audio.samples.shape
        assert (out.rate, out.samples.dtype) == (RATE, np.float32)


@given(st.lists(st.booleans(), min_size=3, max_size=3), st.integers(1, 30000))
@settings(max_examples=20, deadline=None)
def test_with_nothing_active_every_bit_comes_back(enabled: list[bool], frames: int) -> None:
    audio = Clip(np.clip(clip(frames).samples, -0.3, 0.3), RATE)
    parameters = ChainParameters(
        compressor=Compressor(-60.0, enabled=enabled[0]),
        saturator=Saturator(12.0, 0.0, enabled=enabled[1]),
        imager=Imager(enabled=enabled[2]),
    )
    assert np.array_equal(render(audio, parameters).samples, audio.samples)


def test_the_equalizer_alone_renders_without_delay() -> None:
    bands = (Band(gain_db=-6.0, q=2.0), Band(frequency_hz=100.0, gain_db=-3.0))
    audio = Clip(clip(30000).samples.astype(np.float64) * 0.3, RATE)
    reference = signal.sosfilt(sections(bands, RATE), audio.samples, axis=1)
    out = render(audio, ChainParameters(bands)).samples
    assert np.abs(out - reference).max() < 1e-12


@pytest.mark.parametrize("sizes", [(1, 4096), (7,), (100000,), (300, 1, 5000)])
def test_rendering_in_blocks_gives_the_bits_of_the_whole(sizes: tuple[int, ...]) -> None:
    audio = clip(6000 if sizes == (7,) else 20000)
    cuts, at = [], 0
    while at < audio.frames:
        size = sizes[len(cuts) % len(sizes)]
        cuts.append(audio.samples[:, at : at + size])
        at += size
    out = np.concatenate(list(render_blocks(iter(cuts), RATE, 2, BUSY)), axis=1)
    assert np.array_equal(out, render(audio, BUSY).samples)


def test_the_same_parameters_from_json_render_the_same_bits() -> None:
    again = ChainParameters.from_json(BUSY.to_json())
    assert np.array_equal(render(clip(9000), BUSY).samples, render(clip(9000), again).samples)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_offline_a_value_that_is_no_number_is_refused(bad: float) -> None:
    samples = clip(RATE).samples.copy()
    samples[1, RATE // 2] = bad
    with pytest.raises(Failure, match=r"0\.500 s"):
        render(Clip(samples, RATE), BUSY)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_in_a_stream_it_is_replaced_by_silence_and_counted(bad: float) -> None:
    audio = clip(5000).samples.astype(np.float64)
    silenced = audio.copy()
    audio[0, 100:110], silenced[0, 100:110] = bad, 0.0
    chain, reference = Chain(RATE, 2, BUSY), Chain(RATE, 2, BUSY)
    assert np.array_equal(chain.process(audio), reference.process(silenced))
    assert (chain.replaced_samples, reference.replaced_samples) == (10, 0)
    chain.reset()
    assert chain.replaced_samples == 0


def test_float32_extremes_come_out_finite() -> None:
    audio = np.full((2, 3000), np.finfo(np.float32).max, dtype=np.float32)
    audio[:, ::2] *= -1
    out = render(Clip(audio, RATE), BUSY).samples
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= 10.0 ** (-1.0 / 20.0)


def test_the_meters_read_every_dynamics_stage() -> None:
    chain = Chain(RATE, 2, replace(BUSY, limiter=Limiter(24.0)))
    chain.process(clip(8000).samples)
    assert chain.gain_reduction_db.multiband_low > 0.5
    assert chain.gain_reduction_db.multiband_high < -0.5
    assert chain.gain_reduction_db.compressor > 1.0
    assert chain.gain_reduction_db.limiter > 3.0
    idle = Chain(RATE, 2, ChainParameters())
    idle.process(clip(8000, level=0.02).samples)
    assert (idle.gain_reduction_db.compressor, idle.gain_reduction_db.limiter) == (0.0, 0.0)


def test_switching_a_stage_does_not_shift_time() -> None:
    audio = 0.01 * np.sin(2.0 * np.pi * 441.0 / RATE * np.arange(RATE))[None] * np.ones((2, 1))
    chain = Chain(RATE, 2, ChainParameters())
    first = chain.process(audio[:, : RATE // 2])
    chain.set_parameters(
        ChainParameters(compressor=Compressor(-6.0, 4.0), saturator=Saturator(3.0))
    )
    out = np.concatenate([first, chain.process(audio[:, RATE // 2 :])], axis=1)
    late = chain.latency_frames
    np.testing.assert_allclose(out[:, late:], audio[:, :-late], atol=1e-6)


class Adding:
    """Stands for a network: adds a tenth of the block, late."""

    def __init__(self, latency_frames: int) -> None:
        self.latency_frames = latency_frames
        self.reset()

    def reset(self) -> None:
        self.past = np.zeros((2, self.latency_frames))

    def process(self, block: np.ndarray) -> np.ndarray:
        line = np.concatenate([self.past, block], axis=1)
        self.past = line[:, block.shape[1] :]
        return 1.1 * line[:, : block.shape[1]]


ASKED = ChainParameters(
    residual=Residual("abc123", 1.0),
    compressor=Compressor(0.0, 1.0, makeup_db=-6.0),
    limiter=Limiter(enabled=False),
)


@pytest.mark.parametrize("latency_frames", [0, 1, 777, 20000])
def test_a_residual_of_any_latency_is_added_in_time_after_the_equalizer(
    latency_frames: int,
) -> None:
    audio = Clip(clip(30000).samples.astype(np.float64), RATE)
    out = render(audio, ASKED, Adding(latency_frames)).samples
    np.testing.assert_allclose(out, 1.1 * 10.0 ** (-6.0 / 20.0) * audio.samples, rtol=1e-12)


def test_a_residual_that_is_used_twice_renders_the_same_bits() -> None:
    residual = Adding(300)
    first = render(clip(5000), ASKED, residual).samples
    assert np.array_equal(render(clip(5000), ASKED, residual).samples, first)


def test_without_its_network_a_residual_is_refused_with_its_name_and_a_remedy() -> None:
    with pytest.raises(Failure, match="abc123") as caught:
        render(clip(100), ASKED)
    assert "amount" in caught.value.remedy


@pytest.mark.parametrize(
    "residual", [Residual(), Residual("abc123", 0.0), Residual("abc123", 1.0, enabled=False)]
)
def test_a_residual_that_is_off_needs_no_network_and_uses_none(residual: Residual) -> None:
    parameters = replace(ASKED, residual=residual)
    expected = render(clip(5000), parameters).samples
    assert np.array_equal(render(clip(5000), parameters, Adding(300)).samples, expected)


def test_a_watcher_sees_every_stage_before_and_after() -> None:
    chain, seen = Chain(RATE, 2, BUSY), {}
    block = clip(3000).samples.astype(np.float64)
    out = chain.process(block, lambda name, before, after: seen.update({name: (before, after)}))
    assert tuple(seen) == STAGES
    assert np.array_equal(seen["equalizer"][0], block)
    for earlier, later in pairwise(STAGES[:-1]):
        assert np.array_equal(seen[earlier][1], seen[later][0])
    np.testing.assert_allclose(seen["limiter"][0], seen["imager"][1] * 10.0**0.3, rtol=1e-12)
    assert np.array_equal(seen["limiter"][1], out)
    assert sum(chain.latencies_frames.values()) == chain.latency_frames
