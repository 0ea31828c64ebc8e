"""A bar that offers to go on with a training over which the last window was closed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, SignalInstance
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from app.training_tasks import RunInfo
from app.widgets.elided import ElidedLabel
from app.widgets.training_words import name_of, step_text


class OwedBar(QFrame):
    """One training at a time, the newest first.

    Signals
    -------
    go_on(object), let_go(object)
        What the person wants with the run folder.
    """

    go_on = Signal(object)
    let_go = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._info: RunInfo | None = None
        self.text = ElidedLabel(self)
        self.resume = QPushButton("Go on with it", self)
        self.resume.clicked.connect(lambda: self._tell(self.go_on))
        self.leave = QPushButton("Not now", self)
        self.leave.setToolTip("It stays in the list, and can go on at any time")
        self.leave.clicked.connect(lambda: self._tell(self.let_go))
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.addWidget(self.text, 1)
        row.addWidget(self.resume)
        row.addWidget(self.leave)
        self.hide()

    def show_runs(self, infos: Sequence[RunInfo]) -> None:
        """Offer these; nothing is shown where there is none."""
        self._info = infos[0] if infos else None
        if self._info is not None:
            where = step_text(self._info.status) or "before its first step"
            name = name_of(self._info.folder)
            self.text.setText(f"“{name}” was not finished when audiobench ended: {where}.")
        self.setVisible(self._info is not None)

    def _tell(self, signal: SignalInstance) -> None:
        if self._info is not None:
            signal.emit(self._info.folder)
