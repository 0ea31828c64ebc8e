"""The chain as a playback insert: what the playback process loads to let edits be heard at once."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.mastering.chain import Chain, GainReduction
from engine.mastering.difference import CHOICES, Difference
from engine.mastering.filter_bank import Filter, FilterBank
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
from engine.tasks import Failure

_SOLO_SHAPES: dict[BandKind, BandKind | str] = {
    BandKind.LOW_SHELF: BandKind.LOW_PASS,
    BandKind.HIGH_SHELF: BandKind.HIGH_PASS,
}
_NO_SOLO = Filter("band_pass")
_REDUCTIONS = tuple(item.name for item in fields(GainReduction))


def create(rate: int, channels: int) -> ChainInsert:
    """Make an insert whose code is compiled and loaded, so that its first block is not late.

    Parameters
    ----------
    rate
        Sample rate in Hz.
    channels
        Number of channels of the blocks to come.
    """
    _warm_up()
    return ChainInsert(rate, channels)


class ChainInsert:
    """The mastering chain on interleaved float32 blocks, with parameters as JSON.

    The residual network is left out: the process that plays has no torch. The meters say so.

    Parameters
    ----------
    rate
        Sample rate in Hz.
    channels
        Number of channels.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self._chain = Chain(rate, channels, ChainParameters())
        self._difference = Difference(rate, channels, self._chain.latencies_frames)
        self._solo = FilterBank(rate, channels, [_NO_SOLO])
        self._residual_left_out = False
        self._largest_db = dict.fromkeys(_REDUCTIONS, 0.0)

    @property
    def latency_frames(self) -> int:
        """By how many frames the output lags the input; never changes."""
        return self._chain.latency_frames

    def configure(self, payload: bytes) -> None:
        """Move to new settings.

        Parameters
        ----------
        payload
            JSON: a :class:`ChainParameters` record. Beside its fields, ``"solo"`` may name the
            band, counted from 0, whose range alone is to be heard, and ``"listen"``, as
            ``{"stage": name}``, the stage of whose work only the difference is to be heard
            (``"all"`` for the whole chain but the limiter).

        Raises
        ------
        Failure
            If the payload is no such record. What was set before stays.
        """
        try:
            data: dict[str, Any] = dict(json.loads(payload))
        except (TypeError, ValueError) as error:
            raise Failure("The mastering parameters are not JSON.", str(error)) from error
        solo, choice = data.pop("solo", None), _choice(data.pop("listen", None))
        parameters = ChainParameters.from_dict(data)
        if solo is not None and (type(solo) is not int or not 0 <= solo < len(parameters.bands)):
            raise Failure("The band to hear alone does not exist.", f"It was {solo!r}.")
        self._chain.set_parameters(parameters)
        self._residual_left_out = parameters.residual.active
        self._difference.select(choice)
        self._solo.set_filters([_NO_SOLO if solo is None else _solo(parameters.bands[solo])])

    def process(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Process ``[frames, channels]`` float32; NaN and infinity become silence."""
        out = self._difference.choose(self._chain.process(block.T, self._difference.watch))
        reduction = self._chain.gain_reduction_db
        for stage in _REDUCTIONS:
            self._largest_db[stage] = max(
                self._largest_db[stage], getattr(reduction, stage), key=abs
            )
        return np.ascontiguousarray(self._solo.process(out).T, dtype=np.float32)

    def reset(self) -> None:
        """Forget the audio so far and be at the settings that were asked for."""
        self._chain.reset()
        self._difference.reset()
        self._solo.reset()
        self._largest_db = dict.fromkeys(self._largest_db, 0.0)

    def meters(self) -> dict[str, float]:
        """What happened since the last call.

        The largest gain reductions in dB (negative where a compressor expands), the samples that
        were replaced since the last reset, and whether a residual was asked for and left out.
        """
        largest_db, self._largest_db = self._largest_db, dict.fromkeys(self._largest_db, 0.0)
        meters = {f"{stage}_reduction_db": value for stage, value in largest_db.items()}
        return meters | {
            "replaced_samples": float(self._chain.replaced_samples),
            "residual_left_out": self._residual_left_out,
        }


def _choice(listen: object) -> str | None:
    """The stage to listen to that a message asks for."""
    if listen is None:
        return None
    choice = listen.get("stage") if isinstance(listen, dict) else None
    if choice not in CHOICES:
        raise Failure("The stage to listen to does not exist.", f"It was {listen!r}.")
    return str(choice)


def _solo(band: Band) -> Filter:
    """What lets a band's range through: a band pass, or the shelf's side of the spectrum."""
    shape = _SOLO_SHAPES.get(band.kind, "band_pass")
    return Filter(shape, band.frequency_hz, band.q, 1.0)


def _warm_up() -> None:
    """Run every compiled kernel once, resting and moving."""
    active = ChainParameters(
        compressor=Compressor(ratio=2.0),
        multiband=Multiband(low=Compressor(ratio=2.0), high=Compressor(ratio=0.5)),
        saturator=Saturator(drive_db=6.0),
        imager=Imager(width=1.5, mono_below_hz=100.0),
        limiter=Limiter(gain_db=12.0),
    ).with_band(0, gain_db=3.0)
    off = replace(active, limiter=Limiter(enabled=False))
    block = np.full((2, 1024), 0.25)
    chain = Chain(8000, 2, active)
    difference = Difference(8000, 2, chain.latencies_frames)
    difference.select("all")
    for parameters in (ChainParameters(), off, active):
        chain.process(block)
        chain.set_parameters(parameters)
        difference.choose(chain.process(block, difference.watch))
    Chain(8000, 1, off).process(block[:1])
