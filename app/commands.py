"""Commands are data: one registry feeds menus, keys, the palette, the cheat sheet and tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Command:
    """Something the user can do.

    ``menu`` is the path of the menu it stands in ("File", "View/Theme"); empty keeps it to the
    palette. ``checked`` makes it a toggle and tells its state.
    """

    id: str
    title: str
    run: Callable[[], object]
    keys: tuple[str, ...] = ()
    menu: str = ""
    enabled: Callable[[], bool] = _always
    checked: Callable[[], bool] | None = None
    hint: str = ""


class Commands(QObject):
    """Every command of the window, by id.

    ``refreshed`` is emitted when the enabled or checked states may have changed; ``key_overrides``
    replaces a command's keys by the user's.
    """

    refreshed = Signal()
    added = Signal(object)

    def __init__(
        self, key_overrides: dict[str, tuple[str, ...]] | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._commands: dict[str, Command] = {}
        self._actions: dict[str, QAction] = {}
        self.key_overrides = dict(key_overrides or {})

    def add(self, commands: Iterable[Command]) -> None:
        """Register commands; an id may be registered once."""
        for command in commands:
            if command.id in self._commands:
                raise ValueError(f"command {command.id} is registered twice")
            self._commands[command.id] = command
            self._actions[command.id] = self._make_action(command)
            self.added.emit(command)

    def all(self) -> list[Command]:
        """The commands in the order they were registered."""
        return list(self._commands.values())

    def get(self, command_id: str) -> Command:
        """The command with this id; raises KeyError."""
        return self._commands[command_id]

    def keys(self, command_id: str) -> tuple[str, ...]:
        """The keys in force: the user's, else the command's own."""
        return self.key_overrides.get(command_id, self._commands[command_id].keys)

    def set_keys(self, command_id: str, keys: tuple[str, ...]) -> None:
        """Give a command other keys (an empty tuple: none)."""
        self.use_keys({**self.key_overrides, command_id: keys})

    def use_keys(self, overrides: dict[str, tuple[str, ...]]) -> None:
        """Take these for the user's keys; every other command has its own again.

        Keys of commands another version had are kept and do nothing.
        """
        self.key_overrides = dict(overrides)
        for command_id, action in self._actions.items():
            action.setShortcuts([QKeySequence(key) for key in self.keys(command_id)])
        self.refreshed.emit()

    def action(self, command_id: str) -> QAction:
        """The action that carries the command in menus, tool bars and key maps."""
        return self._actions[command_id]

    def run(self, command_id: str) -> bool:
        """Run a command if it is enabled; tell whether it ran."""
        command = self._commands[command_id]
        if not command.enabled():
            return False
        command.run()
        self.refresh()
        return True

    def refresh(self) -> None:
        """Bring every action's enabled and checked state up to date."""
        for command in self._commands.values():
            action = self._actions[command.id]
            action.setEnabled(command.enabled())
            if command.checked is not None:
                action.setChecked(command.checked())
        self.refreshed.emit()

    def conflicts(self) -> dict[str, list[str]]:
        """Keys that more than one command claims."""
        users: dict[str, list[str]] = {}
        for command_id in self._commands:
            for key in self.keys(command_id):
                users.setdefault(QKeySequence(key).toString(), []).append(command_id)
        return {key: ids for key, ids in users.items() if len(ids) > 1}

    def _make_action(self, command: Command) -> QAction:
        action = QAction(command.title, self)
        action.setObjectName(command.id)
        action.setShortcuts([QKeySequence(key) for key in self.keys(command.id)])
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.setCheckable(command.checked is not None)
        if command.hint:
            action.setToolTip(command.hint)
            action.setStatusTip(command.hint)
        action.triggered.connect(lambda: self.run(command.id))
        return action
