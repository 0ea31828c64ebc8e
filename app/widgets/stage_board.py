"""The boxes of dynamics, colour and width, side by side or stacked as the space asks."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from app.widgets.effects_text import EffectText
from app.widgets.multiband_box import MultibandBox
from app.widgets.stage_box import COMPRESSOR, IMAGER, LIMITER, SATURATOR, StageBox
from engine.mastering.parameters import ChainParameters

ROW_WIDTH = 840
UNFOLDED_ROW_WIDTH = 980
PAIR_WIDTH = 400

_Places = dict[str, tuple[int, int, int, int]]
_IN_A_ROW: _Places = {
    "compressor": (0, 0, 2, 1),
    "saturator": (0, 1, 1, 1),
    "imager": (1, 1, 1, 1),
    "limiter": (0, 2, 2, 1),
}
_IN_PAIRS: _Places = {
    "compressor": (0, 0, 1, 2),
    "limiter": (1, 0, 2, 1),
    "saturator": (1, 1, 1, 1),
    "imager": (2, 1, 1, 1),
}
_IN_A_COLUMN: _Places = {
    "compressor": (0, 0, 1, 1),
    "limiter": (1, 0, 1, 1),
    "saturator": (2, 0, 1, 1),
    "imager": (3, 0, 1, 1),
}


class StageBoard(QScrollArea):
    """Compressors, saturator, width and limiter; scrolls where there is not room for all.

    ``meters`` (compressor, limiter, multiband) are put beside the numbers of their stage.

    Signals
    -------
    edited(str, object), held(bool)
        As :class:`~app.widgets.stage_box.StageBox`; ``"multiband.low"`` is a part of a stage.
    """

    edited = Signal(str, object)
    held = Signal(bool)

    def __init__(self, meters: Mapping[str, QWidget], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName("Dynamics, colour and width")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.multiband = MultibandBox(meters["multiband"])
        self.boxes: dict[str, StageBox | MultibandBox] = {
            "compressor": StageBox(COMPRESSOR, 2, meters["compressor"]),
            "saturator": StageBox(SATURATOR),
            "imager": StageBox(IMAGER),
            "limiter": StageBox(LIMITER, 1, meters["limiter"]),
            "multiband": self.multiband,
        }
        content = QWidget(self)
        # The three-band compressor belongs to the compressor, wherever that stands.
        self._both = QWidget(content)
        column = QVBoxLayout(self._both)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.boxes["compressor"], 1)
        column.addWidget(self.multiband)
        self._placed: dict[str, QWidget] = {**self.boxes, "compressor": self._both}
        del self._placed["multiband"]
        self._grid = QGridLayout(content)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(6)
        for box in self.boxes.values():
            box.edited.connect(self.edited)
            if isinstance(box, StageBox):
                box.held.connect(self.held)
        self.multiband.folded.connect(self._follow_fold)
        self._places: _Places = {}
        self._arrange(_IN_A_ROW)
        self.setWidget(content)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def show_parameters(self, parameters: ChainParameters) -> None:
        """Show the stages of a chain."""
        for name, box in self.boxes.items():
            box.show_record(getattr(parameters, name))

    def show_effects(self, effects: Mapping[str, EffectText]) -> None:
        """Show per stage what it did."""
        for name, box in self.boxes.items():
            box.show_effect(effects.get(name, EffectText()))

    def sizeHint(self) -> QSize:
        """The size at which everything is readable."""
        content = self.widget()
        return content.sizeHint() if content is not None else super().sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the content to the new size."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Put the boxes where there is the width for them."""
        width = self.viewport().width()
        if width >= (UNFOLDED_ROW_WIDTH if self.multiband.unfolded else ROW_WIDTH):
            self._arrange(_IN_A_ROW)
        else:
            self._arrange(_IN_PAIRS if width >= PAIR_WIDTH else _IN_A_COLUMN)

    def _follow_fold(self) -> None:
        self._fit()
        self.updateGeometry()
        QTimer.singleShot(0, self, lambda: self.ensureWidgetVisible(self.multiband, 0, 0))

    def _arrange(self, places: _Places) -> None:
        if places is self._places:
            return
        self._places = places
        for box in self._placed.values():
            self._grid.removeWidget(box)
        for column in range(3):
            self._grid.setColumnStretch(column, 0)
        for name, place in places.items():
            self._grid.addWidget(self._placed[name], *place)
            self._grid.setColumnStretch(place[1], 4 if name == "compressor" else 2)
        self._grid.setRowStretch(4, 1)
        self.updateGeometry()
