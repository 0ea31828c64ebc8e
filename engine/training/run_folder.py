"""Run folder: all there is to know of a training, readable while it is written."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from engine.atomic import write_text
from engine.file_hold import take_lock
from engine.locations import Locations
from engine.plain_json import finite
from engine.tasks import Failure
from engine.training.metrics import Metrics, MetricsReader
from engine.training.recipe import Recipe, load_recipe

State = Literal["running", "paused", "stopped", "done", "failed"]
Side = Literal["before", "after"]
SIDES: tuple[Side, Side] = ("before", "after")


@dataclass(frozen=True, slots=True)
class RunStatus:
    """Where a training is.

    ``best_score`` is NaN before the first validation; ``started_at`` is seconds since 1970;
    ``seconds`` is time spent training, pauses left out. ``process`` and ``host`` say who writes;
    ``loss`` is that of the last step.
    """

    state: State
    step: int
    steps: int
    best_step: int = 0
    best_score: float = float("nan")
    started_at: float = 0.0
    seconds: float = 0.0
    message: str = ""
    process: int = 0
    host: str = ""
    loss: float = float("nan")

    @property
    def ended(self) -> bool:
        """Whether nobody works on it now."""
        return self.state in ("stopped", "done", "failed")

    @property
    def text(self) -> str:
        """One line for a person."""
        if self.message:
            return self.message
        return f"step {self.step}, loss {self.loss:.4g}, best score {self.best_score:.4g}"


@dataclass(frozen=True, slots=True)
class Sample:
    """A preview on disk: what it is of, after how many steps, and its two files."""

    step: int
    name: str
    before: Path
    after: Path


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one training; nothing need be there yet."""

    path: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def recipe_path(self) -> Path:
        """What it is trained by."""
        return self.path / "recipe.toml"

    @property
    def metrics_path(self) -> Path:
        """The curves; see :class:`engine.training.metrics.MetricsReader` to follow them."""
        return self.path / "metrics.csv"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints, one folder each, named by step."""
        return self.path / "checkpoints"

    @property
    def bundle(self) -> Path:
        """The best weights so far, ready to be used."""
        return self.path / "bundle"

    @property
    def started(self) -> bool:
        """Whether a training was begun here."""
        return self._state_path.exists()

    @property
    def paused(self) -> bool:
        """Whether it was asked to pause."""
        return self._pause_path.exists()

    @property
    def stop_asked(self) -> bool:
        """Whether another process asked it to stop."""
        return self._stop_path.exists()

    def pause(self) -> None:
        """Ask whoever trains to wait before the next step."""
        self._pause_path.touch()

    def resume(self) -> None:
        """Let it go on."""
        self._pause_path.unlink(missing_ok=True)

    def stop(self) -> None:
        """Ask whoever trains, in whatever process, to stop before the next step."""
        self._stop_path.touch()

    def clear_requests(self) -> None:
        """Forget requests to pause or stop, as a training does when it begins."""
        self._pause_path.unlink(missing_ok=True)
        self._stop_path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Be the only one who trains here while the block runs; it makes the folder.

        Raises
        ------
        Failure
            If another one does, in this process or another.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if not take_lock(descriptor, shared=False):
                raise Failure(
                    f"The training in {self.path} is running already.",
                    "Only one can write there.",
                    "Wait until it ends, or stop it.",
                )
            yield
        finally:
            os.close(descriptor)

    def recipe(self) -> Recipe:
        """What it is trained by; raises :class:`Failure` if it is missing or damaged."""
        return load_recipe(self.recipe_path)

    def metrics(self) -> Metrics:
        """All curves so far."""
        return Metrics(MetricsReader(self.metrics_path).read())

    def status(self) -> RunStatus | None:
        """Where it is; None if no training was begun here.

        A training whose process is gone counts as stopped: it was killed and can be resumed.
        """
        values = _read_json(self._state_path)
        if values is None:
            return None
        known = {field.name for field in fields(RunStatus)}
        for name in ("best_score", "loss"):
            values[name] = float("nan") if values.get(name) is None else values[name]
        status = RunStatus(**{name: value for name, value in values.items() if name in known})
        if (
            not status.ended
            and status.host == socket.gethostname()
            and not is_alive(status.process)
        ):
            return _gone(status)
        return status

    def write_status(self, status: RunStatus) -> None:
        """Replace the status at once.

        It is not forced to the disk, as it is written often: after a power cut the checkpoints
        count.
        """
        temporary = self._state_path.with_name(f".state.{uuid.uuid4().hex[:8]}.json")
        temporary.write_text(json.dumps(finite(asdict(status)), indent=1), encoding="utf-8")
        temporary.replace(self._state_path)

    def figures(self) -> dict[str, dict[str, Any]]:
        """Plots by name, as the fields of :class:`engine.training.trainable.Figure`."""
        found = {}
        for path in sorted((self.path / "figures").glob("*.json")):
            if (figure := _read_json(path)) is not None:
                found[path.stem] = figure
        return found

    def write_figure(self, name: str, figure: Mapping[str, Any]) -> None:
        """Replace a plot at once."""
        folder = self.path / "figures"
        folder.mkdir(exist_ok=True)
        write_text(folder / f"{file_name(name)}.json", json.dumps(finite(dict(figure))))

    def sample_path(self, step: int, name: str, side: Side) -> Path:
        """Where a preview's audio lies."""
        return self.path / "samples" / f"{step:08d}" / f"{file_name(name)}-{side}.wav"

    def sample_sets(self) -> tuple[Path, ...]:
        """Folders of previews, oldest first."""
        folder = self.path / "samples"
        paths = folder.iterdir() if folder.is_dir() else ()
        return tuple(sorted(path for path in paths if path.name.isdigit()))

    def samples(self) -> tuple[Sample, ...]:
        """All complete previews, oldest first."""
        found = []
        for folder in self.sample_sets():
            for after in sorted(folder.glob("[!.]*-after.wav")):
                name = after.name.removesuffix("-after.wav")
                before = after.with_name(f"{name}-before.wav")
                if before.exists():
                    found.append(Sample(int(folder.name), name, before, after))
        return tuple(found)

    @property
    def _state_path(self) -> Path:
        return self.path / "state.json"

    @property
    def _pause_path(self) -> Path:
        return self.path / "PAUSE"

    @property
    def _stop_path(self) -> Path:
        return self.path / "STOP"


def runs_root() -> Path:
    """Where runs lie unless said otherwise."""
    return Locations.standard().data / "runs"


def list_runs(root: Path) -> tuple[RunFolder, ...]:
    """Every training below a folder, newest first; others may be writing meanwhile."""
    found = []
    for path in root.iterdir() if root.is_dir() else ():
        folder = RunFolder(path)
        if (status := folder.status()) is not None:
            found.append((status.started_at, path.name, folder))
    return tuple(folder for _, _, folder in sorted(found, key=lambda item: item[:2], reverse=True))


def new_run(root: Path, name: str) -> RunFolder:
    """A new, empty run folder named by time and recipe; raises :class:`Failure` if impossible."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for number in range(1, 1000):
        path = root / "-".join([stamp, file_name(name), *([str(number)] if number > 1 else [])])
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        return RunFolder(path)
    raise Failure(f"No run folder could be made in {root}.", "All names are taken.")


def file_name(text: str) -> str:
    """A text as part of a file name that every system allows."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-.")[:60] or "unnamed"


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def is_alive(process: int) -> bool:
    """Whether there is a process of this number on this machine."""
    if os.name == "nt":  # there is no signal 0; believe the file
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _gone(status: RunStatus) -> RunStatus:
    values = asdict(status) | {"state": "stopped", "message": "The process that trained it ended."}
    return RunStatus(**values)
