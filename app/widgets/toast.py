"""Toast: a short message over the window that goes by itself, or stays when it must be read."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from app.theme import Theme
from engine.tasks import Failure

NOTICE_MS = 4000
MOST_NOTICES = 4
MARGIN_PX = 18


class Toast(QFrame):
    """Messages at the lower middle of its parent.

    A failure stays until it is closed, the newest first; a notice goes by itself and hides no
    failure.
    """

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
        close.clicked.connect(self.close_newest)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(14, 10, 8, 10)
        self._row.addWidget(self._label, 1)
        self._row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._forget_notices)
        self._failures: list[str] = []
        self._notices: list[str] = []
        parent.installEventFilter(self)
        self.hide()

    @property
    def text(self) -> str:
        """What the toast says now."""
        return self._label.text()

    def notify(self, text: str) -> None:
        """Show a line that goes by itself; of a volley the last few stand together."""
        self._timer.start(NOTICE_MS)
        others = [each for each in self._notices if each != text]
        self._notices = [*others, text][-MOST_NOTICES:]
        self._refresh()

    def fail(self, failure: Failure) -> None:
        """Show what happened, why and what to do, until it is closed."""
        lines = [failure.what, failure.why, failure.remedy]
        text = "\n".join(line for line in lines if line)
        # What happens again and again is read once.
        self._failures = [each for each in self._failures if each != text] + [text]
        self._refresh()

    def close_newest(self) -> None:
        """Take away what is on top; an older failure comes to the front."""
        self._failures = self._failures[:-1]
        self._timer.stop()
        self._forget_notices()

    def _forget_notices(self) -> None:
        self._notices = []
        self._refresh()

    def _refresh(self) -> None:
        failures, tokens = self._failures, self._theme.tokens
        lines = failures[-1:]
        if len(failures) > 1:
            lines.append(f"({len(failures) - 1} more: close this one to read on)")
        lines += self._notices
        if lines:
            self._show("\n".join(lines), tokens.error if failures else tokens.accent)
        else:
            self.hide()

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
        frame = 2 * (self.frameWidth() + 1)  # the style sheet's border comes on top
        self.setFixedHeight(self._row.heightForWidth(width - frame) + frame)
        x = (self._window.width() - width) // 2
        self.move(x, self._window.height() - self.height() - 4 * MARGIN_PX)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the place when the window is resized."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)
