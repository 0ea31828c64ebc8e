"""A new training: a recipe, its main numbers in a form, all of it as text, and where to train."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QFontDatabase, QTextCursor
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

import resources
from app.recipe_text import Value, set_value
from app.widgets.elided import ElidedLabel
from app.widgets.training_songs import SongsChoice
from engine.atomic import write_text
from engine.tasks import Failure
from engine.training.recipe import Recipe, load_recipe, parse_recipe
from engine.training.shipped import FOLDER, SUFFIX, shipped_recipes

if TYPE_CHECKING:
    from engine.devices import Device

CHECK_AFTER_MS = 400
MOST = 2_000_000_000
# What a newcomer begins with.
PREFERRED = "mastering-1d"
RECIPE_FILTER = "Recipe (*.toml)"


class TrainingForm(QWidget):
    """Edits the text of a recipe; the fields and the text always say the same.

    Signals
    -------
    edited(str)
        The text has been another one for a moment: it can be checked by its kind.
    started()
        The button was pressed.
    """

    edited = Signal(str)
    started = Signal()

    def __init__(self, fail: Callable[[Failure], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fail = fail
        self.recipe: Recipe | None = None
        self.setAcceptDrops(True)  # of recipes; the fields would take their addresses for text
        self.chooser = QComboBox(self)
        self.chooser.setAccessibleName("Recipe")
        for name in shipped_recipes():
            self.chooser.addItem(name, None)
        self.chooser.activated.connect(self._take_chosen)
        self.open = QPushButton("Open…", self)
        self.open.setToolTip("Open a recipe (a TOML file); it can be dropped here, too")
        self.open.setAccessibleName("Open a recipe")
        self.open.clicked.connect(self._ask_open)
        self.save = QPushButton("Save a copy to edit…", self)
        self.save.clicked.connect(self._ask_save)
        self.name = QLineEdit(self)
        self.name.setAccessibleName("Name of the model")
        self.name.editingFinished.connect(lambda: self._write("", "name", self.name.text().strip()))
        self.songs = SongsChoice(self)
        self.songs.chosen.connect(self._take_songs)
        self.steps = self._number("Steps", "loop", "steps", 1)
        self.batch = self._number("Batch size", "loop", "batch_size", 1)
        self.rate = QLineEdit(self)
        self.rate.setAccessibleName("Learning rate")
        self.rate.editingFinished.connect(self._write_rate)
        self.validate = self._number("Validate every", "loop", "validate_every", 1, " steps")
        self.preview = self._number("Preview every", "loop", "preview_every", 0, " steps")
        self.preview.setSpecialValueText("only at the end")
        self.seed = self._number("Seed", "", "seed", 0)
        self.device = QComboBox(self)
        self.device.setAccessibleName("Device to train on")
        self.device.addItem("CPU", "cpu")
        self.device.currentIndexChanged.connect(self._limit_processes)
        self.processes = QSpinBox(self)
        self.processes.setAccessibleName("Processes")
        self.processes.setRange(1, 64)
        self.processes.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        self.processes.setToolTip(
            "Several processes train one model together: each on a GPU, or on a share of the cores"
        )
        self._gpus = 0
        self.text = QPlainTextEdit(self)
        self.text.setAccessibleName("The recipe as TOML")
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.textChanged.connect(self._take_text)
        self.message = QLabel(self)
        self.message.setWordWrap(True)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.message.setAccessibleName("What is wrong with the recipe")
        self.start = QPushButton("Start training", self)
        self.start.setProperty("primary", True)
        self.start.clicked.connect(self.started)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(CHECK_AFTER_MS)
        self._timer.timeout.connect(lambda: self.edited.emit(self.text.toPlainText()))
        for field in (self.text, self.name, self.rate):
            field.setAcceptDrops(False)
        self._lay_out()
        if self.chooser.count():
            self.chooser.setCurrentIndex(max(self.chooser.findText(PREFERRED), 0))
            self._take_chosen(self.chooser.currentIndex())

    @property
    def chosen_device(self) -> str:
        """Where to train."""
        return str(self.device.currentData())

    def offer_devices(self, devices: Sequence[Device]) -> None:
        """Offer what is there; the CPU stays the choice until another is made."""
        chosen = self.chosen_device
        with QSignalBlocker(self.device):
            self.device.clear()
            for device in devices:
                memory = f", {device.memory_bytes / 2**30:.0f} GB" if device.memory_bytes else ""
                title = "CPU" if device.id == "cpu" else device.id
                self.device.addItem(f"{title} ({device.name}{memory})", device.id)
            self.device.setCurrentIndex(max(self.device.findData(chosen), 0))
        self._gpus = sum(device.id.startswith("cuda") for device in devices)
        self._limit_processes()

    def load(self, path: Path) -> None:
        """Take a recipe file; what is wrong with it is told and its text shown all the same."""
        try:
            load_recipe(path)
        except Failure as failure:
            self._fail(failure)
            if not path.is_file():
                return
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return
        index = self.chooser.findData(str(path))
        if index < 0:
            self.chooser.addItem(path.name, str(path))
            index = self.chooser.count() - 1
        self.chooser.setCurrentIndex(index)
        self.text.setPlainText(text)

    def use(self, text: str) -> None:
        """Begin with the recipe of an earlier run."""
        self.text.setPlainText(text)

    def show_failure(self, failure: Failure | None) -> None:
        """Say what is wrong with the recipe, or that nothing is."""
        parts = [failure.what, failure.why, failure.remedy] if failure else []
        self.message.setText("\n".join(part for part in parts if part))
        self.message.setVisible(bool(failure))
        self.start.setEnabled(failure is None)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept a recipe; anything else is for the window."""
        if self._dropped(event) is not None:
            event.acceptProposedAction()
        else:
            event.ignore()

    def dropEvent(self, event: QDropEvent) -> None:
        """Take the recipe that was dropped."""
        path = self._dropped(event)
        if path is not None:
            event.acceptProposedAction()
            self.load(path)

    @staticmethod
    def _dropped(event: QDropEvent) -> Path | None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        return next((path for path in paths if path.suffix.lower() == SUFFIX), None)

    def _number(self, name: str, table: str, key: str, least: int, unit: str = "") -> QSpinBox:
        field = QSpinBox(self)
        field.setRange(least, MOST)
        field.setKeyboardTracking(False)
        field.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        field.setGroupSeparatorShown(True)
        field.setSuffix(unit)
        field.setAccessibleName(name)
        field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        field.valueChanged.connect(lambda value: self._write(table, key, value))
        return field

    def _lay_out(self) -> None:
        recipe = QWidget(self)
        row = QHBoxLayout(recipe)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.chooser, 1)
        row.addWidget(self.open)
        fields = QWidget(self)
        grid = QGridLayout(fields)
        grid.setContentsMargins(0, 0, 8, 0)
        grid.setVerticalSpacing(5)
        self._songs_label = self._label("Songs")
        wide = (
            (self._label("Recipe"), recipe),
            (self._label("Name"), self.name),
            (self._songs_label, self.songs),
        )
        for number, (label, field) in enumerate(wide):
            grid.addWidget(label, number, 0)
            grid.addWidget(field, number, 1, 1, 3)
        numbers = (
            ("Steps", self.steps), ("Batch size", self.batch),
            ("Learning rate", self.rate), ("Seed", self.seed),
            ("Validate every", self.validate), ("Preview every", self.preview),
            ("Processes", self.processes), ("Device", self.device),
        )  # fmt: skip
        for number, (text, field) in enumerate(numbers):
            line, place = len(wide) + number // 2, 2 * (number % 2)
            label = self._label(text)
            label.setBuddy(field)
            field.setMinimumWidth(84)
            grid.addWidget(label, line, place)
            grid.addWidget(field, line, place + 1)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 2)
        grid.setRowStretch(7, 1)
        for box in (self.chooser, self.device):
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(6)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setWidget(fields)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setMinimumWidth(fields.minimumSizeHint().width() + 16)
        foot = QHBoxLayout()
        foot.addWidget(self.start)
        foot.addStretch(1)
        left = QWidget(self)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(scroll, 1)
        column.addWidget(self.message)
        column.addLayout(foot)
        right = QWidget(self)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        head = QHBoxLayout()
        label = ElidedLabel(right)
        label.setText("Everything the recipe says (docs/TRAINING.md explains it)")
        label.setProperty("muted", True)
        head.addWidget(label, 1)
        head.addWidget(self.save)
        column.addLayout(head)
        column.addWidget(self.text, 1)
        split = QSplitter(Qt.Orientation.Horizontal, self)
        split.addWidget(left)
        split.addWidget(right)
        split.setStretchFactor(0, 2)
        split.setStretchFactor(1, 3)
        split.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(split)

    def _label(self, text: str) -> QLabel:
        label = QLabel(text, self)
        label.setProperty("muted", True)
        return label

    def _take_chosen(self, index: int) -> None:
        path = self.chooser.itemData(index)
        if path is None:
            name = self.chooser.itemText(index)
            self.text.setPlainText(resources.text(FOLDER, f"{name}{SUFFIX}"))
        else:
            self.load(Path(path))

    def _take_text(self) -> None:
        """Fill the fields by what the text says."""
        self._timer.start()
        try:
            self.recipe = parse_recipe(self.text.toPlainText())
        except Failure as failure:
            self.recipe = None
            self.show_failure(failure)
            return
        self.show_failure(None)
        recipe, loop = self.recipe, self.recipe.loop
        for field, value in (
            (self.steps, loop.steps),
            (self.batch, loop.batch_size),
            (self.validate, loop.validate_every),
            (self.preview, loop.preview_every),
            (self.seed, recipe.seed),
        ):
            with QSignalBlocker(field):
                field.setValue(value)
        self.name.setText(recipe.name)
        self.rate.setText(f"{loop.learning_rate:g}")
        mastering = recipe.kind == "mastering"
        self._songs_label.setVisible(mastering)
        self.songs.setVisible(mastering)
        self.songs.show_data(recipe.sections.get("data", {}))

    def _write(self, table: str, key: str, value: Value | None) -> None:
        """Put one value into the text, and keep the cursor where it is."""
        text = set_value(self.text.toPlainText(), table, key, value)
        if text.rstrip("\n") != self.text.toPlainText().rstrip("\n"):
            bar = self.text.verticalScrollBar()
            place = bar.value()
            cursor = self.text.textCursor()  # unlike setPlainText, this can be undone
            cursor.select(QTextCursor.SelectionType.Document)
            cursor.insertText(text)
            bar.setValue(place)

    def _write_rate(self) -> None:
        try:
            value = float(self.rate.text().replace(",", "."))
        except ValueError:
            value = math.nan
        if math.isfinite(value):
            if self.recipe is None or value != float(f"{self.recipe.loop.learning_rate:g}"):
                self._write("loop", "learning_rate", value)
        elif self.recipe is not None:
            self.rate.setText(f"{self.recipe.loop.learning_rate:g}")

    def _take_songs(self, folder: Path | None, only: bool) -> None:
        """Put the choice into the text; composed songs are as many as the recipe's kind means."""
        data = self.recipe.sections.get("data", {}) if self.recipe else {}
        self._write("data", "folder", folder.as_posix() if folder else None)
        if only:
            self._write("data", "songs", 0)
        elif data.get("songs") == 0:
            self._write("data", "songs", None)

    def _limit_processes(self) -> None:
        most = self._gpus if self.chosen_device.startswith("cuda") else 64
        self.processes.setMaximum(max(most, 1))

    def _ask_open(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Open a recipe", "", RECIPE_FILTER)
        if name:
            self.load(Path(name))

    def _ask_save(self) -> None:
        suggested = f"{self.recipe.name if self.recipe else 'recipe'}{SUFFIX}"
        name, _ = QFileDialog.getSaveFileName(self, "Save a copy", suggested, RECIPE_FILTER)
        if name:
            path = Path(name)
            self.save_copy(path if path.suffix else path.with_suffix(SUFFIX))

    def save_copy(self, path: Path) -> None:
        """Write the text to a file and go on with that."""
        try:
            write_text(path, self.text.toPlainText())
        except OSError as error:
            self._fail(
                Failure(
                    f"The recipe could not be written to {path.name}.",
                    f"{error.strerror or error}.",
                    "Choose another place.",
                )
            )
            return
        if self.chooser.findData(str(path)) < 0:
            self.chooser.addItem(path.name, str(path))
        self.chooser.setCurrentIndex(self.chooser.findData(str(path)))
