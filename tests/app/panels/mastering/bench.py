"""A mastering panel with one open clip, and what tests do to it."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.document.state import MasteringEntry
from app.panels.mastering import MasteringPanel
from engine.audio.loudness import Loudness
from engine.mastering.parameters import ChainParameters, Compressor, Imager
from tests.app.fakes import FakeServices
from tests.app.panels.mastering_fakes import mastering_services

SLOTS = ("Original", "Live", "Master")
NOISE = np.random.default_rng(7).standard_normal((2, 48000)) * 0.1
FITTED = replace(
    ChainParameters().with_band(2, gain_db=-3.0).with_band(7, gain_db=2.0),
    compressor=Compressor(ratio=2.0),
    imager=Imager(width=1.2),
)


class Bench:
    """A panel with one open clip."""

    def __init__(self, qtbot: QtBot) -> None:
        self.services: FakeServices = mastering_services()
        self.clip_id = self.services.open_clip(NOISE)
        self.panel = MasteringPanel(self.services)  # type: ignore[arg-type]
        self.services.commands.add(self.panel.commands())
        qtbot.addWidget(self.panel)
        self.panel.resize(1000, 520)
        self.panel.show()

    @property
    def entry(self) -> MasteringEntry:
        clip = self.services.session.state.clip(self.clip_id)
        assert clip is not None
        return clip.mastering

    @property
    def parameters(self) -> ChainParameters:
        assert self.entry.parameters is not None
        return self.entry.parameters

    @property
    def live(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.services.player.insert_parameters)
        return message

    def set(self, **changes: Any) -> None:
        session = self.services.session
        session.edit("Set", session.state.with_mastering(self.clip_id, **changes))

    def measured(self, before: float, after: float | None) -> None:
        library = self.services.library
        loudness = Loudness(before, 7.0, -18.0, -19.0, -3.0, -3.2)
        rendered = None if after is None else Loudness(after, 6.0, -11.0, -12.0, -1.0, -1.2)
        library.clips[self.clip_id] = replace(
            library.clips[self.clip_id], loudness=loudness, rendered_loudness=rendered
        )
        library.changed.emit(self.clip_id)

    def live_slots(self) -> None:
        """Original, Live and Master can be heard."""
        self.services.player.set_slots(
            [SimpleNamespace(label=name, insert=name == "Live") for name in SLOTS]
        )

    def drag_band(self, index: int, by: QPoint) -> None:
        graph, left = self.panel.graph, Qt.MouseButton.LeftButton
        start = graph.handle_point(index)
        none = Qt.KeyboardModifier.NoModifier
        QTest.mousePress(graph, left, none, start.toPoint())
        for step in (0.3, 0.6, 1.0):
            at = start + QPointF(by) * step
            moved = QMouseEvent(
                QEvent.Type.MouseMove,
                at,
                graph.mapToGlobal(at),
                Qt.MouseButton.NoButton,
                left,
                none,
            )
            QApplication.sendEvent(graph, moved)
        QTest.mouseRelease(graph, left, none, (start + QPointF(by)).toPoint())
