"""The failure of a process of a team, kept in the run folder for whoever launched it."""

from __future__ import annotations

import json
from pathlib import Path

from engine.atomic import write_text
from engine.tasks import Failure

PATTERN = "failure-*.json"


def write_failure(run: Path, rank: int, failure: Failure) -> None:
    """Keep the words of a process's failure."""
    words = {"what": failure.what, "why": failure.why, "remedy": failure.remedy}
    write_text(run / f"failure-{rank}.json", json.dumps(words))


def first_failure(run: Path) -> Failure | None:
    """The failure that came first: the others mostly say that this process is gone."""
    paths = sorted(run.glob(PATTERN), key=lambda path: path.stat().st_mtime_ns)
    return Failure(**json.loads(paths[0].read_text(encoding="utf-8"))) if paths else None


def clear_failures(run: Path) -> None:
    """Forget those of an earlier launch."""
    for path in run.glob(PATTERN):
        path.unlink()
