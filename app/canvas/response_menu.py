"""What the right mouse button offers on an equalizer graph."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QMenu

from engine.mastering.parameters import BandKind

if TYPE_CHECKING:
    from app.canvas.response import ResponseView

RANGES_DB = (6.0, 12.0, 18.0)


def menu_at(view: ResponseView, point: QPointF) -> QMenu:
    """What can be done at a point: to the band there, or to the graph."""
    menu = QMenu(view)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    index = view.handle_at(point)
    if index >= 0:
        _offer_band(menu, view, index)
    else:
        menu.addAction("Add band here", lambda: view.add_band(point))
        menu.addSeparator()
        for range_db in RANGES_DB:
            action = menu.addAction(f"±{range_db:g} dB", partial(view.set_range_db, range_db))
            action.setCheckable(True)
            action.setChecked(range_db == view.range_db)
    return menu


def _offer_band(menu: QMenu, view: ResponseView, index: int) -> None:
    band = view.bands[index]
    for kind in BandKind:
        title = kind.value.replace("_", " ").capitalize()
        action = menu.addAction(title, partial(view.change, index, {"kind": kind}))
        action.setCheckable(True)
        action.setChecked(kind is band.kind)
    menu.addSeparator()
    bypass = menu.addAction("Bypass\tB", partial(view.change, index, {"enabled": not band.enabled}))
    bypass.setCheckable(True)
    bypass.setChecked(not band.enabled)
    solo = menu.addAction("Solo\tS", partial(view.toggle_solo, index))
    solo.setCheckable(True)
    solo.setChecked(view.solo_index == index)
    menu.addSeparator()
    menu.addAction("Gain to 0 dB\tDel", partial(view.flatten, index))
    menu.addAction("Reset band", lambda: view.reset_requested.emit(index))
