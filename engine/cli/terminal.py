"""Terminal: what a command says, and how it hears that it should stop."""

from __future__ import annotations

import json
import math
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from engine.failures import as_failure
from engine.plain_json import finite
from engine.tasks import Context
from engine.tasks import Progress as Step


class Terminal:
    """Standard output for results, standard error for everything else.

    Parameters
    ----------
    as_json
        Whether results are printed as one JSON document instead of text.
    debug
        Whether a failure is followed by its traceback.
    """

    def __init__(self, *, as_json: bool = False, debug: bool = False) -> None:
        self.as_json = as_json
        self.debug = debug
        self.cancel_event = threading.Event()
        self._errors = Console(stderr=True, highlight=False, soft_wrap=True)

    @property
    def error_stream(self) -> TextIO:
        """Where failures are told."""
        return cast(TextIO, self._errors.file)

    def say(self, text: str = "") -> None:
        """Print a line of a result; nothing in JSON mode."""
        if not self.as_json:
            print(text)

    def table(self, rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()) -> None:
        """Print rows in columns, as wide as they are; columns in ``right`` are flush right."""
        if not rows:
            return
        widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
        for row in rows:
            cells = [
                cell.rjust(width) if index in right else cell.ljust(width)
                for index, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            self.say("  ".join(cells).rstrip())

    def emit(self, document: dict[str, Any]) -> None:
        """Print the result's JSON document; nothing in text mode."""
        if self.as_json:
            print(json.dumps(finite(document), indent=2, ensure_ascii=False))

    def note(self, text: str) -> None:
        """Print one line on standard error."""
        self._errors.print(_one_line(text), markup=False)

    def fail(self, error: Exception, about: str = "") -> dict[str, str]:
        """Print an error on standard error as one line (what, why, what to do); give it as JSON.

        Only with ``debug`` its traceback follows.
        """
        failure = as_failure(error)
        self.note(f"audiobench: {about}{failure}")
        if self.debug:
            traceback.print_exception(error, file=self._errors.file)
        return {"what": failure.what, "why": failure.why, "remedy": failure.remedy}

    @contextmanager
    def context(self, text: str, *, device: str = "cpu", seed: int = 0) -> Iterator[Context]:
        """Give a context whose progress is a bar on standard error, if that is a terminal."""
        # rich would also call a file a terminal if an environment variable says so
        if not sys.stderr.isatty():
            yield Context(cancel_event=self.cancel_event, device=device, seed=seed)
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
        with Progress(
            *columns, TimeRemainingColumn(), console=self._errors, transient=True
        ) as bars:
            bar = bars.add_task(text, total=None)

            def show(step: Step) -> None:
                label = f"{text}: {step.text}" if step.text else text
                total = step.total if step.total > 0 else None
                bars.update(bar, completed=step.done, total=total, description=label)

            yield Context(show, self.cancel_event, device=device, seed=seed)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Turn the first Ctrl+C (or a request to terminate) into a cancel, a second into a stop.

        The task ends at its next checkpoint and clears up behind itself. Only the main thread
        can listen; elsewhere this does nothing.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def interrupt(number: int, frame: FrameType | None) -> None:
            if self.cancel_event.is_set():
                raise KeyboardInterrupt
            self.cancel_event.set()

        numbers = (signal.SIGINT, signal.SIGTERM)
        previous = [(number, signal.signal(number, interrupt)) for number in numbers]
        try:
            yield
        finally:
            for number, handler in previous:
                signal.signal(number, handler)


def decibels(value: float, unit: str) -> str:
    """A level for people, ``-14.2 LUFS``; ``-inf`` where there is none."""
    # Adding 0.0 makes a rounded -0.0 positive.
    return f"{round(value, 1) + 0.0:.1f} {unit}" if math.isfinite(value) else f"-inf {unit}"


def duration(seconds: float) -> str:
    """A length for people: ``3:07.250``, ``1:00:00.000``."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 1000:02d}.{rest % 1000:03d}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def flush() -> None:
    """Hand over what was printed; a reader that closed the pipe early is no failure."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter would complain once more when it flushes at exit.
        sys.stdout = None


def _one_line(text: str) -> str:
    return " ".join(text.split())
