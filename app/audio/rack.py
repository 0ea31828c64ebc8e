"""What the slots hold: files kept mapped and read ahead, inserts loaded and configured."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from app.audio.layout import SLOTS, Block
from app.audio.mixer import Mixer
from app.audio.sources import Source
from app.audio.voice import Insert, Voice

Report = Callable[[str, str, str], None]
"""Tells the player what happened, why, and what to do."""

WARM_S = 2.0
STACK_BYTES = 16 << 20
_WARMUP_FRAMES = 1024
_NOWHERE = -(1 << 62)


class Rack:
    """Turns the player's list of sources into the mixer's voices.

    Inserts are loaded in a thread, because importing a processor takes seconds; its slot plays
    dry until then.

    Parameters
    ----------
    block
        The shared block.
    report
        Where troubles go.
    """

    def __init__(self, block: Block, report: Report) -> None:
        self._block = block
        self._report = report
        self._mixer: Mixer | None = None
        self._voices: list[Voice | None] = [None] * SLOTS
        self._length: int | None = None
        self._retired: list[Source] = []
        self._sources_seen = self._insert_seen = 0
        self._message: bytes | None = None
        self._error = ""
        self._loaded: SimpleQueue[tuple[Voice, Insert | Exception]] = SimpleQueue()
        self._scratch = bytearray(1 << 18)
        self._warmed_seek = -1
        self._warm_from = _NOWHERE

    def follow(self, mixer: Mixer) -> None:
        """Do what has become necessary since the last call."""
        changed = mixer is not self._mixer
        if changed:
            self._mixer, self._sources_seen = mixer, 0
        changed |= self._take_sources(mixer)
        changed |= self._take_inserts()
        self._configure()
        for slot, voice in enumerate(self._voices):
            if voice:
                voice.source.extend(int(self._block.control["available"][slot]))
        if changed:
            mixer.set_voices(self._voices, self._length)
            self._warm_from = _NOWHERE
        if self._retired and mixer.adopted:
            for source in self._retired:
                source.close()
            self._retired.clear()
        self._warm(mixer)

    def meters(self) -> dict[str, Any] | None:
        """What the insert of the slot that is heard measures."""
        slot = int(self._block.state["slot"][0])
        voice = self._voices[slot] if 0 <= slot < SLOTS else None
        return voice.insert.meters() if voice and voice.insert and not voice.error else None

    # -- sources -------------------------------------------------------------------------------

    def _take_sources(self, mixer: Mixer) -> bool:
        """Map what the player put into the slots."""
        mail = self._block.mail["sources"]
        sequence = mail.sequence
        if sequence == self._sources_seen:
            return False
        wanted = mail.read_json()
        if wanted is None:
            return False
        self._sources_seen = sequence
        # What was made for another stream's rate holds the playhead until the right files come.
        fits = wanted["rate"] == mixer.rate and wanted["frames"] is not None
        slots = wanted["slots"] if fits else [None] * SLOTS
        old = [voice.source for voice in self._voices if voice]
        self._voices = [
            self._voice(voice, slot, wanted["rate"])
            for voice, slot in zip(self._voices, slots, strict=True)
        ]
        self._length = wanted["frames"] if fits else None
        kept = [voice.source for voice in self._voices if voice]
        self._retired += [source for source in old if source not in kept]
        return True

    def _voice(self, old: Voice | None, new: dict[str, Any] | None, rate: int) -> Voice | None:
        """Keep the voice when it is the same audio, else make a new one."""
        if new is None:
            return None
        path, recipe = Path(new["path"]), (new["insert"], rate)
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
        voice = Voice(source, recipe=recipe)
        if new["insert"]:
            threading.stack_size(STACK_BYTES)
            threading.Thread(target=self._load, args=(voice,), daemon=True).start()
        return voice

    # -- inserts -------------------------------------------------------------------------------

    def _load(self, voice: Voice) -> None:
        """Make the processor that ``module:factory`` names, and run it once."""
        if sys.platform == "linux":
            with contextlib.suppress(
                OSError
            ):  # loading is not urgent, unlike the host's other work
                os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        name, rate = voice.recipe
        module, _, factory = (name or "").partition(":")
        channels = voice.source.channels
        try:
            insert: Insert = getattr(importlib.import_module(module), factory)(rate, channels)
            insert.process(np.zeros((_WARMUP_FRAMES, channels), np.float32))
            insert.reset()
        except Exception as error:
            # A processor comes from outside: whatever it raises, playback works without it.
            self._loaded.put((voice, error))
        else:
            self._loaded.put((voice, insert))

    def _take_inserts(self) -> bool:
        """Put loaded processors into their slots; the mixer crossfades to them."""
        changed = False
        while True:
            try:
                voice, insert = self._loaded.get_nowait()
            except Empty:
                return changed
            if voice not in self._voices:
                continue
            if isinstance(insert, Exception):
                self._report_insert(insert)
                continue
            slot = self._voices.index(voice)
            self._voices[slot] = Voice(voice.source, insert, voice.recipe, self._message)
            changed = True

    def _configure(self) -> None:
        """Hand new parameters over, to be taken between blocks, and tell of failures."""
        mail = self._block.mail["insert"]
        sequence = mail.sequence
        if sequence != self._insert_seen:
            message = mail.read()
            if message is not None:
                self._insert_seen, self._message = sequence, message
                for voice in filter(None, self._voices):
                    voice.message, voice.error = message, None
        for voice in filter(None, self._voices):
            if voice.error and repr(voice.error) != self._error:
                self._report_insert(voice.error)

    def _report_insert(self, error: Exception) -> None:
        self._error = repr(error)
        self._report(
            "The live preview was switched off.",
            f"Its processor failed: {error!r}",
            "You hear the unprocessed audio; it is tried again when a parameter changes.",
        )

    # -- reading ahead -------------------------------------------------------------------------

    def _warm(self, mixer: Mixer) -> None:
        """Have the system read ahead of the playhead, so that no callback waits for a disk."""
        control = self._block.control
        ahead = round(WARM_S * mixer.rate)
        seek, slot = int(control["seek_sequence"][0]), int(control["slot"][0])
        if mixer.warmed_sequence is None or seek != mixer.warmed_sequence:
            at = round(int(control["seek_frame"][0]) * mixer.scale)
            voice = self._voices[slot] if 0 <= slot < SLOTS else None
            if voice:
                voice.source.warm(at, at + ahead // 8, self._scratch)
            mixer.warmed_sequence = seek
        at = int(mixer.position)
        # A whole stretch is read at a time, when less than half of it is left.
        if self._warm_from <= at < self._warm_from + ahead // 2:
            return
        self._warm_from = at
        loop = self._block.read_loop() or (0, 0)
        loop_at = round(loop[0] * mixer.scale)
        for voice in filter(None, self._voices):
            voice.source.warm(at - ahead // 4, at + ahead, self._scratch)
            if loop[1] > loop[0]:
                voice.source.warm(loop_at, loop_at + ahead // 4, self._scratch)
