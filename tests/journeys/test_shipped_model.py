"""A newcomer masters with the model that comes with the program, and can do without it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.bootstrap import Workbench
from app.document.state import AUTO_MODEL, NO_MODEL
from app.library import LoadedClip
from engine.cli import run
from engine.locations import Locations
from engine.mastering.models.library import PREFERRED, installed


@pytest.fixture
def shipped(locations: Locations) -> str:
    """Name of the model the program uses where nobody chose one."""
    names = [model.name for model in installed(locations) if model.shipped]
    if not names:
        pytest.skip("no model is shipped with this checkout")
    assert PREFERRED in names
    return PREFERRED


def master(workbench: Workbench, qtbot: QtBot, model: str) -> str | None:
    """Master the current clip with a choice of model; the name of what answered."""
    session = workbench.services.session
    clip_id = session.state.current_id
    assert clip_id is not None
    session.edit("Choose", session.state.with_mastering(clip_id, model=model))
    job = workbench.services.masters.master(clip_id)
    assert job is not None
    qtbot.waitUntil(lambda: job.state.ended, timeout=120_000)
    assert job.failure is None, job.trace
    result = workbench.services.masters.result(clip_id)
    assert result is not None
    assert result.after.true_peak_dbtp <= -0.95
    return result.prediction.model if result.prediction is not None else None


def test_the_window_masters_with_the_shipped_model_until_told_otherwise(
    workbench: Workbench, qtbot: QtBot, open_song: Callable[[], LoadedClip], shipped: str
) -> None:
    open_song()
    assert master(workbench, qtbot, AUTO_MODEL) == shipped
    assert master(workbench, qtbot, NO_MODEL) is None


def test_the_command_masters_with_the_shipped_model_until_told_otherwise(
    song: Path, tmp_path: Path, shipped: str
) -> None:
    for number, (extra, wanted) in enumerate((([], shipped), (["--model", "none"], None))):
        report = tmp_path / f"{number}.json"
        arguments = ["master", str(song), str(tmp_path / f"{number}.wav"), "--report", str(report)]
        assert run([*arguments, *extra]) == 0
        prediction = json.loads(report.read_text(encoding="utf-8"))["prediction"]
        assert (prediction["model"] if prediction else None) == wanted
