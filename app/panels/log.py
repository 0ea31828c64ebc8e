"""Log panel: what the program did and what went wrong, newest last, ready to copy."""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.panels.base import Panel, Services

LEVELS = {"Everything": logging.DEBUG, "Notes": logging.INFO, "Warnings": logging.WARNING}
MOST_LINES = 5000


class LogRelay(QObject):
    """Carries log records from any thread into the window's."""

    record = Signal(int, str)


class RelayHandler(logging.Handler):
    """A logging handler that emits Qt signals."""

    def __init__(self, relay: LogRelay) -> None:
        super().__init__()
        self._relay = relay
        self.setFormatter(
            logging.Formatter("%(asctime)s  %(levelname)-7s  %(message)s", "%H:%M:%S")
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one record over."""
        self._relay.record.emit(record.levelno, self.format(record))


class LogPanel(Panel):
    """The last lines of the log, filtered by level."""

    panel_id = "log"
    title = "Log"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self._records: list[tuple[int, str]] = []
        self._text = QPlainTextEdit(self)
        self._text.setReadOnly(True)
        self._text.setMaximumBlockCount(MOST_LINES)
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._text.setAccessibleName("Log")
        self._level = QComboBox(self)
        self._level.addItems(list(LEVELS))
        self._level.setCurrentText("Notes")
        self._level.setAccessibleName("Least level shown")
        self._level.currentTextChanged.connect(self._show_all)
        copy = QPushButton("Copy", self)
        copy.clicked.connect(lambda: QApplication.clipboard().setText(self._text.toPlainText()))
        clear = QPushButton("Clear", self)
        clear.clicked.connect(self._clear)
        buttons = QHBoxLayout()
        buttons.addWidget(self._level)
        buttons.addWidget(copy)
        buttons.addWidget(clear)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self._text, 1)
        layout.addLayout(buttons)
        self._relay = LogRelay()
        self._relay.record.connect(self._receive)
        self._handler = RelayHandler(self._relay)
        root = logging.getLogger("audiobench")
        root.addHandler(self._handler)
        self.destroyed.connect(lambda *_, handler=self._handler: root.removeHandler(handler))

    def _receive(self, level: int, line: str) -> None:
        self._records.append((level, line))
        del self._records[:-MOST_LINES]
        if level >= LEVELS[self._level.currentText()]:
            self._text.appendPlainText(line)

    def _show_all(self, name: str) -> None:
        lines = [line for level, line in self._records if level >= LEVELS[name]]
        self._text.setPlainText("\n".join(lines))
        self._text.verticalScrollBar().setValue(self._text.verticalScrollBar().maximum())

    def _clear(self) -> None:
        self._records.clear()
        self._text.clear()
