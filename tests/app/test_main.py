"""The program knows which of its arguments are commands without loading any of them."""

from __future__ import annotations

from app.__main__ import COMMANDS
from app.screenshot import COMMAND as SCREENSHOT
from engine.cli import main


def test_every_command_of_the_command_line_is_known() -> None:
    assert set(COMMANDS) == {command.name for command in (*main.COMMANDS, SCREENSHOT)}
