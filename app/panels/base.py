"""What every panel is given, and what every panel is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from app.audio.player import Player
    from app.commands import Command, Commands
    from app.document.session import Session
    from app.library import Library
    from app.masters import Masters
    from app.settings import SettingsStore
    from app.theme import Theme
    from engine.cache import Cache
    from engine.lanes import Lanes
    from engine.tasks import Failure


@dataclass(frozen=True, slots=True)
class Services:
    """What bootstrap builds once and hands to every panel.

    ``library`` keeps the decoded audio and peaks of the session's clips, ``masters`` masters and
    exports them; ``notify`` shows a short message in the window and ``fail`` one that says what,
    why and what to do.
    """

    session: Session
    library: Library
    masters: Masters
    player: Player
    lanes: Lanes
    cache: Cache
    commands: Commands
    settings: SettingsStore
    theme: Theme
    notify: Callable[[str], None]
    fail: Callable[[Failure], None]


class Panel(QWidget):
    """The content of one dock.

    ``panel_id`` names it in layouts and commands; ``title`` stands on its tab; narrower than
    ``narrowest_px`` it is of no use (what does not fit by then scrolls).
    """

    panel_id = ""
    title = ""
    narrowest_px = 170

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.services = services
        self.setObjectName(self.panel_id)
        self.setAccessibleName(self.title)

    def commands(self) -> list[Command]:
        """What one can do here, for menus, keys and the palette."""
        return []
