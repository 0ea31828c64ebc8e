"""The log panel shows what was logged anywhere, from any thread, and lets it be copied."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication, QComboBox, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from app.panels import log as log_module
from app.panels.log import LogPanel
from tests.app.fakes import FakeServices

LOG = logging.getLogger("audiobench.test")


@pytest.fixture
def panel(qtbot: QtBot) -> Iterator[LogPanel]:
    logging.getLogger("audiobench").setLevel(logging.DEBUG)
    panel = LogPanel(FakeServices())  # type: ignore[arg-type]
    qtbot.addWidget(panel)
    yield panel
    logging.getLogger("audiobench").removeHandler(panel._handler)
    logging.getLogger("audiobench").setLevel(logging.NOTSET)


def lines(panel: LogPanel) -> list[str]:
    text = panel.findChild(QPlainTextEdit)
    assert text is not None
    return [line.split("  ")[-1].strip() for line in text.toPlainText().splitlines()]


def press(panel: LogPanel, text: str) -> None:
    next(each for each in panel.findChildren(QPushButton) if each.text() == text).click()


def choose(panel: LogPanel, level: str) -> None:
    box = panel.findChild(QComboBox)
    assert box is not None
    box.setCurrentText(level)


def test_a_level_filters_what_was_said_before_too(panel: LogPanel) -> None:
    LOG.debug("small")
    LOG.info("note")
    LOG.warning("trouble")
    assert lines(panel) == ["note", "trouble"]
    choose(panel, "Warnings")
    assert lines(panel) == ["trouble"]
    choose(panel, "Everything")
    assert lines(panel) == ["small", "note", "trouble"]


def test_other_threads_are_heard(panel: LogPanel, qtbot: QtBot) -> None:
    thread = threading.Thread(target=LOG.warning, args=("from afar",))
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: lines(panel) == ["from afar"], timeout=2000)


def test_it_is_copied_and_cleared(panel: LogPanel) -> None:
    LOG.warning("trouble")
    press(panel, "Copy")
    assert "trouble" in QApplication.clipboard().text()
    press(panel, "Clear")
    choose(panel, "Everything")
    assert lines(panel) == []


def test_old_lines_are_forgotten(panel: LogPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "MOST_LINES", 3)
    for number in range(10):
        LOG.warning("line %d", number)
    choose(panel, "Everything")
    assert lines(panel) == ["line 7", "line 8", "line 9"]
