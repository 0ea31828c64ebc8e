"""The mastering panel while a job runs, and what it says afterwards."""

from __future__ import annotations

from PySide6.QtCore import QPoint

from engine.mastering.parameters import (
    ChainParameters,
)
from tests.app.panels.mastering.bench import FITTED, NOISE, Bench


def test_master_runs_with_progress_and_cancel_in_its_place(bench: Bench) -> None:
    header = bench.panel.header
    header.master.click()
    job = bench.services.masters.jobs[bench.clip_id]
    assert header.master.isHidden() and not header.cancel.isHidden()
    job.report(0.4)
    assert header.progress.value() == 400
    assert not bench.services.commands.run("master.run")
    header.cancel.click()
    assert job.cancelled
    bench.services.masters.end(bench.clip_id)
    assert not header.master.isHidden() and header.cancel.isHidden()


def test_the_running_fit_moves_the_graph_and_not_the_session(bench: Bench) -> None:
    state = bench.services.session.state
    bench.services.commands.run("master.run")
    job = bench.services.masters.jobs[bench.clip_id]
    job.report(0.5, FITTED)
    assert bench.panel.graph.bands == FITTED.bands
    assert ChainParameters.from_dict(bench.live) == FITTED
    assert not bench.panel.strip.isEnabled() and not bench.panel.board.isEnabled()
    bench.panel.strip.columns[1].fields["gain_db"].setValue(9.0)
    bench.drag_band(4, QPoint(0, -30))
    assert bench.services.session.state == state
    bench.services.masters.end(bench.clip_id)
    assert bench.panel.strip.isEnabled() and bench.panel.board.isEnabled()
    assert bench.panel.graph.bands == ChainParameters().bands
    assert bench.panel.strip.columns[1].fields["gain_db"].value() == 0.0


def test_another_clip_shows_its_own_numbers_and_its_own_job(bench: Bench) -> None:
    bench.set(parameters=FITTED)
    bench.services.commands.run("master.run")
    second = bench.services.open_clip(NOISE, name="second.wav")
    session = bench.services.session
    session.edit("Show", session.state.with_current(second))
    assert bench.panel.graph.bands == ChainParameters().bands
    assert bench.panel.header.cancel.isHidden()
    session.edit("Show", session.state.with_current(bench.clip_id))
    assert bench.panel.graph.bands == FITTED.bands
    assert not bench.panel.header.cancel.isHidden()


def test_the_summary_says_before_and_after_and_what_was_missed(bench: Bench) -> None:
    bench.measured(-22.0, None)
    assert "not mastered yet" in bench.panel.header.summary.text()
    bench.set(parameters=FITTED, rendering_key="key")
    bench.measured(-22.0, -15.0)
    text = bench.panel.header.summary.text()
    assert "−22.0 → −15.0 LUFS" in text
    assert "1.0 LU below target" in text
    assert "2 bands" in text
