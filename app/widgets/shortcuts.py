"""Cheat sheet: every command that has a key, by menu, from the same table as the menus."""

from __future__ import annotations

import html

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from app.commands import Commands


def cheat_sheet_html(commands: Commands) -> str:
    """The keys of all commands as HTML tables, one per menu."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for command in commands.all():
        keys = commands.keys(command.id)
        if keys:
            section = command.menu.split("/")[0] or "More"
            sections.setdefault(section, []).append((command.title, ", ".join(keys)))
    parts = []
    for section, rows in sections.items():
        cells = "".join(
            f"<tr><td width='260'>{html.escape(title)}</td><td><b>{html.escape(keys)}</b></td></tr>"
            for title, keys in rows
        )
        parts.append(f"<h3>{html.escape(section)}</h3><table cellpadding='3'>{cells}</table>")
    return "".join(parts)


class CheatSheet(QDialog):
    """A window with all keys."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        text = QTextBrowser(self)
        text.setAccessibleName("Keyboard shortcuts")
        text.setHtml(cheat_sheet_html(commands))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(text)
        layout.addWidget(buttons)
        self.resize(460, 620)
