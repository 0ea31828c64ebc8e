from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QPushButton, QSlider, QVBoxLayout, QWidget

from app.widgets.focus_keys import FocusKeys


def shell(qtbot, *widgets):
    window = QWidget()
    column = QVBoxLayout(window)
    for widget in widgets:
        column.addWidget(widget)
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    return window


def test_a_field_keeps_tab(qtbot):
    keys, slider, field = FocusKeys(), QSlider(), QLineEdit()
    _window = shell(qtbot, slider, field)
    slider.setFocus()
    assert keys.tab_is_free
    field.setFocus()
    assert not keys.tab_is_free


def test_a_button_reached_by_keyboard_keeps_space(qtbot):
    keys, slider, button = FocusKeys(), QSlider(), QPushButton()
    _window = shell(qtbot, slider, button)
    slider.setFocus()
    assert keys.space_is_free
    button.setFocus(Qt.FocusReason.TabFocusReason)
    assert not keys.space_is_free


def test_a_button_that_was_clicked_does_not_keep_space(qtbot):
    keys, slider, button = FocusKeys(), QSlider(), QPushButton()
    _window = shell(qtbot, slider, button)
    slider.setFocus()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert button.hasFocus()
    assert keys.space_is_free


def test_a_window_that_comes_back_changes_nothing(qtbot):
    keys, slider, button = FocusKeys(), QSlider(), QPushButton()
    window = shell(qtbot, slider, button)
    slider.setFocus()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    other = shell(qtbot, QWidget())
    other.close()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    assert keys.space_is_free
