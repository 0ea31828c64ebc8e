"""The controls of one stage of the chain, made from its record and the table of ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.widgets.difference_button import DifferenceButton
from app.widgets.effects_text import EffectText
from app.widgets.elided import ElidedLabel
from app.widgets.forms import NumberControl
from engine.mastering.parameters import Compressor, Imager, Limiter, Saturator
from engine.mastering.ranges import PARAM_RANGES


@dataclass(frozen=True, slots=True)
class Number:
    """One number of a stage: its field in the record, its label, how it is shown."""

    field: str
    label: str
    percent: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the chain: its field in ``ChainParameters``, its title, its numbers."""

    field: str
    title: str
    default: Any
    numbers: tuple[Number, ...]


COMPRESSOR = Stage(
    "compressor",
    "Compressor",
    Compressor(),
    (
        Number("threshold_db", "Threshold", hint="Level above which it turns down"),
        Number("ratio", "Ratio", hint="1:1 does nothing, 1:2 turns up what is over the threshold"),
        Number("attack_ms", "Attack"),
        Number("release_ms", "Release"),
        Number("knee_db", "Knee", hint="Width of the soft transition around the threshold"),
        Number("makeup_db", "Make-up", hint="Gain after the compression"),
        Number("lookahead_ms", "Lookahead", hint="How far it sees a peak coming"),
    ),
)
SATURATOR = Stage(
    "saturator",
    "Saturator",
    Saturator(),
    (
        Number("drive_db", "Drive", hint="0 dB does nothing"),
        Number("mix", "Mix", percent=True),
    ),
)
IMAGER = Stage(
    "imager",
    "Stereo width",
    Imager(),
    (
        Number("width", "Width", percent=True, hint="100 % is unchanged, 0 % is mono"),
        Number("mono_below_hz", "Mono below", hint="0 Hz leaves the bass as it is"),
    ),
)
LIMITER = Stage(
    "limiter",
    "Limiter",
    Limiter(),
    (
        Number("gain_db", "Gain", hint="Drives the loudness into the ceiling"),
        Number("ceiling_dbtp", "Ceiling", hint="True peak that is never exceeded"),
        Number("lookahead_ms", "Lookahead"),
        Number("release_ms", "Release"),
    ),
)
STAGES = (COMPRESSOR, SATURATOR, IMAGER, LIMITER)


class StageBox(QFrame):
    """A titled box with the stage's switch, its numbers and, where it has one, its meter.

    Parameters
    ----------
    stage
        What it shows.
    columns
        In how many columns the numbers stand.
    meter
        A widget put beside the numbers (gain reduction).

    Notes
    -----
    ``edited(stage field, changes)`` carries a person's edits, ``held(bool)`` that a slider is
    being dragged.
    """

    edited = Signal(str, object)
    held = Signal(bool)

    def __init__(
        self,
        stage: Stage,
        columns: int = 1,
        meter: QWidget | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.stage = stage
        self.setObjectName(f"{stage.field}_box")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAccessibleName(stage.title)
        self.switch = QCheckBox(stage.title, self)
        self.switch.setAccessibleName(f"{stage.title} on")
        self.switch.setToolTip(f"Switch the {stage.title.lower()} on or off")
        font = self.switch.font()
        font.setBold(True)
        self.switch.setFont(font)
        self.switch.clicked.connect(lambda on: self.edited.emit(stage.field, {"enabled": on}))
        self.controls: dict[str, NumberControl] = {}
        numbers = QGridLayout()
        numbers.setHorizontalSpacing(8)
        numbers.setVerticalSpacing(3)
        rows = -(-len(stage.numbers) // columns)
        widest = 0
        for index, number in enumerate(stage.numbers):
            control = self._control(number)
            widest = max(widest, control.label.sizeHint().width())
            numbers.addWidget(control, index % rows, index // rows)
        for control in self.controls.values():
            control.label.setFixedWidth(widest)
        body = QHBoxLayout()
        body.setSpacing(4)
        column = QVBoxLayout()
        column.addLayout(numbers)
        column.addStretch(1)
        body.addLayout(column, 1)
        if meter is not None:
            body.addWidget(meter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 3, 8, 4)
        layout.setSpacing(3)
        self.effect = ElidedLabel(self)
        self.effect.setProperty("muted", True)
        self.effect.setAccessibleName(f"What the {stage.title.lower()} did")
        self.effect.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.difference = DifferenceButton(stage.field, stage.title.lower(), self)
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self.switch)
        head.addWidget(self.effect, 1)
        head.addWidget(self.difference)
        layout.addLayout(head)
        layout.addLayout(body, 1)

    def show_record(self, record: Any) -> None:
        """Show the stage's record."""
        self.switch.setChecked(record.enabled)
        for field, control in self.controls.items():
            control.show_value(getattr(record, field))
            control.setEnabled(record.enabled)

    def show_effect(self, effect: EffectText) -> None:
        """Show what the stage did to the recording; empty for nothing known."""
        self.effect.setText(effect.text)
        self.effect.set_short(effect.short)
        self.effect.setToolTip(effect.detail)

    def _control(self, number: Number) -> NumberControl:
        stage = self.stage
        control = NumberControl(
            PARAM_RANGES[f"{stage.field}.{number.field}"],
            number.label,
            getattr(stage.default, number.field),
            name=f"{stage.title} {number.label.lower()}",
            percent=number.percent,
        )
        if number.hint:
            control.label.setToolTip(f"{number.hint}. Double-click to reset.")
        control.edited.connect(lambda value: self.edited.emit(stage.field, {number.field: value}))
        control.held.connect(self.held)
        self.controls[number.field] = control
        return control
