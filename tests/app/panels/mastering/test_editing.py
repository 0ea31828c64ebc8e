"""What is changed in the mastering panel, as steps of the session."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QPointF
from pytestqt.qtbot import QtBot

from app.document.state import Outcome
from app.panels.mastering import MasteringPanel
from engine.mastering.parameters import (
    Amounts,
    Band,
    BandKind,
    ChainParameters,
    Compressor,
    Limiter,
    Residual,
)
from engine.mastering.prediction import Confidence
from tests.app.panels.mastering.bench import FITTED, Bench
from tests.app.panels.mastering_fakes import mastering_services


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


def test_target_and_loudness_are_chosen(bench: Bench) -> None:
    target = bench.panel.header.target
    target.setCurrentIndex(target.findData("warm"))
    target.activated.emit(target.currentIndex())
    bench.panel.header.loudness.setValue(-16.0)
    assert (bench.entry.target, bench.entry.lufs) == ("warm", -16.0)


def test_a_purpose_brings_its_own_loudness(bench: Bench) -> None:
    bench.panel.header.edited.emit({"target": "loud_modern"})
    assert bench.panel.entry.lufs == -9.0
    assert bench.panel.header.loudness.value() == -9.0


def test_an_edit_makes_the_rendering_stale_and_undo_makes_it_good(bench: Bench) -> None:
    bench.set(parameters=FITTED, rendering_key="key")
    assert not bench.services.commands.run("master.render")
    bench.panel.board.boxes["imager"].controls["width"].field.setValue(1.4)
    assert bench.entry.rendering_key is None
    assert bench.services.commands.run("master.render")
    assert bench.services.masters.rendered == [bench.clip_id]
    bench.services.session.undo()
    assert bench.entry.rendering_key == "key"


def test_band_commands_select_and_take_the_keyboard(bench: Bench) -> None:
    assert bench.services.commands.run("master.band_4")
    assert bench.panel.graph.selected_index == 3
    assert bench.panel.strip.columns[3].number.isChecked()


def test_the_eleventh_band_is_refused_in_words(bench: Bench) -> None:
    bands = tuple(Band(BandKind.BELL, 100.0 * (i + 1), 1.0) for i in range(10))
    bench.set(parameters=replace(ChainParameters(), bands=bands))
    bench.panel.graph.add_band(QPointF(300, 40))
    assert "All ten bands" in bench.services.said[-1]


def test_the_gate_is_a_number_beside_its_slider(bench: Bench) -> None:
    column = bench.panel.strip.columns[3]
    column.gate_field.setValue(0.4)
    assert bench.parameters.bands[3].gate == 0.4
    assert column.gate.value() == 400
    assert column.gate_field.text() == "40 %"


def test_the_equalizer_is_bypassed_and_put_back_as_a_whole(bench: Bench) -> None:
    strip = bench.panel.strip
    strip.bypass.click()
    assert not any(band.enabled for band in bench.parameters.bands)
    assert strip.bypass.isChecked()
    strip.columns[2].bypass.click()
    assert not strip.bypass.isChecked(), "one band is on"
    bench.services.session.undo()
    strip.bypass.click()
    assert all(band.enabled for band in bench.parameters.bands)


def test_three_bands_are_edited_apart(bench: Bench) -> None:
    box = bench.panel.board.multiband
    box.fields["low"]["ratio"].setValue(0.5)
    box.fields["high"]["threshold_db"].setValue(-30.0)
    box.switches["mid"].click()
    box.crossovers["high_hz"].setValue(4000.0)
    multiband = bench.parameters.multiband
    assert multiband.low == Compressor(ratio=0.5)
    assert multiband.high == Compressor(threshold_db=-30.0)
    assert not multiband.mid.enabled
    assert (multiband.low_hz, multiband.high_hz) == (150.0, 4000.0)
    assert bench.live["multiband"]["low"]["ratio"] == 0.5
    box.switch.click()
    assert not bench.parameters.multiband.enabled
    assert not box.fields["low"]["ratio"].isEnabled()


def test_an_expanding_ratio_reads_as_one_to_two(bench: Bench) -> None:
    bench.set(parameters=replace(FITTED, compressor=Compressor(ratio=0.5)))
    field = bench.panel.board.boxes["compressor"].controls["ratio"].field  # type: ignore[union-attr]
    assert field.text() == "1:2.00"
    field.lineEdit().setText("1:4")
    field.interpretText()
    assert bench.parameters.compressor.ratio == 0.25


def test_each_stage_has_an_amount_and_each_drag_is_its_own_step(bench: Bench) -> None:
    bench.set(parameters=FITTED)
    amounts = bench.panel.model.amounts.controls
    for value in (0.9, 0.7, 0.5):
        amounts["tone"].field.setValue(value)
    amounts["width"].field.setValue(0.0)
    assert bench.entry.amounts == Amounts(tone=0.5, width=0.0)
    assert bench.parameters == FITTED
    assert bench.live["imager"]["width"] == 1.0
    assert bench.live["bands"][2]["gain_db"] == -1.5
    bench.services.session.undo()
    assert bench.entry.amounts == Amounts(tone=0.5)
    bench.services.session.undo()
    assert bench.entry.amounts == Amounts()


def test_only_one_stage_and_everything_again(bench: Bench) -> None:
    commands = bench.services.commands
    bench.set(parameters=FITTED, amounts=Amounts(overall=0.8, dynamics=0.3))
    assert commands.run("master.only_dynamics")
    assert bench.entry.amounts == Amounts(0.8, tone=0.0, saturation=0.0, width=0.0)
    assert not any(band["gain_db"] for band in bench.live["bands"])
    assert commands.run("master.only_tone")
    assert bench.entry.amounts == Amounts(0.8, dynamics=0.0, saturation=0.0, width=0.0)
    assert commands.run("master.everything")
    assert bench.entry.amounts == Amounts(0.8)


def test_the_residual_is_off_with_a_reason_until_a_model_brings_one(bench: Bench) -> None:
    bench.set(parameters=FITTED)
    residual = bench.panel.model.amounts.controls["residual"]
    assert not residual.isEnabled() and "No model" in residual.toolTip()
    bench.set(outcome=Outcome("small", "1C", "ab", Confidence(1.0, 1.0, 1.0)))
    assert not residual.isEnabled() and "small (1C)" in residual.toolTip()
    bench.set(parameters=replace(FITTED, residual=Residual("ab", 1.0)))
    assert residual.isEnabled()
    residual.field.setValue(1.0)
    assert bench.entry.amounts == Amounts(residual=1.0)
    effect = bench.panel.model.amounts.effects["residual"]
    assert effect.text() == "heard once rendered", "the live chain leaves the network out"
    bench.services.session.undo()
    assert effect.text() == ""
