"""How long it takes until the window is there, usable, and quick."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.settings import SettingsStore
from tests.perf.conftest import Stage
from tests.perf.table import Table

REPEATS = 5


def medians(measure: Callable[[], dict[str, Any]]) -> dict[str, float]:
    runs = [measure() for _ in range(REPEATS)]
    return {name: statistics.median(each[name] for each in runs) for name in runs[0]}


@pytest.mark.perf
def test_the_window_is_there_and_usable_in_time(stage: Stage, track: Path) -> None:
    settings = Path(stage.environment["AUDIOBENCH_HOME"]) / "config" / "settings.json"
    SettingsStore(settings).change(first_run=False)  # else the demo is opened
    stage.play("start", str(time.monotonic()))  # bytecode and disk cache
    table = Table(f"Start, median of {REPEATS}")
    empty = medians(lambda: stage.play("start", str(time.monotonic())))
    with_file = medians(lambda: stage.play("start", str(time.monotonic()), str(track)))
    table.add("process start to first paint", empty["painted"], "s", 0.5)
    table.add("process start to usable", empty["usable"], "s", 1.5)
    table.add("of which imports", empty["imported"], "s")
    table.add("of which building the window", empty["built"] - empty["imported"], "s")
    table.add("processor time until the first paint", empty["cpu"], "s", 0.5)
    table.add("gap while the engine loads, p95", 1000 * empty["p95_gap"], "ms", 50.0)
    table.add("gap while the engine loads, longest", 1000 * empty["worst_gap"], "ms")
    table.add("with a 3-minute file: first paint", with_file["painted"], "s", 0.5)
    table.add("with a 3-minute file: usable", with_file["usable"], "s", 1.5)
    table.add("with a 3-minute file: its first picture", with_file["picture"], "s")
    table.show()


@pytest.mark.perf
def test_importing_the_window_is_quick(stage: Stage) -> None:
    def seconds(code: str) -> float:
        runs = [stage.run(sys.executable, "-c", code).seconds for _ in range(REPEATS)]
        return statistics.median(runs)

    table = Table("Imports")
    bare, whole = seconds("pass"), seconds("import app.bootstrap")
    table.add("app.bootstrap, without the interpreter's start", whole - bare, "s")
    table.add("the interpreter's start", bare, "s")
    table.show()


@pytest.mark.perf
def test_the_window_answers_while_the_first_run_compiles(stage: Stage, tmp_path: Path) -> None:
    first = stage.play("warming", NUMBA_CACHE_DIR=str(tmp_path / "kernels"))
    again = stage.play("warming", NUMBA_CACHE_DIR=str(tmp_path / "kernels"))
    table = Table("Warm-up")
    for name, run in (("first run", first), ("later runs", again)):
        gaps_ms = 1000 * np.array(run["gaps"])
        table.add(f"{name}: whole warm-up", run["seconds"], "s")
        table.add(f"{name}: gap, p95", float(np.percentile(gaps_ms, 95)), "ms", 50)
        table.add(f"{name}: longest gap", float(gaps_ms.max()), "ms")
    table.show()
