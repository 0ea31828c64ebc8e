"""The small menu beside the preset chooser: what can be done with a preset of one's own."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QToolButton, QWidget


class PresetMenu(QToolButton):
    """Rename and delete; there only while the chosen preset is one's own.

    Signals
    -------
    rename_asked(), delete_asked()
        The chosen preset should have another name, or go.
    """

    rename_asked = Signal()
    delete_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText("⋯")
        self.setAccessibleName("Your preset")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        self.rename = menu.addAction("Rename…", self.rename_asked.emit)
        self.delete = menu.addAction("Delete…", self.delete_asked.emit)
        self.setMenu(menu)
        self.show_preset("")

    def show_preset(self, name: str) -> None:
        """Offer what can be done with a preset of one's own; empty: it is none."""
        self.setVisible(bool(name))
        self.setToolTip(f"Rename or delete the preset “{name}”")
