"""Asks how a saved match is to be called, and whether one is to go."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from PySide6.QtWidgets import QInputDialog, QMessageBox, QWidget


@dataclass(frozen=True, slots=True)
class MatchName:
    """A name, and whether the preset that has it is to be replaced."""

    name: str
    replacing: bool = False


def ask_name(taken: Collection[str], parent: QWidget) -> MatchName | None:
    """The name a person gives; None when it was called off.

    Parameters
    ----------
    taken
        Names of presets of one's own: to use one again is asked about.
    """
    text, agreed = QInputDialog.getText(
        parent,
        "Save match as preset",
        "Name of the preset. It keeps the tonal balance, width and dynamics of the\n"
        "references, by their weights, for any other recording.",
    )
    name = text.strip()
    if not agreed or not name:
        return None
    same = next((each for each in taken if each.casefold() == name.casefold()), None)
    if same is None:
        return MatchName(name)
    answer = QMessageBox.question(
        parent, "Replace the preset?", f"There is a preset “{same}” already. Replace it?"
    )
    return MatchName(same, True) if answer == QMessageBox.StandardButton.Yes else None


def ask_new_name(name: str, parent: QWidget) -> str:
    """Another name for a preset; empty when it was called off or stays as it is."""
    text, agreed = QInputDialog.getText(
        parent, "Rename preset", f"New name of the preset “{name}”.", text=name
    )
    new = text.strip()
    return new if agreed and new != name else ""


def ask_delete(name: str, parent: QWidget) -> bool:
    """Whether a preset is to go for good."""
    answer = QMessageBox.question(
        parent,
        "Delete the preset?",
        f"Delete the preset “{name}”? This cannot be undone. Masters made with it stay.",
    )
    return answer == QMessageBox.StandardButton.Yes
