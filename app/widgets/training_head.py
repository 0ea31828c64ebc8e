"""The head of a run: how far it is, how fast, what it says, and the buttons that steer it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.widgets.elided import ElidedLabel
from app.widgets.training_words import (
    left_text,
    name_of,
    pace_text,
    score_text,
    state_of,
    step_text,
)
from engine.training.run_folder import RunFolder, RunStatus


class RunHead(QWidget):
    """Shows one run's state.

    Signals
    -------
    asked(str)
        ``"pause"``, ``"unpause"``, ``"stop"``, ``"go_on"``, ``"install"``, ``"open"``.
    """

    asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._paused = False
        self.name = ElidedLabel(self)
        font = self.name.font()
        font.setBold(True)
        self.name.setFont(font)
        self.numbers = ElidedLabel(self)
        self.numbers.setProperty("muted", True)
        self.message = QLabel(self)
        self.message.setWordWrap(True)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.message.setAccessibleName("What the training says")
        self.bar = QProgressBar(self)
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(8)
        self.bar.setAccessibleName("Progress of the training")
        self.pause = self._button("Pause", "Wait before the next step; the memory stays in use")
        self.stop = self._button("Stop", "End after this step with a checkpoint to go on from")
        self.go_on = self._button("Go on", "Train on from the last checkpoint")
        self.install = self._button("Install model…", "Put the best model among those to master by")
        self.open = self._button("Folder", "Open the folder of this run")
        self.pause.clicked.connect(lambda: self.asked.emit("unpause" if self._paused else "pause"))
        for word in ("stop", "go_on", "install", "open"):
            button: QPushButton = getattr(self, word)
            button.clicked.connect(lambda _checked=False, word=word: self.asked.emit(word))
        top = QHBoxLayout()
        top.addWidget(self.name, 2)
        top.addWidget(self.numbers, 5)
        for button in (self.pause, self.stop, self.go_on, self.install, self.open):
            top.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self.bar)
        layout.addWidget(self.message)

    def show_run(
        self,
        folder: RunFolder,
        status: RunStatus | None,
        steps_per_s: float,
        *,
        stopping: bool = False,
        has_model: bool = False,
        waiting: str = "",
    ) -> None:
        """Show how a run is now; ``waiting`` says what it waits for before it begins."""
        state = "waiting" if waiting else state_of(status)
        ended = (status is None or status.ended) and not waiting
        self._paused = folder.paused and not ended
        self.name.setText(name_of(folder))
        words = "stopping…" if stopping else "pausing…" if self._pausing(state) else state
        parts = [words, step_text(status), score_text(status)]
        if state == "running":
            parts += [pace_text(steps_per_s), left_text(status, steps_per_s)]
        self.numbers.setText(" · ".join(part for part in parts if part))
        self.bar.setValue(round(1000 * status.step / status.steps) if status else 0)
        text = status.text if status else "It has not begun yet."
        self.message.setText(waiting or text)
        self.message.setProperty("muted", state != "failed")
        self.message.style().polish(self.message)
        self.pause.setText("Resume" if self._paused else "Pause")
        self.pause.setVisible(not ended)
        self.pause.setEnabled(not waiting and not stopping)
        self.stop.setVisible(not ended)
        self.stop.setEnabled(not stopping)
        self.go_on.setVisible(ended)
        self.go_on.setText("More steps…" if state == "done" else "Go on")
        self.install.setEnabled(has_model)

    def _pausing(self, state: str) -> bool:
        return self._paused and state == "running"

    def _button(self, text: str, hint: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(hint)
        return button
