"""Which songs a model is trained on: composed by the program, a folder of one's own, or both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QPushButton, QWidget

WIDEST_NAME_PX = 120
COMPOSED, BOTH, OWN = "composed", "both", "own"


class SongsChoice(QWidget):
    """Shows and changes what a recipe's ``[data]`` says.

    Signals
    -------
    chosen(object, bool)
        The folder (a Path, or None for none), and whether it is to be the only source.
    """

    chosen = Signal(object, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._data: Mapping[str, Any] = {}
        self.source = QComboBox(self)
        self.source.setAccessibleName("Songs to train on")
        for title, mode in (
            ("Composed by the program", COMPOSED),
            ("Composed and my own", BOTH),
            ("Only my own", OWN),
        ):
            self.source.addItem(title, mode)
        self.source.activated.connect(self._choose)
        self.source.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.source.setMinimumContentsLength(6)
        self.folder = QPushButton("Choose folder…", self)
        self.folder.setAccessibleName("Folder of songs to train on")
        self.folder.clicked.connect(lambda: self._ask(self.source.currentData()))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.source, 2)
        row.addWidget(self.folder, 1)

    def show_data(self, data: Mapping[str, Any]) -> None:
        """Show the table of a recipe."""
        self._data = data
        folder = str(data.get("folder", ""))
        mode = COMPOSED if not folder else OWN if data.get("songs") == 0 else BOTH
        with QSignalBlocker(self.source):
            self.source.setCurrentIndex(self.source.findData(mode))
        self.folder.setVisible(mode != COMPOSED)
        metrics, middle = self.folder.fontMetrics(), Qt.TextElideMode.ElideMiddle
        name = metrics.elidedText(Path(folder).name, middle, WIDEST_NAME_PX)
        self.folder.setText(name or "Choose folder…")
        self.folder.setToolTip(folder or "The folder whose songs are trained on")

    def _choose(self, _index: int) -> None:
        mode = self.source.currentData()
        folder = str(self._data.get("folder", ""))
        if mode == COMPOSED:
            self.chosen.emit(None, False)
        elif folder:
            self.chosen.emit(Path(folder), mode == OWN)
        else:
            self._ask(mode)

    def _ask(self, mode: str) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder of songs to train on")
        if name:
            self.chosen.emit(Path(name), mode == OWN)
        else:
            self.show_data(self._data)
