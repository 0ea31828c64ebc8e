"""Which model answered, and how sure it is of each stage."""

from __future__ import annotations

from dataclasses import asdict

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QGridLayout, QLabel, QProgressBar, QWidget

from app.document.state import NO_MODEL, MasteringEntry
from app.theme import number_font
from app.widgets.elided import ElidedLabel
from engine.mastering.parameters import ChainParameters

STAGES = {
    "tone": ("Tone", "the equalizer"),
    "dynamics": ("Dynamics", "the compressors"),
    "width": ("Width", "the stereo width"),
}
ABSTAINED = 0.02


class AnswerBox(QFrame):
    """The model's name, a meter of its confidence per stage, its reasons, and "Refine".

    Signals
    -------
    edited(object)
        Changed fields of the :class:`~app.document.state.MasteringEntry`.
    """

    edited = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAccessibleName("Model's answer")
        self.who = ElidedLabel(self)
        font = self.who.font()
        font.setBold(True)
        self.who.setFont(font)
        self.meters: dict[str, QProgressBar] = {}
        self.numbers: dict[str, QLabel] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(8, 4, 8, 4)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        grid.addWidget(self.who, 0, 0, 1, 3)
        for row, (stage, (title, what)) in enumerate(STAGES.items(), start=1):
            self._add_meter(grid, row, stage, title, what)
        self.why = QLabel(self)
        self.why.setWordWrap(True)
        self.why.setProperty("muted", True)
        self.why.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.why.setMinimumHeight(2 * self.why.fontMetrics().height())
        self.why.setAccessibleName("Why")
        grid.addWidget(self.why, 4, 0, 1, 3)
        self.refine = QCheckBox("Refine by fitting", self)
        self.refine.setToolTip(
            "Fit on to the preset or the references from the model's answer, which holds back. "
            "It takes some seconds longer."
        )
        self.refine.clicked.connect(lambda on: self.edited.emit({"refine": on}))
        grid.addWidget(self.refine, 5, 0, 1, 3)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(4, 1)

    def show_entry(self, entry: MasteringEntry, plan: str) -> None:
        """Show what was answered for a clip; before that, what Master plans to do."""
        outcome = entry.outcome
        self.refine.setChecked(entry.refine)
        self.refine.setEnabled(entry.model != NO_MODEL)
        confidence = outcome.confidence if outcome is not None else None
        shares = asdict(confidence) if confidence is not None else {}
        for stage, meter in self.meters.items():
            share = shares.get(stage)
            meter.setEnabled(share is not None)
            meter.setValue(round(100 * (share or 0.0)))
            self.numbers[stage].setText("–" if share is None else f"{share:.0%}".replace("%", " %"))
        if outcome is None:
            self.who.setText("Not mastered yet")
            self.why.setText(plan)
            self.setToolTip("")
            return
        reasons = dict(outcome.explanation)
        self.setToolTip("\n".join(f"{stage}: {why}" for stage, why in reasons.items()))
        if confidence is None:
            self.who.setText("No model answered")
            why = reasons.get("model") or reasons.get("all")
            self.why.setText(why or "The chain was fitted to the target.")
            return
        heard = ", heard the references" if outcome.referenced else ""
        self.who.setText(f"{outcome.model} ({outcome.variant}){heard}")
        left = [STAGES[stage][0].lower() for stage, share in shares.items() if share <= ABSTAINED]
        self.why.setText(_sentence(left, reasons, touched=_touched(entry.fitted)))

    def _add_meter(self, grid: QGridLayout, row: int, stage: str, title: str, what: str) -> None:
        label = QLabel(title, self)
        label.setProperty("muted", True)
        meter = QProgressBar(self)
        meter.setRange(0, 100)
        meter.setTextVisible(False)
        meter.setFixedHeight(16)
        meter.setAccessibleName(f"Confidence in {title.lower()}")
        number = QLabel(self)
        number.setFont(number_font())
        number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        number.setMinimumWidth(number.fontMetrics().horizontalAdvance("100 %"))
        hint = (
            f"How much of its correction by {what} the model trusts. The numbers are shrunk by it "
            "already: 0 % leaves the stage as it is, 100 % does all the model heard."
        )
        for column, widget in enumerate((label, meter, number)):
            widget.setToolTip(hint)
            grid.addWidget(widget, row, column)
        self.meters[stage], self.numbers[stage] = meter, number


def _touched(chain: ChainParameters | None) -> bool:
    """Whether a chain does anything before the limiter."""
    if chain is None:
        return True
    stages = (chain.compressor.active, chain.multiband.active, chain.saturator.active)
    return any((*stages, chain.imager.active, *(band.active for band in chain.bands)))


def _sentence(left: list[str], reasons: dict[str, str], *, touched: bool) -> str:
    """What the model left alone; else what it listened to."""
    if not touched:
        return f"Leaves it as it is: {reasons.get('all', 'it heard nothing to correct.')}"
    if len(left) == len(STAGES):
        return f"Leaves it as it is: {reasons.get('all', 'not sure enough of any change.')}"
    if left:
        return f"Leaves {' and '.join(left)} as it is: not sure enough of a change."
    return reasons.get("model", "")
