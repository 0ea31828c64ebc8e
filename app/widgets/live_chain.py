"""What the live chain is told: the numbers, one band alone, or only what one stage changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol

from PySide6.QtCore import QObject, Signal

from app.commands import Command
from engine.mastering.parameters import ChainParameters

ALL_BANDS = -1
# How a stage is called in "Only what the ... changes is heard".
STAGE_NAMES = {
    "equalizer": "equalizer",
    "compressor": "compressor",
    "multiband": "three-band compressor",
    "saturator": "saturator",
    "imager": "stereo width",
    "limiter": "limiter",
    "all": "whole chain before the limiter",
}


class Listener(Protocol):
    """What plays the live chain: the player."""

    slot_changed: Any
    slots_changed: Any

    @property
    def slots(self) -> Sequence[Any]:
        """What can be heard, by ``label``."""

    @property
    def current_slot(self) -> int:
        """Which of them is heard."""

    def select(self, index: int) -> None:
        """Hear a slot."""

    def set_insert_parameters(self, data: bytes) -> None:
        """Give the live chain its numbers."""


class LiveChain(QObject):
    """Keeps the player's insert at the panel's numbers, and says how it is listened to.

    Hearing one band or one difference is listening, not editing: it is no part of the session. A
    difference is heard in the Live slot alone and ends when that is left.

    Signals
    -------
    changed()
        Another band or stage is listened to, or the Live slot came or went.
    """

    changed = Signal()

    def __init__(self, player: Listener, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._player = player
        self._sent = b""
        self._live_index = -1
        self.solo = ALL_BANDS
        self.stage = ""
        player.slot_changed.connect(lambda _index: self._follow_slot())
        player.slots_changed.connect(self._follow_slots)

    @property
    def can_listen(self) -> bool:
        """Whether there is a Live slot."""
        return self._live() >= 0

    @property
    def conditions(self) -> tuple[bool, ...]:
        """What decides which of the commands are possible."""
        return self.can_listen, bool(self.stage), self.solo != ALL_BANDS

    def commands(self) -> list[Command]:
        """What can be listened to, for menus, keys and the palette."""
        here = partial(Command, menu="Master/Listen to", enabled=lambda: self.can_listen)
        soloed, differs = (lambda: self.solo != ALL_BANDS), (lambda: bool(self.stage))
        return [
            Command("master.solo_off", "Solo off", self.stop, menu="Master", enabled=soloed),
            *(
                here(
                    f"master.listen_{stage}",
                    f"Listen to what the {name} changes",
                    partial(self.toggle_stage, stage),
                    checked=partial(self._hears, stage),
                )
                for stage, name in STAGE_NAMES.items()
            ),
            here("master.listen_off", "Listen to the whole chain", self.stop, enabled=differs),
        ]

    def send(self, heard: ChainParameters) -> None:
        """Play these numbers; nothing happens when they are played already."""
        message: dict[str, Any] = heard.to_dict()
        if self.solo != ALL_BANDS:
            message["solo"] = self.solo
        if self.stage:
            message["listen"] = {"stage": self.stage}
        data = json.dumps(message).encode()
        if data != self._sent:
            self._sent = data
            self._player.set_insert_parameters(data)

    def listen_to_band(self, index: int) -> None:
        """Hear one band alone; -1 for all."""
        self._listen(index, "")

    def listen_to_stage(self, stage: str) -> None:
        """Hear only what a stage changes, in the Live slot; empty for the whole chain."""
        if stage and not self.can_listen:
            return
        if stage:
            self._player.select(self._live())
        self._listen(ALL_BANDS, stage)

    def toggle_stage(self, stage: str) -> None:
        """Hear only what a stage changes, or the whole chain again."""
        self.listen_to_stage("" if self._hears(stage) else stage)

    def stop(self) -> None:
        """Hear the whole chain again."""
        self._listen(ALL_BANDS, "")

    def hear_edits(self) -> None:
        """Whoever edits while hearing the finished master wants to hear the edit."""
        current, slots = self._player.current_slot, list(self._player.slots)
        if current < len(slots) and slots[current].label == "Master" and self.can_listen:
            self._player.select(self._live())

    def _listen(self, band: int, stage: str) -> None:
        if (band, stage) != (self.solo, self.stage):
            self.solo, self.stage = band, stage
            self.changed.emit()

    def _hears(self, stage: str) -> bool:
        return self.stage == stage

    def _live(self) -> int:
        labels = [slot.label for slot in self._player.slots]
        return labels.index("Live") if "Live" in labels else -1

    def _follow_slot(self) -> None:
        if self.stage and self._player.current_slot != self._live():
            self._listen(self.solo, "")

    def _follow_slots(self) -> None:
        live = self._live()
        if live != self._live_index:
            self._live_index = live
            self._follow_slot()
            self.changed.emit()
