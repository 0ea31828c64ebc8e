"""SlotRow: one button for each thing that can be compared, with its loudness-matching gain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QSize, Qt, SignalInstance
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget

from app.theme import Theme
from app.widgets.icons import set_icon

if TYPE_CHECKING:
    from app.audio.player import Player

ICON_PX = 18
# Gains below this are not worth a number.
LEAST_GAIN_DB = 0.05


class Matching(Protocol):
    """Who decides about loudness matching."""

    gains_changed: SignalInstance

    @property
    def matching(self) -> bool:
        """Whether slots play at equal loudness."""
        ...

    def set_matching(self, matching: bool) -> None:
        """Play at equal loudness, or as loud as each is."""
        ...


def slot_text(index: int, label: str, gain_db: float) -> str:
    """Such as ``3 Master  -3.2 dB``."""
    gain = f"  {gain_db:+.1f} dB".replace("-", "\u2212") if abs(gain_db) >= LEAST_GAIN_DB else ""
    return f"{index + 1} {label}{gain}"


class SlotRow(QWidget):
    """Switches between the player's slots and shows what each is turned down by."""

    def __init__(
        self, player: Player, matching: Matching, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._player = player
        self._matching = matching
        self._buttons: list[QToolButton] = []
        self._group = QButtonGroup(self)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(4)
        self.match = QToolButton(self)
        set_icon(self.match, "match", theme)
        self.match.setIconSize(QSize(ICON_PX, ICON_PX))
        self.match.setCheckable(True)
        self.match.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.match.setAccessibleName("Match loudness")
        self.match.setToolTip(
            "Compare at equal loudness: everything is turned down to the quietest. "
            "Louder nearly always sounds better, so leave it on to judge."
        )
        self.match.clicked.connect(matching.set_matching)
        self._row.addWidget(self.match)
        player.slots_changed.connect(self._show)
        player.slot_changed.connect(lambda _index: self._show())
        matching.gains_changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        slots = self._player.slots
        while len(self._buttons) < len(slots):
            self._add_button()
        for index, button in enumerate(self._buttons):
            button.setVisible(index < len(slots))
            if index < len(slots):
                slot = slots[index]
                button.setText(slot_text(index, slot.label, slot.gain_db))
                button.setChecked(index == self._player.current_slot)
                button.setAccessibleName(f"Hear {slot.label}")
                button.setAccessibleDescription(f"{slot.gain_db:+.1f} dB")
                button.setToolTip(f"Hear {slot.label.lower()} (key {index + 1}, Tab alternates)")
        self.match.setVisible(len(slots) > 1)
        self.match.setChecked(self._matching.matching)

    def _add_button(self) -> None:
        index = len(self._buttons)
        button = QToolButton(self)
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: self._player.select(index))
        self._group.addButton(button)
        self._row.insertWidget(index, button)
        self._buttons.append(button)
