"""The ten bands as columns of numbers, beside the graph."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.widgets.forms import NumberField, NumberSlider
from engine.mastering.parameters import MAX_BANDS, PARAM_RANGES, Band, BandKind

COLUMN_WIDTH = 78
_ROWS = ("frequency_hz", "gain_db", "q")
_LABELS = {"frequency_hz": "Freq", "gain_db": "Gain", "q": "Q"}
_NAMES = {"frequency_hz": "frequency", "gain_db": "gain", "q": "Q"}


class KindBox(QComboBox):
    """Chooses the shape of a band; the wheel turns it only with the focus."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(4)
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


class BandColumn(QFrame):
    """One band: select, bypass, solo, kind, frequency, gain, Q, gate."""

    edited = Signal(int, dict)
    held = Signal(bool)
    selected = Signal(int)
    solo_requested = Signal(int)

    def __init__(self, index: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.index = index
        name = f"Band {index + 1}"
        self.setAccessibleName(name)
        self.setMinimumWidth(COLUMN_WIDTH)
        self.number = self._button(str(index + 1), f"Select band {index + 1}")
        self.bypass = self._button("B", f"Bypass band {index + 1}")
        self.solo = self._button("S", f"Solo band {index + 1}")
        self.number.clicked.connect(self._select)
        self.bypass.clicked.connect(lambda on: self.edited.emit(index, {"enabled": not on}))
        self.solo.clicked.connect(lambda on: self.solo_requested.emit(index if on else -1))
        self.kind = KindBox(f"{name} kind", self)
        self.kind.activated.connect(
            lambda _: self.edited.emit(index, {"kind": self.kind.currentData()})
        )
        self.fields: dict[str, NumberField] = {}
        for row in _ROWS:
            self.fields[row] = self._field(row)
        gate = PARAM_RANGES["band.gate"]
        self.gate = NumberSlider(gate, f"{name} gate", Band().gate, percent=True, parent=self)
        self.gate.edited.connect(lambda value: self.edited.emit(index, {"gate": value}))
        self.gate.sliderPressed.connect(lambda: self.held.emit(True))
        self.gate.sliderReleased.connect(lambda: self.held.emit(False))
        buttons = QHBoxLayout()
        buttons.setSpacing(2)
        for button in (self.number, self.bypass, self.solo):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.setSpacing(3)
        layout.addLayout(buttons)
        layout.addWidget(self.kind)
        for field in self.fields.values():
            layout.addWidget(field)
        layout.addWidget(self.gate)

    def show_band(self, band: Band, *, selected: bool, soloed: bool) -> None:
        """Show a band."""
        self.number.setChecked(selected)
        self.bypass.setChecked(not band.enabled)
        self.solo.setChecked(soloed)
        self.kind.setCurrentIndex(self.kind.findData(band.kind))
        for name, field in self.fields.items():
            field.show_value(getattr(band, name))
            field.setEnabled(band.enabled and (name != "gain_db" or band.kind.has_gain))
        self.gate.show_value(band.gate)
        self.gate.setEnabled(band.enabled)

    def _select(self) -> None:
        self.number.setChecked(True)
        self.selected.emit(self.index)

    def _button(self, text: str, name: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setCheckable(True)
        button.setAccessibleName(name)
        button.setToolTip(name)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setMinimumWidth(22)
        return button

    def _field(self, name: str) -> NumberField:
        limits = PARAM_RANGES[f"band.{name}"]
        field = NumberField(limits, f"Band {self.index + 1} {_NAMES[name]}", parent=self)
        field.setMinimumWidth(COLUMN_WIDTH - 6)
        field.edited.connect(lambda value: self.edited.emit(self.index, {name: value}))
        return field


class BandStrip(QWidget):
    """The columns of all bands with the names of the rows.

    Signals
    -------
    edited(int, dict), held(bool), selected(int), solo_requested(int)
        As in the graph; -1 asks for solo off.
    """

    edited = Signal(int, dict)
    held = Signal(bool)
    selected = Signal(int)
    solo_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Equalizer bands")
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(2)
        self.columns = [BandColumn(index, self) for index in range(MAX_BANDS)]
        layout.addLayout(self._row_names(), 0, 0)
        for column in self.columns:
            layout.addWidget(column, 0, column.index + 1)
            layout.setColumnStretch(column.index + 1, 1)
            column.edited.connect(self.edited)
            column.held.connect(self.held)
            column.selected.connect(self.selected)
            column.solo_requested.connect(self.solo_requested)
        layout.setRowStretch(1, 1)

    def show_bands(self, bands: tuple[Band, ...], selected: int, solo: int) -> None:
        """Show bands; columns without one are off."""
        for column in self.columns:
            there = column.index < len(bands)
            column.setEnabled(there)
            if there:
                column.show_band(
                    bands[column.index],
                    selected=column.index == selected,
                    soloed=column.index == solo,
                )

    def _row_names(self) -> QVBoxLayout:
        names = QVBoxLayout()
        names.setContentsMargins(0, 2, 2, 2)
        names.setSpacing(3)
        first = self.columns[0]
        rows: list[tuple[str, QWidget]] = [("", first.number), ("Kind", first.kind)]
        rows += [(_LABELS[name], field) for name, field in first.fields.items()]
        rows.append(("Gate", first.gate))
        for text, like in rows:
            label = QLabel(text, self)
            label.setProperty("muted", True)
            label.setFixedHeight(like.sizeHint().height())
            names.addWidget(label)
        return names
