"""The playback process: opens the device, maps the sources, runs the mixer.

It is a process of its own because a callback in the window's interpreter loses audio whenever
something there holds the interpreter lock. Started as ``python -m app.audio.host BLOCK``; ends
when its standard input is closed, which also happens when the window dies.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from app.audio.layout import SLOTS, Block
from app.audio.mixer import Mixer
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
from app.audio.sources import Source
from app.audio.voice import Insert, Voice

ROUND_S = 0.004
RETRY_S = 1.0
WARM_S = 2.0
SILENT_DEVICE_S = 2.0
METERS_S = 0.03
SWITCH_S = 0.001
NICENESS = -11


class Host:
    """The main loop's state.

    Parameters
    ----------
    block
        The block shared with the player.
    """

    def __init__(self, block: Block) -> None:
        self._block = block
        self._quit = threading.Event()
        self._portaudio = load_portaudio()
        self._sink: DeviceSink | ClockSink | None = None
        self._mixer: Mixer | None = None
        self._voices: list[Voice | None] = [None] * SLOTS
        self._retired: list[Voice] = []
        self._seen = {"sources": 0, "output": 0, "insert": 0, "rescan": 0, "rate": 0}
        self._insert_message: bytes | None = None
        self._insert_error = ""
        self._retry_at = 0.0
        self._meters_at = 0.0
        self._scratch = bytearray(1 << 18)
        self._warmed_seek = -1
        self._warm_from = -(1 << 62)
        self._watched = (0, 0.0)
        self._slips_before = int(block.state["slips"][0])

    def run(self) -> None:
        """Serve until the player goes away."""
        block = self._block
        block.state["pid"][0] = os.getpid()
        self._seen["rescan"] = int(block.control["rescan_sequence"][0])
        self._publish_devices()
        threading.Thread(target=self._watch_parent, daemon=True).start()
        _raise_priority()
        gc.freeze()
        gc.disable()
        sys.setswitchinterval(SWITCH_S)
        parent = os.getppid()
        while not self._quit.wait(ROUND_S) and os.getppid() == parent:
            block.state["heartbeat"][0] += 1
            self._follow_output()
            self._follow_sources()
            self._follow_insert()
            self._warm()
            self._publish()
        self._close_sink()
        block.remove()

    def _watch_parent(self) -> None:
        # The other end of standard input is held by the player alone: it ends with it.
        while os.read(0, 1):
            continue
        self._quit.set()

    # -- output --------------------------------------------------------------------------------

    def _follow_output(self) -> None:
        """Open, reopen or replace the output when that is asked for or needed."""
        control, mail = self._block.control, self._block.mail["output"]
        asked = {
            "rate": int(control["rate"][0]),
            "output": mail.sequence,
            "rescan": int(control["rescan_sequence"][0]),
        }
        changed = asked != {name: self._seen[name] for name in asked}
        lost = self._sink is not None and (self._sink.lost.is_set() or self._is_silent())
        retry = self._sink is not None and self._sink.clock_only and self._retry_is_due()
        if not (changed or lost or retry):
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
        self._seen |= asked
        self._block.state["busy"][0] = 1
        try:
            self._reopen(wanted, asked["rate"], lost, fresh, retry)
        finally:
            self._block.state["busy"][0] = 0

    def _retry_is_due(self) -> bool:
        return self._portaudio is not None and time.monotonic() > self._retry_at

    def _is_silent(self) -> bool:
        """Whether the device has stopped asking for blocks without saying so."""
        blocks, now = int(self._block.state["callbacks"][0]), time.monotonic()
        if blocks != self._watched[0]:
            self._watched = (blocks, now)
        return now - self._watched[1] > SILENT_DEVICE_S

    def _reopen(
        self, wanted: dict[str, Any], rate: int, lost: bool, fresh: bool, retry: bool
    ) -> None:
        portaudio = self._portaudio if wanted["device"] != CLOCK else None
        if self._sink and not self._sink.clock_only:
            self._close_sink()
        if fresh and self._portaudio:
            rescan(self._portaudio)
            self._publish_devices()
        choice = choose_output(portaudio, wanted["device"], rate) if portaudio and rate else None
        self._retry_at = time.monotonic() + RETRY_S
        if retry and choice is None:
            return  # the clock goes on undisturbed
        self._close_sink()
        if portaudio and choice:
            self._open_device(portaudio, *choice, wanted["latency"])
        if rate and self._sink is None:
            if wanted["device"] != CLOCK and not lost:
                self._report_no_device()
            self._mixer = Mixer(self._block, rate, rate)
            self._sink = ClockSink(rate, self._mixer.render)
        self._seen["sources"] = 0
        self._watched = (int(self._block.state["callbacks"][0]), time.monotonic())
        self._publish_output()

    def _open_device(
        self, portaudio: ModuleType, device: OutputDevice, rate: int, latency: float | str
    ) -> None:
        self._mixer = Mixer(self._block, rate, self._seen["rate"])
        try:
            self._sink = DeviceSink(portaudio, device, rate, latency, self._mixer.render)
        except portaudio.PortAudioError as error:
            self._report(
                f"The audio device {device.name} could not be opened.",
                str(error),
                "Choose another device or close the program that uses it.",
            )

    def _close_sink(self) -> None:
        if self._sink:
            self._sink.close()
            self._slips_before += self._sink.slips
        self._sink = None
        self._block.state["stream_rate"][0] = 0

    # -- sources -------------------------------------------------------------------------------

    def _follow_sources(self) -> None:
        """Map what the player put into the slots, and what has grown since."""
        mail, mixer = self._block.mail["sources"], self._mixer
        if mixer is None:
            return
        if mail.sequence != self._seen["sources"]:
            sequence, wanted = mail.sequence, mail.read_json()
            if wanted is None:
                return
            self._seen["sources"] = sequence
            fits = wanted["rate"] == mixer.rate and wanted["frames"] is not None
            slots = wanted["slots"] if fits else [None] * SLOTS
            voices = [self._voice(slot, wanted) for slot in zip(self._voices, slots, strict=True)]
            self._retired += [old for old in self._voices if old and old not in voices]
            self._voices = voices
            self._extend()
            mixer.set_voices(voices, wanted["frames"] if fits else None)
        else:
            self._extend()
        if self._retired and mixer.adopted:
            for voice in self._retired:
                voice.source.close()
            self._retired.clear()

    def _voice(
        self, slot: tuple[Voice | None, dict[str, Any] | None], wanted: dict[str, Any]
    ) -> Voice | None:
        """Keep the voice when it is the same audio, else make a new one."""
        old, new = slot
        if new is None:
            return None
        path, recipe = Path(new["path"]), (new["insert"], wanted["rate"])
        if old and old.source.path == path and old.recipe == recipe:
            old.source.growing = new["growing"]
            return old
        try:
            source = Source(path, new["channels"], new["growing"])
        except OSError as error:
            self._report(
                f"{path.name} cannot be played.",
                str(error),
                "The decoded audio may have been removed from the cache: open the file again.",
            )
            return None
        self._block.state["busy"][0] = 1
        insert = self._load_insert(new["insert"], wanted["rate"], new["channels"])
        self._block.state["busy"][0] = 0
        return Voice(source, insert, recipe)

    def _extend(self) -> None:
        for slot, voice in enumerate(self._voices):
            if voice:
                voice.source.extend(int(self._block.control["available"][slot]))

    # -- insert --------------------------------------------------------------------------------

    def _load_insert(self, name: str | None, rate: int, channels: int) -> Insert | None:
        """Make the processor that ``module:factory`` names, warmed up so that it starts at once."""
        if not name:
            return None
        module, _, factory = name.partition(":")
        try:
            insert: Insert = getattr(importlib.import_module(module), factory)(rate, channels)
            if self._insert_message is not None:
                insert.configure(self._insert_message)
            insert.process(np.zeros((1024, channels), np.float32))
            insert.reset()
        except Exception as error:
            # A processor comes from outside: whatever it raises, playback works without it.
            self._report_insert(error)
            return None
        return insert

    def _follow_insert(self) -> None:
        """Hand new parameters over and report a processor that failed."""
        mail = self._block.mail["insert"]
        if mail.sequence != self._seen["insert"]:
            sequence, message = mail.sequence, mail.read()
            if message is not None:
                self._seen["insert"], self._insert_message = sequence, message
                for voice in filter(None, self._voices):
                    voice.message, voice.error = message, None
        for voice in filter(None, self._voices):
            if voice.error and repr(voice.error) != self._insert_error:
                self._report_insert(voice.error)

    def _report_insert(self, error: Exception) -> None:
        self._insert_error = repr(error)
        self._report(
            "The live preview was switched off.",
            f"Its processor failed: {error!r}",
            "You hear the unprocessed audio; it is tried again when a parameter changes.",
        )

    # -- housekeeping --------------------------------------------------------------------------

    def _warm(self) -> None:
        """Have the system read ahead of the playhead, so that no callback waits for a disk."""
        mixer, control = self._mixer, self._block.control
        if mixer is None:
            return
        seek = int(control["seek_sequence"][0])
        ahead = round(WARM_S * mixer.rate)
        if seek != self._warmed_seek:
            at = round(int(control["seek_frame"][0]) * mixer.scale)
            voice = self._voices[int(control["slot"][0])]
            if voice:
                voice.source.warm(at, at + mixer.rate // 4, self._scratch)
            mixer.warmed_sequence = self._warmed_seek = seek
        at = int(mixer.position)
        # A whole stretch is read at a time, when less than half of it lies ahead.
        if not self._warm_from <= at < self._warm_from + ahead // 2:
            self._warm_from = at
            loop = self._block.read_loop()
            for voice in filter(None, self._voices):
                voice.source.warm(at - ahead // 4, at + ahead, self._scratch)
                if loop and loop[1] > loop[0]:
                    start = round(loop[0] * mixer.scale)
                    voice.source.warm(start, start + ahead // 4, self._scratch)

    def _publish(self) -> None:
        state, sink = self._block.state, self._sink
        if sink:
            state["slips"][0] = self._slips_before + sink.slips
            state["load"][0] = sink.load
        now = time.monotonic()
        if now < self._meters_at:
            return
        self._meters_at = now + METERS_S
        slot = int(state["slot"][0])
        voice = self._voices[slot] if 0 <= slot < SLOTS else None
        if voice and voice.insert and not voice.error:
            self._block.mail["meters"].write_json(voice.insert.meters())

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

    def _report(self, what: str, why: str, remedy: str) -> None:
        self._block.mail["trouble"].write_json({"what": what, "why": why, "remedy": remedy})


def _raise_priority() -> None:
    """Run before other programs where the system allows it (Windows: see the watchdog)."""
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(NICENESS)


def main(path: str) -> None:
    """Run the playback process on the block of that path until the player ends."""
    block = Block(Path(path))
    try:
        Host(block).run()
    except Exception as error:
        # Last words: the player shows them and starts another host.
        block.mail["trouble"].write_json(
            {
                "what": "The playback process failed.",
                "why": "".join(traceback.format_exception(error))[-4000:],
                "remedy": "It is started again by itself; report this if it comes back.",
            }
        )
        raise


if __name__ == "__main__":
    main(sys.argv[1])
