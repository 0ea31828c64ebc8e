"""The open output: opened, reopened when it is lost, replaced by a clock meanwhile."""

from __future__ import annotations

import time
from types import ModuleType
from typing import Any

from app.audio.layout import Block
from app.audio.mixer import Mixer
from app.audio.rack import Report
from app.audio.sinks import (
    CLOCK,
    ClockSink,
    DeviceSink,
    OutputDevice,
    choose_output,
    list_outputs,
    load_portaudio,
    rescan,
)

RETRY_S = 1.0
MOST_RETRY_S = 5.0
SILENT_DEVICE_S = 2.0


class Outlet:
    """Keeps a mixer connected to the device the player wishes for, or to the next best thing.

    Attributes
    ----------
    mixer
        The mixer that plays now; a new one for every stream, None before there is anything to
        play.
    """

    def __init__(self, block: Block, report: Report) -> None:
        self.mixer: Mixer | None = None
        self._block = block
        self._report = report
        self._portaudio = load_portaudio()
        self._sink: DeviceSink | ClockSink | None = None
        self._seen = {"rate": 0, "output": 0, "rescan": int(block.control["rescan_sequence"][0])}
        self._retry_s = RETRY_S
        self._retry_at = 0.0
        self._watched = (0, 0.0)
        self._slips_before = int(block.state["slips"][0])
        self._publish_devices()

    def follow(self) -> None:
        """Open, reopen or replace the output when that is asked for or needed."""
        control, mail = self._block.control, self._block.mail["output"]
        asked = {
            "rate": int(control["rate"][0]),
            "output": mail.sequence,
            "rescan": int(control["rescan_sequence"][0]),
        }
        lost = self._sink is not None and (self._sink.lost.is_set() or self._is_silent())
        retry = self._sink is not None and self._sink.clock_only and self._retry_is_due()
        if asked == self._seen and not lost and not retry:
            return
        wanted = mail.read_json()
        if wanted is None:
            return
        if lost and self._sink:
            self._report(
                f"The audio device {self._sink.name} stopped.",
                "It was unplugged, or the sound system closed it.",
                "Playback goes on with the next device; plug it in again or choose another one.",
            )
        fresh = lost or retry or asked["rescan"] != self._seen["rescan"]
        self._seen = asked
        self._block.state["busy"][0] = 1
        try:
            self._reopen(wanted, lost, fresh, retry)
        finally:
            self._block.state["busy"][0] = 0

    def publish(self) -> None:
        """Say how the stream fares."""
        if self._sink:
            self._block.state["slips"][0] = self._slips_before + self._sink.slips
            self._block.state["load"][0] = self._sink.load

    def close(self) -> None:
        """Give the device back."""
        if self._sink:
            self._sink.close()
            self._slips_before += self._sink.slips
        self._sink = None
        self._block.state["stream_rate"][0] = 0

    def _retry_is_due(self) -> bool:
        return self._portaudio is not None and time.monotonic() > self._retry_at

    def _is_silent(self) -> bool:
        """Whether the device has stopped asking for blocks without saying so."""
        blocks, now = int(self._block.state["callbacks"][0]), time.monotonic()
        if blocks != self._watched[0]:
            self._watched = (blocks, now)
        return now - self._watched[1] > SILENT_DEVICE_S

    def _reopen(self, wanted: dict[str, Any], lost: bool, fresh: bool, retry: bool) -> None:
        rate = self._seen["rate"]
        portaudio = self._portaudio if wanted["device"] != CLOCK else None
        if self._sink and not self._sink.clock_only:
            self.close()
        if fresh and self._portaudio:
            rescan(self._portaudio)
            self._publish_devices()
        choice = choose_output(portaudio, wanted["device"], rate) if portaudio and rate else None
        # Asking the sound system costs some time: do it less often the longer it is in vain.
        self._retry_s = min(2 * self._retry_s, MOST_RETRY_S) if retry else RETRY_S
        self._retry_at = time.monotonic() + self._retry_s
        if retry and choice is None:
            return  # the clock goes on undisturbed
        self.close()
        if portaudio and choice:
            self._open_device(portaudio, *choice, wanted["latency"])
        if rate and self._sink is None:
            if wanted["device"] != CLOCK and not lost:
                self._report_no_device()
            self.mixer = Mixer(self._block, rate, rate)
            self._sink = ClockSink(rate, self.mixer.render)
        self._watched = (int(self._block.state["callbacks"][0]), time.monotonic())
        self._publish_output()

    def _open_device(
        self, portaudio: ModuleType, device: OutputDevice, rate: int, latency: float | str
    ) -> None:
        self.mixer = Mixer(self._block, rate, self._seen["rate"])
        try:
            self._sink = DeviceSink(portaudio, device, rate, latency, self.mixer.render)
        except portaudio.PortAudioError as error:
            self._report(
                f"The audio device {device.name} could not be opened.",
                str(error),
                "Choose another device or close the program that uses it.",
            )

    def _publish_output(self) -> None:
        state, sink = self._block.state, self._sink
        if sink is None:
            return
        state["latency_s"][0] = sink.latency_s
        state["clock_only"][0] = sink.clock_only
        state["asked_rate"][0] = self._seen["rate"]
        state["stream_rate"][0] = sink.rate
        self._block.mail["device"].write_json(sink.name)

    def _publish_devices(self) -> None:
        devices = list_outputs(self._portaudio) if self._portaudio else []
        self._block.mail["devices"].write_json([device.to_json() for device in devices])

    def _report_no_device(self) -> None:
        if self._portaudio is None:
            self._report(
                "There is no sound: PortAudio is not installed.",
                "Playback runs silently.",
                "Install it (Debian and Ubuntu: apt install libportaudio2) and start again.",
            )
        else:
            self._report(
                "There is no sound: no audio device could be opened.",
                "Playback runs silently and starts to sound when a device appears.",
                "Plug one in, or choose another one in the preferences.",
            )
