"""Where the mixer's blocks go: a sound device, or a clock when there is none."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Render = Callable[[NDArray[np.float32]], None]

CLOCK = "clock"
"""The name of the output without a device."""

_CLOCK_PERIOD_S = 0.01
_STARTING_BLOCKS = 3
_LOAD_WINDOW_S = 1.0


@dataclass(frozen=True, slots=True)
class OutputDevice:
    """A device as the sound system lists it.

    ``name`` chooses it; ``index`` is its place in the list of this moment only.
    """

    name: str
    index: int
    channels: int
    default_rate: int
    low_latency_s: float
    is_default: bool

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)


def load_portaudio() -> ModuleType | None:
    """The sounddevice module, or None where PortAudio is missing."""
    try:
        return importlib.import_module("sounddevice")
    except OSError:
        return None


def rescan(portaudio: ModuleType) -> None:
    """Let PortAudio look for devices again; only allowed while no stream is open."""
    portaudio._terminate()
    portaudio._initialize()


def list_outputs(portaudio: ModuleType) -> list[OutputDevice]:
    """All devices with outputs, the default one first."""
    apis = portaudio.query_hostapis()
    default = portaudio.default.device[1]
    if default < 0 and apis:
        default = apis[0]["default_output_device"]
    devices = [
        OutputDevice(
            name=f"{device['name']}, {apis[device['hostapi']]['name']}",
            index=device["index"],
            channels=device["max_output_channels"],
            default_rate=round(device["default_samplerate"]),
            low_latency_s=device["default_low_output_latency"],
            is_default=device["index"] == default,
        )
        for device in portaudio.query_devices()
        if device["max_output_channels"] > 0
    ]
    return sorted(devices, key=lambda device: not device.is_default)


def choose_output(
    portaudio: ModuleType, name: str | None, rate: int
) -> tuple[OutputDevice, int] | None:
    """The named device or else the default one, and a rate that it takes.

    Returns
    -------
    device, rate
        ``rate`` is the wanted one where the device takes it, else the device's own; None when
        nothing can be opened.
    """
    devices = list_outputs(portaudio)
    candidates = [device for device in devices if device.name == name]
    candidates += [device for device in devices if device.is_default and device.name != name]
    for device in candidates:
        for possible in dict.fromkeys((rate, device.default_rate)):
            try:
                portaudio.check_output_settings(
                    device.index, min(2, device.channels), "float32", samplerate=possible
                )
            except portaudio.PortAudioError:
                continue
            return device, possible
    return None


class DeviceSink:
    """An open stream on a device.

    Parameters
    ----------
    portaudio
        The sounddevice module.
    device
        Where to play.
    rate
        One that the device takes.
    latency
        Seconds, or ``"low"`` / ``"high"`` for the device's own notion.
    render
        Fills a block; runs in PortAudio's thread.

    Raises
    ------
    portaudio.PortAudioError
        If the device cannot be opened like this.
    """

    clock_only = False

    def __init__(
        self,
        portaudio: ModuleType,
        device: OutputDevice,
        rate: int,
        latency: float | str,
        render: Render,
    ) -> None:
        self.rate = rate
        self.name = device.name
        self.slips = 0
        self.lost = threading.Event()
        self._render = render
        self._blocks = 0
        self._worked_s = 0.0
        self._played_s = 0.0
        self._stream = portaudio.OutputStream(
            samplerate=rate,
            device=device.index,
            channels=min(2, device.channels),
            dtype="float32",
            latency=latency,
            callback=self._callback,
            finished_callback=self.lost.set,
        )
        self._stream.start()
        self.latency_s = float(self._stream.latency)

    def _callback(self, out: NDArray[np.float32], frames: int, times: Any, status: Any) -> None:
        began = time.perf_counter()
        self._render(out)
        self._blocks += 1
        if status.output_underflow and self._blocks > _STARTING_BLOCKS:
            self.slips += 1
        # Sums that forget: blocks differ in length, so a mean of quotients would mislead.
        keep = max(0.0, 1.0 - frames / self.rate / _LOAD_WINDOW_S)
        self._worked_s = self._worked_s * keep + (time.perf_counter() - began)
        self._played_s = self._played_s * keep + frames / self.rate

    @property
    def load(self) -> float:
        """Share of the last second that mixing took."""
        return self._worked_s / self._played_s if self._played_s else 0.0

    def close(self) -> None:
        """Stop at once and give the device back."""
        self._stream.abort(ignore_errors=True)
        self._stream.close(ignore_errors=True)


class ClockSink:
    """Consumes blocks at the pace of the system's clock, so that transport works in silence."""

    clock_only = True
    name = CLOCK
    latency_s = 0.0
    slips = 0
    load = 0.0

    def __init__(self, rate: int, render: Render) -> None:
        self.rate = rate
        self.lost = threading.Event()
        self._render = render
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        began, played = time.monotonic(), 0
        while not self._stop.wait(_CLOCK_PERIOD_S):
            due = int((time.monotonic() - began) * self.rate) - played
            # After a machine's sleep there is nothing to catch up with.
            due = min(due, self.rate // 4)
            self._render(np.zeros((due, 2), np.float32))
            played = int((time.monotonic() - began) * self.rate)

    def close(self) -> None:
        """Stop the clock."""
        self._stop.set()
        self._thread.join(1.0)
