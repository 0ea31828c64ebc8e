"""Welcome: shown on the first run, over the demo session."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.commands import Commands

STEPS = (
    ("Look and listen", "Space plays. Click to seek, drag to select, the wheel zooms."),
    ("Master", "Ctrl+M fits an equalizer, dynamics and width, and meets the loudness you set."),
    ("Compare", "Keys 1, 2 and 3 switch original, live and master at equal loudness."),
    ("Export", "Ctrl+E writes the file, and a report if you like."),
)


class Welcome(QDialog):
    """Four lines that are enough to master a song, and where to start."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Welcome to audiobench")
        self.setMinimumWidth(600)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(26, 22, 26, 20)
        layout.setSpacing(12)
        title = QLabel("Welcome to audiobench", self)
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.6)
        font.setBold(True)
        title.setFont(font)
        layout.addWidget(title)
        lead = QLabel(
            "The demo track behind this window is dull and quiet on purpose. "
            "Master it, or drop a song of your own anywhere.",
            self,
        )
        lead.setWordWrap(True)
        lead.setProperty("muted", True)
        layout.addWidget(lead)
        for name, text in STEPS:
            line = QLabel(f"<b>{name}</b><br>{text}", self)
            line.setTextFormat(Qt.TextFormat.RichText)
            line.setWordWrap(True)
            layout.addWidget(line)
        self.again = QCheckBox("Show this at the next start", self)
        layout.addWidget(self.again)
        buttons = QHBoxLayout()
        for text, command_id in (("Open files…", "file.open"), ("All keys", "help.keys")):
            button = QPushButton(text, self)
            button.clicked.connect(
                lambda _checked=False, command_id=command_id: self._leave(commands, command_id)
            )
            buttons.addWidget(button)
        buttons.addStretch(1)
        start = QPushButton("Start with the demo", self)
        start.setProperty("primary", True)
        start.setDefault(True)
        start.clicked.connect(self.accept)
        buttons.addWidget(start)
        layout.addSpacing(6)
        layout.addLayout(buttons)

    def _leave(self, commands: Commands, command_id: str) -> None:
        self.accept()
        commands.run(command_id)
