"""``audiobench screenshot``: a picture of the real window, with no screen needed."""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.atomic import replacing
from engine.cli.command import DONE, Command, UsageError
from engine.cli.terminal import Terminal
from engine.tasks import Failure

if TYPE_CHECKING:
    from app.bootstrap import Workbench

LOAD_TIMEOUT_S = 120.0
SETTLE_S = 0.6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``screenshot``."""
    parser.add_argument("out", type=Path, metavar="OUT.png", help="picture to write")
    parser.add_argument("files", nargs="*", type=Path, help="audio to open; the demo by default")
    parser.add_argument("--session", type=Path, help="session file to open")
    parser.add_argument("--panel", help="panel to bring to the front: files, mastering, jobs ...")
    parser.add_argument("--layout", default="Master", help="Analyse, Master, Explore or Listen")
    parser.add_argument("--theme", default="dark", help="dark, light or high contrast")
    parser.add_argument("--size", default="1400x900", help="WIDTHxHEIGHT of the window")
    parser.add_argument("--master", action="store_true", help="master the clip first")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Write the picture."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import qInstallMessageHandler

    from app import bootstrap
    from app.audio.devices import CLOCK, Output
    from app.demo import make_demo
    from app.document import store
    from app.settings import ThemeChoice
    from app.window import LAYOUTS
    from engine.locations import Locations
    from engine.tasks import Context

    try:
        width, height = (int(part) for part in options.size.split("x"))
    except ValueError as error:
        raise UsageError(f"{options.size} is no size; write it like 1400x900") from error
    if width < 1 or height < 1:
        raise UsageError(f"{options.size} is no size; write it like 1400x900")
    if options.layout not in LAYOUTS:
        raise UsageError(f"there is no layout {options.layout}; there are {', '.join(LAYOUTS)}")
    if options.theme not in list(ThemeChoice):
        raise UsageError(f"there is no theme {options.theme}; there are {', '.join(ThemeChoice)}")
    previous = qInstallMessageHandler(_pass_on)
    with tempfile.TemporaryDirectory() as folder:
        # Settings and journals of their own; the cache and the demo are the user's.
        standard = Locations.standard()
        locations = Locations(Path(folder) / "config", standard.cache, Path(folder) / "data")
        application = bootstrap.make_application(["audiobench"])
        workbench = bootstrap.build(locations, Output(CLOCK))
        failures: list[Failure] = []
        for source in (workbench.services.library.failed, workbench.services.masters.failed):
            source.connect(failures.append)
        try:
            if options.panel and options.panel not in workbench.window.docks:
                there = ", ".join(workbench.window.docks)
                raise UsageError(f"there is no panel {options.panel}; there are {there}")
            workbench.services.theme.choose(options.theme)
            workbench.window.resize(width, height)
            workbench.window.show()
            if options.session:
                workbench.services.session.open(store.load(options.session), options.session)
            else:
                workbench.open(options.files or [make_demo(standard.data, Context())])
            wait_until(application.processEvents, lambda: bool(failures) or is_loaded(workbench))
            clip = workbench.services.session.state.current
            if options.master and clip is not None and not failures:
                job = workbench.services.masters.master(clip.id)
                # as long as it takes: a long recording is no fault
                wait_until(application.processEvents, lambda: not job or job.state.ended, math.inf)
                wait_until(application.processEvents, lambda: not workbench.services.lanes.busy)
            if failures:
                raise failures[0]
            workbench.window.show_layout(options.layout)
            if options.panel:
                workbench.window.show_panel(options.panel)
            settle(application.processEvents)
            save(workbench, options.out)
            size = workbench.window.size()
        finally:
            workbench.close()
            qInstallMessageHandler(previous)
    terminal.say(f"wrote {options.out}")
    terminal.emit({"written": str(options.out), "width": size.width(), "height": size.height()})
    return DONE


def is_loaded(workbench: Workbench) -> bool:
    """Whether everything that was opened is decoded and no job runs."""
    state, library = workbench.services.session.state, workbench.services.library
    loaded = [library.audio(clip.id) for clip in state.clips]
    ready = all(each and (each.loudness or each.failure) for each in loaded)
    return bool(state.clips) and ready and not workbench.services.lanes.busy


def wait_until(
    process: Callable[[], Any], done: Callable[[], bool], timeout_s: float = LOAD_TIMEOUT_S
) -> None:
    """Run the event loop until something is true; raises :class:`Failure` after a while."""
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            raise Failure(
                "The window did not become ready.",
                f"It was still loading after {timeout_s:.0f} s.",
                "Try with a shorter file.",
            )
        process()
        time.sleep(0.01)


def settle(process: Callable[[], Any]) -> None:
    """Give late paints and tiles their turn."""
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        process()
        time.sleep(0.01)


def save(workbench: Workbench, out: Path) -> None:
    """Write the window as PNG."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with replacing(out) as temporary:
            if not workbench.window.grab().save(str(temporary), "PNG"):
                raise OSError("the folder is read-only or the disk is full")
    except OSError as error:
        raise Failure(
            f"The picture could not be written to {out}.",
            f"{error.strerror or error}.",
            "Choose another place.",
        ) from error


def _pass_on(_kind: object, _context: object, text: str) -> None:
    """Qt's messages, without what a platform that has no screen cannot do."""
    if not text.startswith("This plugin does not support"):
        print(text, file=sys.stderr)


COMMAND = Command(
    "screenshot",
    "write a picture of the window",
    add_arguments,
    run,
    "Open the real window without a screen and write a picture of it.",
)
