"""Icons: this project's own line drawings, tinted by the theme."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from app.theme import Theme, Tokens

FOLDER = Path(__file__).resolve().parents[2] / "resources" / "icons"
SIZES_PX = (16, 20, 24, 32, 48)


class HasIcon(Protocol):
    """A button or an action."""

    def setIcon(self, icon: QIcon, /) -> None:
        """Take an icon."""
        ...


def names() -> list[str]:
    """Every icon there is."""
    return sorted(path.stem for path in FOLDER.glob("*.svg"))


def icon(name: str, tokens: Tokens) -> QIcon:
    """The icon in the theme's colours: plain, disabled, and on an accent when checked.

    Raises
    ------
    FileNotFoundError
        If there is no icon of that name.
    """
    return _tinted(name, tokens.text, tokens.disabled, tokens.accent_text)


def set_icon(target: HasIcon, name: str, theme: Theme) -> None:
    """Give a button or action an icon that follows the theme while the target lives."""
    target.setIcon(icon(name, theme.tokens))

    def follow(tokens: Tokens) -> None:
        try:
            target.setIcon(icon(name, tokens))
        except RuntimeError:  # Qt has deleted the target
            theme.changed.disconnect(follow)

    theme.changed.connect(follow)


@lru_cache(maxsize=256)
def _tinted(name: str, plain: str, disabled: str, checked: str) -> QIcon:
    drawing = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    result = QIcon()
    for color, mode, state in (
        (plain, QIcon.Mode.Normal, QIcon.State.Off),
        (checked, QIcon.Mode.Normal, QIcon.State.On),
        (disabled, QIcon.Mode.Disabled, QIcon.State.Off),
        (disabled, QIcon.Mode.Disabled, QIcon.State.On),
    ):
        for pixmap in _pixmaps(drawing, color):
            result.addPixmap(pixmap, mode, state)
    return result


@lru_cache(maxsize=256)
def _pixmaps(drawing: str, color: str) -> tuple[QPixmap, ...]:
    """A drawing in one colour, at every size; parsed once, for parsing takes the longest."""
    data = drawing.replace("currentColor", QColor(color).name())
    renderer = QSvgRenderer(QByteArray(data.encode()))
    return tuple(_render(renderer, size) for size in SIZES_PX)


def _render(renderer: QSvgRenderer, size: int) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    with QPainter(pixmap) as painter:
        renderer.render(painter, QRectF(0.0, 0.0, size, size))
    return pixmap
