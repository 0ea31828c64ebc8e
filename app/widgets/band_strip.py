"""The ten bands as columns of numbers, beside the graph."""

from __future__ import annotations

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent, QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from app.widgets.difference_button import DifferenceButton
from app.widgets.forms import NumberField, NumberSlider
from engine.mastering.parameters import MAX_BANDS, Band, BandKind
from engine.mastering.ranges import PARAM_RANGES

COLUMN_WIDTH = 72
GATE_WIDTH = 51
GATE_HEIGHT = 24
GATE_HINT = (
    "How much of the band is applied: a model opens the gates of the bands it is sure of. "
    "0 % is off, 100 % the whole gain"
)
NUMBERS = {
    "frequency_hz": ("Freq", "frequency"),
    "gain_db": ("Gain", "gain"),
    "q": ("Q", "Q"),
}


class KindBox(QComboBox):
    """Chooses the shape of a band; the wheel turns it only with the focus."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumWidth(COLUMN_WIDTH)
        for kind in BandKind:
            title = kind.value.replace("_", " ").capitalize()
            self.addItem(title.replace("Low", "Lo").replace("High", "Hi"), kind)
            self.setItemData(self.count() - 1, title, Qt.ItemDataRole.ToolTipRole)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Turn the value under the pointer."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class BandColumn(QObject):
    """The controls of one band: select, bypass, solo, kind, frequency, gain, Q, gate.

    ``rows`` are the widgets from above; the strip puts them into its grid.
    """

    edited = Signal(int, object)
    held = Signal(bool)
    selected = Signal(int)
    solo_requested = Signal(int)

    def __init__(self, index: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.index = index
        name = f"Band {index + 1}"
        head = QWidget(parent)
        self.number = _button(str(index + 1), f"Select band {index + 1}", head)
        self.bypass = _button("B", f"Bypass band {index + 1}", head)
        self.solo = _button("S", f"Solo band {index + 1}", head)
        buttons = QHBoxLayout(head)
        buttons.setContentsMargins(0, 0, 0, 0)
        buttons.setSpacing(2)
        for button in (self.number, self.bypass, self.solo):
            buttons.addWidget(button)
        self.number.clicked.connect(self._select)
        self.bypass.clicked.connect(lambda on: self.edited.emit(index, {"enabled": not on}))
        self.solo.clicked.connect(lambda on: self.solo_requested.emit(index if on else -1))
        self.kind = KindBox(f"{name} kind", parent)
        self.kind.activated.connect(
            lambda _: self.edited.emit(index, {"kind": BandKind(self.kind.currentData())})
        )
        self.fields = {field: self._field(field, parent) for field in NUMBERS}
        gate = PARAM_RANGES["band.gate"]
        self.gate = NumberSlider(
            gate, f"{name} gate slider", Band().gate, percent=True, parent=parent
        )
        self.gate.setMinimumWidth(20)
        self.gate.edited.connect(lambda value: self.edited.emit(index, {"gate": value}))
        self.gate.sliderPressed.connect(lambda: self.held.emit(True))
        self.gate.sliderReleased.connect(lambda: self.held.emit(False))
        self.gate_field = NumberField(gate, f"{name} gate", percent=True, parent=parent)
        self.gate_field.setFixedSize(GATE_WIDTH, GATE_HEIGHT)
        self.gate_field.edited.connect(lambda value: self.edited.emit(index, {"gate": value}))
        both = QWidget(parent)
        gates = QHBoxLayout(both)
        gates.setContentsMargins(0, 0, 0, 0)
        gates.setSpacing(3)
        gates.addWidget(self.gate, 1)
        gates.addWidget(self.gate_field)
        for each in (self.gate, self.gate_field):
            each.setToolTip(f"{name} gate. {GATE_HINT}.")
        self.rows: tuple[QWidget, ...] = (head, self.kind, *self.fields.values(), both)

    def show_band(self, band: Band | None, *, selected: bool, soloed: bool) -> None:
        """Show a band; None: there is none, the column is off."""
        for widget in self.rows:
            widget.setEnabled(band is not None)
        if band is None:
            return
        self.number.setChecked(selected)
        self.bypass.setChecked(not band.enabled)
        self.solo.setChecked(soloed)
        self.kind.setCurrentIndex(self.kind.findData(band.kind))
        for name, field in self.fields.items():
            field.show_value(getattr(band, name))
            field.setEnabled(band.enabled and (name != "gain_db" or band.kind.has_gain))
        for control in (self.gate, self.gate_field):
            control.show_value(band.gate)
            control.setEnabled(band.enabled)

    def _select(self) -> None:
        self.number.setChecked(True)
        self.selected.emit(self.index)

    def _field(self, name: str, parent: QWidget) -> NumberField:
        limits = PARAM_RANGES[f"band.{name}"]
        title = NUMBERS[name][1]
        field = NumberField(limits, f"Band {self.index + 1} {title}", parent=parent)
        field.setMinimumWidth(COLUMN_WIDTH)
        field.edited.connect(lambda value: self.edited.emit(self.index, {name: value}))
        return field


class BandStrip(QScrollArea):
    """The columns of all bands with the names of the rows; scrolls sideways where it must.

    Signals
    -------
    edited(int, object), held(bool), selected(int), solo_requested(int)
        As in the graph; -1 asks for solo off.
    all_enabled(bool)
        The equalizer should be on, or bypassed as a whole.
    """

    edited = Signal(int, object)
    held = Signal(bool)
    selected = Signal(int)
    solo_requested = Signal(int)
    all_enabled = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Equalizer bands")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._content = content = QWidget(self)
        grid = QGridLayout(content)
        grid.setContentsMargins(0, 0, 0, 2)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(3)
        grid.addWidget(self._whole(content), 0, 0)
        for row, text in enumerate(
            ("Kind", *(label for label, _ in NUMBERS.values()), "Gate"), start=1
        ):
            label = QLabel(text, content)
            label.setProperty("muted", True)
            grid.addWidget(label, row, 0)
        self.columns = [BandColumn(index, content) for index in range(MAX_BANDS)]
        for column in self.columns:
            for row, widget in enumerate(column.rows):
                grid.addWidget(widget, row, column.index + 1)
            grid.setColumnStretch(column.index + 1, 1)
            column.edited.connect(self.edited)
            column.held.connect(self.held)
            column.selected.connect(self.selected)
            column.solo_requested.connect(self.solo_requested)
        self.setWidget(content)

    def show_bands(self, bands: tuple[Band, ...], selected: int, solo: int) -> None:
        """Show bands; columns without one are off."""
        self.bypass.setChecked(not any(band.enabled for band in bands))
        for column in self.columns:
            index = column.index
            band = bands[index] if index < len(bands) else None
            column.show_band(band, selected=index == selected, soloed=index == solo)

    def _whole(self, parent: QWidget) -> QWidget:
        """Bypass and difference of the whole equalizer."""
        head = QWidget(parent)
        self.bypass = _button("B", "Bypass the equalizer", head)
        self.bypass.clicked.connect(lambda on: self.all_enabled.emit(not on))
        self.difference = DifferenceButton("equalizer", "equalizer", head)
        self.difference.setFixedHeight(self.bypass.sizeHint().height())
        row = QHBoxLayout(head)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self.bypass)
        row.addWidget(self.difference)
        return head

    def sizeHint(self) -> QSize:
        """As high as the columns, and the scroll bar where they are too many."""
        hint = self._content.sizeHint()
        narrow = self.width() < self._content.minimumSizeHint().width()
        bar = self.horizontalScrollBar().sizeHint().height() if narrow else 0
        return QSize(hint.width(), hint.height() + bar)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Ask for room for the scroll bar when it comes."""
        super().resizeEvent(event)
        self.updateGeometry()


def _button(text: str, name: str, parent: QWidget) -> QToolButton:
    button = QToolButton(parent)
    button.setText(text)
    button.setCheckable(True)
    button.setAccessibleName(name)
    button.setToolTip(name)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    button.setMinimumWidth(22)
    return button
