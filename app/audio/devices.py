"""Which device to play on and how much delay to allow."""

from __future__ import annotations

from dataclasses import dataclass

from app.audio.layout import Block
from app.audio.sinks import CLOCK, OutputDevice

__all__ = ["CLOCK", "Output", "OutputDevice", "output_devices"]

DEFAULT_LATENCY_S = 0.05


@dataclass(frozen=True, slots=True)
class Output:
    """The wish for an output.

    Parameters
    ----------
    device
        Name of an :class:`OutputDevice`, ``None`` for the system's default one, or ``CLOCK`` for
        none at all. A device that is missing is replaced by the default one.
    latency
        Seconds between mixing and hearing; ``"low"`` leaves it to the device.
    """

    device: str | None = None
    latency: float | str = DEFAULT_LATENCY_S


def output_devices(block: Block) -> list[OutputDevice]:
    """The devices the playback process found, the default one first; empty before it has looked."""
    return [OutputDevice(**device) for device in block.mail["devices"].read_json() or []]
