import pytest
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import QToolButton

from app.theme import DARK, LIGHT, Theme
from app.widgets.icons import icon, names, set_icon


def strongest(image):
    """The colour of the most opaque pixel."""
    pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    return max(pixels, key=lambda color: color.alpha())


@pytest.mark.parametrize("name", names())
def test_every_icon_draws_in_the_colour_of_the_text(qapp, name):
    drawn = strongest(icon(name, DARK).pixmap(24, 24).toImage())
    assert drawn.alpha() > 200
    wanted = QColor(DARK.text)
    for part in ("red", "green", "blue"):
        assert getattr(drawn, part)() == pytest.approx(getattr(wanted, part)(), abs=3)


def test_a_disabled_icon_is_fainter(qapp):
    image = icon("play", DARK).pixmap(24, 24, QIcon.Mode.Disabled).toImage()
    assert strongest(image).name() == DARK.disabled


def test_an_unknown_icon_is_an_error(qapp):
    with pytest.raises(FileNotFoundError):
        icon("no such icon", DARK)


def test_icons_follow_the_theme(qtbot):
    theme, button = Theme("dark"), QToolButton()
    qtbot.addWidget(button)
    set_icon(button, "stop", theme)
    theme.choose("light")
    assert strongest(button.icon().pixmap(24, 24).toImage()).name() == LIGHT.text


def test_a_deleted_button_is_left_alone(qapp):
    theme, button = Theme("dark"), QToolButton()
    set_icon(button, "stop", theme)
    button.deleteLater()
    qapp.sendPostedEvents(button, 52)  # DeferredDelete
    theme.choose("light")
    theme.choose("dark")
