"""The list of reference tracks: weight, order, where a missing one is now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.widgets.drop_zone import local_paths
from app.widgets.elided import ElidedLabel
from app.widgets.forms import NumberField, NumberSlider
from engine.mastering.ranges import Range

WEIGHT_RANGE = Range(0.0, 1.0)


class ReferenceRow(QWidget):
    """One track: its name, how much it counts, its place and its end."""

    weighed = Signal(float)
    held = Signal(bool)
    moved = Signal(int)
    removed = Signal()
    located = Signal(Path)

    def __init__(self, path: str, place: int, count: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.path = Path(path)
        name = self.path.name
        self.name = ElidedLabel(self)
        self.name.setMinimumWidth(60)
        self.slider = NumberSlider(
            WEIGHT_RANGE, f"Weight slider of {name}", 1.0, percent=True, parent=self
        )
        self.field = NumberField(WEIGHT_RANGE, f"Weight of {name}", percent=True, parent=self)
        self.field.setFixedWidth(54)
        self.slider.setMinimumWidth(30)
        self.slider.setMaximumWidth(120)
        for control in (self.slider, self.field):
            control.edited.connect(self.weighed)
        self.slider.sliderPressed.connect(lambda: self.held.emit(True))
        self.slider.sliderReleased.connect(lambda: self.held.emit(False))
        self.locate = QPushButton("Locate…", self)
        self.locate.setAccessibleName(f"Locate {name}")
        self.locate.clicked.connect(self._ask)
        self.up = _button("▲", f"Move {name} up", self)
        self.down = _button("▼", f"Move {name} down", self)
        self.remove = _button("×", f"Remove {name}", self)
        self.up.setEnabled(place > 0)
        self.down.setEnabled(place < count - 1)
        self.up.clicked.connect(lambda: self.moved.emit(-1))
        self.down.clicked.connect(lambda: self.moved.emit(1))
        self.remove.clicked.connect(self.removed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.name, 2)
        row.addWidget(self.slider, 1)
        row.addWidget(self.field)
        row.addWidget(self.locate)
        for button in (self.up, self.down, self.remove):
            row.addWidget(button)
        self.refresh()

    def refresh(self) -> None:
        """See whether the file is there."""
        missing = not self.path.is_file()
        self.name.setText(f"{self.path.name} is missing" if missing else self.path.name)
        self.name.setToolTip(
            f"{self.path}\nThere is no such file any more." if missing else str(self.path)
        )
        self.locate.setVisible(missing)
        self.slider.setVisible(not missing)
        self.field.setVisible(not missing)

    def show_weight(self, weight: float) -> None:
        """Show how much the track counts."""
        self.slider.show_value(weight)
        self.field.show_value(weight)

    def _ask(self) -> None:
        found, _ = QFileDialog.getOpenFileName(self, f"Locate {self.path.name}")
        if found:
            self.located.emit(Path(found))


class ReferenceList(QFrame):
    """Tracks whose sound the master should come near, each with a weight; takes drops.

    Signals
    -------
    added(list)
        Paths (``list[Path]``) a person wants there.
    removed(str), moved(str, int), weighed(str, float), located(str, Path)
        About the track with this path: off the list, by how many places, how much, where it is.
    held(bool)
        A weight is being dragged.
    save_asked()
        The match should be kept as a preset.
    """

    added = Signal(list)
    removed = Signal(str)
    moved = Signal(str, int)
    weighed = Signal(str, float)
    located = Signal(str, Path)
    held = Signal(bool)
    save_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAcceptDrops(True)
        self.setAccessibleName("Reference list")
        self.rows: list[ReferenceRow] = []
        self._paths: tuple[str, ...] = ()
        title = QLabel("References", self)
        font = title.font()
        font.setBold(True)
        title.setFont(font)
        self.hint = QLabel(
            "Drop tracks here whose sound the master should come near. "
            "With several, the weights say how much each counts.",
            self,
        )
        self.hint.setWordWrap(True)
        self.hint.setProperty("muted", True)
        self.add = QPushButton("Add…", self)
        self.add.setAccessibleName("Add references")
        self.add.clicked.connect(self._ask)
        self.save = QPushButton("Save match as preset…", self)
        self.save.setToolTip("Keep what the references sound like as a target of your own")
        self.save.clicked.connect(self.save_asked)
        head = QHBoxLayout()
        head.addWidget(title, 1)
        head.addWidget(self.save)
        head.addWidget(self.add)
        content = QWidget(self)
        self._column = QVBoxLayout(content)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(3)
        self._column.addWidget(self.hint)
        self._column.addStretch(1)
        area = QScrollArea(self)
        area.setWidget(content)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setAccessibleName("Reference tracks")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 4)
        layout.setSpacing(3)
        layout.addLayout(head)
        layout.addWidget(area, 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.show_references((), ())

    def show_references(self, paths: Sequence[str], weights: Sequence[float]) -> None:
        """Show tracks with their weights; none given: all count alike."""
        if tuple(paths) != self._paths:
            self._paths = tuple(paths)
            for row in self.rows:
                self._column.removeWidget(row)
                row.deleteLater()
            self.rows = [self._row(path, place) for place, path in enumerate(self._paths)]
            for place, row in enumerate(self.rows):
                self._column.insertWidget(place, row)
        for row, weight in zip(self.rows, weights or [1.0] * len(self.rows), strict=True):
            row.show_weight(weight)
        self.hint.setVisible(not self.rows)
        self.save.setEnabled(bool(self.rows))

    def showEvent(self, event: QShowEvent) -> None:
        """See which files are there."""
        super().showEvent(event)
        for row in self.rows:
            row.refresh()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files."""
        if local_paths(event):
            event.acceptProposedAction()
            self.setFrameShape(QFrame.Shape.Box)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Forget the files."""
        self.setFrameShape(QFrame.Shape.StyledPanel)

    def dropEvent(self, event: QDropEvent) -> None:
        """Take the files."""
        self.setFrameShape(QFrame.Shape.StyledPanel)
        if paths := local_paths(event):
            event.acceptProposedAction()
            self.added.emit(paths)

    def _row(self, path: str, place: int) -> ReferenceRow:
        row = ReferenceRow(path, place, len(self._paths), self)
        row.weighed.connect(lambda weight: self.weighed.emit(path, weight))
        row.held.connect(self.held)
        row.moved.connect(lambda by: self.moved.emit(path, by))
        row.removed.connect(lambda: self.removed.emit(path))
        row.located.connect(lambda found: self.located.emit(path, found))
        return row

    def _ask(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Reference tracks")
        if names:
            self.added.emit([Path(name) for name in names])


def _button(text: str, name: str, parent: QWidget) -> QToolButton:
    button = QToolButton(parent)
    button.setText(text)
    button.setProperty("flat", True)
    button.setAccessibleName(name)
    button.setToolTip(name)
    button.setFixedWidth(24)
    return button
