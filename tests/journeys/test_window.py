"""The window as a whole: commands, layouts, themes, closing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QScrollBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.bootstrap import Workbench
from app.library import LoadedClip
from app.window import LAYOUTS


def test_no_two_commands_share_a_key(workbench: Workbench) -> None:
    assert workbench.services.commands.conflicts() == {}


def test_every_command_can_be_run_on_an_empty_session(workbench: Workbench) -> None:
    """Dialogs aside, nothing raises when there is nothing to work on."""
    for command in workbench.services.commands.all():
        if not command.title.endswith("…") and not command.id.startswith(("help.", "file.")):
            workbench.services.commands.run(command.id)


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("theme", ["dark", "light", "high contrast"])
def test_every_layout_shows_its_panels(
    workbench: Workbench,
    qtbot: QtBot,
    open_song: Callable[[], LoadedClip],
    picture: Callable[[str], None],
    name: str,
    theme: str,
) -> None:
    open_song()
    workbench.services.theme.choose(theme)
    workbench.services.commands.run(f"layout.{name.lower()}")
    qtbot.wait(150)
    picture(f"layout-{name.lower()}-{theme.replace(' ', '-')}")
    shown = {panel_id for panel_id, dock in workbench.window.docks.items() if dock.isVisible()}
    assert shown == set(LAYOUTS[name].shown)


@pytest.mark.parametrize("size", [(1024, 640), (1920, 1080)])
def test_no_panel_is_cut_off_in_a_small_or_large_window(
    workbench: Workbench,
    qtbot: QtBot,
    open_song: Callable[[], LoadedClip],
    picture: Callable[[str], None],
    size: tuple[int, int],
) -> None:
    open_song()
    workbench.window.resize(*size)
    workbench.window.show_layout("Master")
    qtbot.wait(150)
    picture(f"master-{size[0]}x{size[1]}")
    assert workbench.window.width() <= size[0]
    for dock in workbench.window.docks.values():
        if dock.isVisible():
            assert workbench.window.rect().contains(dock.geometry())


def test_every_control_has_a_name_for_those_who_do_not_see_it(
    workbench: Workbench, open_song: Callable[[], LoadedClip]
) -> None:
    open_song()
    kinds = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox)
    nameless = [
        f"{type(widget).__name__} in {owner(widget)}"
        for widget in workbench.window.findChildren(QWidget)
        if isinstance(widget, kinds)
        and not isinstance(widget, QScrollBar)
        and not widget.objectName().startswith(("qt_", "ScrollLeft", "ScrollRight"))
        and not (widget.accessibleName() or getattr(widget, "text", str)() or widget.toolTip())
    ]
    assert not nameless


def owner(widget: QWidget) -> str:
    """The named widget around one, to find it by."""
    parent = widget.parentWidget()
    while parent is not None and not (parent.objectName() or parent.accessibleName()):
        parent = parent.parentWidget()
    return (parent.objectName() or parent.accessibleName()) if parent is not None else "window"


def test_closing_keeps_the_layout(workbench: Workbench) -> None:
    workbench.window.show_layout("Listen")
    workbench._keep_layout()
    layouts = workbench.services.settings.current.layouts
    assert layouts["last"]
    workbench.window.show_layout("Master")
    import base64

    assert workbench.window.restore_layout(base64.b64decode(layouts["last"]), b"")
    assert workbench.window.docks["meters"].isVisible()
    assert not workbench.window.docks["mastering"].isVisible()
