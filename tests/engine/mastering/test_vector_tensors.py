"""The twin driven by a normalised vector."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

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
from engine.mastering.ranges import PARAM_RANGES
from engine.mastering.twin import ChainTensors, process
from engine.mastering.vector import names, to_vector
from engine.mastering.vector_tensors import chain_tensors, normalised, physical

torch.set_num_threads(1)

RATE = 16000
CHAIN = ChainParameters(
    bands=(Band(BandKind.LOW_SHELF, 90.0, 4.0, gate=0.8), Band(BandKind.BELL, 800.0, -5.0, 1.4)),
    compressor=Compressor(-24.0, 3.0, 5.0, 80.0),
    multiband=Multiband(low=Compressor(-30.0, 2.0, 5.0), high=Compressor(-40.0, 0.8, 5.0)),
    saturator=Saturator(4.0, 0.8),
    imager=Imager(1.2, 90.0),
    limiter=Limiter(3.0),
)
NO_GRADIENT = ("residual.amount", "lookahead_ms", "limiter.ceiling_dbtp", "limiter.release_ms")


@pytest.mark.parametrize("name", PARAM_RANGES)
def test_the_map_of_tensors_is_that_of_the_ranges(name: str) -> None:
    limits = PARAM_RANGES[name]
    positions = torch.linspace(0.0, 1.0, 7, dtype=torch.float64)
    values = physical(positions, limits)
    expected = torch.tensor([limits.physical(p) for p in positions.tolist()], dtype=torch.float64)
    torch.testing.assert_close(values, expected, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(normalised(values, limits), positions, rtol=0.0, atol=1e-12)


@pytest.mark.parametrize(
    "chain",
    [
        CHAIN,
        replace(CHAIN, compressor=replace(CHAIN.compressor, enabled=False)),
        replace(CHAIN, multiband=replace(CHAIN.multiband, enabled=False)),
        replace(CHAIN, saturator=replace(CHAIN.saturator, enabled=False)),
        replace(CHAIN, imager=replace(CHAIN.imager, enabled=False)),
        replace(CHAIN, bands=(replace(CHAIN.bands[0], enabled=False),)),
        ChainParameters(bands=()),
    ],
)
def test_it_sounds_as_the_record_does(chain: ChainParameters) -> None:
    generator = torch.Generator().manual_seed(0)
    audio = 0.2 * torch.randn(2, 4000, generator=generator, dtype=torch.float64)
    got = process(audio, chain_tensors(torch.from_numpy(to_vector(chain)), chain), RATE)
    wanted = process(audio, ChainTensors.of(chain), RATE)
    torch.testing.assert_close(got, wanted, rtol=0.0, atol=1e-9)


def test_every_number_of_the_vector_has_a_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    audio = 0.3 * torch.randn(2, 6000, generator=generator, dtype=torch.float64)
    vector = torch.from_numpy(to_vector(CHAIN)).requires_grad_(True)
    weights = torch.randn(2, 6000, generator=generator, dtype=torch.float64)
    (process(audio, chain_tensors(vector, CHAIN), RATE) * weights).sum().backward()
    assert vector.grad is not None
    assert vector.grad.isfinite().all()
    for name, gradient in zip(names(CHAIN), vector.grad.tolist(), strict=True):
        idle = name.startswith("multiband.mid.") and not name.endswith(("ratio", "makeup_db"))
        assert (gradient == 0.0) == (idle or name.endswith(NO_GRADIENT)), name
