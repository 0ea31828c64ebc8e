"""The toast says what must be read until it was read."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QToolButton, QWidget
from pytestqt.qtbot import QtBot

from app.theme import Theme
from app.widgets.toast import Toast
from engine.tasks import Failure


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    parent = QWidget()
    parent.resize(800, 600)
    qtbot.addWidget(parent)
    parent.show()
    return parent


@pytest.fixture
def toast(window: QWidget) -> Toast:
    return Toast(window, Theme("dark"))


def test_a_failure_shows_what_why_and_what_to_do(toast: Toast) -> None:
    toast.fail(Failure("It broke.", "The disk is full.", "Free some space."))
    assert toast.text == "It broke.\nThe disk is full.\nFree some space."
    assert toast.isVisible()
    assert not toast._timer.isActive()


def test_a_notice_goes_by_itself(toast: Toast) -> None:
    toast.notify("Saved.")
    assert toast._timer.isActive()
    toast._timer.timeout.emit()
    assert not toast.isVisible()


def test_it_can_be_closed(toast: Toast) -> None:
    toast.fail(Failure("It broke."))
    toast.findChild(QToolButton).click()
    assert not toast.isVisible()


def test_it_stays_inside_a_narrow_window(toast: Toast) -> None:
    parent = toast.parentWidget()
    parent.resize(320, 300)
    toast.fail(Failure("A long sentence about what happened. " * 4))
    assert parent.rect().contains(toast.geometry())


def test_a_notice_hides_no_failure(toast: Toast) -> None:
    toast.fail(Failure("It broke."))
    toast.notify("Saved.")
    assert toast.text == "It broke.\nSaved."
    toast._timer.timeout.emit()
    assert toast.text == "It broke."
    assert toast.isVisible()


def test_every_failure_can_be_read(toast: Toast) -> None:
    for what in ("One broke.", "Two broke.", "One broke."):
        toast.fail(Failure(what))
    assert toast.text.startswith("One broke.") and "1 more" in toast.text
    toast.findChild(QToolButton).click()
    assert toast.text == "Two broke."
    toast.findChild(QToolButton).click()
    assert not toast.isVisible()


def test_a_volley_of_notices_is_read_together(toast: Toast) -> None:
    for name in ("a", "b", "b", "c", "d", "e"):
        toast.notify(name)
    assert toast.text == "b\nc\nd\ne"
    toast._timer.timeout.emit()
    assert not toast.isVisible()
