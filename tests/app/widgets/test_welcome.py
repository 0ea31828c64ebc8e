"""The welcome leads on: to the demo, to files, to the keys."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from app.commands import Command, Commands
from app.widgets.welcome import Welcome


@pytest.mark.parametrize(
    ("text", "ran"),
    [("Open files…", ["file.open"]), ("All keys", ["help.keys"]), ("Start with the demo", [])],
)
def test_every_button_closes_it_and_leads_on(qtbot: QtBot, text: str, ran: list[str]) -> None:
    done: list[str] = []
    commands = Commands()
    for command_id in ("file.open", "help.keys"):
        command = Command(command_id, command_id, lambda each=command_id: done.append(each))
        commands.add([command])
    welcome = Welcome(commands)
    qtbot.addWidget(welcome)
    welcome.open()
    next(each for each in welcome.findChildren(QPushButton) if each.text() == text).click()
    assert done == ran
    assert not welcome.isVisible()


def test_it_comes_once_unless_it_is_asked_for(qtbot: QtBot) -> None:
    welcome = Welcome(Commands())
    qtbot.addWidget(welcome)
    assert not welcome.again.isChecked()


def test_no_line_is_cut_off(qtbot: QtBot) -> None:
    welcome = Welcome(Commands())
    qtbot.addWidget(welcome)
    welcome.show()
    for label in welcome.findChildren(QLabel):
        assert label.height() >= label.heightForWidth(label.width())
        assert welcome.rect().contains(label.geometry())
