"""A place to drop reference tracks on, and what lies there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from app.widgets.elided import ElidedLabel

SHOWN = 2
NAME_PIXELS = 220


class DropZone(QFrame):
    """Takes audio files by drop or dialog and lists their names, each with a button to remove it.

    Signals
    -------
    added(list)
        Paths (``list[Path]``) a person wants there.
    removed(str)
        The path a person wants gone.
    """

    added = Signal(list)
    removed = Signal(str)

    def __init__(self, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._paths: tuple[str, ...] = ()
        self._chips: list[QWidget] = []
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAcceptDrops(True)
        self.setAccessibleName("Reference tracks")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.hint = ElidedLabel(self)
        self._hint = hint
        self.hint.setText(hint)
        self.hint.setProperty("muted", True)
        self.browse = QToolButton(self)
        self.browse.setText("Reference…")
        self.browse.setAccessibleName("Add reference tracks")
        self.browse.setToolTip("Choose tracks whose sound the master should come near")
        self.browse.clicked.connect(self._ask)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(8, 2, 3, 2)
        self._row.setSpacing(4)
        self._row.addWidget(self.hint, 1)
        self._row.addWidget(self.browse)

    @property
    def paths(self) -> tuple[str, ...]:
        """What lies there."""
        return self._paths

    def show_paths(self, paths: Sequence[str]) -> None:
        """Show other tracks; the first ones by name, the rest as a number."""
        if tuple(paths) == self._paths:
            return
        self._paths = tuple(paths)
        for chip in self._chips:
            self._row.removeWidget(chip)
            chip.deleteLater()
        shown = self._paths if len(self._paths) <= SHOWN else self._paths[: SHOWN - 1]
        self._chips = [self._chip(path) for path in shown]
        if len(shown) < len(self._paths):
            rest = self._paths[len(shown) :]
            more = QLabel(f"+ {len(rest)} more", self)
            more.setToolTip("\n".join(rest))
            self._chips.append(more)
        for place, chip in enumerate(self._chips):
            self._row.insertWidget(place, chip)
        # With tracks there, the hint goes on as the space between them and the button.
        self.hint.setText("" if self._paths else self._hint)
        self.hint.setMinimumWidth(1 if self._paths else 0)
        self.browse.setText("Add…" if self._paths else "Reference…")
        self.setToolTip("\n".join(self._paths))
        names = ", ".join(Path(path).name for path in self._paths)
        self.setAccessibleDescription(names or self._hint)

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
        paths = local_paths(event)
        if paths:
            event.acceptProposedAction()
            self.added.emit(paths)

    def _chip(self, path: str) -> QWidget:
        name = Path(path).name
        chip = QFrame(self)
        label = ElidedLabel(chip)
        label.setText(name)
        label.setToolTip(path)
        # A short name takes no more than it needs, a long one gives way.
        label.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        label.setMaximumWidth(NAME_PIXELS)
        chip.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        remove = QToolButton(chip)
        remove.setText("×")
        remove.setProperty("flat", True)
        remove.setAccessibleName(f"Remove reference {name}")
        remove.setToolTip(f"Remove {name}")
        remove.clicked.connect(lambda: self.removed.emit(path))
        row = QHBoxLayout(chip)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(label)
        row.addWidget(remove)
        return chip

    def _ask(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Reference tracks")
        if names:
            self.added.emit([Path(name) for name in names])


def local_paths(event: QDropEvent) -> list[Path]:
    """Files of a drop; folders and web addresses are no reference tracks."""
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return [path for path in paths if path.is_file()]
