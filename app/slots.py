"""Slots: the current clip's original, live and mastered sound, at equal loudness in the player."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from app.audio.player import Player, Slot
from app.document.session import Session
from app.document.state import SessionState
from app.library import Library, LoadedClip

ORIGINAL, LIVE, MASTER = "Original", "Live", "Master"


def matching_gains_db(lufs: list[float | None]) -> list[float]:
    """Gains that bring every loudness down to the quietest one; 0 where it is unknown.

    Nothing is ever boosted, so that no comparison can clip.
    """
    known = [value for value in lufs if value is not None and math.isfinite(value)]
    quietest = min(known, default=0.0)
    return [
        quietest - value if value is not None and math.isfinite(value) else 0.0 for value in lufs
    ]


class Slots(QObject):
    """Follows session and library, and tells the player what can be compared.

    Signals
    -------
    gains_changed
        The loudness-matching gains are other ones, or matching was switched.
    """

    gains_changed = Signal()

    def __init__(
        self, session: Session, library: Library, player: Player, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._library = library
        self._player = player
        self._matching = True
        self._clip_id: str | None = None
        session.changed.connect(self._follow)
        library.changed.connect(self._refresh_clip)
        self._follow(session.state)

    @property
    def matching(self) -> bool:
        """Whether slots are played at equal loudness."""
        return self._matching

    def set_matching(self, matching: bool) -> None:
        """Play at equal loudness, or as loud as each is."""
        if matching != self._matching:
            self._matching = matching
            self._refresh()
            self.gains_changed.emit()

    def _follow(self, state: SessionState) -> None:
        if state.current_id != self._clip_id:
            self._clip_id = state.current_id
            self._player.pause()
            self._player.seek(0)
            self._player.select(0)
        self._refresh()
        self._player.set_loop(state.loop)

    def _refresh_clip(self, clip_id: str) -> None:
        if clip_id == self._clip_id:
            self._refresh()

    def _refresh(self) -> None:
        slots = self._wanted(self._library.audio(self._clip_id))
        if tuple(slots) != self._player.slots:
            self._player.set_slots(slots)
            self.gains_changed.emit()

    def _wanted(self, loaded: LoadedClip | None) -> list[Slot]:
        clip = self._session.state.clip(self._clip_id)
        if clip is None or loaded is None or loaded.stored is None:
            return []
        stored, growing = loaded.stored, not loaded.stored.complete
        lufs = [loaded.loudness.integrated_lufs if loaded.loudness else None]
        make: list[Callable[[float], Slot]] = [
            lambda gain_db: Slot(ORIGINAL, stored, gain_db, growing=growing)
        ]
        if clip.mastering.parameters is not None:
            lufs.append(loaded.live_lufs)
            make.append(lambda gain_db: Slot(LIVE, stored, gain_db, insert=True, growing=growing))
            rendering = loaded.rendering
            if rendering is not None:
                after = loaded.rendered_loudness
                lufs.append(after.integrated_lufs if after else None)
                make.append(lambda gain_db: Slot(MASTER, rendering, gain_db))
        gains_db = matching_gains_db(lufs) if self._matching else [0.0] * len(lufs)
        return [build(gain_db) for build, gain_db in zip(make, gains_db, strict=True)]
