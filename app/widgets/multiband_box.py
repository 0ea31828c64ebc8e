"""The three-band compressor: a row of numbers per band, folded away until it is wanted."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.widgets.difference_button import DifferenceButton
from app.widgets.effects_text import EffectText
from app.widgets.elided import ElidedLabel
from app.widgets.forms import NumberField
from app.widgets.numbers import format_hz, format_value
from engine.mastering.parameters import Compressor, Multiband
from engine.mastering.ranges import PARAM_RANGES

TITLE = "Three-band compressor"
BANDS = {"low": "Low", "mid": "Mid", "high": "High"}
NUMBERS = {
    "threshold_db": ("Threshold", "Level above which the band is turned down, or up below 1:1"),
    "ratio": ("Ratio", "1:1 does nothing; 1:2 makes louder what is over the threshold"),
    "attack_ms": ("Attack", "How fast it follows a rise"),
    "release_ms": ("Release", "How fast it lets go"),
    "makeup_db": ("Make-up", "Gain of the band afterwards"),
}
CROSSOVERS = {"low": "low_hz", "mid": "high_hz"}
FIELD_WIDTH = 67


class MultibandBox(QFrame):
    """Threshold, ratio, attack, release and make-up of each band, and the two crossovers.

    Parameters
    ----------
    meter
        What the bands do while it plays; shown as long as the stage does anything.

    Signals
    -------
    edited(str, object)
        The stage or a part of it (``"multiband"``, ``"multiband.low"``) and its changed fields.
    folded()
        It takes up more or less room now.
    """

    edited = Signal(str, object)
    folded = Signal()

    def __init__(self, meter: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.meter = meter
        self.setObjectName("multiband_box")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAccessibleName(TITLE)
        self.arrow = QToolButton(self)
        self.arrow.setProperty("flat", True)
        self.arrow.setFixedSize(22, 22)
        self.arrow.clicked.connect(lambda: self.unfold(not self.unfolded))
        self.switch = QCheckBox(TITLE, self)
        self.switch.setAccessibleName(f"{TITLE} on")
        self.switch.setToolTip("Switch the three-band compressor on or off")
        font = self.switch.font()
        font.setBold(True)
        self.switch.setFont(font)
        self.switch.clicked.connect(lambda on: self.edited.emit("multiband", {"enabled": on}))
        self.effect = ElidedLabel(self)
        self.effect.setProperty("muted", True)
        self.effect.setAccessibleName("What the three-band compressor does")
        self.effect.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.difference = DifferenceButton("multiband", TITLE.lower(), self)
        self.switches: dict[str, QCheckBox] = {}
        self.fields: dict[str, dict[str, NumberField]] = {}
        self.crossovers: dict[str, NumberField] = {}
        self.body = self._make_body()
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(self.arrow)
        head.addWidget(self.switch)
        head.addWidget(self.effect, 1)
        head.addWidget(self.difference)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 3, 8, 4)
        layout.setSpacing(3)
        layout.addLayout(head)
        layout.addWidget(meter)
        layout.addWidget(self.body)
        meter.hide()
        self.unfold(False)

    @property
    def unfolded(self) -> bool:
        """Whether the bands are shown."""
        return not self.body.isHidden()

    def unfold(self, on: bool) -> None:
        """Show the bands, or fold them away."""
        self.body.setVisible(on)
        self.arrow.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)
        self.arrow.setAccessibleName("Fold the three bands away" if on else "Show the three bands")
        self.arrow.setToolTip(self.arrow.accessibleName())
        self.folded.emit()

    def show_record(self, record: Multiband) -> None:
        """Show the stage's record."""
        self.switch.setChecked(record.enabled)
        for name, switch in self.switches.items():
            compressor: Compressor = getattr(record, name)
            switch.setChecked(compressor.enabled)
            switch.setEnabled(record.enabled)
            for field, control in self.fields[name].items():
                control.show_value(getattr(compressor, field))
                control.setEnabled(record.enabled and compressor.enabled)
        for name, control in self.crossovers.items():
            control.show_value(getattr(record, name))
            control.setEnabled(record.enabled)
        self.effect.setText(_in_short(record))
        if self.meter.isHidden() is record.active:
            self.meter.setVisible(record.active)
            self.updateGeometry()

    def show_effect(self, effect: EffectText) -> None:
        """Say, as a tool tip, what the dynamics did to the recording."""
        self.effect.setToolTip(effect.detail)

    def _make_body(self) -> QWidget:
        body = QWidget(self)
        grid = QGridLayout(body)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(3)
        titles = [*NUMBERS.values(), ("Up to", "Where the band ends and the next one begins")]
        for column, (title, hint) in enumerate(titles, start=1):
            label = QLabel(title, body)
            label.setProperty("muted", True)
            label.setToolTip(hint)
            label.setAlignment(Qt.AlignmentFlag.AlignRight)
            grid.addWidget(label, 0, column)
            grid.setColumnStretch(column, 1)
        for row, (name, title) in enumerate(BANDS.items(), start=1):
            part = f"multiband.{name}"
            switch = QCheckBox(title, body)
            switch.setAccessibleName(f"{title} band on")
            switch.clicked.connect(lambda on, part=part: self.edited.emit(part, {"enabled": on}))
            grid.addWidget(switch, row, 0)
            self.switches[name] = switch
            self.fields[name] = {}
            for column, (field, (label_text, hint)) in enumerate(NUMBERS.items(), start=1):
                control = NumberField(
                    PARAM_RANGES[f"compressor.{field}"],
                    f"{title} band {label_text.lower()}",
                    parent=body,
                )
                control.setMinimumWidth(FIELD_WIDTH)
                control.setToolTip(f"{hint}.\n{control.toolTip()}")
                control.edited.connect(partial(self._edit, part, field))
                grid.addWidget(control, row, column)
                self.fields[name][field] = control
            if name in CROSSOVERS:
                grid.addWidget(self._crossover(CROSSOVERS[name], body), row, len(NUMBERS) + 1)
        return body

    def _crossover(self, field: str, parent: QWidget) -> NumberField:
        name = f"Crossover {'below' if field == 'low_hz' else 'above'} the mid band"
        control = NumberField(PARAM_RANGES[f"multiband.{field}"], name, parent=parent)
        control.setMinimumWidth(FIELD_WIDTH)
        control.edited.connect(partial(self._edit, "multiband", field))
        self.crossovers[field] = control
        return control

    def _edit(self, part: str, field: str, value: float) -> None:
        self.edited.emit(part, {field: value})


def _in_short(record: Multiband) -> str:
    """The ratios at work: "low 1:1.20, high 2.00:1"."""
    if not record.active:
        return "off" if not record.enabled else "does nothing"
    limits = PARAM_RANGES["compressor.ratio"]
    at_work = [
        f"{name} {format_value(limits, getattr(record, name).ratio)}"
        for name in BANDS
        if getattr(record, name).active
    ]
    edges = f"{format_hz(record.low_hz)} / {format_hz(record.high_hz)}"
    return f"{', '.join(at_work)} at {edges}"
