"""The head of the mastering panel: what to aim for, go, and what was done."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Protocol

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

import resources
from app.document.state import MasteringEntry
from app.widgets.drop_zone import DropZone
from app.widgets.elided import ElidedLabel
from app.widgets.forms import NumberControl, NumberField
from app.widgets.heard_note import HeardNote
from app.widgets.model_chooser import ModelChooser
from app.widgets.preset_menu import PresetMenu
from engine.mastering.parameters import Amounts
from engine.mastering.ranges import PARAM_RANGES, Range

LUFS_RANGE = Range(-36.0, -5.0, "LUFS")
AMOUNT_RANGE = Range(0.0, 1.5)
PAGES = ("Bands", "Dynamics", "Model")
NAMED_PIXELS = 1035
PAGE_HINTS = {
    "Bands": "The equalizer in numbers",
    "Dynamics": "Compressors, saturator, stereo width and limiter",
    "Model": "The model's answer, the amount of each stage, the references",
}


def preset_titles() -> list[tuple[str, str, str]]:
    """Name, title and description of the built-in targets, "balanced" first.

    Read from the resources: the engine's own list loads the whole fit with it.
    """
    names = sorted(resources.stems("presets", ".json"), key=lambda name: (name != "balanced", name))
    found = [(name, json.loads(resources.text("presets", f"{name}.json"))) for name in names]
    return [(name, data["title"], data["description"]) for name, data in found]


def preset_delivery(name: str) -> dict[str, float]:
    """Loudness and ceiling a master for this purpose has, as fields of a mastering entry."""
    data = json.loads(resources.text("presets", f"{name}.json"))
    return {field: float(data[field]) for field in ("lufs", "ceiling_dbtp")}


class OwnPreset(Protocol):
    """A match a person saved, as far as it is shown."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def description(self) -> str:
        """What it was made of."""

    @property
    def lufs(self) -> float:
        """Loudness of its masters."""

    @property
    def ceiling_dbtp(self) -> float:
        """Ceiling of its masters."""


class MasteringHeader(QWidget):
    """Two rows: what is aimed for, and Master; then pages, amount, what was done, and Export.

    Signals
    -------
    edited(object)
        Changed fields of the :class:`~app.document.state.MasteringEntry`.
    held(bool)
        The amount slider is being dragged.
    page_chosen(str)
        One of ``PAGES``, or empty for the graph alone.
    """

    edited = Signal(object)
    held = Signal(bool)
    page_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._amounts = Amounts()
        self.model = ModelChooser(self)
        self.model.edited.connect(self.edited)
        self.target = QComboBox(self)
        self.target.setAccessibleName("Target")
        self.target.setMinimumContentsLength(9)
        self.target.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        for name, title, description in preset_titles():
            self.target.addItem(title, name)
            index = self.target.count() - 1
            self.target.setItemData(index, description, Qt.ItemDataRole.ToolTipRole)
        self.preset = PresetMenu(self)
        self._built_in = self.target.count()
        self._own: dict[str, OwnPreset] = {}
        self.target.activated.connect(
            lambda: self.edited.emit({"target": self.target.currentData()})
        )
        self.references = DropZone("Drop references", self)
        self.loudness = NumberField(LUFS_RANGE, "Loudness target", parent=self)
        self.loudness.edited.connect(lambda value: self.edited.emit({"lufs": value}))
        ceiling = PARAM_RANGES["limiter.ceiling_dbtp"]
        self.ceiling = NumberField(ceiling, "True peak ceiling", parent=self)
        self.ceiling.edited.connect(lambda value: self.edited.emit({"ceiling_dbtp": value}))
        for field in (self.loudness, self.ceiling):
            field.setFixedWidth(88)
        self.master = QPushButton("Master", self)
        self.master.setProperty("primary", True)
        self.master.setToolTip("Fit the chain to the target and render the result")
        self.render_button = QPushButton("Render", self)
        self.render_button.setToolTip("Render the numbers as they are, without a new fit")
        self.render_button.setAccessibleName("Render the present numbers")
        self.cancel = QPushButton("Cancel", self)
        self.cancel.setAccessibleName("Cancel mastering")
        self.progress = QProgressBar(self)
        self.progress.setRange(0, 1000)
        self.progress.setAccessibleName("Mastering progress")
        self.progress.setMinimumWidth(130)
        self.amount = NumberControl(AMOUNT_RANGE, "Amount", 1.0, percent=True, parent=self)
        self.amount.setMaximumWidth(240)
        self.amount.slider.setMinimumWidth(60)
        self.amount.field.setFixedWidth(62)
        self.amount.setToolTip("How much of everything is applied; the page Model has each stage")
        self.amount.edited.connect(self._edit_overall)
        self.amount.held.connect(self.held)
        self.only = QToolButton(self)
        self.only.setText("Only")
        self.only.setAccessibleName("Apply only some stages")
        self.only.setToolTip("Apply only the tone, the dynamics, the width ... or everything")
        self.only.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.only_menu = QMenu(self.only)
        self.only.setMenu(self.only_menu)
        self.reset = QToolButton(self)
        self.reset.setText("Reset")
        self.reset.setAccessibleName("Reset the mastering")
        self.reset.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.reset_menu = QMenu(self.reset)
        self.reset.setMenu(self.reset_menu)
        self.export = QPushButton("Export…", self)
        self.summary = ElidedLabel(self)
        self.summary.setProperty("muted", True)
        self.summary.setAccessibleName("What was done")
        self.heard = HeardNote(self)
        self.settings: tuple[QWidget, ...] = (
            self.model,
            self.target,
            self.preset,
            self.references,
            self.loudness,
            self.ceiling,
            self.amount,
            self.only,
            self.reset,
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(self._first_row())
        layout.addLayout(self._second_row())
        self.show_running(None)

    def show_entry(self, entry: MasteringEntry) -> None:
        """Show what is set for a clip."""
        self.model.show_entry(entry)
        index = self._choose_target(entry.target)
        self.target.setEnabled(not entry.references and self.amount.isEnabled())
        description = self.target.itemData(index, Qt.ItemDataRole.ToolTipRole) or ""
        self.target.setToolTip(
            "The reference tracks take the place of the target."
            if entry.references
            else description
        )
        self.references.show_paths(entry.references)
        self.loudness.show_value(entry.lufs)
        self.ceiling.show_value(entry.ceiling_dbtp)
        self._amounts = entry.amounts
        self.amount.show_value(entry.amounts.overall)

    def show_presets(self, own: Sequence[OwnPreset]) -> None:
        """Offer presets of one's own behind the built-in ones."""
        chosen = self.target.currentData()
        while self.target.count() > self._built_in:
            self.target.removeItem(self.target.count() - 1)
        self._own = {preset.name: preset for preset in own}
        for preset in own:
            self.target.addItem(preset.name, preset.name)
            index = self.target.count() - 1
            self.target.setItemData(index, preset.description, Qt.ItemDataRole.ToolTipRole)
        self._choose_target(chosen)

    @property
    def own_preset(self) -> str:
        """The chosen preset where it is one's own; else empty."""
        name = self.target.currentData()
        return name if name in self._own else ""

    def delivery(self, name: str) -> dict[str, float]:
        """Loudness and ceiling a preset asks for, as fields of a mastering entry."""
        own = self._own.get(name)
        if own is not None:
            return {"lufs": own.lufs, "ceiling_dbtp": own.ceiling_dbtp}
        return preset_delivery(name)

    def show_summary(self, text: str, detail: str = "") -> None:
        """Show the line of results, elided where it must be, in full as its tool tip."""
        self.summary.setText(text)
        self.summary.setToolTip(detail or text)

    def show_running(self, fraction: float | None, text: str = "") -> None:
        """Show progress and Cancel in place of Master; None: nothing runs."""
        running = fraction is not None
        self.master.setVisible(not running)
        self.progress.setVisible(running)
        self.cancel.setVisible(running)
        self.progress.setValue(round((fraction or 0.0) * 1000))
        self.progress.setFormat("%p %")
        self.progress.setToolTip(text)

    def show_heard(self, name: str) -> None:
        """Say in the summary's place that only what a stage changes is heard; empty: it is not."""
        self.heard.show_name(name)
        self.summary.setVisible(not name)

    def show_pages(self, offered: Collection[str], page: str) -> None:
        """Offer pages to choose from, with ``page`` chosen."""
        for name, button in self.page_buttons.items():
            button.setVisible(name in offered)
            button.setChecked(name == page)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the names of the levels out where it is narrow: their units say enough."""
        super().resizeEvent(event)
        for label in self._level_names:
            label.setVisible(self.width() >= NAMED_PIXELS)

    def _choose_target(self, name: str) -> int:
        index = self.target.findData(name)
        if index < 0:  # a preset that is not there, or was not looked for yet
            self.target.addItem(name, name)
            index = self.target.count() - 1
        self.target.setCurrentIndex(index)
        self.preset.show_preset(self.own_preset)
        return index

    def _edit_overall(self, value: float) -> None:
        self.edited.emit({"amounts": replace(self._amounts, overall=value)})

    def _first_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._label("Model", self.model))
        row.addWidget(self.model)
        row.addWidget(self._label("Preset", self.target))
        row.addWidget(self.target)
        row.addWidget(self.preset)
        row.addWidget(self.references, 1)
        self._level_names = tuple(
            self._label(text, field)
            for text, field in (("Loudness", self.loudness), ("Ceiling", self.ceiling))
        )
        for label, field in zip(self._level_names, (self.loudness, self.ceiling), strict=True):
            label.hide()
            row.addWidget(label)
            row.addWidget(field)
        row.addWidget(self.master)
        row.addWidget(self.progress)
        row.addWidget(self.cancel)
        return row

    def _second_row(self) -> QHBoxLayout:
        self.pages = QWidget(self)
        buttons = QHBoxLayout(self.pages)
        buttons.setContentsMargins(0, 0, 0, 0)
        buttons.setSpacing(2)
        self.page_buttons: dict[str, QToolButton] = {}
        for name in PAGES:
            button = QToolButton(self.pages)
            button.setText(name)
            button.setCheckable(True)
            button.setAccessibleName(f"Show {name.lower()}")
            button.setToolTip(f"{PAGE_HINTS[name]}; again for the graph alone")
            button.clicked.connect(lambda on, name=name: self.page_chosen.emit(name if on else ""))
            self.page_buttons[name] = button
            buttons.addWidget(button)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.pages)
        row.addWidget(self.amount, 1)
        row.addWidget(self.only)
        row.addWidget(self.reset)
        row.addWidget(self.summary, 3)
        row.addWidget(self.heard, 3)
        row.addWidget(self.render_button)
        row.addWidget(self.export)
        return row

    def _label(self, text: str, buddy: QWidget) -> QLabel:
        label = QLabel(text, self)
        label.setProperty("muted", True)
        label.setBuddy(buddy)
        return label
