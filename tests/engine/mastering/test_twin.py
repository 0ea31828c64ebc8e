"""The torch twin nulls against the renderer, stage by stage and as a whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.audio.clip import Clip
from engine.mastering.chain import render
from engine.mastering.compressor_gradient import CompressorTensors, compress
from engine.mastering.parameters import (
    Band,
    BandKind,
    ChainParameters,
    Compressor,
    Imager,
    Limiter,
    Multiband,
    Saturator,
)
from engine.mastering.twin import ChainTensors, MultibandTensors, compress_bands, process

torch.set_num_threads(1)

RATE = 44100
OPEN = ChainParameters(limiter=replace(Limiter(), enabled=False))
BANDS = (
    Band(BandKind.LOW_SHELF, 90.0, 4.0, gate=0.8),
    Band(BandKind.BELL, 800.0, -5.0, 1.4),
    Band(BandKind.HIGH_SHELF, 9000.0, 3.0),
)
STAGES = {
    "equalizer": replace(OPEN, bands=BANDS),
    "compressor": replace(OPEN, compressor=Compressor(-24.0, 4.0, 5.0, 120.0, 6.0, 2.0)),
    "lookahead": replace(OPEN, compressor=Compressor(-24.0, 4.0, 5.0, 120.0, 0.0, 0.0, 4.0)),
    "expander": replace(OPEN, compressor=Compressor(-24.0, 0.5, 5.0, 120.0, 6.0, -2.0)),
    "capped": replace(OPEN, compressor=Compressor(-50.0, 0.25, 5.0, 120.0, 0.0, -12.0)),
    "multiband": replace(
        OPEN,
        multiband=Multiband(
            120.0, 3000.0, Compressor(-30.0, 3.0), Compressor(-30.0, 0.7), Compressor(-40.0, 2.0)
        ),
    ),
    "saturator": replace(OPEN, saturator=Saturator(9.0, 0.7)),
    "imager": replace(OPEN, imager=Imager(1.4, 120.0)),
    "limiter": replace(OPEN, limiter=Limiter(9.0)),
    "all": ChainParameters(
        bands=BANDS,
        compressor=Compressor(-24.0, 3.0),
        multiband=Multiband(low=Compressor(-30.0, 2.0), high=Compressor(-40.0, 0.8)),
        saturator=Saturator(4.0),
        imager=Imager(1.2, 90.0),
        limiter=Limiter(6.0),
    ),
}


def music(seconds: float = 1.5, channels: int = 2) -> np.ndarray:
    """Decaying notes and noise bursts, different left and right."""
    rng = np.random.default_rng(0)
    time_s = np.arange(int(seconds * RATE)) / RATE
    out = np.zeros((channels, time_s.size))
    for channel in range(channels):
        for start in np.arange(0.0, seconds, 0.2):
            since = np.maximum(time_s - start, 0.0)
            note = np.sin(2.0 * np.pi * rng.uniform(80.0, 3000.0) * since)
            burst = 0.3 * rng.standard_normal(time_s.size)
            out[channel] += (note + burst) * np.exp(-12.0 * since) * (time_s >= start)
    return 0.5 * out / np.abs(out).max()


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_twin_nulls_against_the_renderer(name: str, dtype: torch.dtype) -> None:
    audio = music()
    got = process(torch.tensor(audio, dtype=dtype), ChainTensors.of(STAGES[name]), RATE)
    wanted = render(Clip(audio, RATE), STAGES[name]).samples
    error = np.mean((got.double().numpy() - wanted) ** 2) / np.mean(wanted**2)
    assert 10.0 * np.log10(error) < -100.0


def test_mono_passes_the_imager_unchanged() -> None:
    audio = torch.from_numpy(music(0.3, channels=1))
    out = process(audio, ChainTensors.of(STAGES["imager"]), RATE)
    assert torch.allclose(out, audio, atol=1e-12)


@pytest.mark.parametrize(("threshold_db", "ratio"), [(-12.0, 3.0), (-12.0, 0.4), (-30.0, 0.3)])
@pytest.mark.parametrize("knee_db", [1.0, 6.0, 20.0])
def test_every_number_of_the_compressor_has_the_right_gradient(
    threshold_db: float, ratio: float, knee_db: float
) -> None:
    peaks = torch.rand(2, 150, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    plain = CompressorTensors.of(Compressor(threshold_db, ratio, 2.0, 9.0, knee_db, 1.0))
    values = (
        plain.threshold_db,
        plain.ratio,
        plain.attack_ms,
        plain.release_ms,
        plain.knee_db,
        plain.makeup_db,
    )
    assert torch.autograd.gradcheck(
        lambda audio, *each: compress(audio, CompressorTensors(*each), 8000),
        (peaks.requires_grad_(True), *(value.clone().requires_grad_(True) for value in values)),
    )


def test_every_number_of_the_crossovers_has_the_right_gradient() -> None:
    audio = torch.rand(1, 200, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    plain = MultibandTensors.of(
        Multiband(300.0, 1500.0, Compressor(-30.0, 3.0), Compressor(-20.0, 0.6), Compressor(-6.0))
    )
    bands = (plain.low, plain.mid, plain.high)
    numbers = [value.clone().requires_grad_(True) for value in (plain.low_hz, plain.high_hz)]
    ratios = [band.ratio.clone().requires_grad_(True) for band in bands]

    def run(*values: torch.Tensor) -> torch.Tensor:
        each = (replace(band, ratio=value) for band, value in zip(bands, values[2:], strict=True))
        return compress_bands(audio, MultibandTensors(*values[:2], *each, active=True), 8000)

    assert torch.autograd.gradcheck(run, (*numbers, *ratios), atol=1e-6, fast_mode=True)


def test_silence_has_finite_gradients_everywhere() -> None:
    audio = torch.zeros(2, 3000, requires_grad=True)
    chain = ChainTensors.of(STAGES["all"])
    numbers = (
        chain.bands.gain_db,
        chain.compressor.threshold_db,
        chain.multiband.low_hz,
        chain.multiband.high.ratio,
        chain.drive_db,
        chain.width,
    )
    for number in numbers:
        number.requires_grad_(True)
    out = process(audio, chain, RATE)
    out.sum().backward()
    assert (out == 0.0).all()
    assert audio.grad is not None
    assert audio.grad.isfinite().all()
    assert all(number.grad is not None and number.grad.isfinite().all() for number in numbers)
