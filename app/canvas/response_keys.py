"""The equalizer graph by keyboard: from handle to handle, and what a key does to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from app.canvas.response_curves import at_height, height_db

if TYPE_CHECKING:
    from app.canvas.response import ResponseView

FINE = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier
NO_HANDLE = -1


def next_handle(view: ResponseView, forward: bool) -> int:
    """The band to the right of the selected one, or to the left; ``NO_HANDLE`` past the last."""
    order = sorted(range(len(view.bands)), key=lambda index: view.bands[index].frequency_hz)
    at = order.index(view.selected_index) if view.selected_index >= 0 else NO_HANDLE
    following = at + 1 if forward else (at if at >= 0 else len(order)) - 1
    return order[following] if 0 <= following < len(order) else NO_HANDLE


def press(view: ResponseView, event: QKeyEvent) -> bool:
    """Change the selected band as a key says; False where the key means nothing here.

    Arrows move it by a semitone and by half a decibel, plus and minus turn its Q; with Shift or
    Ctrl all of them are fine.
    """
    index, key = view.selected_index, event.key()
    fine = bool(event.modifiers() & FINE)
    sideways = (key == Qt.Key.Key_Right) - (key == Qt.Key.Key_Left)
    upwards = (key == Qt.Key.Key_Up) - (key == Qt.Key.Key_Down)
    narrower = (key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal)) - (key == Qt.Key.Key_Minus)
    band = view.bands[index]
    if sideways:
        octaves = sideways / (48 if fine else 12)
        view.edit(index, {"frequency_hz": band.frequency_hz * 2.0**octaves})
    elif upwards:
        step_db = upwards * (0.1 if fine else 0.5)
        view.edit(index, at_height(band, height_db(band) + step_db))
    elif narrower:
        view.turn_q(index, float(narrower) * (0.2 if fine else 1.0))
    elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
        view.flatten(index)
    elif key == Qt.Key.Key_B:
        view.change(index, {"enabled": not band.enabled})
    elif key == Qt.Key.Key_S:
        view.toggle_solo(index)
    else:
        return False
    return True
