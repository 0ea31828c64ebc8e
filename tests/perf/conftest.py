"""Long recordings, a screen, and child processes that run the real program on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = ROOT.parent / "shared" / "audio" / "music"
RATE = 44_100
POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Run:
    """How a child process went; memory is the most it had resident, in bytes."""

    seconds: float
    peak_rss: int
    output: str


@dataclass(frozen=True, slots=True)
class Stage:
    """Where child processes run: a screen, and a home with settings and cache of its own."""

    environment: dict[str, str]

    def run(self, *words: str, **variables: str) -> Run:
        """Run a command to its end; fails when it fails."""
        with tempfile.TemporaryFile("w+") as output:
            begun = time.perf_counter()
            process = subprocess.Popen(
                words, env=self.environment | variables, cwd=ROOT, stdout=output
            )
            peak = 0
            # Not rusage: that counts what this process had resident when it forked.
            while process.poll() is None:
                peak = max(peak, _peak_rss(process.pid))
                time.sleep(POLL_S)
            seconds = time.perf_counter() - begun
            output.seek(0)
            text = output.read()
        assert process.returncode == 0, text
        return Run(seconds, peak, text)

    def play(self, scene: str, *words: str, **variables: str) -> dict[str, Any]:
        """Run a scene of ``tests.perf.scenes`` in a fresh process; what it measured."""
        arguments = (sys.executable, "-m", "tests.perf.scenes", scene, *words)
        result = self.run(*arguments, **variables)
        measured: dict[str, Any] = json.loads(result.output.splitlines()[-1])
        return measured | {"peak_rss": result.peak_rss}


@pytest.fixture(scope="session")
def screen() -> Iterator[str]:
    """A display: the one there is, or Xvfb."""
    if os.environ.get("DISPLAY"):
        yield os.environ["DISPLAY"]
        return
    if shutil.which("Xvfb") is None:
        pytest.skip("there is no display and Xvfb is not installed")
    size = ("-screen", "0", "1600x1000x24")
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", *size, "-nolisten", "tcp"], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        yield f":{server.stdout.readline().strip()}"
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def stage(screen: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A stage with an empty home."""
    own = {"DISPLAY": screen, "QT_QPA_PLATFORM": "xcb", "AUDIOBENCH_HOME": str(tmp_path / "home")}
    # Whatever this shell prefers: a user's Python keeps the bytecode of what it has imported.
    own |= {"PYTHONPYCACHEPREFIX": str(tmp_path_factory.getbasetemp() / "bytecode")}
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return Stage(inherited | own)


@pytest.fixture(scope="session")
def join(tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], Path]:
    """Write a stereo FLAC of so many minutes, once for each length."""
    folder = tmp_path_factory.mktemp("recordings")

    def write(minutes: float) -> Path:
        path = folder / f"{minutes:g}-minutes.flac"
        if not path.is_file():
            programme, left = _programme(), round(minutes * 60 * RATE)
            with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
                while left > 0:
                    file.write(programme[:left])
                    left -= len(programme)
        return path

    return write


@pytest.fixture(scope="session")
def hour(join: Callable[[float], Path]) -> Path:
    """Sixty minutes."""
    return join(60)


@pytest.fixture(scope="session")
def track(join: Callable[[float], Path]) -> Path:
    """Three minutes."""
    return join(3)


def _peak_rss(pid: int) -> int:
    """The most a process had resident, in bytes; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    return 1024 * sum(kilobytes)


def _programme() -> NDArray[np.float32]:
    """Real music where a developer has it beside the checkout, else noise that swells."""
    parts = []
    for path in sorted(RECORDINGS.glob("*")) if RECORDINGS.is_dir() else []:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        if (rate, samples.shape[1]) == (RATE, 2):
            parts.append(samples)
    if parts:
        return np.concatenate(parts)
    rng = np.random.default_rng(0)
    swell = 0.05 + 0.4 * np.abs(np.sin(np.arange(60 * RATE) / 30_000.0))
    return (0.3 * rng.standard_normal((60 * RATE, 2)) * swell[:, None]).astype(np.float32)
