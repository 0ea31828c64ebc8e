"""The mastering panel against the session, the player and the job that masters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QScrollArea,
    QScrollBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.document.state import MasteringEntry
from app.panels.mastering import MasteringPanel
from engine.audio.loudness import Loudness
from engine.mastering.parameters import (
    Amounts,
    Band,
    BandKind,
    ChainParameters,
    Compressor,
    Imager,
    Limiter,
)
from tests.app.fakes import FakeServices
from tests.app.panels.mastering_fakes import FakeTaps, mastering_services

NOISE = np.random.default_rng(7).standard_normal((2, 48000)) * 0.1
FITTED = replace(
    ChainParameters().with_band(2, gain_db=-3.0).with_band(7, gain_db=2.0),
    compressor=Compressor(ratio=2.0),
    imager=Imager(width=1.2),
)


class Bench:
    """A panel with one open clip."""

    def __init__(self, qtbot: QtBot) -> None:
        self.services: FakeServices = mastering_services()
        self.clip_id = self.services.open_clip(NOISE)
        self.panel = MasteringPanel(self.services)  # type: ignore[arg-type]
        self.services.commands.add(self.panel.commands())
        qtbot.addWidget(self.panel)
        self.panel.resize(1000, 520)
        self.panel.show()

    @property
    def entry(self) -> MasteringEntry:
        clip = self.services.session.state.clip(self.clip_id)
        assert clip is not None
        return clip.mastering

    @property
    def parameters(self) -> ChainParameters:
        assert self.entry.parameters is not None
        return self.entry.parameters

    @property
    def live(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.services.player.insert_parameters)
        return message

    def set(self, **changes: Any) -> None:
        session = self.services.session
        session.edit("Set", session.state.with_mastering(self.clip_id, **changes))

    def measured(self, before: float, after: float | None) -> None:
        library = self.services.library
        loudness = Loudness(before, 7.0, -18.0, -19.0, -3.0, -3.2)
        rendered = None if after is None else Loudness(after, 6.0, -11.0, -12.0, -1.0, -1.2)
        library.clips[self.clip_id] = replace(
            library.clips[self.clip_id], loudness=loudness, rendered_loudness=rendered
        )
        library.changed.emit(self.clip_id)

    def drag_band(self, index: int, by: QPoint) -> None:
        graph, left = self.panel.graph, Qt.MouseButton.LeftButton
        start = graph.handle_point(index)
        none = Qt.KeyboardModifier.NoModifier
        QTest.mousePress(graph, left, none, start.toPoint())
        for step in (0.3, 0.6, 1.0):
            at = start + QPointF(by) * step
            moved = QMouseEvent(
                QEvent.Type.MouseMove,
                at,
                graph.mapToGlobal(at),
                Qt.MouseButton.NoButton,
                left,
                none,
            )
            QApplication.sendEvent(graph, moved)
        QTest.mouseRelease(graph, left, none, (start + QPointF(by)).toPoint())


@pytest.fixture
def bench(qtbot: QtBot) -> Bench:
    return Bench(qtbot)


@pytest.fixture
def dressed(bench: Bench) -> Iterator[None]:
    """The application in the theme's style sheet, which decides how wide things are."""
    bench.services.theme.apply()
    yield
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    app.setStyleSheet("")


def test_nothing_can_be_done_without_a_clip(qtbot: QtBot) -> None:
    services = mastering_services()
    panel = MasteringPanel(services)  # type: ignore[arg-type]
    qtbot.addWidget(panel)
    assert not panel.isEnabled()
    services.commands.add(panel.commands())
    assert not services.commands.run("master.run")
    assert "Open a track" in panel.header.summary.text()


def test_a_whole_drag_is_one_undo_step(bench: Bench) -> None:
    before = bench.services.session.state
    bench.drag_band(4, QPoint(60, -30))
    bench.drag_band(4, QPoint(10, 10))
    assert bench.parameters.bands[4].gain_db != 0.0
    bench.services.session.undo()
    bench.services.session.undo()
    assert bench.services.session.state == before


def test_undo_and_redo_move_the_controls_and_say_nothing(bench: Bench) -> None:
    column = bench.panel.strip.columns[4]
    column.fields["gain_db"].setValue(5.0)
    assert bench.parameters.bands[4].gain_db == 5.0
    session = bench.services.session
    session.undo()
    assert column.fields["gain_db"].value() == 0.0
    assert bench.panel.graph.bands[4].gain_db == 0.0
    assert session.can_redo, "showing the earlier state made an edit of its own"
    session.redo()
    assert column.fields["gain_db"].value() == 5.0


def test_every_edit_is_heard_at_once(bench: Bench) -> None:
    bench.panel.strip.columns[2].fields["gain_db"].setValue(-4.0)
    assert ChainParameters.from_dict(bench.live) == bench.parameters
    assert bench.live["bands"][2]["gain_db"] == -4.0


def test_the_amount_scales_what_is_heard_and_not_the_numbers(bench: Bench) -> None:
    bench.set(parameters=FITTED)
    bench.panel.header.amount.field.setValue(0.5)
    assert bench.entry.amounts == Amounts(overall=0.5)
    assert bench.parameters == FITTED
    assert ChainParameters.from_dict(bench.live) == FITTED.scaled(Amounts(overall=0.5))
    assert bench.panel.graph.heard == FITTED.scaled(Amounts(overall=0.5)).bands
    assert bench.panel.graph.bands == FITTED.bands


def test_kind_gate_and_bypass_of_a_band_reach_the_session(bench: Bench) -> None:
    column = bench.panel.strip.columns[0]
    column.kind.setCurrentIndex(column.kind.findData(BandKind.HIGH_PASS))
    column.kind.activated.emit(column.kind.currentIndex())
    assert bench.parameters.bands[0].kind is BandKind.HIGH_PASS
    column.gate.setValue(250)
    assert bench.parameters.bands[0].gate == pytest.approx(0.25)
    column.bypass.click()
    assert not bench.parameters.bands[0].enabled
    assert not column.fields["frequency_hz"].isEnabled()


def test_solo_is_heard_and_is_no_edit(bench: Bench) -> None:
    session = bench.services.session
    label = session.undo_label
    bench.panel.strip.columns[3].solo.click()
    assert bench.live["solo"] == 3
    assert bench.panel.graph.solo_index == 3
    bench.panel.strip.columns[5].solo.click()
    assert bench.live["solo"] == 5
    assert not bench.panel.strip.columns[3].solo.isChecked()
    assert bench.services.commands.run("master.solo_off")
    assert "solo" not in bench.live
    assert session.undo_label == label


@pytest.mark.parametrize(
    ("stage", "field", "value"),
    [
        ("compressor", "threshold_db", -24.0),
        ("compressor", "lookahead_ms", 3.0),
        ("saturator", "drive_db", 6.0),
        ("imager", "width", 1.3),
        ("limiter", "gain_db", 4.0),
    ],
)
def test_every_stage_is_edited_in_numbers(
    bench: Bench, stage: str, field: str, value: float
) -> None:
    control = bench.panel.board.boxes[stage].controls[field]
    control.field.setValue(value)
    assert getattr(getattr(bench.parameters, stage), field) == value
    assert bench.live[stage][field] == value
    bench.panel.board.boxes[stage].switch.click()
    assert not getattr(bench.parameters, stage).enabled


def test_the_ceiling_is_one_number_in_two_places(bench: Bench) -> None:
    bench.set(parameters=FITTED)
    bench.panel.header.ceiling.setValue(-2.0)
    assert bench.parameters.limiter.ceiling_dbtp == -2.0
    bench.panel.board.boxes["limiter"].controls["ceiling_dbtp"].field.setValue(-0.5)
    assert bench.entry.ceiling_dbtp == -0.5
    assert bench.panel.header.ceiling.value() == -0.5


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


def test_reset_goes_back_to_the_fit_and_flat_takes_all_off(bench: Bench) -> None:
    assert not bench.services.commands.run("master.reset")
    bench.set(parameters=FITTED, fitted=FITTED)
    bench.panel.strip.columns[2].fields["gain_db"].setValue(8.0)
    assert bench.services.commands.run("master.reset")
    assert bench.parameters == FITTED
    assert bench.services.commands.run("master.flatten")
    assert not any(band.active for band in bench.parameters.bands)
    assert bench.parameters.limiter == Limiter(ceiling_dbtp=bench.entry.ceiling_dbtp)


def test_resetting_a_band_brings_its_first_place_back(bench: Bench) -> None:
    moved = ChainParameters().with_band(6, frequency_hz=99.0, gain_db=3.0, kind=BandKind.LOW_PASS)
    bench.set(parameters=moved)
    bench.panel.graph.reset_requested.emit(6)
    assert bench.parameters.bands[6] == ChainParameters().bands[6]


def test_references_are_added_once_and_removed(bench: Bench, tmp_path: Path) -> None:
    song = tmp_path / "reference.wav"
    bench.panel.header.references.added.emit([song, tmp_path / "b.wav"])
    bench.panel.header.references.added.emit([song])
    assert bench.entry.references == (str(song), str(tmp_path / "b.wav"))
    assert not bench.panel.header.target.isEnabled()
    bench.panel.header.references.removed.emit(str(song))
    bench.services.session.undo()
    assert len(bench.entry.references) == 2


def test_target_and_loudness_are_chosen(bench: Bench) -> None:
    target = bench.panel.header.target
    target.setCurrentIndex(target.findData("warm"))
    target.activated.emit(target.currentIndex())
    bench.panel.header.loudness.setValue(-16.0)
    assert (bench.entry.target, bench.entry.lufs) == ("warm", -16.0)


def test_an_edit_makes_the_rendering_stale_and_undo_makes_it_good(bench: Bench) -> None:
    bench.set(parameters=FITTED, rendering_key="key")
    assert not bench.services.commands.run("master.render")
    bench.panel.board.boxes["imager"].controls["width"].field.setValue(1.4)
    assert bench.entry.rendering_key is None
    assert bench.services.commands.run("master.render")
    assert bench.services.masters.rendered == [bench.clip_id]
    bench.services.session.undo()
    assert bench.entry.rendering_key == "key"


def test_whoever_edits_while_hearing_the_master_hears_the_edit(bench: Bench) -> None:
    bench.set(parameters=FITTED, rendering_key="key")
    player = bench.services.player
    player.set_slots([SimpleNamespace(label=name) for name in ("Original", "Live", "Master")])
    player.select(2)
    bench.panel.strip.columns[0].fields["gain_db"].setValue(1.0)
    assert player.current_slot == 1
    player.select(0)
    bench.panel.strip.columns[0].fields["gain_db"].setValue(2.0)
    assert player.current_slot == 0


def test_the_summary_says_before_and_after_and_what_was_missed(bench: Bench) -> None:
    bench.measured(-22.0, None)
    assert "not mastered yet" in bench.panel.header.summary.text()
    bench.set(parameters=FITTED, rendering_key="key")
    bench.measured(-22.0, -15.0)
    text = bench.panel.header.summary.text()
    assert "−22.0 → −15.0 LUFS" in text
    assert "1.0 LU below target" in text
    assert "2 bands" in text


def test_band_commands_select_and_take_the_keyboard(bench: Bench) -> None:
    assert bench.services.commands.run("master.band_4")
    assert bench.panel.graph.selected_index == 3
    assert bench.panel.strip.columns[3].number.isChecked()


def test_the_eleventh_band_is_refused_in_words(bench: Bench) -> None:
    bands = tuple(Band(BandKind.BELL, 100.0 * (i + 1), 1.0) for i in range(10))
    bench.set(parameters=replace(ChainParameters(), bands=bands))
    bench.panel.graph.add_band(QPointF(300, 40))
    assert "All ten bands" in bench.services.said[-1]


def test_the_spectrum_runs_while_music_plays_and_rests_after(bench: Bench) -> None:
    services, panel = bench.services, bench.panel
    services.player.taps = FakeTaps(NOISE, NOISE * 2.0)
    services.player.taps.play(40000)
    services.player.set_slots([SimpleNamespace(label="Live", insert=True)])
    services.player.measured = {"compressor_reduction_db": 3.0, "limiter_reduction_db": 1.5}
    assert not panel.live.awake
    services.player.play()
    assert panel.live.awake
    panel.live.tick()
    graph = panel.graph
    assert graph.before_db is not None and graph.after_db is not None
    loud = graph.before_db > -80.0
    louder_db = (graph.after_db - graph.before_db)[loud]
    np.testing.assert_allclose(louder_db, 6.02, atol=0.01)
    assert panel.reductions["compressor"].bars[0].value == -3.0
    assert panel.reductions["limiter"].bars[0].value == -1.5
    services.player.pause()
    for _ in range(200):
        panel.live._clock.invalidate()
        panel.live.tick()
        if not panel.live.awake:
            break
    assert not panel.live.awake
    assert graph.before_db is None


def test_gain_reduction_is_shown_only_of_what_is_heard(bench: Bench) -> None:
    player = bench.services.player
    slots = [
        SimpleNamespace(label="Original", insert=False),
        SimpleNamespace(label="Live", insert=True),
    ]
    player.set_slots(slots)
    player.measured = {"limiter_reduction_db": 4.0}
    player.play()
    bench.panel.live.tick()
    assert bench.panel.reductions["limiter"].bars[0].value == 0.0
    player.select(1)
    bench.panel.live.tick()
    assert bench.panel.reductions["limiter"].bars[0].value == -4.0


def test_a_hidden_panel_does_not_work(bench: Bench) -> None:
    bench.services.player.play()
    bench.panel.hide()
    assert not bench.panel.live.awake
    bench.panel.show()
    assert bench.panel.live.awake


def test_every_control_has_a_name(bench: Bench) -> None:
    kinds = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox)
    nameless = [
        widget
        for kind in kinds
        for widget in bench.panel.findChildren(kind)
        if not (widget.accessibleName() or getattr(widget, "text", str)())
        and not isinstance(widget, QScrollBar)
    ]
    assert not nameless


@pytest.mark.parametrize("page", ["Bands", "Dynamics"])
@pytest.mark.parametrize("size", [(900, 420), (1600, 500), (1400, 460)])
def test_everything_fits(bench: Bench, dressed: None, size: tuple[int, int], page: str) -> None:
    bench.panel.resize(*size)
    bench.panel.header.page_chosen.emit(page)
    QApplication.processEvents()
    assert bench.panel.size().toTuple() == size
    visible = [each for each in bench.panel.findChildren(QScrollArea) if each.isVisible()]
    for area in visible:
        assert not area.horizontalScrollBar().isVisible(), area.accessibleName()
        assert not area.verticalScrollBar().isVisible(), area.accessibleName()
    for widget in bench.panel.findChildren(QWidget):
        if isinstance(widget, QAbstractSpinBox) and widget.isVisible():
            needed = widget.fontMetrics().horizontalAdvance(widget.text()) + 12
            assert widget.width() >= needed, widget.accessibleName()


def test_a_purpose_brings_its_own_loudness(bench: Bench) -> None:
    bench.panel.header.edited.emit({"target": "loud_modern"})
    assert bench.panel.entry.lufs == -9.0
    assert bench.panel.header.loudness.value() == -9.0
