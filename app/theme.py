"""Theme tokens and how they become a palette and a style sheet.

The colours are ours on every platform: ``setColorScheme`` does nothing on a bare X server, so the
palette is always built here and "system" only decides which of the two it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

import resources


@dataclass(frozen=True, slots=True)
class Tokens:
    """Named colours (hex) of one theme.

    ``before`` and ``after`` are the two colours of every comparison: the source and the result.
    """

    name: str
    dark: bool
    window: str
    panel: str
    raised: str
    field: str
    line: str
    text: str
    muted: str
    disabled: str
    accent: str
    accent_text: str
    before: str
    after: str
    wave: str
    wave_rms: str
    grid: str
    playhead: str
    selection: str
    loop: str
    good: str
    warn: str
    error: str


DARK = Tokens(
    name="dark",
    dark=True,
    window="#16181d",
    panel="#1d2026",
    raised="#2a2e37",
    field="#12141a",
    line="#363b46",
    text="#e6e8ec",
    muted="#9aa1ae",
    disabled="#666d7a",
    accent="#4f9cf9",
    accent_text="#08111f",
    before="#8d97a8",
    after="#ffb454",
    wave="#5fa8f5",
    wave_rms="#a5d0ff",
    grid="#30353f",
    playhead="#ff5f6d",
    selection="#4f9cf9",
    loop="#3ecf8e",
    good="#3ecf8e",
    warn="#ffb454",
    error="#ff5f6d",
)

LIGHT = Tokens(
    name="light",
    dark=False,
    window="#eceef2",
    panel="#f8f9fb",
    raised="#ffffff",
    field="#ffffff",
    line="#cdd2db",
    text="#1b1f27",
    muted="#596273",
    disabled="#9aa2b0",
    accent="#1c6fd6",
    accent_text="#ffffff",
    before="#6d7789",
    after="#c26a00",
    wave="#3b82d6",
    wave_rms="#1b559c",
    grid="#dde1e8",
    playhead="#d4233a",
    selection="#1c6fd6",
    loop="#12875a",
    good="#12875a",
    warn="#a85c00",
    error="#c4203a",
)

CONTRAST = Tokens(
    name="high contrast",
    dark=True,
    window="#000000",
    panel="#000000",
    raised="#141414",
    field="#000000",
    line="#ffffff",
    text="#ffffff",
    muted="#e0e0e0",
    disabled="#a0a0a0",
    accent="#ffff00",
    accent_text="#000000",
    before="#ffffff",
    after="#ffb000",
    wave="#00e5ff",
    wave_rms="#ffffff",
    grid="#606060",
    playhead="#ff4040",
    selection="#ffff00",
    loop="#00ff80",
    good="#00ff80",
    warn="#ffb000",
    error="#ff6060",
)

THEMES = {tokens.name: tokens for tokens in (DARK, LIGHT, CONTRAST)}
CHOICES = ("system", *THEMES)


class Theme(QObject):
    """The theme in force; ``changed`` tells painters to take their colours again."""

    changed = Signal(object)

    def __init__(self, choice: str = "system", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.choice = choice
        self.tokens = self._resolve(choice)

    def choose(self, choice: str) -> None:
        """Switch to ``system``, ``dark``, ``light`` or ``high contrast`` and repaint everything."""
        self.choice = choice if choice in CHOICES else "system"
        self.tokens = self._resolve(self.choice)
        self.apply()
        self.changed.emit(self.tokens)

    def apply(self) -> None:
        """Give the application the palette, font and style sheet of this theme."""
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.setStyle("Fusion")
            app.setPalette(palette(self.tokens))
            app.setStyleSheet(style_sheet(self.tokens))

    @staticmethod
    def _resolve(choice: str) -> Tokens:
        if choice in THEMES:
            return THEMES[choice]
        app = QApplication.instance()
        hints = app.styleHints() if isinstance(app, QApplication) else None
        light = hints is not None and hints.colorScheme() == Qt.ColorScheme.Light
        return LIGHT if light else DARK


def palette(tokens: Tokens) -> QPalette:
    """The Qt palette of a theme."""
    role = QPalette.ColorRole
    colors = {
        role.Window: tokens.panel,
        role.WindowText: tokens.text,
        role.Base: tokens.field,
        role.AlternateBase: tokens.panel,
        role.ToolTipBase: tokens.raised,
        role.ToolTipText: tokens.text,
        role.Text: tokens.text,
        role.PlaceholderText: tokens.muted,
        role.Button: tokens.raised,
        role.ButtonText: tokens.text,
        role.BrightText: tokens.error,
        role.Highlight: tokens.accent,
        role.HighlightedText: tokens.accent_text,
        role.Link: tokens.accent,
        role.Light: tokens.raised,
        role.Mid: tokens.line,
        role.Dark: tokens.line,
        role.Shadow: tokens.window,
    }
    result = QPalette()
    for each, color in colors.items():
        result.setColor(each, QColor(color))
    for each in (role.Text, role.WindowText, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, each, QColor(tokens.disabled))
    return result


def style_sheet(tokens: Tokens) -> str:
    """The few rules a palette cannot express."""
    t = tokens
    return f"""
    QMainWindow, QMainWindow::separator {{ background: {t.window}; }}
    QMainWindow::separator {{ width: 5px; height: 5px; }}
    QMainWindow::separator:hover {{ background: {t.accent}; }}
    QToolTip {{ color: {t.text}; background: {t.raised}; border: 1px solid {t.line};
        padding: 4px; }}
    QDockWidget::title {{ background: {t.window}; padding: 5px 8px; }}
    QTabBar::tab {{ background: {t.window}; color: {t.muted}; padding: 5px 12px;
        border: none; border-top: 2px solid transparent; }}
    QTabBar::tab:selected {{ background: {t.panel}; color: {t.text};
        border-top-color: {t.accent}; }}
    QTabBar::tab:hover {{ color: {t.text}; }}
    QPushButton, QToolButton {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.line};
        border-radius: 5px; padding: 4px 10px; }}
    QToolButton {{ padding: 4px 6px; }}
    QPushButton:hover, QToolButton:hover {{ border-color: {t.accent}; }}
    QPushButton:pressed, QToolButton:pressed, QPushButton:checked, QToolButton:checked {{
        background: {t.accent}; color: {t.accent_text}; border-color: {t.accent}; }}
    QPushButton:disabled, QToolButton:disabled {{ color: {t.disabled}; background: {t.panel}; }}
    QPushButton:focus, QToolButton:focus, QComboBox:focus, QLineEdit:focus, QAbstractSpinBox:focus,
    QListView:focus, QTreeView:focus {{ border: 1px solid {t.accent}; }}
    QPushButton[primary="true"] {{ background: {t.accent}; color: {t.accent_text};
        border-color: {t.accent}; font-weight: 600; padding: 6px 16px; }}
    QPushButton[primary="true"]:disabled {{ background: {t.raised}; color: {t.disabled};
        border-color: {t.line}; }}
    QToolButton[flat="true"] {{ background: transparent; border-color: transparent; }}
    QToolButton[flat="true"]:hover {{ background: {t.raised}; }}
    QToolButton[flat="true"]:checked {{ background: {t.accent}; }}
    QLineEdit, QAbstractSpinBox, QComboBox, QPlainTextEdit, QTextEdit {{ background: {t.field};
        border: 1px solid {t.line}; border-radius: 4px; padding: 3px 6px;
        selection-background-color: {t.accent}; selection-color: {t.accent_text}; }}
    QAbstractSpinBox {{ padding-right: 2px; }}
    QCheckBox::indicator {{ width: 13px; height: 13px; background: {t.field};
        border: 1px solid {t.muted}; border-radius: 3px; }}
    QCheckBox::indicator:hover, QCheckBox:focus::indicator {{ border-color: {t.accent}; }}
    QCheckBox::indicator:checked {{ background: {t.accent}; border-color: {t.accent};
        image: url("{_picture("tick", t)}"); }}
    QCheckBox::indicator:disabled {{ border-color: {t.line}; }}
    QComboBox::drop-down {{ border: none; width: 20px; }}
    QComboBox::down-arrow {{ image: url("{_picture("chevron", t)}"); width: 10px; height: 10px; }}
    QListView, QTreeView, QTableView {{ background: {t.field}; border: 1px solid {t.line};
        border-radius: 4px; alternate-background-color: {t.panel}; }}
    QHeaderView::section {{ background: {t.panel}; color: {t.muted}; border: none;
        border-bottom: 1px solid {t.line}; padding: 4px 6px; }}
    QProgressBar {{ background: {t.field}; border: 1px solid {t.line}; border-radius: 4px;
        text-align: center; color: {t.text}; min-height: 14px; }}
    QProgressBar::chunk {{ background: {t.accent}; border-radius: 3px; }}
    QMenu {{ background: {t.raised}; border: 1px solid {t.line}; padding: 4px; }}
    QMenu::item {{ padding: 5px 24px; border-radius: 3px; }}
    QMenu::item:selected {{ background: {t.accent}; color: {t.accent_text}; }}
    QMenu::item:disabled {{ color: {t.disabled}; }}
    QMenuBar {{ background: {t.window}; }}
    QMenuBar::item:selected {{ background: {t.raised}; }}
    QStatusBar {{ background: {t.window}; color: {t.muted}; }}
    QFrame[frameShape="6"] {{ border: 1px solid {t.line}; border-radius: 6px; }}
    QGroupBox {{ border: 1px solid {t.line}; border-radius: 6px; margin-top: 9px; padding: 6px; }}
    QGroupBox::title {{ subcontrol-origin: margin; left: 8px; padding: 0 4px; color: {t.muted}; }}
    QLabel[muted="true"] {{ color: {t.muted}; }}
    """


def _picture(stem: str, tokens: Tokens) -> str:
    """Path of an arrow or a tick; a style sheet can take a picture only from a file."""
    name = f"{stem}-{'dark' if tokens.dark else 'light'}.svg"
    return Path(str(files(resources).joinpath("themes", name))).as_posix()


def number_font(point_size: float = 0.0) -> QFont:
    """A font whose digits are all of one width, for read-outs that must not jump."""
    font = QApplication.font()
    if point_size > 0:
        font.setPointSizeF(point_size)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font
