"""How long the mastering chain takes, offline and with gradients, and what memory it needs."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from engine.mastering.compressor_gradient import CompressorTensors, compress
from engine.mastering.differentiable import BandTensors, equalize
from engine.mastering.parameters import BandKind, Compressor
from tests.perf.table import Table

RATE = 44_100
BATCH, FRAMES, BANDS = 8, 220_500, 10
RENDER = """
import json, sys, time
import numpy as np
from engine.audio.clip import Clip
from engine.mastering.chain import render
from engine.mastering.parameters import *

swell = 0.05 + 0.4 * np.abs(np.sin(np.arange({frames}) / 30_000.0))
noise = 0.3 * np.random.default_rng(0).standard_normal((2, {frames}), dtype=np.float32)
clip = Clip(noise * swell.astype(np.float32), 44_100)
del noise, swell
squeeze = Compressor(-25.0, 2.0)
chain = ChainParameters(
    compressor=squeeze,
    multiband=Multiband(low=squeeze, mid=squeeze, high=squeeze, enabled={multiband}),
    saturator=Saturator(3.0),
    imager=Imager(1.2, 100.0),
    limiter=Limiter(6.0),
)
for band in range(10):
    chain = chain.with_band(band, gain_db=2.0)
render(clip.part(0, 44_100), chain)
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
begun = time.perf_counter()
render(clip, chain)
seconds = time.perf_counter() - begun
lines = open("/proc/self/status").read().splitlines()
peak = 1024 * max(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
print(json.dumps([seconds, peak]))
"""


def fastest(work: Callable[[], object], repeats: int = 3) -> float:
    """Seconds of the shortest of some runs."""
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


@pytest.mark.perf
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_three_minutes_of_stereo_render_in_three_seconds() -> None:
    table = Table("Equalizer to limiter, 3 minutes of stereo at 44.1 kHz, every stage at work")
    for name, multiband in (("", False), (" with three bands", True)):
        code = RENDER.format(frames=180 * RATE, multiband=multiband)
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        seconds, peak = json.loads(done.stdout)
        table.add(f"time{name}", seconds, "s", None if multiband else 3.0)
        table.add(f"peak memory of the process{name}", peak / 2**20, "MiB", 600.0)
    table.show()


def settings(seed: int) -> dict[str, Tensor]:
    """Frequencies, gains and Qs ``[BATCH, BANDS]`` of ten bells, in float32, with gradients."""
    generator = torch.Generator().manual_seed(seed)

    def spread(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(BATCH, BANDS, generator=generator)

    values = {
        "frequency_hz": 20.0 * torch.pow(torch.tensor(900.0), spread(0.0, 1.0)),
        "gain_db": spread(-12.0, 12.0),
        "q": spread(0.5, 3.0),
    }
    return {name: value.requires_grad_(True) for name, value in values.items()}


def ours(audio: Tensor, values: dict[str, Tensor]) -> Tensor:
    out = []
    for index in range(BATCH):
        bands = BandTensors(
            (BandKind.BELL,) * BANDS,
            *(values[name][index].double() for name in ("frequency_hz", "gain_db", "q")),
            torch.ones(BANDS, dtype=torch.float64),
        )
        out.append(equalize(audio[index], bands, RATE))
    return torch.stack(out)


def dasp(audio: Tensor, values: dict[str, Tensor]) -> Tensor:
    from dasp_pytorch.signal import biquad, sosfilt_via_fsm

    sections = []
    for band in range(BANDS):
        numbers = (values[name][:, band] for name in ("gain_db", "frequency_hz", "q"))
        b, a = biquad(*numbers, RATE, "peaking")
        sections.append(torch.cat([b, a], dim=-1))
    filtered: Tensor = sosfilt_via_fsm(torch.stack(sections, dim=1), audio)
    return filtered


def forward_and_backward(equalizer: Callable[[Tensor, dict[str, Tensor]], Tensor]) -> float:
    audio = torch.randn(BATCH, 1, FRAMES, generator=torch.Generator().manual_seed(0))
    values = settings(1)
    audio.requires_grad_(True)
    return fastest(lambda: equalizer(audio, values).square().sum().backward())


@pytest.mark.perf
def test_the_differentiable_equalizer_is_eight_times_as_fast_as_dasp() -> None:
    table = Table("Ten bands with gradients, [8, 1, 220500], forward and backward")
    taken = forward_and_backward(ours)
    table.add("ours", 1e3 * taken, "ms")
    if importlib.util.find_spec("dasp_pytorch") is not None:
        theirs = forward_and_backward(dasp)
        table.add("dasp-pytorch", 1e3 * theirs, "ms")
        table.add("8 x ours / dasp-pytorch", 8.0 * taken / theirs, "", 1.0)
    else:
        table.add("dasp-pytorch is not installed: nothing to compare with", 0.0, "")
    table.show()


@pytest.mark.perf
@pytest.mark.parametrize("ratio", [4.0, 0.5], ids=["compressor", "expander"])
def test_the_differentiable_compressor_takes_a_third_of_a_second(ratio: float) -> None:
    audio = 0.2 * torch.randn(BATCH, 2, FRAMES, generator=torch.Generator().manual_seed(0))
    audio.requires_grad_(True)
    tensors = CompressorTensors.of(Compressor(-24.0, ratio))
    numbers = (tensors.threshold_db, tensors.ratio, tensors.attack_ms, tensors.release_ms)
    for number in numbers:
        number.requires_grad_(True)
    taken = fastest(lambda: compress(audio, tensors, RATE).square().sum().backward())
    table = Table(f"Ratio {ratio:g}:1 with gradients, [8, 2, 220500], forward and backward")
    table.add("time", 1e3 * taken, "ms", 360.0)
    table.show()
