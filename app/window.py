"""The shell: docks and their layouts, drop, menus, close."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QByteArray, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QFrame,
    QMainWindow,
    QMenu,
    QScrollArea,
    QStatusBar,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.commands import Command, Commands
from app.panels.base import Panel

MENUS = ("File", "Edit", "View", "Playback", "Clip", "Master", "Help")
LEFT = Qt.DockWidgetArea.LeftDockWidgetArea
RIGHT = Qt.DockWidgetArea.RightDockWidgetArea
BOTTOM = Qt.DockWidgetArea.BottomDockWidgetArea
# The least share of the window's height that a panel at the bottom is shown with.
SHOWN_HEIGHT = 0.28


@dataclass(frozen=True, slots=True)
class Layout:
    """Which panels a layout shows, and how much of the window each takes (0 to 1)."""

    shown: tuple[str, ...]
    widths: dict[str, float]
    heights: dict[str, float]


LAYOUTS = {
    "Analyse": Layout(("files", "meters"), {"files": 0.2, "meters": 0.17}, {}),
    "Master": Layout(("mastering", "meters"), {"meters": 0.17}, {"mastering": 0.55}),
    "Explore": Layout(("files", "jobs"), {"files": 0.36}, {"jobs": 0.25}),
    "Listen": Layout(("files", "meters"), {"files": 0.18, "meters": 0.42}, {}),
    "Train": Layout(("training",), {}, {"training": 0.68}),
}


class Window(QMainWindow):
    """The main window: the editor in the middle, the other panels in docks around it.

    Parameters
    ----------
    editor, transport, status
        What is always there.
    panels
        Panel and the dock area it starts in.
    on_drop
        Called with the paths of dropped files and folders.
    may_close
        Asked before the window closes; False keeps it open.
    """

    def __init__(
        self,
        commands: Commands,
        editor: Panel,
        transport: QWidget,
        status: QWidget,
        panels: Iterable[tuple[Panel, Qt.DockWidgetArea]],
        on_drop: Callable[[list[Path]], object],
        may_close: Callable[[], bool],
    ) -> None:
        super().__init__()
        self._commands = commands
        self._on_drop = on_drop
        self._may_close = may_close
        self._editor = editor
        self._menus: dict[str, QMenu] = {}
        self.layout_name = ""
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self.setCorner(Qt.Corner.BottomRightCorner, RIGHT)
        self.setCorner(Qt.Corner.BottomLeftCorner, BOTTOM)
        middle = QWidget(self)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(editor, 1)
        column.addWidget(transport)
        self.setCentralWidget(middle)
        bar = QStatusBar(self)
        bar.addWidget(status, 1)
        self.setStatusBar(bar)
        self.docks: dict[str, QDockWidget] = {}
        for panel, area in panels:
            self._add_dock(panel, area)
        for title in MENUS:
            self._menus[title] = self.menuBar().addMenu(f"&{title}")
        commands.add(self._layout_commands())
        for command in commands.all():
            self._place(command)
        commands.added.connect(self._place)
        self.resize(1400, 900)

    def show_layout(self, name: str) -> None:
        """Arrange the docks as a named layout says."""
        layout = LAYOUTS[name]
        self.layout_name = name
        for panel_id, dock in self.docks.items():
            dock.setFloating(False)
            dock.setVisible(panel_id in layout.shown)
        for sizes, orientation, whole in (
            (layout.widths, Qt.Orientation.Horizontal, self.width()),
            (layout.heights, Qt.Orientation.Vertical, self.height()),
        ):
            if sizes:
                docks = [self.docks[panel_id] for panel_id in sizes]
                self.resizeDocks(docks, [int(part * whole) for part in sizes.values()], orientation)
        for panel_id in layout.shown:
            self.docks[panel_id].raise_()
        self._commands.refresh()

    def menu(self, path: str) -> QMenu:
        """The menu at ``path`` ("File/Open recent"), made when it is not there yet."""
        if path not in self._menus:
            above, _, title = path.rpartition("/")
            parent = self.menu(above) if above else self.menuBar()
            self._menus[path] = parent.addMenu(title)
        return self._menus[path]

    def refresh_commands(self) -> None:
        """Bring menus and keys up to date with what is possible now."""
        self._commands.refresh()

    def name_command(self, command_id: str, title: str) -> None:
        """Show a command under another title, such as what Undo would take back."""
        self._commands.action(command_id).setText(title)

    def show_panel(self, panel_id: str) -> None:
        """Bring one panel to the front."""
        dock = self.docks[panel_id]
        lowest = int(SHOWN_HEIGHT * self.height())
        dock.show()
        dock.raise_()
        if self.dockWidgetArea(dock) == BOTTOM and dock.height() < lowest:
            self.resizeDocks([dock], [lowest], Qt.Orientation.Vertical)

    def layout_bytes(self) -> bytes:
        """The arrangement of docks as Qt writes it, for the settings."""
        return bytes(self.saveState().data())

    def restore_layout(self, state: bytes, geometry: bytes) -> bool:
        """Return to an arrangement that :meth:`layout_bytes` gave; False if it does not fit."""
        if geometry:
            self.restoreGeometry(QByteArray(geometry))
        return bool(state) and self.restoreState(QByteArray(state))

    def showEvent(self, event: QShowEvent) -> None:
        """The keys belong to the editor at first, not to the first button."""
        super().showEvent(event)
        if not event.spontaneous():
            self._editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files and folders from anywhere."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        urls = event.mimeData().urls()
        paths = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            # Later: a question about unsaved work must not hold up the program dragged from.
            QTimer.singleShot(0, self, lambda: self._on_drop(paths))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Close unless something unsaved is to be kept."""
        if self._may_close():
            event.accept()
        else:
            event.ignore()

    def _add_dock(self, panel: Panel, area: Qt.DockWidgetArea) -> None:
        dock = QDockWidget(panel.title, self)
        dock.setObjectName(f"dock.{panel.panel_id}")
        dock.setWidget(_scrolling(panel))
        dock.setAccessibleName(panel.title)
        beside = [each for each in self.docks.values() if self.dockWidgetArea(each) == area]
        self.addDockWidget(area, dock)
        if beside and area == BOTTOM:
            self.tabifyDockWidget(beside[-1], dock)  # side by side they would be slivers
        self.docks[panel.panel_id] = dock

    def _layout_commands(self) -> list[Command]:
        layouts = [
            Command(
                f"layout.{name.lower()}",
                name,
                partial(self.show_layout, name),
                (f"Ctrl+{number}",),
                "View/Layout",
                checked=partial(self._shows_layout, name),
            )
            for number, name in enumerate(LAYOUTS, start=1)
        ]
        shown = [
            Command(
                f"panel.{panel_id}",
                f"{dock.windowTitle()} panel",
                partial(_toggle, dock),
                (),
                "View/Panels",
                checked=dock.isVisible,
            )
            for panel_id, dock in self.docks.items()
        ]
        return layouts + shown

    def _shows_layout(self, name: str) -> bool:
        return self.layout_name == name

    def _place(self, command: Command) -> None:
        """Put a command's action into the window, and into its menu if it has one."""
        action = self._commands.action(command.id)
        self.addAction(action)
        if command.menu:
            self.menu(command.menu).addAction(action)


def _toggle(dock: QDockWidget) -> None:
    dock.setVisible(not dock.isVisible())


def _scrolling(panel: Panel) -> QScrollArea:
    """A panel that scrolls where it has too little room, so that the window can be small."""
    area = QScrollArea()
    area.setWidget(panel)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setMinimumWidth(panel.narrowest_px)
    return area
