"""The list of runs, newest first, and what can be done with the chosen one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QPoint, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.training_tasks import RunInfo
from app.widgets.elided import ElidedLabel
from app.widgets.training_words import began, name_of, score_text, state_of, step_text
from engine.training.run_folder import RunFolder

DOTS = {
    "running": "accent",
    "paused": "warn",
    "stopped": "muted",
    "done": "good",
    "failed": "error",
    "waiting": "muted",
}
ACTIONS = (
    ("go_on", "Go on…"),
    ("install", "Install the model…"),
    ("open", "Open its folder"),
    ("use", "New training like this"),
    ("delete", "Delete…"),
)


class RunList(QWidget):
    """A button for a new training and the runs there are.

    Signals
    -------
    chosen(object)
        Another run's folder, or None for the form of a new training.
    asked(str, object)
        Something is to be done with a run: a word of ``ACTIONS`` and its folder.
    """

    chosen = Signal(object)
    asked = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._infos: tuple[RunInfo, ...] = ()
        self._rows: dict[str, _Row] = {}
        self.new = QPushButton("New training", self)
        self.new.clicked.connect(self.choose_new)
        self.list = QListWidget(self)
        self.list.setAccessibleName("Trainings, newest first")
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.customContextMenuRequested.connect(self._show_menu)
        self.list.currentItemChanged.connect(lambda *_items: self._tell())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.new)
        layout.addWidget(self.list, 1)

    @property
    def current(self) -> RunFolder | None:
        """The chosen run; None while a new training is being set up."""
        item = self.list.currentItem()
        return item.data(Qt.ItemDataRole.UserRole) if item is not None else None

    def show_runs(self, infos: Sequence[RunInfo]) -> None:
        """Show these runs; the chosen one stays if it is still there."""
        before = [info.folder for info in self._infos]
        self._infos = tuple(infos)
        if before == [info.folder for info in infos]:
            for info in infos:
                self._rows[info.folder.name].show_info(info)
            return
        chosen = self.current
        with QSignalBlocker(self.list):
            self.list.clear()
            self._rows = {}
            for info in infos:
                row = _Row(self.list)
                row.show_info(info)
                item = QListWidgetItem(self.list)
                item.setData(Qt.ItemDataRole.UserRole, info.folder)
                item.setSizeHint(QSize(120, row.sizeHint().height()))
                self.list.setItemWidget(item, row)
                self._rows[info.folder.name] = row
                if info.folder == chosen:
                    self.list.setCurrentItem(item)
        if self.current != chosen:
            self._tell()

    def choose(self, folder: RunFolder) -> None:
        """Choose a run that is listed."""
        for index in range(self.list.count()):
            item = self.list.item(index)
            if item.data(Qt.ItemDataRole.UserRole) == folder:
                self.list.setCurrentItem(item)

    def choose_new(self) -> None:
        """Show the form of a new training."""
        self.list.setCurrentItem(None)
        self.list.clearSelection()
        self.chosen.emit(None)

    def _tell(self) -> None:
        self.chosen.emit(self.current)

    def _show_menu(self, point: QPoint) -> None:
        item = self.list.itemAt(point)
        if item is None:
            return
        folder = item.data(Qt.ItemDataRole.UserRole)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        info = next((each for each in self._infos if each.folder == folder), None)
        for word, title in ACTIONS:
            action = menu.addAction(title)
            action.triggered.connect(partial(self.asked.emit, word, folder))
            action.setEnabled(info is not None and allowed(word, info))
        menu.popup(self.list.viewport().mapToGlobal(point))


def allowed(word: str, info: RunInfo) -> bool:
    """Whether something can be done with a run as it is."""
    ended = info.status is not None and info.status.ended
    if word in ("go_on", "delete"):
        return ended
    return info.has_model if word == "install" else True


class _Row(QWidget):
    """Name and state, and below them when it began and how good it is."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._name = ElidedLabel(self)
        self._state = QLabel(self)
        self._state.setProperty("muted", True)
        self._detail = ElidedLabel(self)
        self._detail.setProperty("muted", True)
        head = QHBoxLayout()
        head.addWidget(self._name, 1)
        head.addWidget(self._state)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(1)
        layout.addLayout(head)
        layout.addWidget(self._detail)

    def show_info(self, info: RunInfo) -> None:
        status = info.status
        self._name.setText(name_of(info.folder))
        self._state.setText(state_of(status))
        running = status is not None and not status.ended
        parts = (began(status), step_text(status) if running else "", score_text(status))
        self._detail.setText(" · ".join(part for part in parts if part) or "waits for its turn")
        self._detail.set_short(score_text(status) or began(status))
