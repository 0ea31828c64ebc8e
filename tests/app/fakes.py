"""Small stand-ins for what bootstrap builds, for tests of single panels."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.commands import Commands
from app.document.session import Session
from app.document.state import ClipEntry, new_clip_id
from app.library import LoadedClip
from app.settings import Settings
from app.theme import Theme
from engine.audio.clip import Clip


class FakePlayer(QObject):
    """A transport without sound: it remembers what it was told."""

    position_changed = Signal(int)
    playing_changed = Signal(bool)
    slot_changed = Signal(int)
    slots_changed = Signal()
    device_changed = Signal(str)
    trouble = Signal(object)

    def __init__(self, frames: int = 0, rate: int = 48000) -> None:
        super().__init__()
        self.frames = frames
        self.rate = rate
        self.position_frame = 0
        self.playing = False
        self.current_slot = 0
        self.last_slot = 0
        self.speed = 1.0
        self.loop: tuple[int, int] | None = None
        self.slots: list[Any] = []
        self.insert_parameters = b""
        self.taps = SimpleNamespace(
            recent=lambda count: (np.zeros((2, count)), np.zeros((2, count)))
        )

    def set_slots(self, slots: list[Any]) -> None:
        self.slots = list(slots)
        self.slots_changed.emit()

    def play(self) -> None:
        self._set_playing(True)

    def pause(self) -> None:
        self._set_playing(False)

    def toggle(self) -> None:
        self._set_playing(not self.playing)

    def stop(self) -> None:
        self._set_playing(False)

    def seek(self, frame: int) -> None:
        self.position_frame = min(max(int(frame), 0), self.frames)
        self.position_changed.emit(self.position_frame)

    def set_loop(self, loop: tuple[int, int] | None) -> None:
        self.loop = loop

    def set_speed(self, speed: float) -> None:
        self.speed = speed

    def select(self, index: int) -> None:
        if index != self.current_slot:
            self.last_slot, self.current_slot = self.current_slot, index
            self.slot_changed.emit(index)

    def select_last(self) -> None:
        self.select(self.last_slot)

    def set_gain_db(self, index: int, gain_db: float) -> None:
        self.slots[index].gain_db = gain_db
        self.slots_changed.emit()

    def set_insert_parameters(self, data: bytes) -> None:
        self.insert_parameters = data

    def _set_playing(self, playing: bool) -> None:
        if playing != self.playing:
            self.playing = playing
            self.playing_changed.emit(playing)


@dataclass(frozen=True)
class FakeStored:
    """Decoded audio in memory; ``samples`` is ``[channels, frames]``."""

    samples: NDArray[np.float32]
    rate: int
    path: Path = Path("fake.f32")
    content_hash: str = "fake"
    complete: bool = True

    @property
    def available_frames(self) -> int:
        return self.frames

    @property
    def channels(self) -> int:
        return self.samples.shape[0]

    @property
    def frames(self) -> int:
        return self.samples.shape[1]

    def map(self) -> NDArray[np.float32]:
        return self.samples.T

    def clip(self, start_frame: int = 0, stop_frame: int | None = None) -> Clip:
        return Clip(self.samples[:, start_frame:stop_frame], self.rate)


@dataclass(frozen=True)
class FakePeaks:
    """Exact minimum, maximum and RMS, computed anew for every column."""

    samples: NDArray[np.float32]

    def columns(
        self, start_frame: float, stop_frame: float, columns: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        low, high, rms = np.zeros((3, self.samples.shape[0], columns), dtype=np.float32)
        edges = np.linspace(start_frame, stop_frame, columns + 1).astype(int)
        for index, (start, stop) in enumerate(itertools.pairwise(edges)):
            part = self.samples[:, max(start, 0) : max(stop, start + 1)]
            if part.shape[1]:
                low[:, index] = part.min(axis=1)
                high[:, index] = part.max(axis=1)
                rms[:, index] = np.sqrt((part.astype(np.float64) ** 2).mean(axis=1))
        return low, high, rms


class FakeLibrary(QObject):
    """Clips that were put in by hand."""

    changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.clips: dict[str, LoadedClip] = {}
        self.added: list[Path] = []
        self.mastered: list[str] = []
        self.jobs: dict[str, Any] = {}

    def audio(self, clip_id: str | None) -> LoadedClip | None:
        return self.clips.get(clip_id or "")

    def add(self, paths: list[Path]) -> None:
        self.added.extend(paths)

    def master(self, clip_id: str) -> None:
        self.mastered.append(clip_id)

    def job(self, clip_id: str) -> Any:
        return self.jobs.get(clip_id)


class FakeJob(QObject):
    """A job that has ended before anybody could ask."""

    progressed = Signal(object)
    ended = Signal()
    failure = None
    state = "done"

    def cancel(self) -> None:
        self.state = "cancelled"


class FakeLanes:
    """Lanes that only remember what was submitted."""

    def __init__(self) -> None:
        self.submitted: list[tuple[str, Any, Any]] = []

    def submit(self, title: str, task: Any, spec: Any, **_options: Any) -> FakeJob:
        self.submitted.append((title, task, spec))
        return FakeJob()


class FakeSettings:
    """Settings without a file."""

    def __init__(self) -> None:
        self.current = Settings()

    def change(self, **changes: Any) -> Settings:
        self.current = replace(self.current, **changes)
        return self.current


@dataclass
class FakeServices:
    """The record every panel is given; ``said`` collects what the user would be told."""

    session: Session = field(default_factory=Session)
    library: FakeLibrary = field(default_factory=FakeLibrary)
    player: FakePlayer = field(default_factory=FakePlayer)
    lanes: Any = field(default_factory=lambda: FakeLanes())
    cache: Any = None
    masters: Any = None
    commands: Commands = field(default_factory=Commands)
    settings: Any = field(default_factory=lambda: FakeSettings())
    theme: Theme = field(default_factory=lambda: Theme("dark"))
    said: list[Any] = field(default_factory=list)

    def notify(self, text: str) -> None:
        self.said.append(text)

    def fail(self, failure: Any) -> None:
        self.said.append(failure)

    def open_clip(
        self, samples: NDArray[np.floating], rate: int = 48000, name: str = "song.wav"
    ) -> str:
        """Put a clip into session, library and player as if it had been decoded; its id."""
        audio = np.asarray(samples, dtype=np.float32)
        clip_id = new_clip_id()
        stored: Any = FakeStored(audio, rate)
        peaks: Any = FakePeaks(audio)
        self.library.clips[clip_id] = LoadedClip(clip_id, stored, peaks)
        self.player.frames, self.player.rate = audio.shape[1], rate
        entry = ClipEntry(clip_id, name, Path(name), "fake", rate, *audio.shape)
        self.session.edit(f"Open {name}", self.session.state.with_clips(entry))
        return clip_id
