"""The list of runs, newest first, and what can be done with the chosen one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QPoint, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.theme import Theme
from app.training_tasks import RunInfo
from app.widgets.clip_list import DETAIL_ROLE, STATUS_ROLE, ClipDelegate
from app.widgets.training_words import began, name_of, score_text, state_of, step_text
from engine.training.run_folder import RunFolder

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

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._infos: tuple[RunInfo, ...] = ()
        self.new = QPushButton("New training", self)
        self.new.clicked.connect(self.choose_new)
        self.list = QListWidget(self)
        self.list.setAccessibleName("Trainings, newest first")
        self.list.setItemDelegate(ClipDelegate(theme, self.list))
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
        folder: RunFolder | None = item.data(Qt.ItemDataRole.UserRole) if item else None
        return folder

    def show_runs(self, infos: Sequence[RunInfo]) -> None:
        """Show these runs; the chosen one stays if it is still there."""
        before, self._infos = [info.folder for info in self._infos], tuple(infos)
        if before == [info.folder for info in infos]:
            for row, info in enumerate(infos):
                _fill(self.list.item(row), info)
            return
        chosen = self.current
        with QSignalBlocker(self.list):
            self.list.clear()
            for info in infos:
                item = QListWidgetItem(self.list)
                _fill(item, info)
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
        with QSignalBlocker(self.list):
            self.list.setCurrentRow(-1)
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
    ended = info.status is None or info.status.ended
    if word in ("go_on", "delete"):
        return ended
    return info.has_model if word == "install" else True


def _fill(item: QListWidgetItem, info: RunInfo) -> None:
    """Name above; below it how far it is or how good it became, and its state."""
    status = info.status
    running = status is not None and not status.ended
    detail = (step_text(status) if running else score_text(status)) or began(status)
    item.setText(name_of(info.folder))
    item.setData(Qt.ItemDataRole.UserRole, info.folder)
    item.setData(DETAIL_ROLE, detail)
    item.setData(STATUS_ROLE, state_of(status))
    lines = (name_of(info.folder), began(status), step_text(status), score_text(status))
    item.setToolTip("\n".join(line for line in (*lines, str(info.folder.path)) if line))
