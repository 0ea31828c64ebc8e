from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.widgets.slot_row import slot_text
from app.widgets.transport import ALTERNATE, PLAY, Transport, clock_text, shuttled
from tests.app.fakes import FakeServices

RATE = 48_000


class FakeMatching(QObject):
    gains_changed = Signal()

    def __init__(self):
        super().__init__()
        self.matching = True

    def set_matching(self, matching):
        self.matching = matching
        self.gains_changed.emit()


@pytest.fixture
def matching():
    return FakeMatching()


@pytest.fixture
def services():
    services = FakeServices()
    services.open_clip(np.zeros((2, 10 * RATE)), RATE)
    return services


@pytest.fixture
def transport(qtbot, services, matching):
    window = QWidget()
    qtbot.addWidget(window)
    column = QVBoxLayout(window)
    transport = Transport(services, matching)
    services.commands.add(transport.commands())
    transport.field, transport.other = QLineEdit(), QPushButton("Other")
    for widget in (transport, transport.field, transport.other):
        column.addWidget(widget)
    for command in services.commands.all():
        window.addAction(services.commands.action(command.id))
    window.resize(1000, 150)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.setFocus()
    services.commands.refresh()
    transport.shell = window
    return transport


def three_slots(services):
    names = (("Original", 0.0), ("Live", -2.04), ("Master", -3.21))
    services.player.set_slots([SimpleNamespace(label=n, gain_db=g) for n, g in names])
    services.commands.refresh()


def press(transport, key, modifiers=Qt.KeyboardModifier.NoModifier):
    QTest.keyClick(transport.shell.focusWidget() or transport.shell, key, modifiers)


@pytest.mark.parametrize(
    ("frame", "text"),
    [(0, "00:00.000"), (47_999, "00:01.000"), (83 * RATE + 24, "01:23.000"),
     (3661 * RATE, "1:01:01.000")],
)  # fmt: skip
def test_the_clock_counts_milliseconds(frame, text):
    assert clock_text(frame, RATE) == text


def test_the_clock_without_a_rate_is_zero():
    assert clock_text(500, 0) == "00:00.000"


@pytest.mark.parametrize(
    ("speed", "direction", "after"),
    [(0.0, 1, 1.0), (1.0, 1, 2.0), (2.0, 1, 4.0), (4.0, 1, 4.0), (2.0, -1, -1.0), (-1.0, -1, -2.0)],
)
def test_a_shuttle_gets_faster_and_turns_round_at_once(speed, direction, after):
    assert shuttled(speed, direction) == after


def test_space_plays_and_pauses(transport, services):
    press(transport, Qt.Key.Key_Space)
    assert services.player.playing
    assert transport.play.accessibleName() == "Pause"
    press(transport, Qt.Key.Key_Space)
    assert not services.player.playing


def test_home_and_end_seek(transport, services):
    press(transport, Qt.Key.Key_End)
    assert services.player.position_frame == 10 * RATE
    press(transport, Qt.Key.Key_Home)
    assert services.player.position_frame == 0


def test_the_position_is_shown_while_it_moves(transport, services):
    services.player.seek(RATE + RATE // 2)
    assert transport.position.text() == "00:01.500"
    assert transport.duration.text() == "/ 00:10.000"


def test_l_loops_the_selection_and_ends_the_loop(transport, services):
    session = services.session
    state = session.state
    session.edit("Select", type(state)(state.clips, state.current_id, (1000, 9000)))
    press(transport, Qt.Key.Key_L)
    assert session.state.loop == (1000, 9000)
    assert transport.loop.isChecked()
    press(transport, Qt.Key.Key_L)
    assert session.state.loop is None
    assert not transport.loop.isChecked()
    session.undo()
    assert session.state.loop == (1000, 9000)
    assert transport.loop.isChecked()


def test_l_without_a_selection_loops_everything(transport, services):
    press(transport, Qt.Key.Key_L)
    assert services.session.state.loop == (0, 10 * RATE)


def test_j_shuttles_back_faster_and_k_stops_it(transport, services):
    press(transport, Qt.Key.Key_J)
    assert (services.player.playing, services.player.speed) == (True, -1.0)
    press(transport, Qt.Key.Key_J)
    assert services.player.speed == -2.0
    press(transport, Qt.Key.Key_L, Qt.KeyboardModifier.ShiftModifier)
    assert services.player.speed == 1.0
    press(transport, Qt.Key.Key_K)
    assert (services.player.playing, services.player.speed) == (False, 1.0)


def test_space_after_a_shuttle_plays_at_the_chosen_speed(transport, services):
    transport.speed.setCurrentIndex(transport.speed.findData(0.5))
    press(transport, Qt.Key.Key_J)
    press(transport, Qt.Key.Key_Space)
    press(transport, Qt.Key.Key_Space)
    assert (services.player.playing, services.player.speed) == (True, 0.5)


def test_number_keys_switch_and_tab_alternates(transport, services):
    three_slots(services)
    press(transport, Qt.Key.Key_3)
    assert services.player.current_slot == 2
    press(transport, Qt.Key.Key_1)
    press(transport, Qt.Key.Key_Tab)
    assert services.player.current_slot == 2
    press(transport, Qt.Key.Key_Tab)
    assert services.player.current_slot == 0


def test_a_slot_that_is_not_there_cannot_be_heard(transport, services):
    three_slots(services)
    press(transport, Qt.Key.Key_7)
    assert services.player.current_slot == 0
    assert not services.commands.run("transport.slot_7")


def test_slots_show_their_matching_gain(transport, services):
    three_slots(services)
    shown = [b.text() for b in transport.slots.findChildren(QAbstractButton) if b.text()]
    assert shown == ["1 Original", "2 Live  \u22122.0 dB", "3 Master  \u22123.2 dB"]


def test_a_gain_is_shown_with_its_sign():
    assert slot_text(0, "A", 1.26) == "1 A  +1.3 dB"
    assert slot_text(1, "B", 0.01) == "2 B"


def test_the_slot_that_is_heard_is_marked(transport, services):
    three_slots(services)
    services.player.select(1)
    checked = [
        b.text()
        for b in transport.slots.findChildren(QAbstractButton)
        if b.isChecked() and b.text()
    ]
    assert checked == ["2 Live  \u22122.0 dB"]


def test_matching_can_be_switched_off_by_key_and_button(transport, services, matching):
    three_slots(services)
    press(transport, Qt.Key.Key_M)
    assert not matching.matching
    assert not transport.slots.match.isChecked()
    QTest.mouseClick(transport.slots.match, Qt.MouseButton.LeftButton)
    assert matching.matching


def test_tab_leaves_a_field_instead_of_switching(transport, services):
    three_slots(services)
    services.player.select(2)
    transport.field.setFocus()
    assert not services.commands.action(ALTERNATE).isEnabled()
    press(transport, Qt.Key.Key_Tab)
    assert services.player.current_slot == 2
    assert not transport.field.hasFocus()


def test_space_presses_a_button_that_was_reached_by_keyboard(transport, services, qtbot):
    transport.other.setFocus(Qt.FocusReason.TabFocusReason)
    assert not services.commands.action(PLAY).isEnabled()
    with qtbot.waitSignal(transport.other.clicked):
        press(transport, Qt.Key.Key_Space)
    assert not services.player.playing


def test_space_plays_after_a_button_was_clicked(transport, services):
    QTest.mouseClick(transport.other, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    services.commands.refresh()
    press(transport, Qt.Key.Key_Space)
    assert services.player.playing


def test_typing_a_number_into_a_field_switches_nothing(transport, services):
    three_slots(services)
    transport.field.setFocus()
    press(transport, Qt.Key.Key_3)
    assert transport.field.text() == "3"
    assert services.player.current_slot == 0


def test_without_audio_nothing_can_be_pressed(qtbot, matching):
    transport = Transport(FakeServices(), matching)
    qtbot.addWidget(transport)
    assert not transport.isEnabled()
    assert not any(
        command.enabled() for command in transport.commands() if command.id.count("slot")
    )


def test_every_control_has_a_name(transport, services):
    three_slots(services)
    for button in transport.findChildren(QAbstractButton):
        assert button.accessibleName()
    assert transport.speed.accessibleName()


def test_no_two_keys_are_the_same(transport, services):
    assert services.commands.conflicts() == {}


def test_a_narrow_window_keeps_the_buttons(transport, services):
    three_slots(services)
    transport.resize(600, transport.height())
    assert not transport.speed.isVisible()
    assert transport.play.isVisible()
    assert transport.minimumSizeHint().width() <= 600
