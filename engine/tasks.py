"""Tasks: plain functions ``run(spec, context)`` that report, can be cancelled and fail clearly."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

Spec = TypeVar("Spec")
Result = TypeVar("Result")

REPORT_INTERVAL_S = 0.05


class Failure(Exception):  # noqa: N818 - the word users and code share
    """Something a user can understand and act on.

    Parameters
    ----------
    what
        What happened, as one sentence.
    why
        What it means or what caused it.
    remedy
        What to do about it.
    """

    def __init__(self, what: str, why: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.why, self.remedy) if part)


class Cancelled(Exception):  # noqa: N818 - it is a signal, not an error
    """The task was asked to stop and stopped at a checkpoint."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task has come.

    ``total`` is 0 while the amount of work is unknown; ``partial`` carries an intermediate
    result a view may show (a half-built peak pyramid, say).
    """

    done: float
    total: float
    text: str = ""
    partial: Any = None

    @property
    def fraction(self) -> float:
        """Share done in [0, 1]; 0 while the total is unknown."""
        return min(max(self.done / self.total, 0.0), 1.0) if self.total > 0 else 0.0


def _ignore(progress: Progress) -> None:
    """Discard progress nobody listens to."""


@dataclass(slots=True)
class Context:
    """What a running task may use: progress, cancel, the device and seeded randomness.

    Reports are throttled to one per ``REPORT_INTERVAL_S``; the last one of a task is always
    delivered because :meth:`flush` sends what was held back. ``warnings`` collects what the user
    should know although the task went on (see :meth:`warn`).
    """

    on_progress: Callable[[Progress], None] = _ignore
    cancel_event: threading.Event = field(default_factory=threading.Event)
    device: str = "cpu"
    seed: int = 0
    warnings: list[str] = field(default_factory=list)
    interval_s: float = REPORT_INTERVAL_S
    _held: Progress | None = None
    _sent_at: float = float("-inf")
    _rng: np.random.Generator | None = None

    @property
    def rng(self) -> np.random.Generator:
        """The task's own random generator, seeded by ``seed``."""
        if self._rng is None:
            self._rng = np.random.default_rng(self.seed)
        return self._rng

    def report(self, done: float, total: float, text: str = "", partial: Any = None) -> None:
        """Say how far the task is; cheap enough to call in an inner loop."""
        progress = Progress(done, total, text, partial)
        now = time.monotonic()
        if now - self._sent_at < self.interval_s:
            self._held = progress
            return
        self._held = None
        self._sent_at = now
        self.on_progress(progress)

    def flush(self) -> None:
        """Deliver a report that throttling held back."""
        if self._held is not None:
            held, self._held = self._held, None
            self.on_progress(held)

    def warn(self, text: str) -> None:
        """Keep a sentence for the user; the same sentence is kept once."""
        if text not in self.warnings:
            self.warnings.append(text)

    def checkpoint(self) -> None:
        """Raise :class:`Cancelled` when the task was asked to stop."""
        if self.cancel_event.is_set():
            raise Cancelled

    def part(self, start: float, stop: float, text: str = "") -> Context:
        """Give a sub-task the share ``start..stop`` (in [0, 1]) of this task's progress bar.

        Nobody flushes a part, so it holds nothing back; throttling is left to this context. The
        part shares cancel, device, seed and warnings.
        """
        prefix = f"{text}: " if text else ""

        def forward(progress: Progress) -> None:
            done = start + (stop - start) * progress.fraction
            self.report(done, 1.0, prefix + progress.text, progress.partial)

        return Context(
            forward, self.cancel_event, self.device, self.seed, self.warnings, interval_s=0.0
        )


Task = Callable[[Spec, Context], Result]


def run_inline(
    task: Task[Spec, Result],
    spec: Spec,
    *,
    context: Context | None = None,
) -> Result:
    """Run a task in the calling thread.

    Raises
    ------
    Failure, Cancelled
        As the task does. A :class:`MemoryError` becomes a :class:`Failure`.
    """
    context = context or Context()
    try:
        context.checkpoint()
        result = task(spec, context)
    except MemoryError as error:
        raise Failure(
            "The task ran out of memory.",
            "The audio or the model needs more memory than is free.",
            "Close other programs or work on a shorter part.",
        ) from error
    finally:
        context.flush()
    return result
