"""How much of each stage is applied, and what each did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QWidget

from app.document.state import MasteringEntry
from app.widgets.effects_text import EffectText
from app.widgets.elided import ElidedLabel
from app.widgets.forms import NumberControl
from engine.mastering.parameters import Amounts, ChainParameters
from engine.mastering.ranges import Range

AMOUNT_RANGE = Range(0.0, 1.5)
STAGES = {
    "tone": "Tone",
    "dynamics": "Dynamics",
    "saturation": "Saturation",
    "width": "Width",
    "residual": "Residual",
}
_RESIDUAL = (
    "What the model's network adds to the sound, beyond what the stages can do. It is heard in the "
    "rendering, not live"
)


def why_no_residual(entry: MasteringEntry, parameters: ChainParameters) -> str:
    """Why the residual cannot be turned up; empty when it can."""
    if parameters.residual.model:
        return ""
    if entry.outcome is None or not entry.outcome.model:
        return "No model has answered yet: only a model can bring a residual network"
    return f"{entry.outcome.model} ({entry.outcome.variant}) has no residual network"


class AmountsBox(QFrame):
    """A slider and a number per stage, with what the stage did beside them.

    Signals
    -------
    edited(object)
        The new :class:`~engine.mastering.parameters.Amounts`.
    held(bool)
        A slider is being dragged.
    """

    edited = Signal(object)
    held = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAccessibleName("Amounts")
        self._amounts = Amounts()
        title = QLabel("Amount of each stage", self)
        font = title.font()
        font.setBold(True)
        title.setFont(font)
        grid = QGridLayout(self)
        grid.setContentsMargins(8, 4, 8, 4)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        grid.addWidget(title, 0, 0, 1, 2)
        self.controls: dict[str, NumberControl] = {}
        self.effects: dict[str, ElidedLabel] = {}
        for row, (stage, name) in enumerate(STAGES.items(), start=1):
            default = getattr(Amounts(), stage)
            control = NumberControl(
                AMOUNT_RANGE, name, default, name=f"{name} amount", percent=True, parent=self
            )
            control.field.setFixedWidth(58)
            control.slider.setMinimumWidth(40)
            control.edited.connect(partial(self._edit, stage))
            control.held.connect(self.held)
            effect = ElidedLabel(self)
            effect.setProperty("muted", True)
            effect.setAccessibleName(f"What {name.lower()} did")
            grid.addWidget(control, row, 0)
            grid.addWidget(effect, row, 1)
            self.controls[stage], self.effects[stage] = control, effect
        widest = max(control.label.sizeHint().width() for control in self.controls.values())
        for control in self.controls.values():
            control.label.setFixedWidth(widest)
        grid.setColumnStretch(0, 3)
        grid.setColumnStretch(1, 2)
        grid.setRowStretch(len(STAGES) + 1, 1)

    def show_amounts(self, amounts: Amounts, why_no_residual: str) -> None:
        """Show amounts; a reason why there is no residual switches its row off."""
        self._amounts = amounts
        for stage, control in self.controls.items():
            control.show_value(getattr(amounts, stage))
        residual = self.controls["residual"]
        residual.setEnabled(not why_no_residual)
        for widget in (residual, residual.label, residual.slider, residual.field):
            widget.setToolTip(why_no_residual or f"{_RESIDUAL}. Double-click the label for 0 %.")

    def show_effects(self, effects: Mapping[str, EffectText]) -> None:
        """Show per stage what it did."""
        for stage, label in self.effects.items():
            effect = effects.get(stage, EffectText())
            label.setText(effect.text)
            label.set_short(effect.short)
            label.setToolTip(effect.detail)

    def _edit(self, stage: str, value: float) -> None:
        self.edited.emit(replace(self._amounts, **{stage: value}))
