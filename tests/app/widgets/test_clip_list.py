"""The clip list paints name, details and status, and keeps the status whole where it is narrow."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QListView
from pytestqt.qtbot import QtBot

from app.theme import Theme
from app.widgets.clip_list import DETAIL_ROLE, STATUS_ROLE, ClipDelegate


def picture(qtbot: QtBot, width: int, name: str, detail: str, status: str) -> QImage:
    theme = Theme("dark")
    model = QStandardItemModel()
    item = QStandardItem(name)
    item.setData(detail, DETAIL_ROLE)
    item.setData(status, STATUS_ROLE)
    model.appendRow(item)
    view = QListView()
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setItemDelegate(ClipDelegate(theme, view))
    view.setModel(model)
    qtbot.addWidget(view)
    view.resize(width, 80)
    view.show()
    return view.grab().toImage()


def near(image: QImage, color: str) -> int:
    """How many pixels have nearly this colour."""
    wanted = QColor(color)
    return sum(
        abs(pixel.red() - wanted.red()) + abs(pixel.blue() - wanted.blue()) < 40
        for pixel in (
            image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())
        )
    )


def test_the_status_is_painted_in_the_accent(qtbot: QtBot) -> None:
    accent = Theme("dark").tokens.accent
    without = near(picture(qtbot, 300, "song.wav", "3:00", ""), accent)
    with_status = near(picture(qtbot, 300, "song.wav", "3:00", "mastering 40%"), accent)
    assert with_status > without + 20


@pytest.mark.parametrize("width", [90, 160, 300])
def test_details_give_way_to_the_status(qtbot: QtBot, width: int) -> None:
    status = "waiting"
    long = picture(qtbot, width, "n", "3:00 · -14.0 LUFS · 44.1 kHz · stereo", status)
    short = picture(qtbot, width, "n", "", status)
    accent = Theme("dark").tokens.accent
    assert near(long, accent) == near(short, accent)
