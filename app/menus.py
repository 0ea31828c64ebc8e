"""The window's own commands: undo, help, theme, preferences, quit."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QApplication, QMessageBox, QWidget

from app.audio.devices import Output
from app.commands import Command
from app.panels.base import Services
from app.settings import Settings, ThemeChoice
from engine.tasks import Failure


class Menus:
    """Commands that belong to no panel.

    Their dialogs are imported when they are asked for: the window opens sooner without them.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self.window: QWidget | None = None

    def commands(self) -> list[Command]:
        """Edit, View, Help and the end of File."""
        session = self._services.session
        return [
            Command("file.preferences", "Preferences…", self.preferences, ("Ctrl+,",), "File"),
            Command("file.quit", "Quit", self._quit, ("Ctrl+Q",), "File"),
            Command("edit.undo", "Undo", session.undo, ("Ctrl+Z",), "Edit",
                    lambda: session.can_undo),
            Command("edit.redo", "Redo", session.redo, ("Ctrl+Shift+Z", "Ctrl+Y"), "Edit",
                    lambda: session.can_redo),
            Command("help.palette", "Command palette", self.palette, ("Ctrl+Shift+P",), "Help"),
            Command("help.keys", "Keyboard shortcuts", self.cheat_sheet, ("F1",), "Help"),
            Command("help.welcome", "Welcome", self.welcome, (), "Help"),
            Command("help.about", "About audiobench", self.about, (), "Help"),
            *(
                Command(f"theme.{choice.name.lower()}", choice.value.capitalize(),
                        partial(self.choose_theme, choice), (), "View/Theme",
                        checked=partial(self._has_theme, choice))
                for choice in ThemeChoice
            ),
        ]  # fmt: skip

    def palette(self) -> None:
        """Show the command palette."""
        from app.widgets.palette import CommandPalette

        CommandPalette(self._services.commands, self.window).popup()

    def cheat_sheet(self) -> None:
        """Show all keys."""
        from app.widgets.shortcuts import CheatSheet

        CheatSheet(self._services.commands, self.window).show()

    def welcome(self) -> None:
        """Show the welcome; its tick decides about the next start."""
        from app.widgets.welcome import Welcome

        dialog = Welcome(self._services.commands, self.window)
        dialog.finished.connect(lambda _code: self._change(first_run=dialog.again.isChecked()))
        dialog.open()

    def about(self) -> None:
        """Name, version and what it stands on."""
        from importlib import metadata

        version = metadata.version("audiobench")
        QMessageBox.about(
            self.window,
            "About audiobench",
            f"<b>audiobench {version}</b><br>A workbench for people who work on sound with models."
            "<br><br>MIT licence. Built on Qt, FFmpeg, PortAudio, libsndfile, soxr, NumPy, SciPy, "
            "Numba and PyTorch.",
        )

    def choose_theme(self, choice: ThemeChoice) -> None:
        """Change the theme and keep it."""
        self._services.theme.choose(choice.value)
        self._change(theme=choice)

    def preferences(self) -> None:
        """Edit the settings and put them to work."""
        from app.widgets.preferences import CacheView, Preferences

        services = self._services
        cache = CacheView(
            str(services.cache.root), lambda: services.cache.size_bytes, services.cache.clear
        )
        names = [device.name for device in services.player.devices()]
        dialog = Preferences(
            services.settings.current, services.commands, names, cache, self.window
        )
        dialog.accepted.connect(lambda: self.apply(dialog.edited()))
        dialog.open()

    def apply(self, edited: Settings) -> None:
        """Use other settings at once."""
        services = self._services
        before = services.settings.current
        try:
            services.settings.use(edited)
        except Failure as failure:
            services.fail(failure)
        if edited.theme != before.theme:
            services.theme.choose(edited.theme.value)
        if (edited.output_device, edited.latency_ms) != (before.output_device, before.latency_ms):
            device = edited.output_device or None
            services.player.set_output(Output(device, edited.latency_ms / 1000.0))
        services.commands.use_keys(
            {
                name: tuple(key for key in keys.split(", ") if key)
                for name, keys in edited.keys.items()
            }
        )
        services.cache.budget_bytes = int(edited.cache_budget_gb * 1e9)
        services.cache.trim()

    def _has_theme(self, choice: ThemeChoice) -> bool:
        return self._services.theme.choice == choice.value

    def _change(self, **changes: object) -> None:
        try:
            self._services.settings.change(**changes)
        except Failure as failure:
            self._services.fail(failure)

    def _quit(self) -> None:
        if self.window is not None:
            self.window.close()
        else:
            QApplication.quit()
