"""Run the window: from the arguments to the last event."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QMessageBox

from app import bootstrap
from app.demo import make_demo
from app.document.recovery import Recovery
from app.interrupts import interrupts
from app.settings import Locations
from engine.lanes import JobState, Lane
from engine.tasks import Context

Button = QMessageBox.StandardButton


def run_window(files: list[Path], *, demo: bool = False, theme: str | None = None) -> int:
    """Open the window and run until it is closed.

    Parameters
    ----------
    files
        Audio files, folders or a session to open.
    demo
        Open the demo session if nothing else is opened or recovered.
    theme
        Theme for this run only.
    """
    logging.getLogger("audiobench").setLevel(logging.INFO)
    locations = Locations.standard()
    application = bootstrap.make_application(sys.argv[:1])
    workbench = bootstrap.build(locations)
    settings = workbench.services.settings
    if theme:
        workbench.services.theme.choose(theme)
    heard: list[int] = []

    def leave(number: int) -> None:
        heard.append(number)
        # quit() would ask about unsaved work, and nobody may be there to answer
        application.exit(128 + number)

    crashes = bootstrap.crash_handler(locations, workbench)
    with crashes.installed(), interrupts(leave):
        workbench.window.show()
        first_run = settings.current.first_run

        def begin() -> None:
            """What may take a moment: after the first paint."""
            _warm_up(workbench)
            if settings.notice is not None:
                workbench.services.fail(settings.notice)
            recovered = bootstrap.recover(workbench, locations.recovery, _ask_recovery(workbench))
            if files:
                workbench.open(files)
            elif not recovered and (demo or first_run):
                open_demo(workbench, locations)
            if first_run and not recovered and not files:
                workbench.menus.welcome()

        QTimer.singleShot(0, begin)
        code = application.exec()
        workbench.close(recoverable=bool(heard))
    return code


def open_demo(workbench: bootstrap.Workbench, locations: Locations) -> None:
    """Synthesise the demo track if need be and open it."""
    job = workbench.services.lanes.submit("Prepare the demo", make_demo, locations.data)

    def open_it() -> None:
        if job.state is JobState.DONE:
            workbench.open([job.result])
        elif job.failure is not None:
            workbench.services.fail(job.failure)

    job.ended.connect(open_it)


def _warm_up(workbench: bootstrap.Workbench) -> None:
    """Load the engine's compiled kernels while the user looks at the window."""
    workbench.services.lanes.submit("Load the engine", _load_engine, None, lane=Lane.LIGHT)


def _load_engine(_spec: None, context: Context) -> None:
    from engine.warmup import warm_up

    warm_up(None, context)
    context.checkpoint()
    # Brings torch in now rather than in the middle of the first fit.
    import engine.mastering.master  # noqa: F401


def _ask_recovery(workbench: bootstrap.Workbench) -> Callable[[Recovery], bool | None]:
    def ask(recovery: Recovery) -> bool | None:
        when = datetime.fromtimestamp(recovery.written_at).strftime("%d %B, %H:%M")
        clips = len(recovery.state.clips)
        noun = "clip" if clips == 1 else "clips"
        text = f"audiobench did not end in order. A session of {clips} {noun} from {when} is there."
        if not recovery.complete:
            text += "\nIts journal is damaged; the last edits may be missing."
        answer = QMessageBox.question(
            workbench.window,
            "Recover the session?",
            text,
            Button.Open | Button.Discard,
            Button.Open,
        )
        # Neither, when the program is ended while it asks.
        return {Button.Open: True, Button.Discard: False}.get(answer)

    return ask
