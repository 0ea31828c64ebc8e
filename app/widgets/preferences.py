"""Preferences: device, latency, theme, cache, mastering defaults and keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.commands import Command, Commands
from app.settings import Settings, ThemeChoice
from app.widgets.mastering_header import preset_titles
from app.widgets.model_chooser import FIXED

SYSTEM_DEVICE = "System default"


@dataclass(frozen=True, slots=True)
class CacheView:
    """What the preferences show and do about the cache."""

    place: str
    size_bytes: Callable[[], int]
    clear: Callable[[], None]


class Preferences(QDialog):
    """A copy of the settings to edit; :meth:`edited` gives them back when it is accepted.

    Parameters
    ----------
    devices
        Names of the output devices there are.
    """

    def __init__(
        self,
        settings: Settings,
        commands: Commands,
        devices: list[str],
        cache: CacheView,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Preferences")
        self._settings = settings
        self._commands = commands
        self._cache = cache
        self._keys: dict[str, str] = dict(settings.keys)
        tabs = QTabWidget(self)
        tabs.setDocumentMode(True)
        tabs.addTab(self._general_page(devices), "General")
        tabs.addTab(self._mastering_page(), "Mastering")
        tabs.addTab(self._keys_page(), "Keys")
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(tabs)
        layout.addWidget(buttons)
        self.resize(560, 520)

    def edited(self) -> Settings:
        """The settings as they stand in the form."""
        device = self._device.currentText()
        return replace(
            self._settings,
            output_device="" if device == SYSTEM_DEVICE else device,
            latency_ms=self._latency.value(),
            theme=ThemeChoice(self._theme.currentText()),
            cache_budget_gb=self._budget.value(),
            keys=dict(self._keys),
            master=replace(
                self._settings.master,
                target=str(self._target.currentData()),
                lufs=self._lufs.value(),
                ceiling_dbtp=self._ceiling.value(),
                amount=self._amount.value() / 100.0,
                model=str(self._model.currentData()),
                refine=self._refine.isChecked(),
            ),
        )

    def _general_page(self, devices: list[str]) -> QWidget:
        page = QWidget(self)
        form = QFormLayout(page)
        self._theme = _chooser([choice.value for choice in ThemeChoice], self._settings.theme)
        form.addRow("&Theme", self._theme)
        known = [SYSTEM_DEVICE, *devices]
        if self._settings.output_device and self._settings.output_device not in known:
            known.append(self._settings.output_device)
        self._device = _chooser(known, self._settings.output_device or SYSTEM_DEVICE)
        form.addRow("&Output device", self._device)
        self._latency = _number(self._settings.latency_ms, 5, 1000, " ms", 0)
        self._latency.setToolTip("Longer is safer on a busy machine; clicks and seeks come later")
        form.addRow("&Latency", self._latency)
        self._budget = _number(self._settings.cache_budget_gb, 0.5, 10000, " GB", 1)
        form.addRow("&Cache budget", self._budget)
        clear = QPushButton("Clear cache", page)
        self._cache_size = QLabel(page)
        self._cache_size.setProperty("muted", True)
        clear.clicked.connect(self._clear_cache)
        row = QHBoxLayout()
        row.addWidget(clear)
        row.addWidget(self._cache_size, 1)
        form.addRow("", row)
        place = QLabel(self._cache.place, page)
        place.setProperty("muted", True)
        place.setWordWrap(True)
        place.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        form.addRow("Cache folder", place)
        self._show_cache_size()
        return page

    def _mastering_page(self) -> QWidget:
        page = QWidget(self)
        form = QFormLayout(page)
        master = self._settings.master
        self._target = QComboBox(page)
        for name, title, description in preset_titles():
            self._target.addItem(title, name)
            row = self._target.count() - 1
            self._target.setItemData(row, description, Qt.ItemDataRole.ToolTipRole)
        self._target.setCurrentIndex(max(self._target.findData(master.target), 0))
        form.addRow("Tonal &balance", self._target)
        self._model = QComboBox(page)
        for name, title in (FIXED | {master.model: FIXED.get(master.model, master.model)}).items():
            self._model.addItem(title, name)
        self._model.setCurrentIndex(self._model.findData(master.model))
        self._model.setToolTip("Which models there are is shown in the Mastering panel")
        form.addRow("&Model", self._model)
        self._refine = QCheckBox("&Refine its answer by fitting", page)
        self._refine.setChecked(master.refine)
        form.addRow("", self._refine)
        self._lufs = _number(master.lufs, -40, -5, " LUFS", 1)
        self._ceiling = _number(master.ceiling_dbtp, -12, 0, " dBTP", 1)
        self._amount = _number(100 * master.amount, 0, 150, " %", 0)
        form.addRow("Loudness &target", self._lufs)
        form.addRow("True-peak &ceiling", self._ceiling)
        form.addRow("&Amount", self._amount)
        note = QLabel("What a newly opened clip starts with.", page)
        note.setProperty("muted", True)
        form.addRow("", note)
        return page

    def _keys_page(self) -> QWidget:
        page = QWidget(self)
        search = QLineEdit(page)
        search.setPlaceholderText("Search commands")
        search.setAccessibleName("Search commands")
        search.textChanged.connect(self._filter_keys)
        commands = self._commands.all()
        self._table = QTableWidget(len(commands), 2, page)
        self._table.setHorizontalHeaderLabels(["Command", "Key"])
        self._table.horizontalHeader().setStretchLastSection(True)
        self._table.setColumnWidth(0, 290)
        self._table.verticalHeader().hide()
        self._table.setAccessibleName("Keys of the commands")
        for row, command in enumerate(commands):
            item = QTableWidgetItem(command.title)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            self._table.setItem(row, 0, item)
            own = self._keys.get(command.id, ", ".join(command.keys))
            edit = QKeySequenceEdit(QKeySequence(own), page)
            edit.setClearButtonEnabled(True)
            edit.setAccessibleName(f"Key of {command.title}")
            edit.keySequenceChanged.connect(
                lambda keys, command_id=command.id: self._set_key(command_id, keys)
            )
            self._table.setCellWidget(row, 1, edit)
        self._conflict = QLabel(page)
        self._conflict.setWordWrap(True)
        layout = QVBoxLayout(page)
        layout.addWidget(search)
        layout.addWidget(self._table, 1)
        layout.addWidget(self._conflict)
        reset = QPushButton("Reset all keys", page)
        reset.setToolTip("Every command has its own keys again")
        reset.clicked.connect(self._reset_keys)
        layout.addWidget(reset, 0, Qt.AlignmentFlag.AlignLeft)
        return page

    def _reset_keys(self) -> None:
        for row, command in enumerate(self._commands.all()):
            edit = self._table.cellWidget(row, 1)
            if isinstance(edit, QKeySequenceEdit):
                edit.setKeySequence(QKeySequence(", ".join(command.keys)))
        self._keys.clear()
        self._conflict.clear()

    def _set_key(self, command_id: str, keys: QKeySequence) -> None:
        text = keys.toString()
        own = set(_alternatives(text))
        others = [
            command.title
            for command in self._commands.all()
            if command.id != command_id and own & set(self._keys_of(command))
        ]
        self._conflict.setText(f"{text} is also the key of {', '.join(others)}." if others else "")
        self._keys[command_id] = text

    def _keys_of(self, command: Command) -> list[str]:
        """The keys of a command as they stand in the form."""
        keys = _alternatives(self._keys.get(command.id, ", ".join(command.keys)))
        return [QKeySequence(key).toString() for key in keys]

    def _filter_keys(self, text: str) -> None:
        for row in range(self._table.rowCount()):
            item = self._table.item(row, 0)
            hidden = item is None or text.lower() not in item.text().lower()
            self._table.setRowHidden(row, hidden)

    def _clear_cache(self) -> None:
        self._cache.clear()
        self._show_cache_size()

    def _show_cache_size(self) -> None:
        self._cache_size.setText(f"{self._cache.size_bytes() / 1e9:.2f} GB in use")


def _alternatives(text: str) -> list[str]:
    return [key for key in text.split(", ") if key]


def _chooser(choices: list[str], current: str) -> QComboBox:
    box = QComboBox()
    box.addItems(choices)
    box.setCurrentText(current)
    return box


def _number(value: float, low: float, high: float, suffix: str, decimals: int) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setDecimals(decimals)
    box.setRange(low, high)
    box.setSuffix(suffix)
    box.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
    box.setToolTip(f"{low:g} to {high:g}{suffix}; arrow keys and the wheel step")
    box.setValue(value)
    return box
