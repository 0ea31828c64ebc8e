"""Lanes: threads that run tasks for the window, one job at a time each.

This is the engine's only Qt. Workers post plain messages to :class:`Lanes`, which lives in the
owner's thread (the window's) and applies them there, so every signal below is emitted in that
thread and no QObject is ever touched, or dropped, by a worker.
"""

from __future__ import annotations

import atexit
import itertools
import os
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from queue import SimpleQueue
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QThread, Signal, Slot

from engine.failures import as_failure
from engine.tasks import Cancelled, Context, Failure, Progress, Task, run_inline

# macOS gives secondary threads 512 KB, too little for numba and torch.
STACK_BYTES = 16 * 1024 * 1024
# A step of training or the first compilation of a kernel may take this long.
LINGER_S = 20.0
# An estimate from less than this much work is a guess.
ESTIMATE_AFTER_S = 0.5
ESTIMATE_AFTER_FRACTION = 0.01


class Lane(StrEnum):
    """Where a job runs; a GPU's lane is named by its device, ``"cuda:0"``."""

    LIGHT = "light"
    HEAVY = "heavy"
    TRAINING = "training"


# Two light lanes, so that one slow decode never keeps the views waiting.
# A training takes hours: one at a time, but what takes seconds must not wait for it.
_WORKERS: dict[str, int] = {Lane.LIGHT: 2, Lane.HEAVY: 1, Lane.TRAINING: 1}


class JobState(StrEnum):
    """Where a job is; the last three are terminal and a job enters exactly one of them."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class _Started:
    """A worker took the job."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """A worker is done with the job."""

    state: JobState
    result: Any = None
    failure: Failure | None = None
    trace: str = ""


class _Run:
    """The worker's half of a job: plain Python, safe to drop in any thread."""

    def __init__(self, number: int, task: Task[Any, Any], spec: Any, context: Context) -> None:
        self.number = number
        self.task = task
        self.spec = spec
        self.context = context
        self._claimed = threading.Lock()

    def claim(self) -> bool:
        """True for the first caller only: the worker that runs it or whoever cancels it before."""
        return self._claimed.acquire(blocking=False)

    def execute(self) -> _Ended:
        """Run the task here and say how it ended; raises nothing."""
        try:
            return _Ended(
                JobState.DONE, result=run_inline(self.task, self.spec, context=self.context)
            )
        except Cancelled:
            return _Ended(JobState.CANCELLED)
        except BaseException as error:  # a lane outlives whatever a task raises
            trace = traceback.format_exc()
            failure = as_failure(error)
            # Frames would keep the task's arrays alive as long as the job is listed.
            failure.__traceback__ = failure.__cause__ = failure.__context__ = None
            return _Ended(JobState.FAILED, failure=failure, trace=trace)


class _Worker(QThread):
    """A thread that takes runs from its lane's queue until it meets None."""

    def __init__(
        self, name: str, inbox: SimpleQueue[_Run | None], post: Callable[[object], None]
    ) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setStackSize(STACK_BYTES)
        self._inbox = inbox
        self._post = post

    def run(self) -> None:
        """Take one run after the other."""
        while self._run_next():
            pass

    def _run_next(self) -> bool:
        # A function of its own: a waiting worker holds neither the last spec nor its result.
        run = self._inbox.get()
        if run is None:
            return False
        if run.claim():
            self._post((run.number, _Started()))
            self._post((run.number, run.execute()))
        return True


class Job(QObject):
    """One task that was handed to a lane.

    Attributes
    ----------
    id, title, lane
        Number (unique within its Lanes), what the user reads, and where it runs.
    state, progress, result, failure
        Where it is; ``result`` is set when done, ``failure`` when failed.
    trace
        Traceback of a failure, for the log; empty otherwise.
    warnings
        What the task wants the user to know although it went on.
    started_at, ended_at
        Seconds since the epoch, None until then.

    Signals (all in the owner's thread): ``changed()`` for every new state,
    ``progressed(Progress)``, ``ended()`` once.
    """

    changed = Signal()
    progressed = Signal(object)
    ended = Signal()

    def __init__(self, run: _Run, title: str, lane: str, lanes: Lanes) -> None:
        super().__init__()
        self.id = run.number
        self.title = title
        self.lane = lane
        self.state = JobState.QUEUED
        self.progress = Progress(0.0, 0.0)
        self.result: Any = None
        self.failure: Failure | None = None
        self.trace = ""
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self._run = run
        self._lanes = lanes
        self._progress_at = 0.0

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences the task kept for the user."""
        return tuple(self._run.context.warnings)

    @property
    def cancelling(self) -> bool:
        """Whether it was asked to stop and has not stopped yet."""
        return self._run.context.cancel_event.is_set() and not self.state.ended

    @property
    def elapsed_s(self) -> float:
        """Seconds it has run; 0 while queued."""
        if self.started_at is None:
            return 0.0
        return (self.ended_at or time.time()) - self.started_at

    @property
    def time_left_s(self) -> float | None:
        """Estimated seconds until it is done; None while there is too little to tell from."""
        fraction = self.progress.fraction
        if self.state is not JobState.RUNNING or self.started_at is None:
            return None
        spent_s = self._progress_at - self.started_at
        if spent_s < ESTIMATE_AFTER_S or fraction < ESTIMATE_AFTER_FRACTION:
            return None
        left_s = spent_s * (1.0 - fraction) / fraction
        return max(left_s - (time.time() - self._progress_at), 0.0)

    def cancel(self) -> None:
        """Ask it to stop: at once when queued, at its next checkpoint when running."""
        if self.state.ended:
            return
        self._run.context.cancel_event.set()
        if self._run.claim():
            self._receive(_Ended(JobState.CANCELLED))
        else:
            self.changed.emit()

    def retry(self) -> Job:
        """Submit the same task and spec again, as a new job on the same lane."""
        run = self._run
        return self._lanes.submit(
            self.title, run.task, run.spec, lane=self.lane, seed=run.context.seed
        )

    def _receive(self, message: object) -> None:
        """Apply what the worker said; called in the owner's thread only."""
        if self.state.ended:
            return
        if isinstance(message, Progress):
            self.progress = message
            self._progress_at = time.time()
            self.progressed.emit(message)
        elif isinstance(message, _Started):
            self.state = JobState.RUNNING
            self.started_at = time.time()
            self.changed.emit()
        elif isinstance(message, _Ended):
            self.state = message.state
            self.result, self.failure, self.trace = message.result, message.failure, message.trace
            self.ended_at = time.time()
            self.changed.emit()
            self.ended.emit()


class Lanes(QObject):
    """Every lane and every job. Make it in the window's thread; call :meth:`shutdown` at the end.

    Signals: ``submitted(Job)``; ``removed(Job)`` when an ended job is taken off the list.
    """

    submitted = Signal(object)
    removed = Signal(object)
    _posted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: dict[int, Job] = {}
        self._numbers = itertools.count(1)
        self._inboxes: dict[str, SimpleQueue[_Run | None]] = {}
        self._workers: list[tuple[str, _Worker]] = []
        self._closed = False
        self._owner = threading.get_ident()
        self._posted.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs that were not cleared, oldest first."""
        return tuple(self._jobs.values())

    @property
    def busy(self) -> bool:
        """Whether any job is queued or running."""
        return any(not job.state.ended for job in self._jobs.values())

    def submit(
        self,
        title: str,
        task: Task[Any, Any],
        spec: Any,
        *,
        lane: Lane | str = Lane.LIGHT,
        seed: int = 0,
        quiet: bool = False,
    ) -> Job:
        """Queue ``task(spec, context)`` on a lane.

        Parameters
        ----------
        title
            What the user reads in the list of jobs.
        lane
            ``Lane.LIGHT`` for what a view waits for, ``Lane.HEAVY`` for long CPU work,
            ``Lane.TRAINING`` for what takes hours of it, or a
            device such as ``"cuda:0"``, whose lane is made when first asked for.
        seed
            Seed of the task's random generator.
        quiet
            For the many small jobs of a view: not announced, and off the list when it has ended.

        Raises
        ------
        ValueError
            If the lane is unknown.
        RuntimeError
            In another thread than the owner's.

        After :meth:`shutdown` the job is cancelled at once: what the end of a program still
        delivers must not start anything, nor be an error.
        """
        if threading.get_ident() != self._owner:
            raise RuntimeError("jobs are submitted in the thread the lanes live in")
        name = str(lane)
        inbox = SimpleQueue() if self._closed else self._inbox(name)
        number = next(self._numbers)
        post = self._posted.emit
        context = Context(
            on_progress=lambda progress: post((number, progress)),
            device=name if name.startswith("cuda") else "cpu",
            seed=seed,
        )
        run = _Run(number, task, spec, context)
        job = Job(run, title, name, self)
        self._jobs[number] = job
        if quiet:
            job.ended.connect(lambda: self._jobs.pop(number, None))
        else:
            self.submitted.emit(job)
        if self._closed:
            job.cancel()
        else:
            inbox.put(run)
        return job

    def clear_ended(self) -> None:
        """Take every ended job off the list, and with it its result."""
        for job in [job for job in self._jobs.values() if job.state.ended]:
            del self._jobs[job.id]
            self.removed.emit(job)

    def shutdown(self, timeout_s: float = 5.0) -> bool:
        """Cancel everything and join the threads.

        Returns
        -------
        bool
            False if a task did not reach a checkpoint in time. A thread is never terminated: call
            again, or end the program; its exit waits ``LINGER_S`` more and then leaves the thread
            behind.
        """
        if not self._closed:
            self._closed = True
            for name, _worker in self._workers:
                self._inboxes[name].put(None)
        for job in self.jobs:
            job.cancel()
        deadline = time.monotonic() + timeout_s
        joined = [
            worker.wait(max(int((deadline - time.monotonic()) * 1000), 0))
            for _name, worker in self._workers
        ]
        # What the workers said last is still in the event queue.
        QCoreApplication.sendPostedEvents(self, QEvent.Type.MetaCall.value)
        if not all(joined):
            # Qt aborts the process when it destroys a running thread.
            atexit.unregister(self._linger)
            atexit.register(self._linger)
        return all(joined)

    def _linger(self) -> None:
        """At the interpreter's exit: let the last tasks end, or leave without destroying them."""
        if not self.shutdown(LINGER_S):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)

    def _inbox(self, name: str) -> SimpleQueue[_Run | None]:
        if name not in self._inboxes:
            if name not in _WORKERS and not re.fullmatch(r"cuda:\d+", name):
                raise ValueError(f"no lane is called {name!r}")
            inbox: SimpleQueue[_Run | None] = SimpleQueue()
            self._inboxes[name] = inbox
            for index in range(_WORKERS.get(name, 1)):
                worker = _Worker(f"lane {name} {index + 1}", inbox, self._posted.emit)
                self._workers.append((name, worker))
                worker.start()
        return self._inboxes[name]

    @Slot(object)
    def _deliver(self, posted: tuple[int, object]) -> None:
        number, message = posted
        job = self._jobs.get(number)
        if job is not None:
            job._receive(message)
