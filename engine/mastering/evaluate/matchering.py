"""Matchering as an opponent, run by an interpreter of its own.

It is GPL-3 and brings its own dependencies, so it is neither imported nor required: a worker in
another process, possibly of another environment, exchanges WAV files with us.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import numpy as np
import soundfile

from engine.audio.clip import Clip
from engine.mastering.evaluate.methods import Repair
from engine.tasks import Context, Failure

POLL_S = 0.1
LONGEST_S = 300.0

WORKER = """
import json, sys, time
import matchering
answers = sys.stdout
sys.stdout = sys.stderr
print(json.dumps({"version": matchering.__version__}), file=answers, flush=True)
for line in sys.stdin:
    job = json.loads(line)
    try:
        result = matchering.Result(job["result"], "FLOAT", use_limiter=False, normalize=False)
        config = matchering.Config(internal_sample_rate=job["rate"], temp_folder=job["folder"])
        began = time.perf_counter()
        matchering.process(job["target"], job["reference"], [result], config)
        answer = {"seconds": time.perf_counter() - began}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), file=answers, flush=True)
"""


class Matchering:
    """Matchering without its limiter, at the rate of the recording.

    Parameters
    ----------
    worker
        A running worker; see :func:`running`.
    version
        What it says it is.
    folder
        Where the WAV files go.
    """

    name = "matchering"
    needs_reference = True

    def __init__(self, worker: subprocess.Popen[str], folder: Path) -> None:
        self._worker = worker
        self._folder = folder
        self._answers: queue.Queue[str] = queue.Queue()
        assert worker.stdout is not None and worker.stdin is not None
        self._jobs: IO[str] = worker.stdin
        # A pipe cannot be waited for with a time limit on every system; a queue can.
        self._listener = threading.Thread(target=self._listen, args=(worker.stdout,), daemon=True)
        self._listener.start()
        self.version = ""

    def _listen(self, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                self._answers.put(line)
        self._answers.put("")

    def start(self, context: Context) -> None:
        """Wait until it is there.

        Raises
        ------
        Failure
            If this interpreter has no Matchering.
        """
        self.version = str(self._answer(context)["version"])

    def close(self) -> None:
        """End the worker."""
        self._worker.kill()
        self._worker.wait()
        self._listener.join()
        with suppress(OSError):  # what was never sent has nobody to go to
            self._jobs.close()

    def _answer(self, context: Context) -> dict[str, Any]:
        for _ in range(round(LONGEST_S / POLL_S)):
            context.checkpoint()
            try:
                line = self._answers.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if not line:
                raise Failure(
                    "Matchering could not be started.",
                    "The interpreter has no working package of that name.",
                    "Install the extra “bench”, or name another with --matchering-python.",
                )
            answer: dict[str, Any] = json.loads(line)
            return answer
        raise Failure("Matchering did not answer.", f"It was given {LONGEST_S:.0f} s.")

    def repair(self, degraded: Clip, reference: Clip | None, context: Context) -> Repair:
        """Match a recording to the reference.

        Raises
        ------
        Failure
            If it refuses the pair (too short, silent, the same) or dies.
        """
        if reference is None:
            raise Failure("Matchering needs a reference.")
        paths = {name: str(self._folder / f"{name}.wav") for name in ("target", "reference")}
        for name, clip in (("target", degraded), ("reference", reference)):
            soundfile.write(paths[name], clip.samples.T, clip.rate, subtype="FLOAT")
        result = self._folder / "result.wav"
        job = paths | {"result": str(result), "rate": degraded.rate, "folder": str(self._folder)}
        print(json.dumps(job), file=self._jobs, flush=True)
        answer = self._answer(context)
        if "error" in answer:
            raise Failure("Matchering refused the recording.", str(answer["error"]))
        samples, rate = soundfile.read(result, dtype="float32", always_2d=True)
        # It makes stereo of mono; what is compared is what came.
        out = samples.T if degraded.channels == 2 else samples.mean(axis=1)[None]
        return Repair(Clip(np.ascontiguousarray(out), rate), None, float(answer["seconds"]))


@contextmanager
def running(context: Context, interpreter: str = sys.executable) -> Iterator[Matchering]:
    """Matchering in a worker that ends with the block.

    Parameters
    ----------
    context
        Cancels the start.
    interpreter
        Python that has it.

    Raises
    ------
    Failure
        If the interpreter is missing or has no Matchering.
    """
    with TemporaryDirectory(prefix="matchering-") as folder:
        try:
            worker = subprocess.Popen(
                [interpreter, "-c", WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        except OSError as error:
            raise Failure(
                "Matchering could not be started.",
                f"{interpreter}: {error.strerror or error}.",
                "Name an interpreter that has it with --matchering-python.",
            ) from error
        method = Matchering(worker, Path(folder))
        try:
            method.start(context)
            yield method
        finally:
            method.close()
