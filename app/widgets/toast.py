"""Toast: a short message over the window that goes by itself, or stays when it must be read."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from app.theme import Theme
from engine.tasks import Failure

NOTICE_MS = 4000
MARGIN_PX = 18


class Toast(QFrame):
    """One message at the lower middle of its parent; a failure stays until it is closed."""

    def __init__(self, parent: QWidget, theme: Theme) -> None:
        super().__init__(parent)
        self._theme = theme
        self._window = parent
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAccessibleName("Message")
        self._label = QLabel(self)
        self._label.setWordWrap(True)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        close = QToolButton(self)
        close.setText("✕")
        close.setProperty("flat", True)
        close.setAccessibleName("Close message")
        close.clicked.connect(self.hide)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(14, 10, 8, 10)
        self._row.addWidget(self._label, 1)
        self._row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        parent.installEventFilter(self)
        self.hide()

    @property
    def text(self) -> str:
        """What the toast says now."""
        return self._label.text()

    def notify(self, text: str) -> None:
        """Show a line that goes by itself."""
        self._show(text, self._theme.tokens.accent)
        self._timer.start(NOTICE_MS)

    def fail(self, failure: Failure) -> None:
        """Show what happened, why and what to do, until it is closed."""
        lines = [failure.what, failure.why, failure.remedy]
        self._timer.stop()
        self._show("\n".join(line for line in lines if line), self._theme.tokens.error)

    def _show(self, text: str, edge: str) -> None:
        t = self._theme.tokens
        self.setStyleSheet(
            f"Toast {{ background: {t.raised}; border: 1px solid {t.line};"
            f" border-left: 4px solid {edge}; border-radius: 6px; }}"
            " QLabel { background: transparent; }"
        )
        self._label.setText(text)
        self._place()
        self.show()
        self.raise_()

    def _place(self) -> None:
        width = min(560, self._window.width() - 2 * MARGIN_PX)
        self.setFixedWidth(width)
        self.setFixedHeight(self._row.heightForWidth(width))
        x = (self._window.width() - width) // 2
        self.move(x, self._window.height() - self.height() - 4 * MARGIN_PX)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the place when the window is resized."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)
