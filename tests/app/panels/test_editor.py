from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QMenu, QSpinBox

from app.canvas.axes import GUTTER_PX
from app.canvas.clipview import ViewMode
from app.canvas.timeline import Follow
from app.panels.editor import EditorPanel
from engine.audio.store import StoreWriter
from engine.cache import Cache
from engine.tasks import Failure
from tests.app.fakes import FakePeaks, FakeServices

RATE, TOTAL = 48_000, 96_000
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def samples():
    rng = np.random.default_rng(7)
    return (0.3 * rng.standard_normal((2, TOTAL))).astype(np.float32)


@pytest.fixture
def services(tmp_path):
    services = FakeServices()
    services.cache = Cache(tmp_path, 1 << 30)
    return services


@pytest.fixture
def panel(qtbot, services):
    panel = EditorPanel(services)
    qtbot.addWidget(panel)
    services.commands.add(panel.commands())
    panel.resize(GUTTER_PX + 960, 700)
    panel.show()
    return panel


@pytest.fixture
def opened(panel, services, samples):
    """A clip of two seconds, 100 frames a pixel."""
    services.clip_id = open_clip(services, samples)
    return panel


def open_clip(services, samples, name="song.wav"):
    clip_id = services.open_clip(samples, RATE, name)
    loaded = services.library.clips[clip_id]
    with StoreWriter(services.cache, f"{clip_id}0000", RATE, samples.shape[0]) as writer:
        writer.append(samples)
        services.library.clips[clip_id] = replace(loaded, stored=writer.finish())
    services.library.changed.emit(clip_id)
    return clip_id


def at(x: float) -> QPoint:
    return QPoint(round(GUTTER_PX + x), 60)


def drag(view, *xs):
    QTest.mousePress(view, LEFT, NONE, at(xs[0]))
    for x in xs[1:]:
        QTest.mouseMove(view, at(x))
    QTest.mouseRelease(view, LEFT, NONE, at(xs[-1]))


def test_an_empty_session_invites_files(panel):
    assert "Drop" in panel._stack.currentWidget().accessibleName()
    assert not panel.bar.isEnabled()


def test_an_opened_clip_is_shown_whole(opened):
    assert opened._stack.currentWidget() is opened.view
    assert (opened.axis.start_frame, opened.axis.stop_frame) == (0.0, TOTAL)
    assert opened.axis.rate == RATE


def test_a_click_seeks_the_player(opened, services):
    QTest.mouseClick(opened.view.wave, LEFT, NONE, at(300))
    assert services.player.position_frame == pytest.approx(30_000, abs=100)
    assert opened.marks.playhead == services.player.position_frame


def test_a_drag_is_one_undo_step(opened, services):
    session = services.session
    drag(opened.view.wave, 100, 200, 300, 400)
    assert session.state.selection == pytest.approx((10_000, 40_000), abs=100)
    assert opened.marks.selection == session.state.selection
    session.undo()
    assert session.state.selection is None
    assert opened.marks.selection is None
    session.redo()
    assert session.state.selection == pytest.approx((10_000, 40_000), abs=100)


def test_two_drags_are_two_undo_steps(opened, services):
    drag(opened.view.wave, 100, 200)
    drag(opened.view.wave, 500, 600)
    services.session.undo()
    assert services.session.state.selection == pytest.approx((10_000, 20_000), abs=100)


def test_a_drag_in_the_ruler_makes_the_loop(opened, services):
    ruler = opened.view.ruler
    QTest.mousePress(ruler, LEFT, NONE, QPoint(GUTTER_PX + 100, 10))
    QTest.mouseMove(ruler, QPoint(GUTTER_PX + 300, 10))
    QTest.mouseRelease(ruler, LEFT, NONE, QPoint(GUTTER_PX + 300, 10))
    assert services.session.state.loop == pytest.approx((10_000, 30_000), abs=100)
    assert services.session.undo_label == "Change the loop"


def test_select_all_and_nothing_are_commands(opened, services):
    assert services.commands.run("editor.select_all")
    assert services.session.state.selection == (0, TOTAL)
    assert services.commands.run("editor.select_none")
    assert services.session.state.selection is None
    assert not services.commands.run("editor.select_none")


def test_brackets_select_up_to_the_playhead(opened, services):
    services.player.seek(30_000)
    services.commands.run("editor.select_start")
    assert services.session.state.selection == (30_000, TOTAL)
    services.player.seek(50_000)
    services.commands.run("editor.select_stop")
    assert services.session.state.selection == (30_000, 50_000)


def test_zoom_to_the_selection_and_back_to_all(opened, services):
    services.session.edit("s", replace(services.session.state, selection=(20_000, 30_000)))
    assert services.commands.run("editor.zoom_selection")
    assert (opened.axis.start_frame, opened.axis.stop_frame) == (20_000, 30_000)
    services.commands.run("editor.zoom_all")
    assert opened.axis.shows_all


def test_zoom_keys_keep_the_playhead_in_place(opened, services):
    services.player.seek(24_000)
    services.commands.run("editor.zoom_in")
    assert opened.axis.span_frames == pytest.approx(TOTAL / 1.25**2)
    assert opened.axis.x_of(24_000, 100.0) == pytest.approx(25.0)
    services.commands.run("editor.zoom_out")
    assert opened.axis.shows_all


def test_play_selection_starts_at_its_beginning(opened, services):
    services.session.edit("s", replace(services.session.state, selection=(20_000, 30_000)))
    services.commands.run("editor.play_selection")
    assert services.player.position_frame == 20_000
    assert services.player.playing


def test_the_window_follows_what_plays(opened, services):
    opened.axis.show(0, 20_000)
    services.player.play()
    for frame in (19_000, 20_500):
        services.player.seek(frame)
    assert opened.axis.start_frame == pytest.approx(20_500)
    services.commands.run(f"editor.follow_{Follow.OFF}")
    services.player.seek(70_000)
    assert opened.axis.start_frame == pytest.approx(20_500)


def test_views_are_chosen_by_command_and_button(opened, services):
    services.commands.run(f"editor.view_{ViewMode.WAVE}")
    assert opened.view.wave.isVisible()
    assert not opened.view.spectrogram.isVisible()
    assert services.commands.action(f"editor.view_{ViewMode.WAVE}").isChecked()
    opened.bar.view_chosen.emit("spectrogram")
    assert not opened.view.wave.isVisible()
    assert opened.view.spectrogram.isVisible()


def test_another_clip_brings_its_own_time(opened, services, samples):
    opened.axis.show(100, 500)
    other = open_clip(services, samples[:1, :48_000], "other.wav")
    services.session.edit("show", services.session.state.with_current(other))
    assert opened.axis.total_frames == 48_000
    assert opened.axis.shows_all


def test_decoding_shows_how_far_it_is(opened, services):
    loaded = services.library.clips[services.clip_id]
    stored = replace(loaded.stored, complete=False, available_frames=TOTAL // 4)
    services.library.clips[services.clip_id] = replace(loaded, stored=stored)
    services.library.changed.emit(services.clip_id)
    assert opened.view.status.text().startswith("Decoding 25 %")


def test_a_file_that_cannot_be_read_says_why(panel, services, samples):
    clip_id = services.open_clip(samples)
    failure = Failure("song.wav is no audio.", "Its header is damaged.", "Export it again.")
    services.library.clips[clip_id] = SimpleNamespace(
        stored=None, peaks=None, rendering=None, rendering_peaks=None, failure=failure
    )
    services.library.changed.emit(clip_id)
    state = panel._stack.currentWidget()
    assert state.accessibleName() == failure.what
    assert failure.remedy in state.accessibleDescription()


def test_a_new_master_is_shown_until_that_is_switched_off(opened, services, samples):
    assert not opened.bar.compare.isEnabled()
    loaded = services.library.clips[services.clip_id]
    louder = np.clip(2 * samples, -1, 1)
    with StoreWriter(services.cache, "master0000", RATE, 2) as writer:
        writer.append(louder)
        rendering = writer.finish()
    services.library.clips[services.clip_id] = replace(
        loaded, rendering=rendering, rendering_peaks=FakePeaks(louder)
    )
    services.library.changed.emit(services.clip_id)
    compared = opened.view.wave.grab().toImage()
    assert services.commands.run("editor.compare")
    alone = opened.view.wave.grab().toImage()
    assert alone != compared
    services.library.changed.emit(services.clip_id)
    assert opened.view.wave.grab().toImage() == alone


def test_spectrogram_options_are_remembered(opened, services):
    box = opened.options
    box._boxes["size"].setCurrentText("4096")
    box._boxes["axis"].setCurrentText("log")
    kept = services.settings.current.spectrogram
    assert (kept.size, kept.hop, kept.axis) == (4096, 1024, "log")


def test_tiles_are_computed_in_a_light_lane(opened, services):
    opened.view.spectrogram.grab()
    titles = {title for title, _task, _request in services.lanes.submitted}
    assert titles == {"Spectrogram of song.wav"}


def test_the_place_under_the_cursor_is_read_out(opened):
    for view, part in ((opened.view.wave, "00:01.000"), (opened.view.spectrogram, "Hz")):
        # Sent directly: where a real pointer rests depends on other windows of the screen.
        point = QPointF(at(480))
        event = QMouseEvent(
            QMouseEvent.Type.MouseMove, point, view.mapToGlobal(point),
            Qt.MouseButton.NoButton, Qt.MouseButton.NoButton, NONE,
        )  # fmt: skip
        view.mouseMoveEvent(event)
        assert part in opened.view.readout.text()


def test_every_control_has_a_name(opened):
    for kind in (QAbstractButton, QComboBox, QSpinBox):
        for control in opened.findChildren(kind):
            assert control.accessibleName() or control.objectName() or control.text(), control


def test_no_two_commands_share_a_key(opened, services):
    assert services.commands.conflicts() == {}


def test_keys_reach_the_pictures_from_the_start(panel, services, samples, qtbot):
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow)
    assert panel.hasFocus()
    open_clip(services, samples)
    assert panel.view.wave.hasFocus()


def test_the_context_menu_offers_what_can_be_done(opened, services, qtbot):
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, QPoint(300, 300), QPoint(300, 300))
    opened.contextMenuEvent(event)
    menu = opened.findChild(QMenu)
    enabled = {action.text() for action in menu.actions() if action.isEnabled() and action.text()}
    assert "Select all" in enabled
    assert "Play the selection" not in enabled
    menu.close()
