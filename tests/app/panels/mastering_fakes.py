"""Stand-ins for what masters a clip and for a player whose sound can be told."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.models import Installed, OwnPreset
from engine.tasks import Progress
from tests.app.fakes import FakePlayer, FakeServices


class FakeJob(QObject):
    """A job that goes on when the test says so."""

    progressed = Signal(object)
    changed = Signal()
    ended = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.cancelled = False

    def report(self, share: float, partial: Any = None) -> None:
        self.progressed.emit(Progress(share, 1.0, "Fitting", partial))

    def cancel(self) -> None:
        self.cancelled = True


class FakeModels(QObject):
    """Models that were named by hand."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.installed: Installed | None = None
        self.looked = 0

    def refresh(self) -> None:
        self.looked += 1

    def install(self, *names: str, presets: tuple[OwnPreset, ...] = ()) -> None:
        models: Any = tuple(
            SimpleNamespace(name=name, variant="1D", folder=Path("models") / name) for name in names
        )
        self.installed = Installed(models, presets)
        self.changed.emit()


class FakeMasters(QObject):
    """Remembers what was asked for; one job per clip."""

    changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.models = FakeModels()
        self.jobs: dict[str, FakeJob] = {}
        self.rendered: list[str] = []
        self.albums = 0
        self.matches: list[tuple[str, str, bool]] = []
        self.renamed: list[tuple[str, str]] = []
        self.deleted: list[str] = []
        self.exported: list[tuple[str, Any]] = []

    def job(self, clip_id: str) -> FakeJob | None:
        return self.jobs.get(clip_id)

    def result(self, clip_id: str) -> None:
        return None

    def master(self, clip_id: str) -> FakeJob:
        self.jobs[clip_id] = FakeJob()
        self.changed.emit(clip_id)
        return self.jobs[clip_id]

    def end(self, clip_id: str) -> None:
        self.jobs.pop(clip_id).ended.emit()
        self.changed.emit(clip_id)

    def render(self, clip_id: str) -> None:
        self.rendered.append(clip_id)

    def master_album(self) -> object | None:
        self.albums += 1
        return None if self.jobs else object()

    def save_match(self, clip_id: str, name: str, *, replacing: bool = False) -> None:
        self.matches.append((clip_id, name, replacing))

    def rename_match(self, name: str, new_name: str) -> None:
        self.renamed.append((name, new_name))

    def delete_match(self, name: str) -> None:
        self.deleted.append(name)

    def export(self, clip_id: str, request: Any) -> None:
        self.exported.append((clip_id, request))


class FakeTaps:
    """Plays from an array when told to."""

    def __init__(self, before: NDArray[np.floating], after: NDArray[np.floating]) -> None:
        self.before = before.astype(np.float32)
        self.after = after.astype(np.float32)
        self.written_frames = 0

    def play(self, frames: int) -> None:
        self.written_frames += frames

    def recent(self, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        stop = self.written_frames
        at = np.arange(stop - count, stop)
        found = []
        for samples in (self.before, self.after):
            block = samples[:, np.clip(at, 0, samples.shape[1] - 1)]
            found.append(np.where(at >= 0, block, 0.0).astype(np.float32))
        return found[0], found[1]


class SoundingPlayer(FakePlayer):
    """A player with taps, gains and a live processor that can be told what they say."""

    def __init__(self) -> None:
        super().__init__()
        self.gains_db: dict[int, float] = {}
        self.measured: dict[str, float] = {}
        self.taps = FakeTaps(np.zeros((2, 1)), np.zeros((2, 1)))

    def gain_db(self, index: int) -> float:
        return self.gains_db.get(index, 0.0)

    def insert_meters(self) -> dict[str, float]:
        return self.measured


def mastering_services() -> FakeServices:
    """What the mastering panel and the meters need."""
    return FakeServices(player=SoundingPlayer(), masters=FakeMasters(), lanes=None)
