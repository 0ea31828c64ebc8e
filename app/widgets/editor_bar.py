"""EditorBar: the row of buttons above the editor's views."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QToolButton,
    QWidget,
    QWidgetAction,
)

from app.theme import Theme
from app.widgets.icons import set_icon

ICON_PX = 18
VIEWS = (
    ("wave", "wave", "Waveform"),
    ("spectrogram", "spectrogram", "Spectrogram"),
    ("both", "both", "Waveform and spectrogram"),
)
FOLLOW = (("off", "Do not follow"), ("page", "Turn the page"), ("centre", "Keep in the middle"))
SCALES = (("linear", "Linear"), ("dB", "Decibel"))
UNITS = (("clock", "Minutes and seconds"), ("samples", "Samples"))


class EditorBar(QWidget):
    """Buttons that ask; the editor answers by the ``show_...`` methods.

    Signals
    -------
    view_chosen(str), follow_chosen(str), scale_chosen(str), unit_chosen(str)
        A key of the tables above.
    zoom_asked(str)
        ``in``, ``out``, ``selection`` or ``all``.
    compare_toggled(bool)
        Whether the mastered waveform is drawn too.
    """

    view_chosen = Signal(str)
    follow_chosen = Signal(str)
    scale_chosen = Signal(str)
    unit_chosen = Signal(str)
    zoom_asked = Signal(str)
    compare_toggled = Signal(bool)

    def __init__(self, theme: Theme, options: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 5, 6, 5)
        row.setSpacing(4)
        self._views = QButtonGroup(self)
        self._view_buttons = {}
        for key, icon, title in VIEWS:
            button = self._button(icon, title)
            button.setCheckable(True)
            button.clicked.connect(lambda _checked, key=key: self.view_chosen.emit(key))
            self._views.addButton(button)
            self._view_buttons[key] = button
            row.addWidget(button)
        row.addSpacing(10)
        for key, icon, title in (
            ("out", "zoom_out", "Zoom out"),
            ("in", "zoom_in", "Zoom in"),
            ("selection", "zoom_selection", "Zoom to the selection"),
            ("all", "zoom_all", "Show everything"),
        ):
            button = self._button(icon, title)
            button.clicked.connect(lambda _checked, key=key: self.zoom_asked.emit(key))
            row.addWidget(button)
        row.addSpacing(10)
        self._follow = self._chooser(
            "follow", "Follow the playhead", FOLLOW, self.follow_chosen.emit
        )
        row.addWidget(self._follow)
        row.addStretch(1)
        self.compare = self._button("compare", "Draw the mastered waveform too")
        self.compare.setCheckable(True)
        self.compare.setEnabled(False)
        self.compare.toggled.connect(self.compare_toggled)
        row.addWidget(self.compare)
        self._scale = self._chooser("", "Level scale", SCALES, self.scale_chosen.emit)
        self._scale.setToolTip("Level scale; Ctrl and the wheel draw the wave taller")
        self._unit = self._chooser("", "Time unit", UNITS, self.unit_chosen.emit)
        row.addWidget(self._scale)
        row.addWidget(self._unit)
        row.addWidget(self._settings_button(options))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def show_view(self, key: str) -> None:
        """Mark the view that is shown."""
        self._view_buttons[key].setChecked(True)

    def show_follow(self, key: str) -> None:
        """Mark the follow mode."""
        self._mark(self._follow, key)

    def show_scale(self, key: str) -> None:
        """Mark and name the level scale."""
        self._mark(self._scale, key)
        self._scale.setText("dB" if key == "dB" else "Linear")

    def show_unit(self, key: str) -> None:
        """Mark and name the time unit."""
        self._mark(self._unit, key)
        self._unit.setText("Samples" if key == "samples" else "Time")

    def _button(self, icon: str, title: str) -> QToolButton:
        button = QToolButton(self)
        if icon:
            set_icon(button, icon, self._theme)
            button.setIconSize(QSize(ICON_PX, ICON_PX))
        button.setToolTip(title)
        button.setAccessibleName(title)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _chooser(
        self,
        icon: str,
        title: str,
        choices: tuple[tuple[str, str], ...],
        choose: Callable[[str], object],
    ) -> QToolButton:
        button = self._button(icon, title)
        menu = QMenu(button)
        group = QActionGroup(menu)
        for key, text in choices:
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setData(key)
            group.addAction(action)
            action.triggered.connect(lambda _checked, key=key: choose(key))
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return button

    def _settings_button(self, options: QWidget) -> QToolButton:
        button = self._button("settings", "How the spectrogram is made and shown")
        button.setText("Spectrogram")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        menu = QMenu(button)
        action = QWidgetAction(menu)
        action.setDefaultWidget(options)
        menu.addAction(action)
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return button

    @staticmethod
    def _mark(button: QToolButton, key: str) -> None:
        for action in button.menu().actions():
            if action.data() == key:
                action.setChecked(True)
