"""Themes are readable and complete."""

from __future__ import annotations

from dataclasses import fields

import pytest
from PySide6.QtGui import QColor

from app.theme import THEMES, Theme, Tokens, palette, style_sheet


def luminance(color: str) -> float:
    """Relative luminance, WCAG 2.2."""

    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue, _ = QColor(color).getRgbF()
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def contrast(one: str, other: str) -> float:
    """Contrast ratio, WCAG 2.2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("tokens", THEMES.values(), ids=lambda tokens: tokens.name)
class TestEveryTheme:
    def test_every_colour_is_one(self, tokens: Tokens) -> None:
        for item in fields(tokens):
            value = getattr(tokens, item.name)
            if item.name not in ("name", "dark"):
                assert QColor(value).isValid(), item.name

    def test_text_can_be_read(self, tokens: Tokens) -> None:
        for ground in (tokens.window, tokens.panel, tokens.raised, tokens.field):
            assert contrast(tokens.text, ground) >= 7.0
            assert contrast(tokens.muted, ground) >= 4.5
        assert contrast(tokens.accent_text, tokens.accent) >= 4.5

    def test_what_is_drawn_stands_out(self, tokens: Tokens) -> None:
        for name in ("wave", "before", "after", "playhead", "loop", "good", "warn", "error"):
            assert contrast(getattr(tokens, name), tokens.field) >= 3.0, name

    def test_the_palette_and_style_sheet_use_it(self, tokens: Tokens) -> None:
        assert palette(tokens).windowText().color() == QColor(tokens.text)
        assert tokens.accent in style_sheet(tokens)


def test_choosing_a_theme_tells_the_painters(qtbot: object) -> None:
    theme = Theme("dark")
    heard: list[Tokens] = []
    theme.changed.connect(heard.append)
    theme.choose("light")
    assert [tokens.name for tokens in heard] == ["light"]


def test_an_unknown_theme_is_the_systems(qtbot: object) -> None:
    theme = Theme("dark")
    theme.choose("mauve")
    assert theme.choice == "system"
