"""From a normalised vector to the torch twin, with gradients for every number of it."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from engine.mastering.compressor_gradient import CompressorTensors
from engine.mastering.differentiable import BandTensors
from engine.mastering.imager import side_bands
from engine.mastering.parameters import ChainParameters, Compressor
from engine.mastering.ranges import Range
from engine.mastering.twin import ChainTensors
from engine.mastering.vector import from_vector, names, ranges


def physical(position: Tensor, limits: Range) -> Tensor:
    """[0, 1] -> physical value: :meth:`Range.physical` on tensors of any shape."""
    if limits.logarithmic:
        return limits.low * torch.exp(position * math.log(limits.high / limits.low))
    return limits.low + position * (limits.high - limits.low)


def normalised(value: Tensor, limits: Range) -> Tensor:
    """Physical value -> [0, 1], the inverse of :func:`physical`."""
    if limits.logarithmic:
        return torch.log(value / limits.low) / math.log(limits.high / limits.low)
    return (value - limits.low) / (limits.high - limits.low)


def chain_tensors(vector: Tensor, like: ChainParameters) -> ChainTensors:
    """The twin's numbers at the positions ``vector`` ``[names(like)]``, float64.

    Kinds and bypasses are those of ``like``. Lookaheads and the limiter's times and ceiling are
    taken as they are: the twin has no gradient for them.
    """
    chain = from_vector(vector.detach().cpu().numpy(), like)
    positions = vector.to(torch.float64).unbind()
    at = {
        name: physical(position, limits)
        for name, position, limits in zip(names(like), positions, ranges(like), strict=True)
    }
    fixed = ChainTensors.of(chain)
    side = side_bands(chain.imager)
    mono_below_hz = at["imager.mono_below_hz"].expand(len(side))
    return replace(
        fixed,
        bands=_bands(at, chain) if chain.bands else fixed.bands,
        compressor=_compressor(at, "compressor", chain.compressor),
        multiband=replace(
            fixed.multiband,
            low_hz=at["multiband.low_hz"],
            high_hz=at["multiband.high_hz"],
            low=_compressor(at, "multiband.low", chain.multiband.low),
            mid=_compressor(at, "multiband.mid", chain.multiband.mid),
            high=_compressor(at, "multiband.high", chain.multiband.high),
        ),
        drive_db=at["saturator.drive_db"],
        mix=at["saturator.mix"] if chain.saturator.active else fixed.mix,
        width=at["imager.width"] if chain.imager.enabled else fixed.width,
        side_bands=replace(fixed.side_bands, frequency_hz=mono_below_hz),
        limiter_gain_db=at["limiter.gain_db"],
    )


def _bands(at: dict[str, Tensor], chain: ChainParameters) -> BandTensors:
    def each(name: str) -> Tensor:
        return torch.stack([at[f"bands.{index}.{name}"] for index in range(len(chain.bands))])

    enabled = torch.tensor([float(band.enabled) for band in chain.bands], dtype=torch.float64)
    gate = each("gate") * enabled.to(each("gate").device)
    kinds = tuple(band.kind for band in chain.bands)
    return BandTensors(kinds, each("frequency_hz"), each("gain_db"), each("q"), gate)


def _compressor(at: dict[str, Tensor], path: str, record: Compressor) -> CompressorTensors:
    fixed = CompressorTensors.of(record)
    return CompressorTensors(
        at[f"{path}.threshold_db"],
        at[f"{path}.ratio"] if record.enabled else fixed.ratio,
        at[f"{path}.attack_ms"],
        at[f"{path}.release_ms"],
        at[f"{path}.knee_db"],
        at[f"{path}.makeup_db"] if record.enabled else fixed.makeup_db,
        record.lookahead_ms,
    )
