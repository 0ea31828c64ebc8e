"""Everything in the mastering panel fits and has a name."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QScrollArea,
    QScrollBar,
    QWidget,
)

from app.widgets.mastering_header import PAGES
from tests.app.panels.mastering.bench import FITTED, Bench


def test_every_control_has_a_name(bench: Bench) -> None:
    kinds = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox)
    nameless = [
        widget
        for kind in kinds
        for widget in bench.panel.findChildren(kind)
        if not (widget.accessibleName() or getattr(widget, "text", str)())
        and not isinstance(widget, QScrollBar)
    ]
    assert not nameless


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("size", [(900, 420), (1600, 500), (1400, 460)])
def test_everything_fits(bench: Bench, dressed: None, size: tuple[int, int], page: str) -> None:
    bench.set(
        parameters=FITTED, references=("/music/a long name of a song.flac", "/b.wav", "/c.wav")
    )
    bench.panel.resize(*size)
    bench.panel.header.page_chosen.emit(page)
    QApplication.processEvents()
    assert bench.panel.size().toTuple() == size
    visible = [each for each in bench.panel.findChildren(QScrollArea) if each.isVisible()]
    for area in visible:
        assert not area.horizontalScrollBar().isVisible(), area.accessibleName()
        if area.accessibleName() != "Reference tracks":  # a list may be longer than there is room
            assert not area.verticalScrollBar().isVisible(), area.accessibleName()
    for widget in bench.panel.findChildren(QWidget):
        if isinstance(widget, QAbstractSpinBox) and widget.isVisible():
            needed = widget.fontMetrics().horizontalAdvance(widget.text()) + 12
            assert widget.width() >= needed, widget.accessibleName()


def test_unfolding_the_three_bands_only_scrolls(bench: Bench, dressed: None) -> None:
    bench.panel.resize(900, 420)
    bench.panel.header.page_chosen.emit("Dynamics")
    box = bench.panel.board.multiband
    assert not box.unfolded
    box.arrow.click()
    QApplication.processEvents()
    QApplication.processEvents()
    assert box.unfolded
    assert bench.panel.size().toTuple() == (900, 420)
    assert not bench.panel.board.horizontalScrollBar().isVisible()
    for field in box.fields["low"].values():
        assert field.width() >= field.fontMetrics().horizontalAdvance(field.text()) + 12
