"""The player: what the window asks playback to do, and what it hears back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.audio.devices import CLOCK, Output, OutputDevice, output_devices
from app.audio.layout import SLOTS, Block
from app.audio.playhead import heard_frame
from app.audio.slot import Slot, source_list
from app.audio.taps import Taps
from app.audio.watchdog import Watchdog
from engine.tasks import Failure

__all__ = ["Player", "Slot"]

if TYPE_CHECKING:
    from app.audio.bank import Bank
    from engine.audio.store import StoredAudio

FAST_MS = 16
SLOW_MS = 120
MIN_LOOP_S = 0.01
MAX_SPEED = 4.0


class Player(QObject):
    """Plays slots of aligned audio in a process of its own.

    Slots are counted from 0, frames are those of the first slot's rate. No call waits for the
    playback process.

    Signals
    -------
    position_changed(int), playing_changed(bool), slot_changed(int), slots_changed()
        The transport, up to 60 times a second.
    device_changed(str)
        Another device is open; ``CLOCK`` when there is none.
    devices_changed()
        The list of devices is new.
    trouble(Failure)
        Something the user should know; playback goes on as far as it can.

    Parameters
    ----------
    output
        Device and latency to begin with.
    insert
        ``module:factory`` of the live processor, called as ``factory(rate, channels)`` in the
        playback process.
    bank
        Converts slots whose rate is not the stream's; without it they are silent.
    """

    position_changed = Signal(int)
    playing_changed = Signal(bool)
    slot_changed = Signal(int)
    slots_changed = Signal()
    device_changed = Signal(str)
    devices_changed = Signal()
    trouble = Signal(object)

    def __init__(
        self,
        parent: QObject | None = None,
        output: Output | None = None,
        insert: str = "engine.mastering.preview:create",
        bank: Bank | None = None,
    ) -> None:
        super().__init__(parent)
        self._block = Block.create()
        self._insert = insert
        self._slots: tuple[Slot, ...] = ()
        self._bank = bank
        self._rate = self._stream_rate = 0
        self._frames = 0
        self._loop: tuple[int, int] | None = None
        self._last_slot = 0
        self._told: dict[str, Any] = {"playing": False, "position": 0}
        self._heard = dict.fromkeys(("device", "devices", "trouble"), 0)
        self.taps = Taps(self._block)
        self._output: Output | None = None
        self.set_output(output or Output())
        if bank:
            bank.ready.connect(self._send_sources)
            bank.failed.connect(self.trouble)
        self._watchdog = Watchdog(self._block, self)
        self._watchdog.restarted.connect(self._on_restarted)
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(SLOW_MS)
        self._timer.timeout.connect(self._poll)
        self._watchdog.start()
        self._timer.start()

    def shutdown(self) -> None:
        """End the playback process and give the shared memory back."""
        self._timer.stop()
        self._watchdog.stop()
        self._block.remove()

    # -- what is played ------------------------------------------------------------------------

    @property
    def slots(self) -> tuple[Slot, ...]:
        """What can be switched between."""
        return self._slots

    @property
    def rate(self) -> int:
        """Rate of the first slot in Hz; 0 while there is none."""
        return self._rate

    @property
    def frames(self) -> int:
        """Length of the longest slot."""
        return self._frames

    @property
    def current_slot(self) -> int:
        """Index of the slot that is heard."""
        return int(self._block.control["slot"][0])

    def set_slots(self, slots: Sequence[Slot]) -> None:
        """Put up to nine aligned renderings into the slots, from index 0.

        The playhead and the transport stay as they are; what is unchanged plays on without a
        gap, what is new is crossfaded in.
        """
        self._slots = tuple(slots[:SLOTS])
        rate = self._slots[0].stored.rate if self._slots else self._rate
        if rate != self._rate:
            position = self.position_frame
            position = round(position * rate / self._rate) if self._rate else position
            self._rate = self._stream_rate = rate
            self._move_to(position)
            self._block.control["rate"][0] = rate
        self._frames = max((self._bank_frames(slot.stored) for slot in self._slots), default=0)
        for index, slot in enumerate(self._slots):
            self._block.control["gain_db"][index] = slot.gain_db
        self._send_sources()
        if self.current_slot >= len(self._slots):
            self.select(0)
        if not self._slots:
            self.pause()
        self.slots_changed.emit()

    def _send_sources(self) -> None:
        """Tell the playback process what to map, at the rate of its stream."""
        message, available = source_list(
            self._slots, self._stream_rate, self._at_stream_rate, self._insert
        )
        self._block.control["available"][:] = available
        self._block.mail["sources"].write_json(message)

    def _at_stream_rate(self, stored: StoredAudio) -> StoredAudio | None:
        if self._bank:
            return self._bank.at_rate(stored, self._stream_rate)
        return stored if stored.rate == self._stream_rate else None

    def _bank_frames(self, stored: StoredAudio) -> int:
        return round(stored.frames * self._rate / stored.rate)

    def select(self, index: int) -> None:
        """Hear another slot, from the same frame on."""
        if index == self.current_slot or not 0 <= index < max(1, len(self._slots)):
            return
        self._last_slot = self.current_slot
        self._block.control["slot"][0] = index
        self.slot_changed.emit(index)

    def select_last(self) -> None:
        """Go back to the slot heard before: alternates between the last two."""
        last, current = self._last_slot, self.current_slot
        if last == current or last >= len(self._slots):
            last = 0 if current else 1
        self.select(last)

    def set_gain_db(self, index: int, gain_db: float) -> None:
        """Change the level of a slot, smoothly."""
        self._block.control["gain_db"][index] = gain_db

    def gain_db(self, index: int) -> float:
        """Level of a slot."""
        return float(self._block.control["gain_db"][index])

    def set_insert_parameters(self, message: bytes) -> None:
        """Give the live processor new parameters; at most 16 KB."""
        self._block.mail["insert"].write(message)

    def insert_meters(self) -> dict[str, Any]:
        """What the live processor measured last; empty when it is not heard."""
        current = self.current_slot
        if not self.playing or current >= len(self._slots) or not self._slots[current].insert:
            return {}
        return self._block.mail["meters"].read_json() or {}

    # -- transport -----------------------------------------------------------------------------

    @property
    def playing(self) -> bool:
        """Whether the playhead runs (or waits for audio that is still being made)."""
        control = self._block.control
        return bool(control["playing"][0]) and int(control["play_sequence"][0]) != int(
            self._block.state["ended_sequence"][0]
        )

    @property
    def waiting(self) -> bool:
        """Whether playback waits for audio that is still being made."""
        return self.playing and bool(self._block.state["waiting"][0])

    @property
    def position_frame(self) -> int:
        """The frame that is heard now; exact while nothing plays."""
        control, state = self._block.control, self._block.state
        if int(control["seek_sequence"][0]) != int(state["seek_done"][0]):
            return int(control["seek_frame"][0])
        if self.playing and not state["waiting"][0]:
            return min(max(round(heard_frame(self._block, time.monotonic())), 0), self._frames)
        return round(self._block.read_clock()[0])

    def play(self) -> None:
        """Play from the playhead, from the beginning when it stands at the end."""
        if not self._slots or self.playing:
            return
        if self.position_frame >= self._frames and self.speed > 0:
            self.seek(self._loop[0] if self._loop else 0)
        self._set_playing(True)

    def pause(self) -> None:
        """Stop where the playhead is."""
        if self.playing:
            self._set_playing(False)

    def toggle(self) -> None:
        """Play or pause."""
        if self.playing:
            self.pause()
        else:
            self.play()

    def stop(self) -> None:
        """Stop and go back to the beginning."""
        self.pause()
        self.seek(0)

    def _set_playing(self, playing: bool) -> None:
        self._block.control["playing"][0] = playing
        self._block.control["play_sequence"][0] += 1
        self._poll()

    def seek(self, frame: int) -> None:
        """Move the playhead."""
        self._move_to(min(max(int(frame), 0), self._frames))
        self._poll()

    def _move_to(self, frame: int) -> None:
        self._block.control["seek_frame"][0] = frame
        self._block.control["seek_sequence"][0] += 1

    @property
    def loop(self) -> tuple[int, int] | None:
        """The loop region ``[start, end)`` in frames."""
        return self._loop

    def set_loop(self, loop: tuple[int, int] | None) -> None:
        """Repeat a region without a gap, or none; may change while playing.

        What lies beyond the end of the audio is cut off while playing; a region shorter than
        10 ms is none.
        """
        if loop is not None:
            start, end = sorted(max(int(frame), 0) for frame in loop)
            loop = (start, end) if end - start > MIN_LOOP_S * self._rate else None
        self._loop = loop
        self._block.write_loop(*(loop or (0, 0)))

    @property
    def speed(self) -> float:
        """Frames per frame; negative runs backwards."""
        return float(self._block.control["speed"][0])

    def set_speed(self, speed: float) -> None:
        """Play at another speed, from -4 to 4; 0 pauses."""
        if speed == 0:
            self.pause()
            speed = 1.0
        self._block.control["speed"][0] = min(max(speed, -MAX_SPEED), MAX_SPEED)

    # -- devices -------------------------------------------------------------------------------

    @property
    def output(self) -> Output:
        """The wished-for device and latency."""
        return self._output or Output()

    def set_output(self, output: Output) -> None:
        """Play on another device or with another latency; interrupts playback for a moment."""
        if output == self._output:
            return
        self._output = output
        self._block.mail["output"].write_json({"device": output.device, "latency": output.latency})

    def devices(self) -> list[OutputDevice]:
        """Devices that can be chosen, the default one first."""
        return output_devices(self._block)

    def rescan_devices(self) -> None:
        """Look for devices again; interrupts playback for a moment."""
        self._block.control["rescan_sequence"][0] += 1

    @property
    def device(self) -> str:
        """Name of the open device; ``CLOCK`` when there is none, empty while none is open."""
        return self._block.mail["device"].read_json() or ""

    @property
    def has_sound(self) -> bool:
        """Whether a real device plays."""
        return self.device not in ("", CLOCK)

    @property
    def slips(self) -> int:
        """How often the device ran out of audio."""
        return int(self._block.state["slips"][0])

    @property
    def load(self) -> float:
        """Share of the available time that mixing takes."""
        return float(self._block.state["load"][0])

    @property
    def latency_s(self) -> float:
        """Delay of the open device."""
        return float(self._block.state["latency_s"][0])

    # -- news from the playback process --------------------------------------------------------

    def _poll(self) -> None:
        playing, position = self.playing, self.position_frame
        if position != self._told["position"]:
            self._told["position"] = position
            self.position_changed.emit(position)
        if playing != self._told["playing"]:
            self._told["playing"] = playing
            self._timer.setInterval(FAST_MS if playing else SLOW_MS)
            self.playing_changed.emit(playing)
        state = self._block.state
        stream_rate = int(state["stream_rate"][0])
        if stream_rate not in (0, self._stream_rate) and self._rate == state["asked_rate"][0]:
            self._stream_rate = stream_rate
            self._send_sources()
        for name, mail in self._block.mail.items():
            if name in self._heard and mail.sequence != self._heard[name]:
                sequence, message = mail.sequence, mail.read_json()
                if message is not None:
                    self._heard[name] = sequence
                    self._on_message(name, message)

    def _on_message(self, name: str, message: Any) -> None:
        if name == "device":
            self.device_changed.emit(message)
        elif name == "devices":
            self.devices_changed.emit()
        else:
            self.trouble.emit(Failure(message["what"], message["why"], message["remedy"]))

    def _on_restarted(self, reason: str) -> None:
        if self._watchdog.gave_up:
            self.trouble.emit(
                Failure(
                    "Playback does not start.",
                    f"Several attempts failed: {reason}.",
                    "Choose another audio device in the preferences; it is tried again meanwhile.",
                )
            )
