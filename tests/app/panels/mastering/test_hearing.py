"""What is heard and seen of the live chain."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.widgets.difference_button import HOLD_MS, DifferenceButton
from app.widgets.live_chain import STAGE_NAMES
from engine.mastering.parameters import ChainParameters, Compressor, Multiband
from tests.app.panels.mastering.bench import FITTED, NOISE, Bench
from tests.app.panels.mastering_fakes import FakeTaps


def test_every_edit_is_heard_at_once(bench: Bench) -> None:
    bench.panel.strip.columns[2].fields["gain_db"].setValue(-4.0)
    assert ChainParameters.from_dict(bench.live) == bench.parameters
    assert bench.live["bands"][2]["gain_db"] == -4.0


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


def test_what_is_turned_up_is_shown_with_its_sign_and_falls_to_rest(bench: Bench) -> None:
    bench.live_slots()
    player, live = bench.services.player, bench.panel.live
    player.select(1)
    player.measured = {"compressor_reduction_db": -2.5, "multiband_high_reduction_db": -1.5}
    player.play()
    live.tick()
    meter = bench.panel.reductions["compressor"].bars[0]
    assert (meter.value, meter.label) == (2.5, "+2.5")
    assert bench.panel.band_gains.reductions_db == {"low": 0.0, "mid": 0.0, "high": -1.5}
    player.measured = {}
    for _ in range(20):
        live._clock.invalidate()
        live.tick()
    assert bench.panel.reductions["compressor"].bars[0].value == 0.0
    assert bench.panel.band_gains.reductions_db["high"] == 0.0


def test_the_three_bands_have_bars_only_while_they_do_something(bench: Bench) -> None:
    bench.set(parameters=FITTED)
    meter = bench.panel.band_gains
    assert meter.isHidden()
    bench.set(parameters=replace(FITTED, multiband=Multiband(low=Compressor(ratio=0.5))))
    assert not meter.isHidden()
    bench.set(parameters=FITTED)
    assert meter.isHidden()


def test_a_hidden_panel_does_not_work(bench: Bench) -> None:
    bench.services.player.play()
    bench.panel.hide()
    assert not bench.panel.live.awake
    bench.panel.show()
    assert bench.panel.live.awake


@pytest.fixture
def button(bench: Bench) -> DifferenceButton:
    """The compressor's difference, while the original is heard and Live could be."""
    bench.set(parameters=FITTED)
    bench.live_slots()
    return bench.panel.board.boxes["compressor"].difference


def test_a_click_lets_only_a_stage_be_heard_until_the_next(
    bench: Bench, button: DifferenceButton, qtbot: QtBot
) -> None:
    label = bench.services.session.undo_label
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert bench.live["listen"] == {"stage": "compressor"}
    assert bench.services.player.current_slot == 1
    assert button.isChecked()
    heard = bench.panel.header.heard
    assert not heard.isHidden() and "only the compressor’s change" in heard.text.text()
    assert bench.panel.header.summary.isHidden()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert "listen" not in bench.live
    assert heard.isHidden() and not button.isChecked()
    assert bench.services.session.undo_label == label


def test_held_longer_it_ends_when_it_is_let_go(
    bench: Bench, button: DifferenceButton, qtbot: QtBot
) -> None:
    qtbot.mousePress(button, Qt.MouseButton.LeftButton)
    assert bench.live["listen"] == {"stage": "compressor"}
    qtbot.wait(HOLD_MS + 30)
    qtbot.mouseRelease(button, Qt.MouseButton.LeftButton)
    assert "listen" not in bench.live


def test_the_difference_is_reached_by_keyboard(
    bench: Bench, button: DifferenceButton, qtbot: QtBot
) -> None:
    bench.panel.header.page_chosen.emit("Dynamics")
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Space)
    assert bench.live["listen"] == {"stage": "compressor"}
    assert bench.services.commands.run("master.listen_off")
    assert "listen" not in bench.live
    assert bench.services.commands.run("master.listen_equalizer")
    assert bench.live["listen"] == {"stage": "equalizer"}
    assert bench.panel.strip.difference.isChecked()


def test_leaving_the_live_slot_ends_the_difference(bench: Bench, button: DifferenceButton) -> None:
    button.asked.emit("compressor")
    bench.services.player.select(2)
    assert "listen" not in bench.live
    assert bench.panel.header.heard.isHidden()
    button.asked.emit("compressor")
    bench.services.player.set_slots([SimpleNamespace(label="Original", insert=False)])
    assert "listen" not in bench.live


def test_hiding_the_panel_or_another_clip_ends_the_difference(
    bench: Bench, button: DifferenceButton
) -> None:
    button.asked.emit("compressor")
    bench.panel.hide()
    assert "listen" not in bench.live
    bench.panel.show()
    button.asked.emit("compressor")
    second = bench.services.open_clip(NOISE, name="second.wav")
    session = bench.services.session
    session.edit("Show", session.state.with_current(second))
    assert "listen" not in bench.live


def test_there_is_no_difference_without_a_live_chain(bench: Bench) -> None:
    button = bench.panel.board.boxes["limiter"].difference
    assert not button.isEnabled()
    button.asked.emit("limiter")
    assert bench.panel.chain.stage == ""
    bench.set(parameters=FITTED)
    bench.live_slots()
    assert button.isEnabled()


def test_a_difference_takes_the_place_of_a_solo(bench: Bench, button: DifferenceButton) -> None:
    bench.panel.strip.columns[3].solo.click()
    button.asked.emit("compressor")
    assert "solo" not in bench.live
    bench.panel.strip.columns[3].solo.click()
    assert "listen" not in bench.live and bench.live["solo"] == 3
    bench.panel.header.heard.stop.click()
    assert "solo" not in bench.live


def test_every_stage_that_can_be_asked_for_is_one_of_the_live_chain(bench: Bench) -> None:
    from engine.mastering.difference import CHOICES

    assert set(STAGE_NAMES) == set(CHOICES)
    assert {each.stage for each in bench.panel.findChildren(DifferenceButton)} <= set(CHOICES)
