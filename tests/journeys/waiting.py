"""Waiting for what the window does in the background."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from app.bootstrap import Workbench
from app.library import LoadedClip


def wait_loaded(workbench: Workbench, qtbot: QtBot) -> LoadedClip:
    """The current clip, once it is decoded and measured."""
    services = workbench.services

    def loaded() -> bool:
        audio = services.library.audio(services.session.state.current_id)
        return audio is not None and audio.loudness is not None

    qtbot.waitUntil(loaded, timeout=60_000)
    audio = services.library.audio(services.session.state.current_id)
    assert audio is not None
    return audio
