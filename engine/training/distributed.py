"""Several processes that train one model: started, followed, stopped and their failures told."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from engine.tasks import Cancelled, Context, Failure
from engine.training.child_failure import clear_failures, first_failure
from engine.training.loop import TrainResult, begin_run, check_run
from engine.training.recipe import Recipe
from engine.training.run_folder import RunFolder, RunStatus, State

POLL_S = 0.1
# A step and a checkpoint have to fit in.
STOP_GRACE_S = 60.0
TERMINATE_GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """What to train together.

    Parameters
    ----------
    recipe, run, resume
        As in :class:`engine.training.loop.TrainSpec`.
    entry
        Where the kind's code is found, ``"package.module:function"``.
    processes
        How many; on GPUs one for each, counted from the first.
    device
        ``"cpu"`` or ``"cuda"``.
    """

    recipe: Recipe
    run: Path
    entry: str
    processes: int
    device: str = "cpu"
    resume: bool = False


def launch(spec: LaunchSpec, context: Context) -> TrainResult:
    """Train with several processes under ``torchrun``; a task.

    It reports what the run folder says, and ends all processes before it returns.

    Raises
    ------
    Failure
        As :func:`engine.training.loop.train`; with the words of the process that failed first.
    Cancelled
        If the task was cancelled; the run has a checkpoint and can be resumed.
    """
    if getattr(sys, "frozen", False):
        raise Failure(
            "Several processes cannot train from the packaged program.",
            "torchrun needs a Python of its own.",
            "Install audiobench with pip for that, or train with one process.",
        )
    if spec.device == "cuda" and torch.cuda.device_count() < spec.processes:
        raise Failure(
            f"{spec.processes} processes need {spec.processes} GPUs.",
            f"This machine has {torch.cuda.device_count()}.",
            "Take fewer processes, or the device cpu.",
        )
    folder = RunFolder(spec.run)
    check_run(folder, spec.recipe, resume=spec.resume)
    begin_run(folder, spec.recipe)
    clear_failures(folder.path)
    steps = spec.recipe.loop.steps
    before = folder.status()
    with _started(spec, folder) as child:
        stop_after = math.inf
        while child.poll() is None:
            _follow(folder, before, steps, context)
            if context.cancel_event.is_set():
                folder.stop()  # again and again: a process that only begins forgets requests
                stop_after = min(stop_after, time.monotonic() + STOP_GRACE_S)
            if time.monotonic() > stop_after:
                break
            time.sleep(POLL_S)
    asked = context.cancel_event.is_set() or folder.stop_asked
    folder.clear_requests()
    status = _follow(folder, before, steps, context)
    failure = first_failure(folder.path)
    stopped = status is not None and status.state == "stopped" and child.returncode == 0
    if asked or (failure is None and stopped):
        _close(folder, steps, "stopped", "Stopped; it can be resumed.")
        raise Cancelled
    if failure is not None or child.returncode or status is None or status.state != "done":
        failure = failure or _ended(folder, child.returncode)
        _close(folder, steps, "failed", str(failure))
        raise failure
    return TrainResult(folder.path, status.step, status.best_step, status.best_score, folder.bundle)


def _follow(
    folder: RunFolder, before: RunStatus | None, steps: int, context: Context
) -> RunStatus | None:
    """Report what the run folder says; gives it, or None while it is still from before."""
    status = folder.status()
    if status is None or status == before:
        context.report(0.0, 0.0, "Starting processes.")
        return None
    context.report(status.step, steps, status.text, status)
    return status


@contextlib.contextmanager
def _started(spec: LaunchSpec, folder: RunFolder) -> Iterator[subprocess.Popen[bytes]]:
    """Run torchrun in a group of its own; whatever happens, no process outlives the block."""
    with _log(folder).open("wb") as log:
        child = subprocess.Popen(
            _command(spec),
            env=_environment(spec),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl+C in a terminal is for us alone
        )
        try:
            yield child
        finally:
            if child.poll() is None:  # torchrun ends its workers, who leave a checkpoint
                child.terminate()
                try:
                    child.wait(TERMINATE_GRACE_S)
                except subprocess.TimeoutExpired:
                    _kill_group(child)
            child.wait()


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()


def _command(spec: LaunchSpec) -> list[str]:
    command = [sys.executable, "-m", "torch.distributed.run"]
    # port 0: whichever is free
    command += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
    command += ["--local-addr", "127.0.0.1", "--nnodes", "1"]
    command += ["--nproc-per-node", str(spec.processes), "-m", "engine.training.worker"]
    command += ["--folder", str(spec.run), "--entry", spec.entry, "--device", spec.device]
    command += ["--launcher", str(os.getpid())]
    return [*command, "--resume"] if spec.resume else command


def _environment(spec: LaunchSpec) -> dict[str, str]:
    """Ours, with the same modules, the loop-back network and a share of the processors."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = max((cores or 1) // spec.processes, 1)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads)),
    }
    interface = {"linux": "lo", "darwin": "lo0"}.get(sys.platform)
    if interface is not None:
        environment |= {"GLOO_SOCKET_IFNAME": interface, "NCCL_SOCKET_IFNAME": interface}
    return environment


def _log(folder: RunFolder) -> Path:
    return folder.path / "processes.log"


def _close(folder: RunFolder, steps: int, state: State, message: str) -> None:
    """Make the status say how it ended, where the processes had no time for that."""
    status = folder.status() or RunStatus(state, 0, steps, started_at=time.time())
    folder.write_status(dataclasses.replace(status, state=state, message=message))


def _ended(folder: RunFolder, code: int) -> Failure:
    """The failure of processes that ended without a word."""
    lines = _log(folder).read_text(encoding="utf-8", errors="replace").splitlines()
    told = [line.strip() for line in lines if line.strip() and not set(line) <= set("=- ")]
    last = told[-1] if told else "it printed nothing"
    return Failure(
        f"The training processes ended with code {code}.",
        f"The last line they wrote: {last}",
        f"{_log(folder)} holds all of it. Often the memory was used up: try fewer processes.",
    )
