"""Scenes: the real window is used, in a process of its own, and what took how long is printed.

``python -m tests.perf.scenes SCENE ...`` ends with one line of JSON. Times are in seconds.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QEventLoop, QObject, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from app import bootstrap, run
from app.audio.devices import CLOCK, Output
from app.bootstrap import Workbench
from app.library import LoadedClip
from engine.lanes import Job
from engine.locations import Locations

LEFT, NOTHING = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
PLAIN, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
PULSE_MS = 5
FRAME_S = 1 / 60
ZOOM_NOTCHES = 24


class Painted(QObject):
    """Notes when a widget is painted."""

    def __init__(self, widget: QWidget, tell: Callable[[], None]) -> None:
        super().__init__(widget)
        self._tell = tell
        widget.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self._tell()
        return False


class Pulse(QTimer):
    """Ticks every few milliseconds and keeps how long the window did not answer beyond that."""

    def __init__(self) -> None:
        super().__init__()
        self.gaps_s: list[float] = []
        self._last = time.perf_counter()
        self.setTimerType(Qt.TimerType.PreciseTimer)
        self.timeout.connect(self._tick)
        self.start(PULSE_MS)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.gaps_s.append(max(now - self._last - PULSE_MS / 1000, 0.0))
        self._last = now


class Stagehand:
    """A running workbench and the hands that use it."""

    def __init__(self) -> None:
        self.application = bootstrap.make_application(["audiobench"])
        self.bench: Workbench = bootstrap.build(Locations.standard(), Output(CLOCK))
        self.pulse = Pulse()
        self.view = self.bench.panels["editor"].view  # type: ignore[attr-defined]
        self._painted = False
        self._watch = Painted(self.view.wave, self._note)
        self.bench.window.resize(1400, 900)
        self.bench.window.show()
        self.let_pass(1.0)

    def _note(self) -> None:
        self._painted = True

    def work(self) -> None:
        """Handle events; the pulse wakes it at the latest."""
        self.application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)

    def wait_for(self, condition: Callable[[], object], timeout_s: float = 240.0) -> float:
        """Handle events until something holds; how long that took."""
        begun = time.perf_counter()
        while not condition():
            if time.perf_counter() - begun > timeout_s:
                raise TimeoutError("the scene did not go on")
            self.work()
        return time.perf_counter() - begun

    def let_pass(self, seconds: float) -> None:
        """Handle events for a while."""
        end = time.perf_counter() + seconds
        self.wait_for(lambda: time.perf_counter() >= end)

    def frame(self, act: Callable[[], object]) -> float:
        """From an event to its picture, then rest until the next frame of a 60 Hz screen."""
        self._painted = False
        begun = time.perf_counter()
        act()
        self.wait_for(lambda: self._painted, 5.0)
        taken = time.perf_counter() - begun
        self.let_pass(max(FRAME_S - taken, 0.0))
        return taken

    @property
    def clip(self) -> LoadedClip | None:
        """What is loaded of the current clip."""
        services = self.bench.services
        return services.library.audio(services.session.state.current_id)

    def warm_up(self) -> None:
        """Do what the running program does after its first paint, to the end."""
        run._warm_up(self.bench)
        self.wait_for(lambda: not self.bench.services.lanes.busy)

    def open(self, path: Path) -> None:
        """Open a file and wait until all is known of it and nothing runs."""
        self.bench.open([path])
        self.wait_for(lambda: self.clip is not None and self.clip.loudness is not None)
        self.wait_for(lambda: not self.bench.services.lanes.busy)
        self.let_pass(0.5)

    @property
    def clip_id(self) -> str:
        """The current clip's id."""
        clip_id = self.bench.services.session.state.current_id
        assert clip_id is not None
        return clip_id

    def master(self, lufs: float) -> Job:
        """Master the current clip to a loudness no rendering in the cache has."""
        session = self.bench.services.session
        session.edit("Loudness", session.state.with_mastering(self.clip_id, lufs=float(lufs)))
        job = self.bench.services.masters.master(self.clip_id)
        assert job is not None
        return job

    def wheel(self, notches: int, modifiers: Qt.KeyboardModifier = PLAIN) -> None:
        """Turn the wheel over the waveform."""
        wave = self.view.wave
        at = QPointF(wave.width() * 0.4, wave.height() * 0.3)
        turn, still = QPoint(0, 120 * notches), Qt.ScrollPhase.NoScrollPhase
        event = QWheelEvent(
            at, wave.mapToGlobal(at), QPoint(), turn, NOTHING, modifiers, still, False
        )
        self.application.sendEvent(wave, event)

    def mouse(self, kind: QEvent.Type, share: float) -> None:
        """Press, move or release the left button at a share of the waveform's width."""
        wave = self.view.wave
        at = QPointF(wave.width() * share, wave.height() * 0.3)
        button = NOTHING if kind is QEvent.Type.MouseMove else LEFT
        held = NOTHING if kind is QEvent.Type.MouseButtonRelease else LEFT
        self.application.sendEvent(
            wave, QMouseEvent(kind, at, wave.mapToGlobal(at), button, held, PLAIN)
        )

    def close(self) -> None:
        """End without keeping anything."""
        session = self.bench.services.session
        session.open(session.state)
        self.bench.window.close()
        self.bench.close()


def start(begun: str, *files: str) -> dict[str, Any]:
    """Start the program as a user does; ``begun`` is the monotonic time of the command."""
    told: dict[str, float] = {}
    build = bootstrap.build

    def build_and_watch(*arguments: Any) -> Workbench:
        told["imported"] = time.monotonic() - float(begun)
        bench = build(*arguments)
        told["built"] = time.monotonic() - float(begun)
        pulse = Pulse()
        window = bench.window

        def usable() -> None:
            told["usable"] = time.monotonic() - float(begun)
            pulse.gaps_s.clear()

        def first_paint() -> None:
            if "painted" not in told:
                told["painted"] = time.monotonic() - float(begun)
                told["cpu"] = time.process_time()
                # Behind all that waits: what begins with the first paint is over by then.
                QTimer.singleShot(0, window, lambda: QTimer.singleShot(0, window, usable))

        view = bench.panels["editor"]
        window.first = Painted(view, lambda: QTimer.singleShot(0, window, first_paint))  # type: ignore[attr-defined]

        def picture() -> bool:
            services = bench.services
            clip = services.library.audio(services.session.state.current_id)
            return clip is not None and clip.peaks is not None

        def look() -> None:
            if picture() and "picture" not in told:
                told["picture"] = time.monotonic() - float(begun)
            if "usable" in told and (picture() or not files) and not bench.services.lanes.busy:
                told["worst_gap"] = max(pulse.gaps_s)
                told["p95_gap"] = float(np.percentile(pulse.gaps_s, 95))
                QApplication.exit()  # quit() would ask what is to become of the session

        pulse.timeout.connect(look)
        return bench

    bootstrap.build = build_and_watch
    run.run_window([Path(file) for file in files])
    return told


def opening(file: str) -> dict[str, Any]:
    """Open a file in a window that is warm."""
    hand = Stagehand()
    services = hand.bench.services
    hand.warm_up()
    before = _resident()
    begun = time.perf_counter()
    hand.bench.open([Path(file)])
    hand.wait_for(lambda: hand.clip is not None and hand.clip.peaks is not None)
    hand.frame(hand.view.wave.update)
    picture = time.perf_counter() - begun
    hand.pulse.gaps_s.clear()
    hand.wait_for(lambda: hand.clip is not None and hand.clip.stored.complete)  # type: ignore[union-attr]
    hand.wait_for(lambda: hand.clip is not None and hand.clip.loudness is not None)
    overview = time.perf_counter() - begun
    gaps = list(hand.pulse.gaps_s)
    hand.wait_for(lambda: not services.lanes.busy)
    measured = {"picture": picture, "overview": overview, "gaps": gaps, "before": before}
    measured |= {"after": _resident()}
    hand.close()
    return measured


def using(file: str, *, mastering: bool = False) -> dict[str, Any]:
    """Zoom, scroll, select and move the playhead, perhaps while the heavy lane masters."""
    hand = Stagehand()
    hand.warm_up()
    hand.open(Path(file))
    masters, clip_id = hand.bench.services.masters, hand.clip_id
    targets_lufs = itertools.cycle(np.arange(-18.0, -10.0, 0.1))

    def keep_busy() -> None:
        if mastering and masters.job(clip_id) is None:
            hand.master(next(targets_lufs))

    measured: dict[str, Any] = {}
    for name, acts in (
        ("zoom", _zooming(hand)),
        ("scroll", _scrolling(hand)),
        ("drag a selection", _dragging(hand)),
        ("move the playhead", _seeking(hand)),
    ):
        frames = []
        for act in acts:
            keep_busy()
            frames.append(hand.frame(act))
        measured[name] = frames
    masters.cancel(clip_id)
    hand.close()
    return measured


def _zooming(hand: Stagehand) -> Iterator[Callable[[], object]]:
    for notch in [1] * ZOOM_NOTCHES + [-1] * (ZOOM_NOTCHES - 1) + [1] * ZOOM_NOTCHES:
        yield lambda notch=notch: hand.wheel(notch)  # type: ignore[misc]


def _scrolling(hand: Stagehand) -> Iterator[Callable[[], object]]:
    hand.view.axis.show_all()
    for _ in range(ZOOM_NOTCHES // 2):
        hand.wheel(1)
    hand.let_pass(0.5)
    for step in range(80):
        notch = 1 if step // 10 % 2 else -1
        yield lambda notch=notch: hand.wheel(notch, SHIFT)  # type: ignore[misc]


def _dragging(hand: Stagehand) -> Iterator[Callable[[], object]]:
    hand.mouse(QEvent.Type.MouseButtonPress, 0.2)
    for step in range(80):
        yield lambda step=step: hand.mouse(QEvent.Type.MouseMove, 0.22 + 0.007 * step)  # type: ignore[misc]
    hand.mouse(QEvent.Type.MouseButtonRelease, 0.8)


def _seeking(hand: Stagehand) -> Iterator[Callable[[], object]]:
    hand.view.axis.show_all()
    hand.let_pass(0.5)
    player = hand.bench.services.player
    for step in range(80):
        yield lambda step=step: player.seek(player.frames * (step + 5) // 90)  # type: ignore[misc]


def cancelling(file: str) -> dict[str, Any]:
    """Cancel mastering at several moments, each time from the click to the end of the job.

    The text of each is the stage that was cancelled.
    """
    hand = Stagehand()
    hand.open(Path(file))
    first = hand.master(-14.0)
    hand.wait_for(lambda: first.state.ended)  # torch is loaded and the kernels are compiled
    stages, delays = [], []
    for step in range(16):
        job = hand.master(-16.0 + 0.2 * step)
        hand.let_pass(0.05 + 0.1 * step)
        if job.state.ended:
            continue
        stages.append(job.progress.text)
        job.cancel()
        delays.append(hand.wait_for(lambda job=job: job.state.ended))  # type: ignore[misc]
    hand.close()
    return {"stages": stages, "delays": delays}


def warming() -> dict[str, Any]:
    """The first run on a machine: how the window answers while the kernels are compiled."""
    hand = Stagehand()
    services = hand.bench.services
    hand.let_pass(1.0)
    hand.pulse.gaps_s.clear()
    run._warm_up(hand.bench)
    seconds = hand.wait_for(lambda: not services.lanes.busy)
    gaps = list(hand.pulse.gaps_s)
    hand.close()
    return {"seconds": seconds, "gaps": gaps}


def _resident() -> dict[str, int]:
    """Resident memory in bytes: anonymous (its own) and file (mapped, given back on demand)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    values = dict(line.split(":", 1) for line in lines if line.startswith("Rss"))
    return {name: int(values[name].split()[0]) * 1024 for name in ("RssAnon", "RssFile")}


def mastering(file: str) -> dict[str, Any]:
    """As :func:`using`, while the heavy lane masters."""
    return using(file, mastering=True)


SCENES: dict[str, Callable[..., dict[str, Any]]] = {
    scene.__name__: scene for scene in (start, opening, using, mastering, cancelling, warming)
}

if __name__ == "__main__":
    print(json.dumps(SCENES[sys.argv[1]](*sys.argv[2:])))
