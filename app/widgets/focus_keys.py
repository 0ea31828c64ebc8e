"""FocusKeys: when Space and Tab belong to the control that has the focus, not to playback."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

_TYPED_INTO = (QLineEdit, QAbstractSpinBox, QPlainTextEdit, QTextEdit)


class FocusKeys(QObject):
    """Watches the focus.

    Window shortcuts would take Space from every button and Tab from every field. Playback gets
    them unless somebody works by keyboard: a button that was reached by keyboard is pressed by
    Space, and Tab leaves a field one types into.

    Signals
    -------
    changed()
        One of the answers may be another one.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._focus: QWidget | None = None
        self._by_mouse = False
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._follow)

    @property
    def space_is_free(self) -> bool:
        """Whether Space does nothing for the control that has the focus."""
        return self._by_mouse or not isinstance(self._focus, QAbstractButton | QComboBox)

    @property
    def tab_is_free(self) -> bool:
        """Whether nothing is being typed that Tab would end."""
        return not isinstance(self._focus, _TYPED_INTO)

    def _follow(self, _old: QWidget | None, new: QWidget | None) -> None:
        if new is None or new is self._focus:  # another window came and went
            return
        self._focus = new
        self._by_mouse = QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton
        self.changed.emit()
